"""What a model makes of its steps: does it learn, carry, overthink, and know when it is right?

Axes: K improvement steps, N puzzles.

What an answer cell can see: change one input cell at a time, and look who answers otherwise.

The carry is detached between improvement steps, so gradients cannot tell; perturbation can.

Axes: K improvement steps, L cells.

Where a carried state goes when the model thinks on: to rest, in circles, about, or away.

Axes: K improvement steps, B boards.

Whether a policy listens to what it is told besides the observation.

Axes: B states, A actions.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.diagnostics.data import place_tells, targets, what_labels_need
from trm_lib.diagnostics.figures import bars, lines
from trm_lib.diagnostics.figures import boards as draw_boards
from trm_lib.diagnostics.finding import Finding
from trm_lib.diagnostics.policies import Make
from trm_lib.evaluation.thinking import (
    answers_by_k,
    answers_with_halting,
    as_boards,
    calibration,
    exact_by_k,
    think,
)
from trm_lib.models import Policy, device_of
from trm_lib.training.data import IGNORE, PuzzleData, as_tokens
from trm_lib.training.rollout import Player

ABOVE = 0.02
"""What cell accuracy must gain on the best fixed answer, on training puzzles, to be learning."""
BY_HEART = 0.2
"""A fifth of all puzzles right in training only: more than the luck of a split."""
FALLEN = 0.05
"""Puzzles that were right and are wrong later, net: one in twenty."""
SAME = 1e-5
"""Part of the logits' size below which two answers are the same."""
MISJUDGED = 0.1
"""Mean gap between stated and true chance of being right; guesses are worth no more."""


def score(model: nn.Module, train: PuzzleData, validation: PuzzleData, k_steps: int) -> Finding:
    """Has it learnt, and has it learnt more than its training puzzles?

    Args:
        model: trained, with the interface of `TRM`.
        train: puzzles it was trained on; a fixed answer is the yardstick.
        validation: puzzles it has not seen.
        k_steps: K.
    """
    fixed = targets(train).numbers
    shares = {"fixed answer, cells": fixed["cell"], "fixed answer, exact": fixed["exact"]}
    for name, data in (("training", train), ("validation", validation)):
        right = answers_by_k(model, data.inputs, k_steps)[-1] == data.labels
        asked = data.labels != IGNORE
        shares[f"{name}, cells"] = float(right[asked].mean())
        shares[f"{name}, exact"] = float((right | ~asked).reshape(len(data), -1).all(1).mean())
    fault, remedy = None, ""
    if shares["training, cells"] < fixed["cell"] + ABOVE and shares["training, exact"] < 0.5:
        fault = "nothing learned"
        remedy = "mend what the other probes name; else train longer, or at another rate"
    elif shares["training, exact"] > shares["validation, exact"] + BY_HEART:
        fault = "learnt by heart"
        remedy = "give it more puzzles, augmentation or weight decay, or a smaller model"
    evidence = (
        f"exactly right: {shares['training, exact']:.1%} of training and "
        f"{shares['validation, exact']:.1%} of validation puzzles (cells "
        f"{shares['training, cells']:.1%} and {shares['validation, cells']:.1%}); one fixed "
        f"answer has {fixed['cell']:.1%} of the cells"
    )
    return Finding("score", fault, evidence, remedy, {"shares": shares}, _draw_shares)


def overthinking(model: nn.Module, data: PuzzleData, k_steps: int) -> Finding:
    """Does thinking on, up to twice as long as usual, lose answers that were right?

    Args:
        model: trained, with the interface of `TRM`.
        data: puzzles with their answers.
        k_steps: K, the usual number of steps.
    """
    k_steps = whole(k_steps, "k_steps (K)", 1)
    return judge_by_k(exact_by_k(model, data, 2 * k_steps), k_steps)


def judge_by_k(right: np.ndarray, k_steps: int) -> Finding:
    """The verdict on the share (K,) that is right after each step, of which k_steps are usual."""
    best = int(right.argmax())
    fallen = float(right[best] - right[-1])
    evidence = (
        f"{right[k_steps - 1]:.1%} right at the usual K = {k_steps}, {right[-1]:.1%} at the end "
        f"(K = {len(right)}), the best {right[best]:.1%} (K = {best + 1})"
    )
    remedy = "stop at the best K, let the model halt, or supervise more steps in training"
    fault = "overthinking" if fallen > FALLEN else None
    numbers = {"right": right, "fallen": fallen, "k_steps": k_steps}
    return Finding("thinking on", fault, evidence, remedy, numbers, _draw_by_k)


