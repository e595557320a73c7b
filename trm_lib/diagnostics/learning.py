"""How much of the gradient reaches each call of the network.

Axes: C calls with a gradient.

What becomes of a policy learner.

Axes: S time steps, E environments.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.checks import number, whole
from trm_lib.diagnostics.figures import bars, lines
from trm_lib.diagnostics.finding import Finding
from trm_lib.models import device_of
from trm_lib.training import PolicyHistory
from trm_lib.training.data import PuzzleData
from trm_lib.training.losses import answer_loss
from trm_lib.training.rollout import Rollout, discounted_returns

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


SURE = 0.1
"""Share of its first entropy below which a policy tries nothing any more."""
FAILING = 0.5
"""Success below which being sure is no virtue."""
EXPLAINED = 0.1
"""Share of the returns' variance below which a value is no better than the mean return."""
ABOVE_CHANCE = 0.05
"""What success must gain on chance by the end to be learning; less drowns in the episodes' luck."""
LOST = 0.2
"""What success must once have gained on chance to say that it was there, and has been lost."""
NEARLY_ALL = 0.95
"""Success that is learning enough, however good chance is."""
LATE = 0.2
"""The last share of a run, by which it is judged."""


def learned(history: PolicyHistory, chance: float) -> Finding:
    """Does the success of training episodes rise above chance?

    Args:
        history: of a whole run.
        chance: success of the random policy, as `yardsticks` measures it.
    """
    chance = number(chance, "chance", lambda v: 0 <= v <= 1, "a share from 0 to 1")
    _require_updates(history)
    episodes, successes = np.array(history.episodes), np.array(history.successes)
    late = _late(len(episodes))
    rate = float(successes[late].sum() / max(episodes[late].sum(), 1))
    parts = np.array_split(np.arange(len(episodes)), min(len(episodes), round(1 / LATE)))
    best = max(float(successes[i].sum() / max(episodes[i].sum(), 1)) for i in parts)
    evidence = (
        f"{rate:.1%} of the last {episodes[late].sum()} training episodes end well, {best:.1%} in "
        f"the best fifth of the run; chance has {chance:.1%}"
    )
    remedy = "mend what the other probes name; else try rate, batch and entropy bonus, one by one"
    fault = None
    if rate < min(chance + ABOVE_CHANCE, NEARLY_ALL):
        fault = "learned and lost" if best > chance + LOST else "nothing learned"
    numbers = {"rate": rate, "best": best, "chance": chance, "curve": history.success_rate()}
    return Finding("learning", fault, evidence, remedy, numbers, _draw_learned)


def certainty(history: PolicyHistory) -> Finding:
    """Has the policy become sure of itself while it still fails?"""
    _require_updates(history)
    entropy, late = np.array(history.entropy), _late(len(history.entropy))
    share = float(entropy[late].mean() / max(entropy[0], 1e-12))
    episodes = max(sum(np.array(history.episodes)[late]), 1)
    rate = float(sum(np.array(history.successes)[late]) / episodes)
    evidence = (
        f"entropy went from {entropy[0]:.3g} to {entropy[late].mean():.3g} nats ({share:.1%}) "
        f"while {rate:.1%} of the last episodes end well"
    )
    remedy = "raise ent_coef, lower lr, or learn from more episodes at a time"
    fault = "entropy collapse" if share < SURE and rate < FAILING else None
    numbers = {"entropy": entropy, "share": share, "rate": rate}
    return Finding("certainty", fault, evidence, remedy, numbers, _draw_entropy)


def value(rollout: Rollout, gamma: float) -> Finding:
    """How much of the returns' variance do the values explain, in episodes that ended?

    1 - Var(G - V) / Var(G): 1 is perfect, 0 is as good as any constant, less is worse. Where an
    episode was cut off, its last value stands for what would have come, as in training.

    Args:
        rollout: played by the policy; best many steps, of which only episodes that ended count.
        gamma: the learner's discount.
    """
    beyond = gamma * rollout.next_values * rollout.truncated
    returns = discounted_returns(rollout.rewards + beyond, rollout.done, gamma)
    ended = _in_ended_episodes(rollout.done)
    G, V = returns[ended].double().numpy(), rollout.values[ended].double().numpy()
    differ = len(G) > 1 and G.var() > 1e-12
    explained = float(1 - (G - V).var() / G.var()) if differ else np.nan
    evidence = (
        f"values explain {explained:.1%} of the variance of {len(G)} returns"
        if differ
        else f"{len(G)} returns of whole episodes, all equal: they cannot tell"
    )
    remedy = "raise vf_coef or train longer; look whether the value sees what the return depends on"
    fault = "the value explains nothing" if differ and explained < EXPLAINED else None
    numbers = {"explained": explained, "shares": {"variance explained": explained}}
    return Finding("value", fault, evidence, remedy, numbers, _draw_explained)


def _late(updates: int) -> slice:
    return slice(-max(1, round(LATE * updates)), None)


def _require_updates(history: PolicyHistory) -> None:
    if not history.episodes:
        raise ValueError("history expected at least one update, got none: train the policy first")


def _in_ended_episodes(done: Tensor) -> Tensor:
    """(S, E) bool: steps whose episode ends inside the rollout."""
    return done.flip(0).cumsum(0).flip(0) > 0


def _draw_learned(numbers: dict):
    curve = numbers["curve"]
    by_chance = np.full(len(curve), numbers["chance"])
    return lines({"training episodes": curve, "chance": by_chance}, "update", "success")


def _draw_entropy(numbers: dict):
    return lines({"entropy": numbers["entropy"]}, "update", "entropy (nats)")


def _draw_explained(numbers: dict):
    return bars(numbers["shares"], "share of the returns' variance", most=1.0)
