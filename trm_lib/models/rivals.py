"""The rivals of the TRM, with its interface: one training loop and one evaluation serve them all.

    FeedForward      the same blocks, stacked once, answering in one pass: nothing is carried
    Looped           the same blocks again and again on one state, without a y beside the z
    HierarchicalTRM  a wide level that sees the board, a narrow one that works cell by cell

Axes: B batch, L cells with the puzzle tokens in front, D width, E width of the low level.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trm_lib.checks import at_least, check, one_of, true_or_false
from trm_lib.models.halting import AblatedHaltingTRM, AblatedTRM, HaltingTRM
from trm_lib.models.layers import BoardConfig, Linear, Stack, hidden_size, rms_norm
from trm_lib.models.trm import TRM, BoardNet, State, StepOutput, TRMConfig


class FeedForward(BoardNet):
    """Embedding, `n_layers` different blocks, answer head: (B, *grid) tokens to logits, once."""

    def initial_carry(self, inputs: Tensor) -> None:
        """Nothing is carried."""
        return None

    def forward(self, carry: None, inputs: Tensor) -> tuple[None, StepOutput]:
        """The answer to inputs (B, *grid) int64; `carry` is ignored."""
        h = self.stack(self.embed(inputs), tuple(inputs.shape[1:]))
        return None, StepOutput(self.read(h, inputs))


@dataclass(frozen=True, kw_only=True)
class LoopedConfig(BoardConfig):
    """Blocks that are called over and over. See `BoardConfig` for the other fields.

    Attributes:
        n_calls: calls of the stack in one cycle.
        n_cycles: cycles in one improvement step; only the last has a gradient.
        bounded: after every call the state goes through tanh in place of the last norm, which makes
            it crisp: its numbers stay between -1 and 1, and what is near either end stays there.
    """

    n_calls: int = 4
    n_cycles: int = 1
    bounded: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, n_calls=at_least(1), n_cycles=at_least(1), bounded=true_or_false)


@dataclass
class LoopedCarry(State):
    """What one improvement step of a `Looped` hands to the next: h (B, L, D) float."""

    h: Tensor


class Looped(BoardNet):
    """h <- net(h + x), called `n_calls` times in each cycle of an improvement step.

    With attention it is a Universal Transformer that is shown its input at every call.

    Source: Dehghani et al., "Universal Transformers" (arXiv 1807.03819); the input at every call as
    in Bansal et al., "End-to-end algorithm synthesis with recurrent networks" (arXiv 2202.05826).
    """

    config: LoopedConfig
    config_type, carry_type, starts = LoopedConfig, LoopedCarry, ("h0",)

    def build(self, generator: torch.Generator) -> None:
        self.register_start("h0", generator, self.config.width)
        self.stack.blocks[-1].bounded = self.config.bounded

    def improved(self, x: Tensor, carry: LoopedCarry, grid: tuple[int, ...]) -> LoopedCarry:
        h, n_calls = carry.h, self.config.n_calls
        with torch.no_grad():
            for _ in range(n_calls * (self.config.n_cycles - 1)):
                h = self.stack(h + x, grid)
        for _ in range(n_calls):
            h = self.stack(h + x, grid)
        return LoopedCarry(h)


@dataclass(frozen=True, kw_only=True)
class HierarchicalConfig(BoardConfig):
    """Two levels over a board of tokens. The fields of `BoardConfig` describe the high one.

    `width` and `n_layers` are the high level's, and its cells alone exchange information, by
    `mixing`. The low level treats each cell alone. Both share `expansion`.

    Attributes:
        low_width: E, channels of each cell in the low level.
        n_low: blocks in the low level.
        n_cycles: rounds of high, low, feedback in one call. How many calls, K, is free.
        full_gradient: all rounds of a call have a gradient; False leaves it to the last, as in the
            TRM.
        activation: what the high level's feed-forward layers are, "swiglu" or "relu".
        low_activation: the same for the low level.
        carry: False starts every call afresh, so that more calls change nothing.
    """

    low_width: int = 32
    n_low: int = 1
    n_cycles: int = 1
    full_gradient: bool = True
    activation: str = "swiglu"
    low_activation: str = "relu"
    carry: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        layers = one_of(("swiglu", "relu"))
        check(
            self, low_width=at_least(1), n_low=at_least(1), n_cycles=at_least(1),
            full_gradient=true_or_false, activation=layers, low_activation=layers,
            carry=true_or_false,
        )  # fmt: skip

    @property
    def low(self) -> BoardConfig:
        """The low level as a board network of its own, in which no two cells meet."""
        return BoardConfig(
            vocab_size=self.vocab_size, grid=self.grid, width=self.low_width, n_layers=self.n_low,
            mixing="none", expansion=self.expansion, hidden_multiple=self.hidden_multiple,
        )  # fmt: skip


@dataclass
class HierarchicalCarry(State):
    """What one call of a `HierarchicalTRM` hands to the next: the states of its levels."""

    high: Tensor  # (B, L, D) float; the answer is read from it
    low: Tensor  # (B, L, E) float


class ReluMLP(nn.Module):
    """The plain feed-forward layer, (..., D) -> (..., D): down(relu(up(h))).

    Two matrices instead of the three of `SwiGLU`, and a hidden layer 3/2 as wide: about as many
    parameters.
    """

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__()
        hidden = hidden_size(config.expansion * config.width, config)
        self.up = Linear(config.width, hidden, generator)
        self.down = Linear(hidden, config.width, generator)

    def forward(self, h: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(h)))


class HierarchicalTRM(BoardNet):
    """A high level plans, a low level works out, and its feedback starts the next plan.

    Source: trm_rl_paper_implementation.py (class TRMRecursiveCore) in
    github.com/acharyaanusha/Tiny-Recursive-Model at 4fc0307.

    Deviations:
        - There, one vector stands for the whole board: a matrix over all cells makes it, once, and
          later cycles see the board no more. Here every cell has a vector, so that K is free and
          the answer has a place for each cell; cells meet only in the high level's mixing.
        - There, the question enters before the first cycle. Here it is added in every cycle, since
          what a call hands to the next has no gradient.
        - There, a matrix brings the high state of the cycle before back in, and the low state is
          made anew in every cycle. Here both states go on as they are, and each level adds what it
          receives.
        - There, layer norms with learnt scales come before each block, and matrices have biases.
          Here rms norms come last and nothing has a bias, as in `TRM`.
        - There, a small ReLU network reads the vector of the board and names an action, and the
          action before is part of the input. Here one matrix answers in every cell.
        - There, all K cycles have a gradient. Here the cycles of one call have: n_cycles=K and one
          call is their way, n_cycles=1 and K calls is deep supervision.
    """

    config: HierarchicalConfig
    config_type, carry_type, starts = HierarchicalConfig, HierarchicalCarry, ("h0", "l0")

    def build(self, generator: torch.Generator) -> None:
        c = self.config  # self.stack is the high level
        self.low_stack = Stack(c.low, generator)
        self.high_to_low = Linear(c.width, c.low_width, generator)
        self.low_to_high = Linear(c.low_width, c.width, generator)
        for stack, activation, config in (
            (self.stack, c.activation, c),
            (self.low_stack, c.low_activation, c.low),
        ):
            if activation == "relu":
                for block in stack.blocks:
                    block.swiglu = ReluMLP(config, generator)
        self.register_start("h0", generator, c.width)
        self.register_start("l0", generator, c.low_width)

    def improved(
        self, x: Tensor, carry: HierarchicalCarry, grid: tuple[int, ...]
    ) -> HierarchicalCarry:
        high, low = carry.high, carry.low
        if not self.config.carry:
            high, low = self.h0.expand_as(high), self.l0.expand_as(low)
        last, learns = self.config.n_cycles - 1, torch.is_grad_enabled()
        for cycle in range(last + 1):
            with torch.set_grad_enabled(learns and (self.config.full_gradient or cycle == last)):
                high = self.stack(high + x, grid)  # plan
                low = self.low_stack(low + self.high_to_low(high), grid)  # work out
                high = rms_norm(high + self.low_to_high(low))  # report back
        return HierarchicalCarry(high, low)


TRMS = {
    (kind.halts, kind.ablates): kind for kind in (TRM, HaltingTRM, AblatedTRM, AblatedHaltingTRM)
}
NETWORKS: dict[type[BoardConfig], type[BoardNet]] = {
    kind.config_type: kind for kind in (TRM, FeedForward, Looped, HierarchicalTRM)
}
"""Which network each class of config describes; name your own here. A `TRMConfig` says more, see
`network_of`."""


def network_of(config: BoardConfig) -> type[BoardNet]:
    """The class of the network that a config describes."""
    if type(config) is TRMConfig:
        return TRMS[config.halting, config.ablated]
    return NETWORKS[type(config)]
