"""The Tiny Recursive Model over a board of tokens: its config, the recursion, the network.

Axes: B batch, P puzzle tokens, L cells with the puzzle tokens in front, D width, V vocabulary, A
answers of a cell (V unless said otherwise).

x is the embedded question, y the embedded current answer and z the latent reasoning, each
(B, L, D). One stack of blocks is called T * (n + 1) times in an improvement step, with the same
weights. What a block is made of stands in `layers`; halting by itself is `halting.HaltingTRM`.

Source: "Less is More: Recursive Reasoning with Tiny Networks" (arXiv 2510.04871), figures 1 and 3;
github.com/SamsungSAILMontreal/TinyRecursiveModels at e7b6871 for initial values and scales.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.checks import SHARE, at_least, check, one_of, true_or_false
from trm_lib.models.candidates import candidate_states, digit_logits
from trm_lib.models.layers import BoardConfig, Linear, Stack, truncated_normal_


@dataclass(frozen=True, kw_only=True)
class TRMConfig(BoardConfig):
    """A Tiny Recursive Model: a small stack of blocks, and how often it is called.

    `build_model` knows which class a config asks for: `TRM` itself knows n and T alone.

    Attributes:
        n_latent: n, latent updates before each answer update. With 0 the question is never seen.
        n_cycles: T, cycles in one improvement step; only the last has a gradient.
        gradient: "cycle" for all calls of the last cycle, "call" for the last update of z and of
            y alone (`AblatedTRM`).
        seeing: the update of y sees the question x as well; the paper's does not (`AblatedTRM`).
        separate: y has a network of its own, of the same shape; the paper's has not (`AblatedTRM`).
        halting: a second head guesses whether the answer is right, and in training mode a board
            that it holds for right makes room for the next one (`HaltingTRM`).
        continuing: the halt head also guesses what going on is worth, and a board makes room if
            halting is worth more. It costs one more improvement step for every one. The paper drops
            this rule of the Hierarchical Reasoning Model.
        n_sup: improvement steps after which a board makes room in any case.
        explore: chance that a board must take a minimum of 2 to n_sup steps, drawn evenly.

    See `BoardConfig` for the other fields.
    """

    n_latent: int = 3
    n_cycles: int = 2
    gradient: str = "cycle"
    seeing: bool = False
    separate: bool = False
    halting: bool = False
    continuing: bool = False
    n_sup: int = 16
    explore: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            self, n_latent=at_least(0), n_cycles=at_least(1), gradient=one_of(("cycle", "call")),
            seeing=true_or_false, separate=true_or_false, halting=true_or_false,
            continuing=true_or_false, n_sup=at_least(1), explore=SHARE,
        )  # fmt: skip
        if self.continuing and not self.halting:
            raise ValueError(
                "continuing expected halting=True, got False: it is a rule for when to halt"
            )

    @property
    def ablated(self) -> bool:
        """Whether a part of the recursion is another than the paper's."""
        return self.seeing or self.separate or self.gradient != "cycle"


Net = Callable[[Tensor], Tensor]
"""(B, L, D) -> (B, L, D)."""


