"""Rotary position encoding: attention that knows how far apart two cells stand.

Each pair of channels of a query or key is turned by an angle that grows with the position, at a
frequency of its own; a product of two so turned vectors depends on the difference of positions
only. Along a sequence ("rope") or along rows and columns ("rope2d": half of the pairs turn with
the row, half with the column, so that a board of any size has a place for each of its cells).

Axes: B batch, H heads, P puzzle tokens, L cells, C channels of one head.

Source: Su et al., "RoFormer" (arXiv 2104.09864); halves rotated together as in the official
TRM code.
"""

from __future__ import annotations

import torch
from torch import Tensor

THETA = 10_000.0
"""The slowest pair of channels turns about once in 2 pi THETA cells."""


def rotary_table(
    length: int, channels: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles of positions 0 to L - 1, each (L, C) float32."""
    return _table(_angles(length, channels, device))


def rotary_table_2d(
    grid: tuple[int, int], n_before: int, channels: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines by row and column; `n_before` tokens in front are not turned at all.

    Args:
        grid: (rows, columns).
        n_before: P.
        channels: C, a multiple of 4.
        device: where to make them.

    Returns:
        Two tensors (P + rows * columns, C) float32.
    """
    rows, columns = grid
    down = _angles(rows, channels // 2, device)[:, None].expand(-1, columns, -1)
    across = _angles(columns, channels // 2, device)[None].expand(rows, -1, -1)
    angle = torch.cat([down, across], dim=-1).flatten(0, 1)  # (L, C / 2)
    return _table(torch.cat([angle.new_zeros(n_before, channels // 2), angle]))


def rotate(h: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys by their position's angles.

    Args:
        h: (..., B, H, P + L, C) float.
        cos: (P + L, C) float.
        sin: (P + L, C) float.
    """
    first, second = h.chunk(2, dim=-1)
    return h * cos + torch.cat([-second, first], dim=-1) * sin


def _angles(length: int, channels: int, device: torch.device | None) -> Tensor:
    """The angle of every position in every pair of channels: (L, C / 2) float32."""
    powers = torch.arange(0, channels, 2, dtype=torch.float32, device=device) / channels
    positions = torch.arange(length, dtype=torch.float32, device=device)
    return torch.outer(positions, 1.0 / THETA**powers)


def _table(angle: Tensor) -> tuple[Tensor, Tensor]:
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()
