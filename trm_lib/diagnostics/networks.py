"""What a network makes of its puzzles and its steps: what it learnt, sees, carries, and states.

Axes: K improvement steps, N puzzles, B boards, L cells, C calls with a gradient, H hidden units.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.diagnostics.data import place_tells, targets, what_labels_need
from trm_lib.diagnostics.finding import Finding, first_fault
from trm_lib.evaluation import answers_by_k, answers_with_halting, calibration, exact_by_k, think
from trm_lib.evaluation.answers import evaluating
from trm_lib.models import ReluMLP, SwiGLU, device_of
from trm_lib.training import IGNORE, PuzzleData, answer_loss
from trm_lib.viz import bars, lines

ABOVE = 0.02  # what cell accuracy must gain on a fixed answer, in training, to be learning
BY_HEART = 0.2  # a fifth of all puzzles right in training only: more than the luck of a split
UNCHANGED = 1e-9  # part of the logits' size below which a change is rounding, in float64
SOLVED = 0.95  # a model that is exactly right this often sees far enough for its task
LONGER = 4  # times the usual K that `drift` looks at
REST = 0.01  # change in a step, as part of the state, below which it is at rest
CIRCLE = 0.3  # a state so much nearer to an earlier one than its steps are long goes in circles
AWAY = 100.0  # growth of a state, beyond the usual K, that no later layer was trained for
FLIPPED = 0.05  # share of answer cells that change in every late step: one in twenty
SAME = 1e-5  # part of the logits' size below which two answers are the same
FALLEN = 0.05  # puzzles that were right and are wrong later, net: one in twenty
SILENT = 1e-3  # a unit that never gets so far beside the layer's largest activation says nothing
WASTED = 0.5  # half of a layer: a few silent units are usual, above all where inputs are few
FADED, GROWN = 1e-3, 1e3  # a first call that hears so much of the last is not taught with it
MISJUDGED = 0.1  # mean gap between stated and true chance of being right; guesses are no better

_K = "improvement step K"
_FEW = 64  # puzzles that are enough where shares are not counted
_NEEDS = {"nothing": "no input at all", "token": "its own token",
          "place": "its token and its place", "cells": "other cells"}  # fmt: skip


def score(model: nn.Module, train: PuzzleData, validation: PuzzleData, k_steps: int) -> Finding:
    """Has it learnt, and has it learnt more than its training puzzles?

    The yardstick is a fixed answer to the puzzles it was trained on; it has not seen the others.
    """
    fixed = targets(train).numbers
    shares = {"fixed answer, cells": fixed["cell"], "fixed answer, exact": fixed["exact"]}
    for name, data in (("training", train), ("validation", validation)):
        right = answers_by_k(model, data.inputs, k_steps)[-1] == data.labels
        asked = data.labels != IGNORE
        shares[f"{name}, cells"] = float(right[asked].mean())
        shares[f"{name}, exact"] = float((right | ~asked).reshape(len(data), -1).all(1).mean())
    learnt = shares["training, cells"] >= fixed["cell"] + ABOVE or shares["training, exact"] >= 0.5
    fault, remedy = first_fault(
        (not learnt, "nothing learned",
         "mend what the other probes name; else train longer, or at another rate"),
        (shares["training, exact"] > shares["validation, exact"] + BY_HEART, "learnt by heart",
         "give it more puzzles, augmentation or weight decay, or a smaller model"),
    )  # fmt: skip
    evidence = (
        f"exactly right: {shares['training, exact']:.1%} of training and "
        f"{shares['validation, exact']:.1%} of validation puzzles (cells "
        f"{shares['training, cells']:.1%} and {shares['validation, cells']:.1%}); one fixed "
        f"answer has {fixed['cell']:.1%} of the cells"
    )
    return Finding("score", fault, evidence, remedy, shares, partial(bars, shares, "share right"))


def sight(model: nn.Module, data: PuzzleData, k_steps: int) -> Finding:
    """Can the model see what the labels depend on?

    Three boards are perturbed. A model that solves the puzzles is not called short-sighted.
    """
    some = data.inputs[:3]
    seen = reach(model, some, k_steps)
    share = seen[:, ~np.eye(seen.shape[1], dtype=bool)].mean(1)
    need, blind = what_labels_need(data), _is_blind(model, some, k_steps)
    right = float(exact_by_k(model, data, k_steps)[-1])
    fault, remedy = first_fault(
        (need == "cells" and not share[-1], "cells never meet",
         "give the blocks a mixing ('mlp', 'attention', 'conv'): no K replaces it"),
        (need != "nothing" and blind and place_tells(data), "position-blind",
         "tell cells where they stand: positions='learned', or a mixing that knows places"),
        (need == "cells" and share[-1] < 1 and right < SOLVED, "short sight",
         "ask for more steps, more layers or a global mixing, unless labels are local"),
    )  # fmt: skip
    evidence = (
        f"at K = {k_steps} an answer cell is changed by {share[-1]:.1%} of the other cells "
        f"({share[0]:.1%} at K = 1); its label needs {_NEEDS[need]}; "
        f"exchanging the cells {'only exchanges' if blind else 'changes'} the answers"
    )
    numbers = {"reach": seen, "share_by_k": share, "blind": blind, "exact": right}
    figure = partial(lines, {"other cells": share}, _K, "share that changes an answer cell")
    return Finding("sight", fault, evidence, remedy, numbers, figure)


def reach(model: nn.Module, boards: np.ndarray, k_steps: int) -> np.ndarray:
    """Which input cells change which answer cells, after each of K improvement steps.

    The carry is detached between steps, so gradients cannot tell; perturbation can. On each board,
    every cell in turn gets another of the tokens that the boards hold. Any change above rounding
    counts, be it a billionth of the logits' size: this is an upper bound on what the model uses.
    A copy of the model in float64 is asked; a few boards are enough.

    Returns:
        (K, L, L) bool: [k, i, j] whether input cell i changed answer cell j on any board.
    """
    tokens = np.unique(boards)
    if len(tokens) < 2:
        raise ValueError(f"boards expected at least two different tokens, got only {tokens}")
    rng, asked, L = np.random.default_rng(0), copy.deepcopy(model).double(), boards[0].size
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


def _is_blind(model: nn.Module, boards: np.ndarray, k_steps: int) -> bool:
    """Whether a permutation of the cells does nothing but permute the answers."""
    asked, rng = copy.deepcopy(model).double(), np.random.default_rng(0)
    for board in boards:
        order = rng.permutation(board.size)
        both = np.stack([board, board.reshape(-1)[order].reshape(board.shape)])
        for logits in _logits(asked, both, k_steps):
            if (logits[0][order] - logits[1]).abs().max() > UNCHANGED * logits.abs().max():
                return False
    return True


def drift(model: nn.Module, boards: np.ndarray, k_steps: int) -> Finding:
    """Follow every carried state for four times the usual number of steps."""
    kept: dict[str, list[Tensor]] = {}
    answers = []
    for step in think(model, boards[:_FEW], LONGER * max(k_steps, 2)):
        for name, state in _states_of(step.carry).items():
            kept.setdefault(name, []).append(state.double().flatten(1).cpu())
        answers.append(step.answers)
    flips = np.array([(now != before).mean() for before, now in pairwise(answers)])
    states = {name: torch.stack(steps) for name, steps in kept.items()}  # (K, B, -1) each
    change = {name: _distance(state, 1) for name, state in states.items()}
    kinds = {name: _kind(state, k_steps) for name, state in states.items()}
    moving = float(flips[-4:].mean())
    fault, remedy = first_fault(
        ("explosion" in kinds.values(), "exploding state",
         "normalise the state after every call (the norm comes last in every block)"),
        ("oscillation" in kinds.values() and moving > FLIPPED, "flipping answers",
         "train with more steps or deep supervision, and do not read a single late answer"),
    )  # fmt: skip
    told = "; ".join(
        f"{name}: {kind}, last change {change[name][-1]:.2g} of its size"
        for name, kind in kinds.items()
    )
    evidence = f"{told or 'nothing is carried'}; {moving:.1%} of cells change in a late step"
    numbers = {"change": change, "kinds": kinds, "flips": flips}

    drawn = {
        f"{name}\n({kinds[name]})": np.nan_to_num(y, nan=1e12, posinf=1e12)
        for name, y in change.items()
    }
    figure = partial(
        lines, drawn or {"answers": flips}, _K, "change, as part of its size", log=True,
        marked=("usual K", k_steps), level=(f"fixed point below {REST:g}", REST),
        first=2,  # the first change is that of the second step
    )  # fmt: skip
    return Finding("drift", fault, evidence, remedy, numbers, figure)


def _states_of(carry: Any) -> dict[str, Tensor]:
    """The states that a carry holds, by name: its floating-point tensors."""
    parts = {"carry": carry} if isinstance(carry, Tensor) else getattr(carry, "__dict__", {})
    return {n: t for n, t in parts.items() if isinstance(t, Tensor) and t.is_floating_point()}


def _distance(state: Tensor, period: int) -> np.ndarray:
    """How far the state is from where it was, as part of its size: (K - period,)."""
    gone = (state[period:] - state[:-period]).norm(dim=-1).mean(-1)
    return (gone / state[period:].norm(dim=-1).mean(-1).clamp_min(1e-12)).numpy()


def _kind(state: Tensor, usual: int) -> str:
    """Where a state (K, B, -1) goes in the end: to rest, in circles, about, or away."""
    size = state.norm(dim=-1).mean(-1)
    growth = size[-1] / size[usual - 1]
    if not torch.isfinite(growth) or growth > AWAY:  # no longer finite, it has exploded
        return "explosion"
    step = _distance(state, 1)[-4:].mean()
    if step < REST:
        return "fixed point"
    back = min(_distance(state, period)[-4:].mean() for period in (2, 3, 4))
    return "oscillation" if back < CIRCLE * step else "wandering"


def carried(model: nn.Module, boards: np.ndarray, k_steps: int) -> Finding:
    """Do later steps say anything that the first has not said?

    A model that is asked once (K = 1) need not carry.
    """
    said = list(_logits(model, boards[:_FEW], k_steps))
    size = said[0].abs().max().clamp_min(1e-12)
    change = np.array([float((logits - said[0]).abs().max() / size) for logits in said])
    fault = "carry ignored" if k_steps > 1 and change.max() < SAME else None
    far = f"up to {change[-1]:.2g} of their size away from those after K = 1"
    evidence = f"after K = {k_steps} the logits are {far}"
    remedy = "hand the carry from step to step, or ask once: further steps are repetitions"
    figure = partial(lines, {"logits": change}, _K, "distance from the first answer")
    return Finding("carry", fault, evidence, remedy, {"change": change}, figure)


def overthinking(model: nn.Module, data: PuzzleData, k_steps: int) -> Finding:
    """Does thinking on, up to twice as long as usual, lose answers that were right?"""
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
    usual = ("usual K", k_steps)
    figure = partial(lines, {"exactly right": right}, _K, "share right", marked=usual)
    return Finding("thinking on", fault, evidence, remedy, {"right": right}, figure)


def dead_units(model: nn.Module, run: Callable[[], object]) -> Finding:
    """Which hidden units of SwiGLU, `ReluMLP` and `nn.ReLU` layers are never active?

    `run` makes the model work on everything it should be judged by.
    """
    layers: dict[str, nn.Module] = {}  # that read the hidden activations, or make them
    for name, module in model.named_modules():
        if isinstance(module, SwiGLU | ReluMLP | nn.ReLU):
            layers[name] = module if isinstance(module, nn.ReLU) else module.down
    most: dict[str, Tensor] = {}

    @torch.no_grad()
    def watch(name: str, layer: nn.Module, args: tuple[Tensor]) -> None:
        hidden = args[0].relu() if isinstance(layer, nn.ReLU) else args[0]
        seen = hidden.abs().flatten(0, -2).amax(0)  # (H,)
        most[name] = torch.maximum(most.get(name, seen), seen)

    with ExitStack() as hooks:
        for name, layer in layers.items():
            hooks.enter_context(layer.register_forward_pre_hook(partial(watch, name)))
        run()
    dead = {n: float((seen <= SILENT * seen.max()).float().mean()) for n, seen in most.items()}
    worst = max(dead, key=dead.get, default="")
    share = dead.get(worst, 0.0)
    evidence = f"in the worst of {len(dead)} layers ({worst or 'none'}) {share:.1%} never speak"
    remedy = "lower the learning rate or the weight decay, or build it narrower"
    fault = "dead units" if share > WASTED else None
    figure = partial(bars, dead or {"no such layer": 0.0}, "share of hidden units that never speak")
    return Finding("units", fault, evidence, remedy, {"dead": dead, "worst": share}, figure)


def gradients(model: nn.Module, data: PuzzleData, k_steps: int) -> Finding:
    """Does the gradient of one improvement step reach its first call?

    It is step `k_steps` of a model with a `stack`; those before have no gradient.
    """
    inputs, labels = (t.to(device_of(model)) for t in data[:_FEW].tensors())
    with evaluating(model):
        with torch.no_grad():
            carry = model.initial_carry(inputs)
            for _ in range(k_steps - 1):
                carry, _ = model(carry, inputs)
        return gradient_in(model.stack, lambda: answer_loss(model(carry, inputs)[1].logits, labels))


def gradient_in(stack: nn.Module, loss: Callable[[], Tensor]) -> Finding:
    """Does the gradient of a loss at the output of every call of a stack have about one size?

    `loss` calls the model once; no parameter's gradient is touched. Calls before the first that it
    reaches do not count.
    """
    outputs: list[Tensor] = []

    def keep(module: nn.Module, args: object, output: Tensor) -> None:
        if output.requires_grad:
            outputs.append(output)

    with stack.register_forward_hook(keep), torch.enable_grad():
        value = loss()
    gradients = torch.autograd.grad(value, outputs, allow_unused=True)
    norms = np.trim_zeros([0.0 if g is None else float(g.norm()) for g in gradients], "f")  # (C,)
    last = norms[-1] if norms else 0.0
    ratio = norms[0] / last if last > 0 else float("inf" if norms else 1)
    fault, remedy = first_fault(
        (ratio < FADED, "vanishing gradient",
         "keep the residual and the norm in every block, or let fewer calls have a gradient"),
        (ratio > GROWN, "exploding gradient",
         "normalise the states, cut long gradients, or let fewer calls have a gradient"),
    )  # fmt: skip
    evidence = (
        f"of {len(norms)} calls with a gradient the first has {ratio:.3g} times the norm of the "
        f"last ({last:.3g})"
    )
    shown = {"gradient": norms or [0.0]}
    figure = partial(lines, shown, "call of the network", "norm of the gradient", log=True)
    return Finding("gradient", fault, evidence, remedy, {"norms": np.array(norms)}, figure)


def halting(model: nn.Module, data: PuzzleData, k_steps: int) -> Finding:
    """Is the model right as often as its halt head says, where it stops?"""
    halted = answers_with_halting(model, data.inputs, k_steps)
    right = (halted.answers == data.labels) | (data.labels == IGNORE)
    found = calibration(halted.halt_logit, right.reshape(len(data), -1).all(1))
    stated, true = np.average([found.confidence, found.share_right], axis=1, weights=found.count)
    evidence = (
        f"it states {stated:.1%} on average and is right in {true:.1%}; "
        f"bin by bin the gap is {found.error:.1%}"
    )
    remedy = "train the halt head longer, or set the threshold by validation puzzles"
    fault = "misjudged answers" if found.error > MISJUDGED else None
    bins = zip(found.confidence, found.share_right, strict=True)
    shares = {f"stated {confidence:.0%}": float(share) for confidence, share in bins}
    figure = partial(bars, shares, "share of answers that were right")
    return Finding("halting", fault, evidence, remedy, {"error": found.error}, figure)


def _logits(model: nn.Module, boards: np.ndarray, k_steps: int) -> Iterator[Tensor]:
    """The logits (B, L, V) after each of K steps, all boards at once, on the CPU."""
    for step in think(model, boards, k_steps, batch_size=len(boards)):
        yield step.out.logits.flatten(1, -2).cpu()
