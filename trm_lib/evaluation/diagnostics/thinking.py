"""What a model makes of its steps: does it learn, carry, overthink, and know when it is right?

Axes: K improvement steps, N puzzles.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from trm_lib.checks import whole
from trm_lib.evaluation.diagnostics.figures import bars, lines
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.evaluation.diagnostics.labels import targets
from trm_lib.evaluation.exact import answers_by_k, exact_by_k, think
from trm_lib.evaluation.halting import answers_with_halting, calibration
from trm_lib.training.data import IGNORE, PuzzleData

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
