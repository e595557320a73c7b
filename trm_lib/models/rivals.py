"""The rival without recursion: the same blocks, stacked once, answering in one pass.

It keeps the interface of `TRM`, so the same training loop and the same evaluation serve both;
a second step would only repeat the first, since nothing is carried.

The plainest recursion: the same blocks again and again on one state, without a y beside the z.

With attention it is a Universal Transformer that is shown its input at every call.

Axes: B batch, P puzzle tokens, L cells, D width.

Source: Dehghani et al., "Universal Transformers" (arXiv 1807.03819); the input at every call as in
Bansal et al., "End-to-end algorithm synthesis with recurrent networks" (arXiv 2202.05826).

A TRM whose thoughts do not overwrite one another: each of the n has a state of its own.

Axes: B batch, n thoughts, P puzzle tokens, L cells, D width.

Source: arXiv 2510.04871, table 2 ("multi-scale z") and figure 5.

The hierarchical TRM: a wide level that sees the board, a narrow one that works cell by cell.

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
from trm_lib.models.board import BoardNet, require_state
from trm_lib.models.config import BoardConfig
from trm_lib.models.layers import Linear, Stack, build_stack, norm_of, truncated_normal_
from trm_lib.models.trm import Carry, StepOutput


class FeedForward(BoardNet):
    """Embedding, `n_layers` different blocks, answer head: (B, *grid) tokens to logits, once.

    Args:
        config: sizes and mixing.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    def __init__(self, config: BoardConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)

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

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    n_calls: int = 4
    n_cycles: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n_calls", "n_cycles"):
            self._set(name, whole(getattr(self, name), name, 1))


@dataclass
class LoopedCarry:
    """What one improvement step hands to the next: h (B, P + L, D) float."""

    h: Tensor

    def rows(self, index: Tensor) -> LoopedCarry:
        """The carry of some of the boards: index is (R,) int64 or a mask (B,) bool."""
        return LoopedCarry(self.h[index])


class Looped(BoardNet):
    """h <- net(h + x), called `n_calls` times in each cycle of an improvement step.

    The answer is read from h.

    Args:
        config: sizes, mixing, calls.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config: LoopedConfig
    config_type = LoopedConfig

    def __init__(self, config: LoopedConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)
        self.register_buffer("h0", truncated_normal_(torch.empty(config.width), 1.0, generator))

    def initial_carry(self, inputs: Tensor) -> LoopedCarry:
        """The state before the first step, for inputs (B, *grid)."""
        n_tokens = self.config.puzzle_tokens + math.prod(inputs.shape[1:])
        return LoopedCarry(self.h0.expand(len(inputs), n_tokens, -1))

    def forward(
        self, carry: LoopedCarry, inputs: Tensor, puzzle: Tensor | None = None
    ) -> tuple[LoopedCarry, StepOutput]:
        """One improvement step; arguments and errors as those of `TRM`."""
        require_state(carry.h, inputs, self.config.puzzle_tokens, self.config.width)
        x, grid, h = self.embed(inputs, puzzle), tuple(inputs.shape[1:]), carry.h
        n_calls = self.config.n_calls
        with torch.no_grad():
            for _ in range(n_calls * (self.config.n_cycles - 1)):
                h = self.stack(h + x, grid)
        for _ in range(n_calls):
            h = self.stack(h + x, grid)
        return LoopedCarry(h.detach()), StepOutput(self.read(h, inputs))


@dataclass(frozen=True, kw_only=True)
class MultiScaleConfig(BoardConfig):
    """A TRM that keeps n latent states. See `BoardConfig` for the other fields.

    Attributes:
        n_latent: n, latent states, each renewed once before an answer.
        n_cycles: T, cycles in one improvement step; only the last has a gradient.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    n_latent: int = 3
    n_cycles: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("n_latent", whole(self.n_latent, "n_latent (n)", 1))
        self._set("n_cycles", whole(self.n_cycles, "n_cycles (T)", 1))


class MultiScale(BoardNet):
    """z_i <- net(x + y + z_1 + ... + z_n) for each i in turn, then y <- net(y + z_1 + ... + z_n).

    With n = 1 it is the `TRM`.

    Args:
        config: sizes, mixing, n and T.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config: MultiScaleConfig
    config_type = MultiScaleConfig

    def __init__(self, config: MultiScaleConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)
        z0 = torch.empty(config.n_latent, config.width)
        self.register_buffer("y0", truncated_normal_(torch.empty(config.width), 1.0, generator))
        self.register_buffer("z0", truncated_normal_(z0, 1.0, generator))

    def initial_carry(self, inputs: Tensor) -> Carry:
        """The states before the first step, for inputs (B, *grid); z is (B, n, P + L, D)."""
        c, B = self.config, len(inputs)
        n_tokens = c.puzzle_tokens + math.prod(inputs.shape[1:])
        z = self.z0[:, None].expand(B, c.n_latent, n_tokens, c.width)
        return Carry(self.y0.expand(B, n_tokens, c.width), z)

    def forward(
        self, carry: Carry, inputs: Tensor, puzzle: Tensor | None = None
    ) -> tuple[Carry, StepOutput]:
        """One improvement step; arguments and errors as those of `TRM`."""
        c, grid = self.config, tuple(inputs.shape[1:])
        require_state(carry.y, inputs, c.puzzle_tokens, c.width)
        require_state(carry.z, inputs, c.puzzle_tokens, c.width, c.n_latent)
        x, y, z = self.embed(inputs, puzzle), carry.y, list(carry.z.unbind(1))
        with torch.no_grad():
            for _ in range(c.n_cycles - 1):
                y, z = self._cycle(x, y, z, grid)
        y, z = self._cycle(x, y, z, grid)
        out = StepOutput(self.read(y, inputs))
        return Carry(y.detach(), torch.stack(z, 1).detach()), out

    def _cycle(
        self, x: Tensor, y: Tensor, z: list[Tensor], grid: tuple[int, ...]
    ) -> tuple[Tensor, list[Tensor]]:
        """Renew every latent state, then the answer."""
        z = list(z)
        for i in range(len(z)):
            z[i] = self.stack(sum(z) + (y + x), grid)
        return self.stack(y + sum(z), grid), z


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