def carried(model: nn.Module, boards: np.ndarray, k_steps: int) -> Finding:
    """Do later steps say anything that the first has not said?

    Args:
        model: anything with the interface of `TRM`.
        boards: (N, *grid) integers; 64 of them are thought about.
        k_steps: K, at least 2 to tell; a model that is asked once need not carry.
    """
    boards, k_steps = boards[:64], whole(k_steps, "k_steps (K)", 1)
    change, first = np.zeros(k_steps), None
    for k, _, out in think(model, boards, k_steps, batch_size=len(boards)):
        first = out.logits if first is None else first
        change[k] = float((out.logits - first).abs().max() / first.abs().max().clamp_min(1e-12))
    fault = "carry ignored" if k_steps > 1 and change.max() < SAME else None
    evidence = (
        f"after K = {k_steps} the logits are up to {change[-1]:.2g} of their size away from those "
        f"after K = 1"
    )
    remedy = "hand the carry from step to step, or ask once: further steps are repetitions"
    return Finding("carry", fault, evidence, remedy, {"change": change}, _draw_change)


def halting(model: nn.Module, data: PuzzleData, k_steps: int) -> Finding:
    """Is the model right as often as its halt head says, where it stops?

    Args:
        model: a `TRM` with `halting`.
        data: puzzles with their answers.
        k_steps: K, most steps.
    """
    halted = answers_with_halting(model, data.inputs, k_steps)
    right = (halted.answers == data.labels) | (data.labels == IGNORE)
    found = calibration(halted.halt_logit, right.reshape(len(data), -1).all(1))
    stated = float(found.count @ found.confidence / found.count.sum())
    true = float(found.count @ found.share_right / found.count.sum())
    evidence = (
        f"it states {stated:.1%} on average and is right in {true:.1%}; bin by bin the gap is "
        f"{found.error:.1%}"
    )
    remedy = "train the halt head longer, or set the threshold by validation puzzles"
    fault = "misjudged answers" if found.error > MISJUDGED else None
    gaps = {
        f"stated {c:.0%}": float(s)
        for c, s in zip(found.confidence, found.share_right, strict=True)
    }
    numbers = {"error": found.error, "stated": stated, "true": true, "shares": gaps}
    return Finding("halting", fault, evidence, remedy, numbers, _draw_halting)


def _draw_shares(numbers: dict):
    return bars(numbers["shares"], "share right", most=1.0)


def _draw_halting(numbers: dict):
    return bars(numbers["shares"], "share of answers that were right", most=1.0)


def _draw_by_k(numbers: dict):
    curve = {"exactly right": numbers["right"]}
    return lines(curve, "improvement step K", "share right", marked=numbers["k_steps"])


def _draw_change(numbers: dict):
    label = "distance from the first answer"
    return lines({"logits": numbers["change"]}, "improvement step K", label)


UNCHANGED = 1e-9
"""Part of the logits' size below which a change is rounding: the probe runs in float64."""
SOLVED = 0.95
"""A model that is exactly right this often sees far enough for its task."""
_NEEDS = {
    "nothing": "no input at all", "token": "its own token", "place": "its token and its place",
    "cells": "other cells",
}  # fmt: skip


