"""Stopping when the model thinks it is done, and whether it is right to think so.

Axes: K steps, N puzzles, B bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.checks import number, whole
from trm_lib.evaluation.exact import as_boards, think
from trm_lib.evaluation.stopping import Rule, think_until
from trm_lib.models import TRM


@dataclass(frozen=True)
class HaltedAnswers:
    """What a model answered when it stopped by itself.

    Attributes:
        answers: (N, *grid) int64, the answer at the step where each board stopped.
        steps: (N,) int64, how many improvement steps that took.
        halt_logit: (N,) float32, how sure the model was then; above the threshold where it
            stopped by itself, below where it ran out of steps.
    """

    answers: np.ndarray
    steps: np.ndarray
    halt_logit: np.ndarray


def answers_with_halting(
    model: TRM,
    boards: ArrayLike,
    k_most: int = 16,
    threshold: float = 0.0,
    batch_size: int = 1024,
) -> HaltedAnswers:
    """Think about each board until the halt head is sure, and no longer.

    Boards that are done leave the batch, so that the time saved is real. The official code never
    does this: it evaluates with all of its steps.

    Args:
        model: a `TRM` with `halting`.
        boards: (N, *grid) integers, the questions.
        k_most: steps after which a board stops in any case.
        threshold: a board stops once its halt logit is above this; 0 is even odds. With
            `TRMConfig.continuing`, once halting is worth so much more than going on.
        batch_size: boards thought about at once.

    Raises:
        ValueError: the model has no halt head, or an argument is out of range.
    """
    k_most = whole(k_most, "k_most", 1)
    threshold = number(threshold, "threshold", lambda _: True, "a number")
    batch_size = whole(batch_size, "batch_size", 1)
    boards = as_boards(boards)
    _require_halting(model)
    answers = np.empty(boards.shape, dtype=np.int64)
    steps = np.zeros(len(boards), dtype=np.int64)
    halt_logit = np.empty(len(boards), dtype=np.float32)

    def is_sure() -> Rule:
        return lambda out: out.lead > threshold

    for places, k, left, out in think_until(model, boards, k_most, batch_size, is_sure):
        answers[places] = out.logits[left].argmax(-1).cpu().numpy()
        steps[places], halt_logit[places] = k, out.halt_logit[left].cpu().numpy()
    return HaltedAnswers(answers, steps, halt_logit)


def halt_logits_by_k(
    model: TRM, boards: ArrayLike, k_steps: int, batch_size: int = 1024
) -> np.ndarray:
    """How sure the model is of its answer after each of K steps, never stopping: (K, N) float32.

    Raises:
        ValueError: as `answers_with_halting`.
    """
    boards = as_boards(boards)
    _require_halting(model)
    logits = np.empty((whole(k_steps, "k_steps (K)", 1), len(boards)), dtype=np.float32)
    for k, rows, out in think(model, boards, k_steps, batch_size):
        logits[k, rows] = out.halt_logit.cpu().numpy()
    return logits


@dataclass(frozen=True)
class Calibration:
    """Stated confidence against what came true, bin by bin; empty bins are left out.

    Attributes:
        confidence: (B,) mean probability the model stated.
        share_right: (B,) share of answers that were right.
        count: (B,) answers in the bin.
        error: the mean over answers of |confidence - share_right| of their bin (expected
            calibration error).
    """

    confidence: np.ndarray
    share_right: np.ndarray
    count: np.ndarray
    error: float


def calibration(halt_logit: ArrayLike, right: ArrayLike, n_bins: int = 10) -> Calibration:
    """How far a halt head's confidence can be believed.

    Args:
        halt_logit: (N,) float; its sigmoid is the stated probability of being right.
        right: (N,) bool, whether the whole answer was right.
        n_bins: equal bins of stated probability from 0 to 1.

    Raises:
        ValueError: shapes or types are not these, or there is nothing to judge.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
    """
    n_bins = whole(n_bins, "n_bins", 1)
    logit, right = np.asarray(halt_logit, dtype=np.float64), np.asarray(right)
    if right.size and right.dtype != bool:
        raise ValueError(f"right expected an array of bool, got dtype {right.dtype}")
    if not np.isfinite(logit).all():
        raise ValueError("halt_logit expected finite numbers, got some that are not")
    if logit.shape != right.shape or logit.ndim != 1 or not logit.size:
        raise ValueError(
            f"halt_logit and right expected one shape (N,) with N >= 1, got {logit.shape} and "
            f"{right.shape}"
        )
    stated = 0.5 * (1 + np.tanh(logit / 2))  # the sigmoid, without overflow
    place = np.minimum((stated * n_bins).astype(int), n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    used = count > 0
    confidence = np.bincount(place, stated, n_bins)[used] / count[used]
    share_right = np.bincount(place, right, n_bins)[used] / count[used]
    error = float((count[used] * np.abs(confidence - share_right)).sum() / len(logit))
    return Calibration(confidence, share_right, count[used], error)


def _require_halting(model: object) -> None:
    if not getattr(getattr(model, "config", None), "halting", False):
        raise ValueError(
            f"model expected a TRM with halting, got a {type(model).__name__} without: build it "
            f"with TRMConfig(halting=True) and train it"
        )
