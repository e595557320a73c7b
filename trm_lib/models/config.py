"""What a network over a board of tokens looks like; validated when it is written down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trm_lib.checks import number, whole
from trm_lib.models.layers import MIXINGS, POSITIONS
from trm_lib.models.recursion import GRADIENTS


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class BoardConfig:
    """A stack of blocks over a board of tokens.

    Attributes:
        vocab_size: V, how many different tokens a cell can hold (Sudoku: digits plus empty).
        grid: shape of a board, (rows, columns), or (cells,) for a plain sequence.
        width: D, channels of each cell.
        n_layers: blocks in the network.
        mixing: how cells exchange information, one of `MIXINGS`.
        expansion: hidden size of each SwiGLU, in units of two thirds of its width.
        hidden_multiple: that hidden size is rounded up to a multiple of this.
        n_heads: attention heads; must divide the width (mixing="attention" only).
        positions: how cells know where they stand, one of `POSITIONS`. "rope" (along the
            flattened cells) and "rope2d" (by rows and columns, any board size) act inside
            attention; "learned" adds a vector to every cell; "none" leaves it to the mixing.
        puzzle_tokens: P, extra tokens in front of the cells that tell which puzzle, or which kind
            of puzzle, is asked. They think along and are cut off before the answer is read.
        puzzle_width: how many of their P * D numbers are learnt; the rest are zero. None: D.
        n_puzzles: how many different puzzles, or kinds, those tokens can tell apart.
        n_answers: how many different answers a cell can give; None: as many as tokens.
        fused: False computes each norm, matrix product and gate in single operations, in
            the official code's order, for equality to the last bit; see `load_official`.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    vocab_size: int
    grid: tuple[int, ...]
    width: int = 64
    n_layers: int = 2
    mixing: str = "mlp"
    expansion: float = 4.0
    hidden_multiple: int = 32
    n_heads: int = 4
    positions: str = "rope"
    puzzle_tokens: int = 0
    puzzle_width: int | None = None
    n_puzzles: int = 1
    n_answers: int | None = None
    fused: bool = True

    def __post_init__(self) -> None:
        for name, least in [
            ("vocab_size", 2), ("width", 1), ("n_layers", 1), ("hidden_multiple", 1),
            ("n_heads", 1), ("puzzle_tokens", 0), ("n_puzzles", 1),
        ]:  # fmt: skip
            self._set(name, whole(getattr(self, name), name, least))
        _require(
            isinstance(self.grid, Sequence | np.ndarray) and len(self.grid) in (1, 2),
            f"grid expected (rows, columns), got {self.grid!r}",
        )
        self._set("grid", tuple(whole(side, "grid: every side", 1) for side in self.grid))
        _require(self.mixing in MIXINGS, f"mixing expected one of {MIXINGS}, got {self.mixing!r}")
        self._set("expansion", number(self.expansion, "expansion", lambda e: e > 0, "a number > 0"))
        _require(
            self.positions in POSITIONS,
            f"positions expected one of {POSITIONS}, got {self.positions!r}",
        )
        _require(
            isinstance(self.fused, bool),
            f"fused expected True or False, got {self.fused!r}",
        )
        if self.n_answers is not None:
            self._set("n_answers", whole(self.n_answers, "n_answers", 1))
        if self.puzzle_width is not None:
            self._set("puzzle_width", whole(self.puzzle_width, "puzzle_width", 1))
            _require(
                self.puzzle_width <= self.puzzle_tokens * self.width,
                f"puzzle_width expected at most puzzle_tokens * width = "
                f"{self.puzzle_tokens * self.width}, got {self.puzzle_width}",
            )
        if self.mixing == "attention":
            per_head = {"rope": 2, "rope2d": 4}.get(self.positions, 1) * self.n_heads
            _require(
                self.width % per_head == 0,
                f"width expected a multiple of {per_head} for attention with n_heads="
                f"{self.n_heads} and positions={self.positions!r}, got {self.width}",
            )
            _require(
                self.positions != "rope2d" or len(self.grid) == 2,
                f"positions='rope2d' expected a grid of (rows, columns), got {self.grid}",
            )
        if self.mixing == "conv":
            _require(
                len(self.grid) == 2 and self.puzzle_tokens == 0,
                f"mixing='conv' expected a grid of (rows, columns) and no puzzle_tokens, which "
                f"have no place on a board, got grid={self.grid!r}, "
                f"puzzle_tokens={self.puzzle_tokens}",
            )

    def _set(self, name: str, value: object) -> None:
        """Store a checked value; a frozen dataclass allows it only this way, while it is made."""
        object.__setattr__(self, name, value)

    @property
    def n_cells(self) -> int:
        """L, the cells of a board."""
        return math.prod(self.grid)

    @property
    def bound(self) -> bool:
        """Whether cells are learnt by their places, so that `grid` is the only shape to read."""
        return self.mixing == "mlp" or self.positions == "learned"

    @property
    def n_tokens(self) -> int:
        """P + L, the puzzle tokens and the cells."""
        return self.puzzle_tokens + self.n_cells


@dataclass(frozen=True, kw_only=True)
class TRMConfig(BoardConfig):
    """A Tiny Recursive Model: a small stack of blocks, and how often it is called.

    Attributes:
        n_latent: n, latent updates before each answer update. With 0 the question is never seen.
        n_cycles: T, cycles in one improvement step; only the last has a gradient.
        gradient: "cycle" for all calls of the last cycle, "call" for the last update of z and of
            y alone.
        seeing: the update of y sees the question x as well. The paper's does not.
        separate: y has a network of its own, of the same shape. The paper's has not.
        halting: a second head guesses whether the answer is right, and in training mode a board
            that it holds for right makes room for the next one (adaptive computation time).
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
        self._set("n_latent", whole(self.n_latent, "n_latent (n)", 0))
        self._set("n_cycles", whole(self.n_cycles, "n_cycles (T)", 1))
        self._set("n_sup", whole(self.n_sup, "n_sup", 1))
        _require(
            self.gradient in tuple(GRADIENTS),
            f"gradient expected one of {tuple(GRADIENTS)}, got {self.gradient!r}",
        )
        for name in ("seeing", "separate", "halting", "continuing"):
            value = getattr(self, name)
            _require(isinstance(value, bool), f"{name} expected True or False, got {value!r}")
        _require(
            self.halting or not self.continuing,
            "continuing expected halting=True, got False: it is a rule for when to halt",
        )
        share = number(self.explore, "explore", lambda e: 0 <= e <= 1, "a share from 0 to 1")
        self._set("explore", share)
