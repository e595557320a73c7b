"""The hierarchical TRM: a wide level that sees the board, a narrow one that works cell by cell.

Axes: B batch, P puzzle tokens, L cells, D width of the high level, E width of the low level,
V vocabulary.

Source: trm_rl_paper_implementation.py (class TRMRecursiveCore) in
github.com/acharyaanusha/Tiny-Recursive-Model at 4fc0307.

Deviations:
    - There, one vector stands for the whole board: a matrix over all cells makes it, once, and
      later cycles see the board no more. Here every cell has a vector, so that K is free and the
      answer has a place for each cell; cells meet only in the high level's mixing.
    - There, the question enters before the first cycle. Here it is added in every cycle, since
      what a call hands to the next has no gradient.
    - There, a matrix brings the high state of the cycle before back in, and the low state is
      made anew in every cycle. Here both states go on as they are, and each level adds what it
      receives.
    - There, layer norms with learnt scales come before each block, and matrices have biases. Here
      rms norms come last and nothing has a bias, as in `TRM`.
    - There, a small ReLU network reads the vector of the board and names an action, and the action
      before is part of the input. Here one matrix answers in every cell.
    - There, all K cycles have a gradient. Here the cycles of one call have: n_cycles=K and one
      call is their way, n_cycles=1 and K calls is deep supervision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.models.block import Stack, build_stack
from trm_lib.models.board import BoardNet, require_state
from trm_lib.models.config import BoardConfig
from trm_lib.models.layers import Linear, norm_of, truncated_normal_
from trm_lib.models.trm import StepOutput

ACTIVATIONS = ("swiglu", "relu")
"""The names `HierarchicalConfig.activation` and `low_activation` take."""


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
        activation: what the high level's feed-forward layers are, one of `ACTIVATIONS`.
        low_activation: the same for the low level.
        carry: False starts every call afresh, so that more calls change nothing.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
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
        for name in ("low_width", "n_low", "n_cycles"):
            self._set(name, whole(getattr(self, name), name, 1))
        for name in ("activation", "low_activation"):
            value = getattr(self, name)
            if value not in ACTIVATIONS:
                raise ValueError(f"{name} expected one of {ACTIVATIONS}, got {value!r}")
        for name in ("full_gradient", "carry"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ValueError(f"{name} expected True or False, got {value!r}")

    @property
    def low(self) -> BoardConfig:
        """The low level as a board network of its own, in which no two cells meet."""
        return BoardConfig(
            vocab_size=self.vocab_size,
            grid=self.grid,
            width=self.low_width,
            n_layers=self.n_low,
            mixing="none",
            expansion=self.expansion,
            hidden_multiple=self.hidden_multiple,
            fused=self.fused,
        )


@dataclass
class HierarchicalCarry:
    """What one call hands to the next.

    Attributes:
        high: (B, P + L, D) float, the state of the high level; the answer is read from it.
        low: (B, P + L, E) float, the state of the low level.
    """

    high: Tensor
    low: Tensor


class ReluMLP(nn.Module):
    """The plain feed-forward layer, (..., D) -> (..., D): down(relu(up(h))).

    Two matrices instead of the three of `SwiGLU`, and a hidden layer 3/2 as wide: about as many
    parameters.
    """

    def __init__(self, width: int, hidden: int, generator: torch.Generator, *, fused: bool = True):
        super().__init__()
        self.up = Linear(width, hidden, generator, fused=fused)
        self.down = Linear(hidden, width, generator, fused=fused)

    def forward(self, h: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(h)))


def relu_hidden(width: int, expansion: float, multiple: int) -> int:
    """Hidden size of a ReLU layer: expansion * width, rounded up to a multiple."""
    return max(1, math.ceil(round(expansion * width) / multiple)) * multiple


class HierarchicalTRM(BoardNet):
    """A high level plans, a low level works out, and its feedback starts the next plan.

        carry = model.initial_carry(inputs)
        for k in range(K):
            carry, out = model(carry, inputs)   # out.logits: the answer after call k + 1

    Args:
        config: sizes of both levels, mixing, activations.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config: HierarchicalConfig
    config_type = HierarchicalConfig

    def __init__(self, config: HierarchicalConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)  # self.stack is the high level
        self.low_stack = build_stack(config.low, generator)
        fused = config.fused
        self.high_to_low = Linear(config.width, config.low_width, generator, fused=fused)
        self.low_to_high = Linear(config.low_width, config.width, generator, fused=fused)
        if config.activation == "relu":
            _use_relu(self.stack, config, generator)
        if config.low_activation == "relu":
            _use_relu(self.low_stack, config.low, generator)
        self.norm = norm_of(fused)
        # where every thought starts: fixed, not learned, the same in every cell
        h0, l0 = torch.empty(config.width), torch.empty(config.low_width)
        self.register_buffer("h0", truncated_normal_(h0, 1.0, generator))
        self.register_buffer("l0", truncated_normal_(l0, 1.0, generator))

    def initial_carry(self, inputs: Tensor) -> HierarchicalCarry:
        """The state before the first call, for inputs (B, *grid)."""
        shape = (len(inputs), self.config.puzzle_tokens + math.prod(inputs.shape[1:]), -1)
        return HierarchicalCarry(self.h0.expand(shape), self.l0.expand(shape))

    def forward(
        self, carry: HierarchicalCarry, inputs: Tensor, puzzle: Tensor | None = None
    ) -> tuple[HierarchicalCarry, StepOutput]:
        """One improvement step of `n_cycles` cycles.

        Args:
            carry: state to start from, from `initial_carry` or the call before.
            inputs: (B, *grid) int64 tokens in [0, V), the question.
            puzzle: (B,) int64, which puzzle each board is; all 0 if not given.

        Returns:
            The new carry, detached, and the answer read from the high level.

        Raises:
            ValueError: inputs of the wrong shape, dtype or range, or a carry of other boards.
        """
        require_state(carry.high, inputs, self.config.puzzle_tokens, self.config.width)
        require_state(carry.low, inputs, self.config.puzzle_tokens, self.config.low_width)
        x, grid = self.embed(inputs, puzzle), tuple(inputs.shape[1:])
        if not self.config.carry:
            carry = self.initial_carry(inputs)
        high, low = carry.high, carry.low
        early = 0 if self.config.full_gradient else self.config.n_cycles - 1
        with torch.no_grad():
            for _ in range(early):
                high, low = self.cycle(x, high, low, grid)
        for _ in range(self.config.n_cycles - early):
            high, low = self.cycle(x, high, low, grid)
        answer = StepOutput(self.read(high, inputs))
        return HierarchicalCarry(high.detach(), low.detach()), answer

    def cycle(
        self, x: Tensor, high: Tensor, low: Tensor, grid: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """Plan, work out, report back: x and high (B, P + L, D), low (B, P + L, E)."""
        high = self.stack(high + x, grid)
        low = self.low_stack(low + self.high_to_low(high), grid)
        high = self.norm(high + self.low_to_high(low))
        return high, low


def _use_relu(stack: Stack, config: BoardConfig, generator: torch.Generator) -> None:
    """Put a ReLU layer in the place of every block's SwiGLU; the mixing stays as it is."""
    hidden = relu_hidden(config.width, config.expansion, config.hidden_multiple)
    for block in stack.blocks:
        block.swiglu = ReluMLP(config.width, hidden, generator, fused=config.fused)
