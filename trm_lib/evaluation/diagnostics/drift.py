"""Where a carried state goes when the model thinks on: to rest, in circles, about, or away.

Axes: K improvement steps, B boards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.evaluation.diagnostics.figures import lines
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.evaluation.exact import as_boards
from trm_lib.models import device_of
from trm_lib.training.data import as_tokens

LONGER = 4
"""Times the usual K that is looked at."""
REST = 0.01
"""Change in a step, as part of the state, below which it is at rest."""
CIRCLE = 0.3
"""A state that comes this much nearer to an earlier one than its steps are long goes in circles."""
AWAY = 100.0
"""Growth of a state, beyond the usual K, that no later layer was trained for."""
FLIPPED = 0.05
"""Share of answer cells that still change in every step: one in twenty is no detail."""
_PERIODS = (2, 3, 4)


def drift(model: nn.Module, boards: np.ndarray, k_steps: int) -> Finding:
    """Follow every carried state for four times the usual number of steps.

    Args:
        model: anything with the interface of `TRM`.
        boards: (N, *grid) integers; 64 of them are thought about.
        k_steps: K, the usual number.
    """
    k_steps = whole(k_steps, "k_steps (K)", 1)
    states, answers = _thought(model, as_boards(boards)[:64], LONGER * max(k_steps, 2))
    flips = (answers[1:] != answers[:-1]).float().flatten(1).mean(1).numpy()
    change = {name: _distance(s, 1) for name, s in states.items()}
    size = {name: _size(s) for name, s in states.items()}
    with np.errstate(all="ignore"):  # a state that is not finite has exploded
        growth = {name: float(s[-1] / s[k_steps - 1]) for name, s in size.items()}
    kinds = {name: _kind(states[name], growth[name]) for name in states}
    moving = float(flips[-4:].mean())
    fault, remedy = None, ""
    if "explosion" in kinds.values():
        fault = "exploding state"
        remedy = "normalise the state after every call (the norm comes last in every block)"
    elif "oscillation" in kinds.values() and moving > FLIPPED:
        fault = "flipping answers"
        remedy = "train with more steps or deep supervision, and do not read a single late answer"
    told = "; ".join(
        f"{name}: {kinds[name]}, last change {change[name][-1]:.2g} of its size" for name in states
    )
    evidence = f"{told or 'nothing is carried'}; {moving:.1%} of cells change in a late step"
    numbers = {"change": change, "size": size, "kinds": kinds, "flips": flips, "k_steps": k_steps}
    return Finding("drift", fault, evidence, remedy, numbers, _draw)


def states_of(carry: Any) -> dict[str, Tensor]:
    """The states that a carry holds, by name: its floating-point tensors."""
    if isinstance(carry, Tensor):
        carry = {"carry": carry}
    parts = carry if isinstance(carry, dict) else getattr(carry, "__dict__", {})
    return {n: t for n, t in parts.items() if isinstance(t, Tensor) and t.is_floating_point()}


@torch.no_grad()
def _thought(
    model: nn.Module, boards: np.ndarray, k_steps: int
) -> tuple[dict[str, Tensor], Tensor]:
    """Every state (K, B, -1) in float64, and the answers (K, B, *grid)."""
    inputs = as_tokens(boards).to(device_of(model))
    was_training, states, answers = model.training, {}, []
    model.eval()
    try:
        carry = model.initial_carry(inputs)
        for _ in range(k_steps):
            carry, out = model(carry, inputs)
            for name, state in states_of(carry).items():
                states.setdefault(name, []).append(state.double().flatten(1).cpu())
            answers.append(out.logits.argmax(-1).cpu())
    finally:
        model.train(was_training)
    return {name: torch.stack(s) for name, s in states.items()}, torch.stack(answers)


def _size(state: Tensor) -> np.ndarray:
    """Mean norm over the boards, (K,)."""
    return state.norm(dim=-1).mean(-1).numpy()


def _distance(state: Tensor, period: int) -> np.ndarray:
    """How far the state is from where it was, as part of its size: (K - period,)."""
    gone = (state[period:] - state[:-period]).norm(dim=-1).mean(-1)
    return (gone / state[period:].norm(dim=-1).mean(-1).clamp_min(1e-12)).numpy()


def _kind(state: Tensor, growth: float) -> str:
    if not np.isfinite(growth) or growth > AWAY:
        return "explosion"
    step = _distance(state, 1)[-4:].mean()
    if step < REST:
        return "fixed point"
    if min(_distance(state, p)[-4:].mean() for p in _PERIODS) < CIRCLE * step:
        return "oscillation"
    return "wandering"


def _draw(numbers: dict):
    change = numbers["change"] or {"answers": numbers["flips"]}
    return lines(
        {f"{name} ({numbers['kinds'].get(name, '')})": y for name, y in change.items()},
        "improvement step K",
        "change, as part of its size",
        log=True,
        marked=numbers["k_steps"],
        first=2,  # the first change is that of the second step
        level=("fixed point below", REST),
    )
