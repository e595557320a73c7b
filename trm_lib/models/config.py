"""What a network over a board of tokens looks like; validated when it is written down."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trm_lib.checks import number, whole
from trm_lib.models.mixing import MIXINGS


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

    def __post_init__(self) -> None:
        for name, least in [
            ("vocab_size", 2), ("width", 1), ("n_layers", 1), ("hidden_multiple", 1), ("n_heads", 1)
        ]:  # fmt: skip
            self._set(name, whole(getattr(self, name), name, least))
        _require(
            isinstance(self.grid, Iterable) and len(tuple(self.grid)) in (1, 2),
            f"grid expected (rows, columns), got {self.grid!r}",
        )
        self._set("grid", tuple(whole(side, "grid: every side", 1) for side in self.grid))
        _require(self.mixing in MIXINGS, f"mixing expected one of {MIXINGS}, got {self.mixing!r}")
        self._set("expansion", number(self.expansion, "expansion", lambda e: e > 0, "a number > 0"))
        if self.mixing == "attention":
            _require(
                self.width % (2 * self.n_heads) == 0,
                f"width expected an even multiple of n_heads for rotary attention, got "
                f"width={self.width}, n_heads={self.n_heads}",
            )
        _require(
            self.mixing != "conv" or len(self.grid) == 2,
            f"mixing='conv' expected a grid of (rows, columns), got {self.grid!r}",
        )

    def _set(self, name: str, value: object) -> None:
        """Store a checked value; a frozen dataclass allows it only this way, while it is made."""
        object.__setattr__(self, name, value)

    @property
    def n_cells(self) -> int:
        """L, the cells of a board."""
        return math.prod(self.grid)


@dataclass(frozen=True, kw_only=True)
class TRMConfig(BoardConfig):
    """A Tiny Recursive Model: a small stack of blocks, and how often it is called.

    Attributes:
        n_latent: n, latent updates before each answer update. With 0 the question is never seen.
        n_cycles: T, cycles in one improvement step; only the last has a gradient.

    See `BoardConfig` for the other fields.
    """

    n_latent: int = 3
    n_cycles: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("n_latent", whole(self.n_latent, "n_latent (n)", 0))
        self._set("n_cycles", whole(self.n_cycles, "n_cycles (T)", 1))
