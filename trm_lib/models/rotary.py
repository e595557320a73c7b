"""Rotary position encoding: attention that knows how far apart two cells stand.

Axes: B batch, H heads, L cells, C channels of one head.

Source: Su et al., "RoFormer" (arXiv 2104.09864); halves rotated together as in the official
TRM code.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_table(length: int, channels: int, theta: float = 10_000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of every position's angles, each (L, C) float32."""
    frequency = theta ** (-torch.arange(0, channels, 2, dtype=torch.float32) / channels)
    angle = torch.outer(torch.arange(length, dtype=torch.float32), frequency)
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


def rotate(h: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys by their position's angles.

    Args:
        h: (B, H, L, C) float.
        cos: (L, C) float.
        sin: (L, C) float.
    """
    first, second = h.chunk(2, dim=-1)
    return h * cos + torch.cat([-second, first], dim=-1) * sin