def latent_recursion(net: Net, x: Tensor, y: Tensor, z: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Think n times about question and answer, then answer once, blind to the question.

    Args:
        net: called n + 1 times.
        x, y, z: (B, L, D) question, answer and latent.
        n: how often to think.

    Returns:
        The new answer y and the new latent z.
    """
    for _ in range(n):
        z = net(z + (y + x))
    y = net(y + z)
    return y, z


def deep_recursion(
    net: Net, x: Tensor, y: Tensor, z: Tensor, n: int, T: int
) -> tuple[Tensor, Tensor]:
    """One improvement step: T cycles of latent recursion, only the last with a gradient.

    The first T - 1 cycles bring (y, z) nearer to an answer for free: they keep no graph, so
    memory does not grow with T. Returns y and z, attached to the graph of the last cycle.
    """
    with torch.no_grad():
        for _ in range(T - 1):
            y, z = latent_recursion(net, x, y, z, n)
    return latent_recursion(net, x, y, z, n)


@dataclass
class State:
    """What one improvement step hands to the next: tensors (B, ...), as subclasses name them.

    The answer is read from the first.
    """

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The state with `function` applied to each tensor."""
        return type(self)(*(function(part) for part in vars(self).values()))

    def rows(self, index: Tensor) -> Self:
        """The state of some of the boards: index is (R,) int64 or a mask (B,) bool."""
        return self.map(lambda part: part[index])

    def __str__(self) -> str:
        shapes = (f"{name} {tuple(part.shape)}" for name, part in vars(self).items())
        return f"{type(self).__name__}({', '.join(shapes)})"


@dataclass
class Carry(State):
    """What one improvement step of a TRM hands to the next."""

    y: Tensor  # (B, L, D) float, the current answer, embedded
    z: Tensor  # (B, L, D) float, the latent reasoning


@dataclass
class StepOutput:
    """What one improvement step says."""

    logits: Tensor  # (B, *grid, A) float, the answer


class BoardNet(nn.Module):
    """What the TRM and its rivals share: embedding, stack and answer head, and how they are asked.

        carry = model.initial_carry(inputs)
        for k in range(K):
            carry, out = model(carry, inputs)   # out.logits: the answer after step k + 1

    Args:
        config: sizes and mixing, of exactly the class `config_type`, so that it can be stored.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config_type: type[BoardConfig] = BoardConfig
    carry_type: type[State]
    starts: tuple[str, ...]
    """Buffers (..., width): where the states of `carry_type` start, in every cell."""

    def __init__(self, config: BoardConfig, generator: torch.Generator | None = None):
        super().__init__()
        if type(config) is not self.config_type:
            raise ValueError(
                f"{type(self).__name__} expected a {self.config_type.__name__}, got {config!r}"
            )
        generator = generator or torch.Generator().manual_seed(0)
        self.config = config
        n_tokens, n_answers = config.vocab_size, config.n_answers or config.vocab_size
        if config.candidates:
            n_tokens, n_answers = 3, 1  # of a candidate: open, false or true, and one number
        self.embedding = nn.Parameter(torch.empty(n_tokens, config.width))
        truncated_normal_(self.embedding, config.width**-0.5, generator)
        self.stack = Stack(config, generator)
        self.head = Linear(config.width, n_answers, generator)
        if config.positions == "learned":
            self.position = nn.Parameter(torch.empty(config.n_tokens, config.width))
            truncated_normal_(self.position, config.width**-0.5, generator)
        if config.puzzle_tokens:
            learnt = config.puzzle_width or config.width
            self.puzzle_embedding = nn.Parameter(torch.zeros(config.n_puzzles, learnt))
        self.build(generator)

    def build(self, generator: torch.Generator) -> None:
        """Make what a subclass has besides."""

    def register_start(self, name: str, generator: torch.Generator, *shape: int) -> None:
        """Draw where a state starts: fixed, not learned, the same in every cell."""
        self.register_buffer(name, truncated_normal_(torch.empty(shape), 1.0, generator))

    def require(self, inputs: Tensor, puzzle: Tensor | None) -> None:
        """Raise ValueError for boards, or numbers of puzzles, that this model cannot read."""
        c = self.config
        if inputs.dtype != torch.int64 or inputs.dim() != 1 + len(c.grid):
            raise ValueError(
                f"inputs expected a torch.int64 tensor (B, {', '.join(map(str, c.grid))}), got "
                f"{type(inputs).__name__} of {inputs.dtype}, shape {tuple(inputs.shape)}"
            )
        if inputs.numel() and not 0 <= int(inputs.min()) <= int(inputs.max()) < c.vocab_size:
            raise ValueError(
                f"inputs expected tokens from 0 to {c.vocab_size - 1}, got {int(inputs.min())} to "
                f"{int(inputs.max())}: rebuild the model with a larger vocab_size or fix the data"
            )
        if c.bound and tuple(inputs.shape[1:]) != c.grid:
            raise ValueError(
                f"inputs expected boards of shape {c.grid}, whose cells this model has learnt by "
                f"their places, got {tuple(inputs.shape[1:])}: use mixing='conv', or 'attention' "
                f"with positions='rope2d', for boards of other sizes"
            )
        if puzzle is None:
            return
        if puzzle.shape != inputs.shape[:1] or puzzle.dtype != torch.int64:
            raise ValueError(
                f"puzzle expected one int64 a board, shape ({len(inputs)},), got {puzzle.dtype} of "
                f"shape {tuple(puzzle.shape)}"
            )
        most = c.n_puzzles - 1
        if c.puzzle_tokens and len(puzzle) and not 0 <= puzzle.min() <= puzzle.max() <= most:
            raise ValueError(
                f"puzzle expected numbers from 0 to {most}, got {int(puzzle.min())} to "
                f"{int(puzzle.max())}: build the model with more n_puzzles"
            )

    def embed(self, inputs: Tensor, puzzle: Tensor | None = None) -> Tensor:
        """Tokens to vectors.

        Args and Raises: as for `forward`; the puzzle counts for a model with puzzle tokens alone.

        Returns:
            (B, L, D), of root mean square about 1 in the cells.
        """
        self.require(inputs, puzzle)
        c, B = self.config, len(inputs)
        tokens = candidate_states(inputs) if c.candidates else inputs.flatten(1)
        x = F.embedding(tokens, self.embedding)
        if c.puzzle_tokens:
            which = inputs.new_zeros(B) if puzzle is None else puzzle
            tokens = F.embedding(which, self.puzzle_embedding)  # learnt numbers first, then zeros
            tokens = F.pad(tokens, (0, c.puzzle_tokens * c.width - tokens.shape[1]))
            x = torch.cat([tokens.view(B, c.puzzle_tokens, c.width), x], dim=1)
        if c.positions == "learned":
            x = 0.707106781 * (x + self.position)  # 1 / sqrt(2), to the digits of the official code
        return math.sqrt(c.width) * x

    def read(self, h: Tensor, inputs: Tensor) -> Tensor:
        """Vectors to logits: (B, L, D) -> (*inputs.shape, A)."""
        if self.config.candidates:
            return digit_logits(self.head(h), inputs)
        return self.head(h)[:, self.config.puzzle_tokens :].unflatten(1, inputs.shape[1:])

    def initial_carry(self, inputs: Tensor) -> State:
        """The states before the first improvement step, for inputs (B, *grid)."""
        B, L = len(inputs), self.config.length(tuple(inputs.shape[1:]))
        starts = (getattr(self, name).unsqueeze(-2) for name in self.starts)
        return self.carry_type(*(s.expand(B, *s.shape[:-2], L, s.shape[-1]) for s in starts))

    def require_carry(self, carry: State, inputs: Tensor) -> None:
        """Raise ValueError for a carry of another model, or of other boards."""
        fresh = str(self.initial_carry(inputs))
        if str(carry) != fresh:
            raise ValueError(
                f"carry expected {fresh} for these inputs, got {carry}: start with "
                f"model.initial_carry(inputs)"
            )

    def improved(self, x: Tensor, carry: State, grid: tuple[int, ...]) -> State:
        """The states after one improvement step, with its gradient; x is (B, L, D)."""
        raise NotImplementedError

    def forward(
        self, carry: State, inputs: Tensor, puzzle: Tensor | None = None
    ) -> tuple[State, StepOutput]:
        """One improvement step.

        Args:
            carry: state to start from, from `initial_carry` or the step before.
            inputs: (B, *grid) int64 tokens in [0, V), the question.
            puzzle: (B,) int64 in [0, n_puzzles), which puzzle each board is; all 0 if not given.

        Returns:
            The new carry, detached, and the answer it reads out.

        Raises:
            ValueError: inputs of the wrong shape, dtype or range, or a carry of other boards.
        """
        x = self.embed(inputs, puzzle)
        self.require_carry(carry, inputs)
        carry = self.improved(x, carry, tuple(inputs.shape[1:]))
        answer = next(iter(vars(carry).values()))
        return carry.map(Tensor.detach), StepOutput(self.read(answer, inputs))


class TRM(BoardNet):
    """One tiny network that improves its own answer, step by step; asked as every `BoardNet`."""

    config: TRMConfig
    config_type, carry_type, starts = TRMConfig, Carry, ("y0", "z0")
    halts, ablates = False, False  # the `TRMConfig.halting` and `ablated` it is for
    recursion = staticmethod(deep_recursion)

    def build(self, generator: torch.Generator) -> None:
        c = self.config
        if (c.halting, c.ablated) != (self.halts, self.ablates):
            raise ValueError(
                f"{type(self).__name__} expected halting={self.halts} and ablated={self.ablates}, "
                f"got {c}: build_model(config) finds the class of every config"
            )
        self.register_start("y0", generator, c.width)
        self.register_start("z0", generator, c.width)

    def improved(self, x: Tensor, carry: Carry, grid: tuple[int, ...]) -> Carry:
        """T cycles of n latent updates and one answer update, with the one stack."""
        net, c = partial(self.stack, grid=grid), self.config
        return Carry(*self.recursion(net, x, carry.y, carry.z, c.n_latent, c.n_cycles))


def count_parameters(model: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def device_of(model: nn.Module) -> torch.device:
    """Where a model lives: the device of its first parameter, or the CPU if it has none."""
    return next(model.parameters(), torch.empty(0)).device
