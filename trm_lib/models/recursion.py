"""The whole idea of a Tiny Recursive Model, in two functions.

Axes: B batch, L cells, D width. x is the embedded question, y the embedded current answer and
z the latent reasoning, each (B, L, D). `net` maps (B, L, D) to (B, L, D); it is called
T * (n + 1) times with the same weights.

Source: "Less is More: Recursive Reasoning with Tiny Networks" (arXiv 2510.04871), figure 3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Net = Callable[[Tensor], Tensor]


def latent_recursion(net: Net, x: Tensor, y: Tensor, z: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Think n times about question and answer, then answer once.

    Returns:
        The new answer y and the new latent z.
    """
    for _ in range(n):
        z = net(z + (y + x))
    y = net(y + z)  # no x here: an answer is made from thought, not from the question
    return y, z


def deep_recursion(
    net: Net, x: Tensor, y: Tensor, z: Tensor, n: int, T: int
) -> tuple[Tensor, Tensor]:
    """One improvement step: T cycles of latent recursion, only the last with a gradient.

    The first T - 1 cycles bring (y, z) nearer to an answer for free: they keep no graph, so
    memory does not grow with T.

    Returns:
        The improved y and z, attached to the graph of the last cycle.
    """
    with torch.no_grad():
        for _ in range(T - 1):
            y, z = latent_recursion(net, x, y, z, n)
    return latent_recursion(net, x, y, z, n)