def reach(model: nn.Module, boards: np.ndarray, k_steps: int, seed: int = 0) -> np.ndarray:
    """Which input cells change which answer cells, after each of K improvement steps.

    On each board, every cell in turn gets another of the tokens that the boards hold. Any change
    above rounding counts, be it a billionth of the logits' size: this is an upper bound on what
    the model uses.

    Args:
        model: anything with the interface of `TRM`. A copy of it in float64 is asked.
        boards: (N, *grid) integers; a few are enough.
        k_steps: K.
        seed: of the tokens put in.

    Returns:
        (K, L, L) bool: [k, i, j] whether input cell i changed answer cell j on any board.

    Raises:
        ValueError: the boards hold a single token, or `k_steps` is out of range.
    """
    boards, k_steps = as_boards(boards), whole(k_steps, "k_steps (K)", 1)
    tokens = np.unique(boards)
    if len(tokens) < 2:
        raise ValueError(f"boards expected at least two different tokens, got only {tokens}")
    rng, asked = np.random.default_rng(seed), copy.deepcopy(model).double().eval()
    L = boards[0].size
    changed = np.zeros((k_steps, L, L), bool)
    for board in boards:
        variants = np.repeat(board.reshape(1, L), L + 1, axis=0)  # the last is the board itself
        place = np.searchsorted(tokens, variants[-1])
        other = (place + rng.integers(1, len(tokens), L)) % len(tokens)
        variants[np.arange(L), np.arange(L)] = tokens[other]
        for k, logits in enumerate(_logits(asked, variants.reshape(-1, *board.shape), k_steps)):
            change = (logits[:-1] - logits[-1]).abs().amax(-1)  # (L, L)
            changed[k] |= (change > UNCHANGED * logits[-1].abs().max()).numpy()
    return changed


def sight(model: nn.Module, data: PuzzleData, k_steps: int, n_boards: int = 3) -> Finding:
    """Can the model see what the labels depend on?

    Args:
        model: anything with the interface of `TRM`.
        data: puzzles with their answers; a model that solves them is not called short-sighted.
        k_steps: K, the improvement steps that will be asked for.
        n_boards: how many of the puzzles to perturb.
    """
    seen = reach(model, data.inputs[:n_boards], k_steps)
    off = ~np.eye(seen.shape[1], dtype=bool)
    share = seen[:, off].mean(1)
    need, blind = what_labels_need(data), _is_blind(model, data.inputs[:n_boards], k_steps)
    right = float(exact_by_k(model, data, k_steps)[-1])
    fault, remedy = None, ""
    if need == "cells" and not share[-1]:
        fault = "cells never meet"
        remedy = "give the blocks a mixing ('mlp', 'attention', 'conv'): no K replaces it"
    elif need != "nothing" and blind and place_tells(data):
        fault = "position-blind"
        remedy = "tell cells where they stand: positions='learned', or a mixing that knows places"
    elif need == "cells" and share[-1] < 1 and right < SOLVED:
        fault = "short sight"
        remedy = "ask for more steps, more layers or a global mixing, unless labels are local"
    evidence = (
        f"at K = {k_steps} an answer cell is changed by {share[-1]:.1%} of the other cells "
        f"({share[0]:.1%} at K = 1); its label needs {_NEEDS[need]}; "
        f"exchanging the cells {'only exchanges' if blind else 'changes'} the answers"
    )
    numbers = {
        "reach": seen, "share_by_k": share, "blind": blind, "exact": right,
        "grid": data.inputs.shape[1:],
    }  # fmt: skip
    return Finding("sight", fault, evidence, remedy, numbers, _draw)


def _is_blind(model: nn.Module, boards: np.ndarray, k_steps: int) -> bool:
    """Whether a permutation of the cells does nothing but permute the answers."""
    asked, rng = copy.deepcopy(model).double().eval(), np.random.default_rng(0)
    for board in boards:
        order = rng.permutation(board.size)
        both = np.stack([board.reshape(-1), board.reshape(-1)[order]]).reshape(2, *board.shape)
        for logits in _logits(asked, both, k_steps):
            difference = (logits[0][order] - logits[1]).abs().max()
            if difference > UNCHANGED * logits.abs().max():
                return False
    return True


@torch.no_grad()
def _logits(model: nn.Module, boards: np.ndarray, k_steps: int) -> list[Tensor]:
    """The answers after each step, K times (B, L, V) on the CPU."""
    inputs = as_tokens(boards).to(next(model.parameters()).device)
    carry, answers = model.initial_carry(inputs), []
    for _ in range(k_steps):
        carry, out = model(carry, inputs)
        answers.append(out.logits.flatten(1, -2).cpu())
    return answers


