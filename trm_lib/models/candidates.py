"""Sudoku by its candidates: a mixing that is told what competes with what, and no rule.

A candidate is "digit d stands in cell c": there are N * N * N. Each takes part in four constraints,
its cell, and with its digit its row, its column and its box; of each constraint exactly one
candidate is true. A candidate hears the sums over its four constraints and thinks for itself, with
the same weights everywhere. So nothing depends on the size of the board, on the names of digits, or
on where a row, a band or a box stands: every symmetry of the game is one of the network.

A `BoardNet` with mixing="constraints" takes digits (B, N, N), 0 for an empty cell, and says logits
(B, N, N, N + 1), as others do; inside, its L "cells" are candidates.

Axes: B batch, N side of the board, L = N * N * N candidates by row, column, digit, D width.
"""

from __future__ import annotations

from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from trm_lib.models.layers import MIXINGS, BoardConfig, Linear, Mixing

OPEN, FALSE, TRUE = range(3)
"""What the clues say of a candidate at the beginning."""
SCALE = 1 / 9
"""What sums are multiplied by, on boards of every size: they say how many are left."""
NEVER = -1e4
"""The logit of the answer "empty"."""

Sums = tuple[Tensor, Tensor, Tensor, Tensor]
"""Vectors of each constraint: cells (B, N, N, D), and by digit rows and columns (B, N, N, D) each
and boxes (B, N / rows, N / columns, N, D)."""


def box_shape(n: int) -> tuple[int, int]:
    """Rows and columns of a box on boards of N x N, as square as can be; ValueError if none is."""
    rows = next(rows for rows in range(isqrt(n), 0, -1) if n % rows == 0)
    if rows == 1:
        raise ValueError(f"expected a board size that has boxes, such as 4, 6 or 9, got {n}")
    return rows, n // rows


def candidate_states(boards: Tensor) -> Tensor:
    """Digits (B, N, N), 0 for none, to what is known of each candidate, (B, L) int64.

    Raises:
        ValueError: the boards are no Sudokus of a known size, or hold other digits.
    """
    n = boards.shape[-1]
    box_shape(n)  # refuses other sizes
    if boards.shape[1:] != (n, n) or (boards.numel() and int(boards.max()) > n):
        raise ValueError(
            f"inputs expected boards (B, N, N) with digits 0 to N, got shape {tuple(boards.shape)} "
            f"with digits up to {int(boards.max())}"
        )
    given = F.one_hot(boards, n + 1)[..., 1:]  # (B, N, N, N)
    return torch.where(boards[..., None] > 0, FALSE + given, OPEN).flatten(1)


def digit_logits(said: Tensor, boards: Tensor) -> Tensor:
    """A number of each candidate, (B, L, 1), to logits of digits 0 to N: (B, N, N, N + 1)."""
    return F.pad(said.view(*boards.shape, boards.shape[-1]), (1, 0), value=NEVER)


class ConstraintMixing(Mixing):
    """Candidates hear the sums over their constraints, by a matrix each; rows share the columns'.

    Without a norm: the one that ends the block is enough.
    """

    candidates = True

    @staticmethod
    def require(config: BoardConfig) -> None:
        n = config.grid[-1]
        alone = config.positions == "none" and not config.puzzle_tokens
        if config.grid != (n, n) or config.vocab_size <= n or not alone:
            raise ValueError(
                f"mixing='constraints' expected a grid (N, N), a vocab_size above N, positions="
                f"'none' and no puzzle_tokens, got {config.grid}, {config.vocab_size}, "
                f"{config.positions!r} and {config.puzzle_tokens}"
            )
        box_shape(n)  # refuses other sizes

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__(config, generator)
        self.cell, self.line, self.box = (
            Linear(config.width, config.width, generator) for _ in range(3)
        )

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        told = constraint_sums(h, grid[0])
        ways = (self.cell, self.line, self.line, self.box)
        return spread(h, tuple(SCALE * way(sums) for way, sums in zip(ways, told, strict=True)))


MIXINGS["constraints"] = ConstraintMixing


def constraint_sums(h: Tensor, n: int) -> Sums:
    """Of candidates (B, L, D), the sum over each constraint."""
    rows, columns = box_shape(n)
    board = h.reshape(len(h), n, n, n, h.shape[-1])
    along = board.unflatten(2, (n // columns, columns)).sum(3)  # the cells of a row in a box
    boxes = along.unflatten(1, (n // rows, rows)).sum(2)
    return board.sum(3), along.sum(2), board.sum(1), boxes


def spread(h: Tensor, told: Sums) -> Tensor:
    """Add to each candidate of h (B, L, D) what its four constraints tell it."""
    cell, row, column, box = told
    B, n, D = len(h), cell.shape[1], h.shape[-1]
    rows, columns = box_shape(n)
    near = (row.unflatten(1, (n // rows, rows)).unsqueeze(3) + box.unsqueeze(2)).flatten(1, 2)
    board = h.reshape(B, n, n // columns, columns, n, D) + near.unsqueeze(3)
    board = board.add_(column.reshape(B, 1, n // columns, columns, n, D))
    return board.add_(cell.reshape(B, n, n // columns, columns, 1, D)).view(B, -1, D)
