"""The whole idea of a Tiny Recursive Model, in two functions.

Axes: B batch, L cells, D width. x is the embedded question, y the embedded current answer and
z the latent reasoning, each (B, L, D). `net` maps (B, L, D) to (B, L, D); it is called
T * (n + 1) times with the same weights, unless another function makes the answer.

Source: "Less is More: Recursive Reasoning with Tiny Networks" (arXiv 2510.04871), figure 3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Net = Callable[[Tensor], Tensor]
Answer = Callable[[Tensor, Tensor, Tensor], Tensor]


def latent_recursion(
    net: Net, x: Tensor, y: Tensor, z: Tensor, n: int, answer: Answer | None = None
) -> tuple[Tensor, Tensor]:
    """Think n times about question and answer, then answer once.

    Args:
        net: called n + 1 times.
        x, y, z: question, answer and latent.
        n: how often to think.
        answer: makes the new y from x, y and z; the paper's is net(y + z), blind to the question.

    Returns:
        The new answer y and the new latent z.
    """
    for _ in range(n):
        z = net(z + (y + x))
    y = net(y + z) if answer is None else answer(x, y, z)
    return y, z


def deep_recursion(
    net: Net, x: Tensor, y: Tensor, z: Tensor, n: int, T: int, answer: Answer | None = None
) -> tuple[Tensor, Tensor]:
    """One improvement step: T cycles of latent recursion, only the last with a gradient.

    The first T - 1 cycles bring (y, z) nearer to an answer for free: they keep no graph, so
    memory does not grow with T.

    Returns:
        The improved y and z, attached to the graph of the last cycle.
    """
    with torch.no_grad():
        for _ in range(T - 1):
            y, z = latent_recursion(net, x, y, z, n, answer)
    return latent_recursion(net, x, y, z, n, answer)


def last_call_recursion(
    net: Net, x: Tensor, y: Tensor, z: Tensor, n: int, T: int, answer: Answer | None = None
) -> tuple[Tensor, Tensor]:
    """The same numbers as `deep_recursion`, but only the last update of z and of y has a gradient.

    The shortcut of the Hierarchical Reasoning Model, which trusts that z has come to rest. The
    paper's ablation "1-step gradient".

    Returns:
        The improved y and z, attached to the graph of two calls.

    Source: arXiv 2506.21734, section "Approximate gradient"; arXiv 2510.04871, table 1.
    """
    with torch.no_grad():
        for _ in range(T - 1):
            y, z = latent_recursion(net, x, y, z, n, answer)
        for _ in range(n - 1):
            z = net(z + (y + x))
    return latent_recursion(net, x, y, z, min(n, 1), answer)


GRADIENTS = {"cycle": deep_recursion, "call": last_call_recursion}
"""How far back the gradient of an improvement step goes, by the name `TRMConfig.gradient` takes."""