def _draw(numbers: dict):
    seen, grid = numbers["reach"], numbers["grid"]
    K, L = seen.shape[:2]
    middle = int(np.ravel_multi_index([side // 2 for side in grid], grid))
    steps = sorted({0, K // 2, K - 1})
    counts = ", ".join(f"{int(seen[k, :, middle].sum())} at K = {k + 1}" for k in steps)
    return draw_boards(
        {f"K = {k + 1}": seen[k, :, middle].reshape(grid) for k in steps},
        f"Boards: the input cells (dark) that change the answer of cell {middle + 1} of {L}: "
        f"{counts}.",
    )


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
    return Finding("drift", fault, evidence, remedy, numbers, _draw_drift)


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


def _draw_drift(numbers: dict):
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


DEAF = 0.01
"""What moves the policy less than a hundredth of what another observation does is not heard."""
ROUNDING = 1e-6
"""What moves the policy less than this has changed nothing but last bits."""
_STEPS = 4  # into the episodes, where there is something to remember


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """Half the sum of |p - q| over the actions: (..., A) and (..., A) -> (...), from 0 to 1."""
    return (p - q).abs().sum(-1) / 2


def listening(policy: Policy, make: Make, use_masks: bool = True, seed: int = 0) -> list[Finding]:
    """Does the policy heed its previous action, and its memory?

    64 episodes are played for four steps. Then each state is judged again with another previous
    action, with the memory of another episode, and, as the yardstick, with the observation of
    another. What counts is how far the policy's probabilities move (total variation). Where not
    even another observation moves them, silence means nothing, and the evidence says so.

    Args:
        policy: any. One that has neither (no `y_of_action`, not `remembers`) yields no finding.
        make: the environments it acts in.
        use_masks: whether its actions are drawn from the mask.
        seed: of the environments and actions.
    """
    was_training = policy.training
    policy.eval()
    try:
        moved = _moved(policy, make, use_masks, seed)
    finally:
        policy.train(was_training)
    findings = []
    if hasattr(policy, "y_of_action"):
        remedy = "look whether it reaches the network, or leave it out: the board may say it all"
        findings.append(_judge("previous action", moved, remedy))
    if policy.remembers:
        remedy = "look whether memory is handed on, or leave it out: the board may say it all"
        findings.append(_judge("memory", moved, remedy))
    return findings


@torch.no_grad()
def _moved(policy: Policy, make: Make, use_masks: bool, seed: int) -> dict[str, float]:
    """Mean total variation by what was exchanged."""
    player = Player(policy, make(64), seed, use_masks)
    player.play(_STEPS, torch.Generator().manual_seed(seed))
    seen, previous, memory = player.observations, player.previous, player.memory

    def chances(seen: Tensor, previous: Tensor, memory: object) -> Tensor:
        return (
            policy(seen, previous, memory if policy.remembers else None)[0].logits[-1].softmax(-1)
        )

    usual, B = chances(seen, previous, memory), len(seen)
    inside = previous < policy.n_actions
    others = torch.arange(B).roll(1)
    moved = {"another observation": 0.0, "previous action": 0.0, "memory": 0.0}
    for shift in range(1, policy.n_actions if inside.any() else 0):
        other = torch.where(inside, (previous + shift) % policy.n_actions, previous)
        far = total_variation(usual, chances(seen, other, memory))[inside].mean()
        moved["previous action"] = max(moved["previous action"], float(far))
    far = total_variation(usual, chances(seen[others], previous, memory)).mean()
    moved["another observation"] = float(far)
    if policy.remembers:
        far = total_variation(usual, chances(seen, previous, policy.rows(memory, others))).mean()
        moved["memory"] = float(far)
    return moved


def _judge(what: str, moved: dict[str, float], remedy: str) -> Finding:
    heard, yardstick = moved[what], moved["another observation"]
    deaf = yardstick > ROUNDING and heard < DEAF * yardstick
    evidence = (
        f"another {what} moves the policy's probabilities by {heard:.2g}, another observation by "
        f"{yardstick:.2g} (total variation)"
    )
    if max(heard, yardstick) <= ROUNDING:
        evidence += "; it cannot tell, because all observations are alike to the policy"
    fault = f"{what} ignored" if deaf else None
    numbers = {"moved": {f"another {what}": heard, "another observation": yardstick}}
    return Finding(what, fault, evidence, remedy, numbers, _draw_listening)


def _draw_listening(numbers: dict):
    return bars(numbers["moved"], "total variation of the policy's probabilities")
