"""How much of the gradient reaches each call of the network.

Axes: C calls with a gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.evaluation.diagnostics.figures import lines
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.models import device_of
from trm_lib.training.data import PuzzleData
from trm_lib.training.losses import answer_loss

FADED, GROWN = 1e-3, 1e3
"""A first call that hears a thousandth of the last, or a thousand times as much, is not taught in
the same step as the others."""


def gradient_by_call(stack: nn.Module, loss: Callable[[], Tensor]) -> list[float]:
    """Norms of the gradient at the output of every call of a stack that has one: (C,), in order.

    Calls that the loss cannot reach, behind a detached carry, are left out.

    Args:
        stack: the blocks that are called again and again.
        loss: calls the model once and returns a scalar. No parameter's gradient is touched.
    """
    outputs: list[Tensor] = []

    def keep(module: nn.Module, args: object, output: Tensor) -> None:
        if output.requires_grad:
            outputs.append(output)

    hook = stack.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            value = loss()
    finally:
        hook.remove()
    gradients = torch.autograd.grad(value, outputs, allow_unused=True)
    return np.trim_zeros([0.0 if g is None else float(g.norm()) for g in gradients], "f")


def gradients(model: nn.Module, data: PuzzleData, k_steps: int = 1) -> Finding:
    """Does the gradient of one improvement step reach its first call?

    Args:
        model: anything with the interface of `TRM` and a `stack`.
        data: puzzles with their answers; 64 of them are asked.
        k_steps: the step that is looked at, after k_steps - 1 without a gradient.
    """
    k_steps = whole(k_steps, "k_steps (K)", 1)
    inputs, labels = (t.to(device_of(model)) for t in data[:64].tensors())
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            carry = model.initial_carry(inputs)
            for _ in range(k_steps - 1):
                carry, _ = model(carry, inputs)
        norms = gradient_by_call(
            model.stack, lambda: answer_loss(model(carry, inputs)[1].logits, labels)
        )
    finally:
        model.train(was_training)
    return judge_gradients(norms)


def judge_gradients(norms: list[float]) -> Finding:
    """The verdict on the norms that `gradient_by_call` measured."""
    last = norms[-1] if len(norms) else 0.0
    ratio = float(norms[0] / last) if last > 0 else float("inf" if len(norms) > 1 else 1)
    fault, remedy = None, ""
    if len(norms) > 1 and ratio < FADED:
        fault = "vanishing gradient"
        remedy = "keep the residual and the norm in every block, or let fewer calls have a gradient"
    elif len(norms) > 1 and ratio > GROWN:
        fault = "exploding gradient"
        remedy = "normalise the states, cut long gradients, or let fewer calls have a gradient"
    evidence = (
        f"of {len(norms)} calls with a gradient the first has {ratio:.3g} times the norm of the "
        f"last ({last:.3g})"
    )
    numbers = {"norms": np.array(norms), "ratio": ratio}
    return Finding("gradient", fault, evidence, remedy, numbers, _draw)


def _draw(numbers: dict):
    return lines(
        {"gradient": numbers["norms"]},
        "call of the network, in order",
        "norm of the gradient",
        log=True,
    )
