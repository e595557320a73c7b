"""Hidden units that are never active.

Axes: M inputs of a layer, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.evaluation.diagnostics.figures import bars
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.models.hierarchical import ReluMLP
from trm_lib.models.layers import SwiGLU

SILENT = 1e-3
"""A unit that never gets this far, as part of the layer's largest activation, says nothing."""
WASTED = 0.5
"""Half of a layer: a few silent units are usual, above all where inputs are few."""


def dead_units(model: nn.Module, run: Callable[[], object]) -> Finding:
    """Which hidden units of SwiGLU, `ReluMLP` and `nn.ReLU` layers are never active?

    Args:
        model: any.
        run: makes the model work on everything it should be judged by.
    """
    most: dict[str, Tensor] = {}
    hooks = []

    def watch(name: str, activation: Callable[[Tensor], Tensor]) -> Callable:
        @torch.no_grad()
        def hook(module: nn.Module, args: tuple[Tensor, ...], *output: Tensor) -> None:
            seen = activation(args[0]).abs().flatten(0, -2).amax(0)  # (H,)
            most[name] = torch.maximum(most[name], seen) if name in most else seen

        return hook

    try:
        for name, module in model.named_modules():
            if activation := _activation(module):
                hooks.append(module.register_forward_pre_hook(watch(name, activation)))
        run()
    finally:
        for hook in hooks:
            hook.remove()
    dead = {n: float((seen <= SILENT * seen.max()).float().mean()) for n, seen in most.items()}
    worst = max(dead, key=dead.get, default="")
    share = dead.get(worst, 0.0)
    evidence = f"in the worst of {len(dead)} layers ({worst or 'none'}) {share:.1%} never speak"
    remedy = "lower the learning rate or the weight decay, or build it narrower"
    fault = "dead units" if share > WASTED else None
    return Finding("units", fault, evidence, remedy, {"dead": dead, "worst": share}, _draw)


def _activation(module: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """From the input of a layer to its hidden activations (..., H); None for other modules."""
    if isinstance(module, SwiGLU):

        def gated(h: Tensor) -> Tensor:
            gate, up = module.gate_up(h).chunk(2, dim=-1)
            return F.silu(gate) * up

        return gated
    if isinstance(module, ReluMLP):
        return lambda h: torch.relu(module.up(h))
    return torch.relu if isinstance(module, nn.ReLU) else None


def _draw(numbers: dict):
    dead = numbers["dead"] or {"no such layer": 0.0}
    return bars(dead, "share of hidden units that never speak", most=1.0)
