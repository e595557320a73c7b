"""Letting a model think about puzzles it is not taught: what it answers after each step, and when.

`think` is the one loop; all that is measured looks at its steps, and may let boards leave it.

Axes: K steps, N puzzles, B boards still thought about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from trm_lib.checks import whole
from trm_lib.models import TRM, StepOutput, device_of
from trm_lib.training import PuzzleData, exactly_right
from trm_lib.training.data import as_tokens


@dataclass
class ThinkingStep:
    """One improvement step of the boards that are still thought about.

    Attributes:
        k: which step, from 1.
        rows: (B,) int64, which of the N boards.
        carry: what the model hands to its next step.
        out: what the model says of them.
        done: set it to (B,) bool, and those boards leave; None: all stay.
    """

    k: int
    rows: np.ndarray
    carry: Any
    out: StepOutput
    done: np.ndarray | None = None

    @property
    def answers(self) -> np.ndarray:
        """(B, *grid) int64, the likeliest token of each cell."""
        return self.out.logits.argmax(-1).cpu().numpy()


@torch.inference_mode()
def think(
    model: nn.Module,
    boards: np.ndarray,
    k_steps: int,
    batch_size: int = 1024,
    generator: torch.Generator | None = None,
) -> Iterator[ThinkingStep]:
    """Let a model think about boards, batch by batch, at most K steps each, without learning.

    Args:
        model: anything with the interface of `TRM`; in evaluation mode meanwhile. If boards are to
            leave early, its carry must be able to give up rows.
        boards: (N, *grid) integers, the questions.
        k_steps: K.
        batch_size: boards thought about at once.
        generator: draws the states that thoughts start from, standard normal; None: the model's.

    Raises:
        ValueError: `k_steps` or `batch_size` is not a whole number >= 1, or `boards` does not hold
            integers.
    """
    k_steps, batch_size = whole(k_steps, "k_steps (K)", 1), whole(batch_size, "batch_size", 1)
    if not np.issubdtype(boards.dtype, np.integer):
        raise ValueError(f"boards expected an array of integers, got dtype {boards.dtype}")
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(boards), batch_size):
            rows = np.arange(start, min(start + batch_size, len(boards)))
            inputs = torch.from_numpy(boards[rows].astype(np.int64)).to(device_of(model))
            carry = model.initial_carry(inputs)
            if generator is not None:
                carry = carry.map(partial(_drawn, generator=generator))
            for k in range(1, k_steps + 1):
                carry, out = model(carry, inputs)
                yield (step := ThinkingStep(k, rows, carry, out))
                if step.done is None or not step.done.any():
                    continue
                if step.done.all():
                    break
                on = torch.from_numpy(~step.done).to(inputs.device)
                rows, carry, inputs = rows[~step.done], carry.rows(on), inputs[on]
    finally:
        model.train(was_training)


def _drawn(state: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers in place of a state; what is no state but a count stays."""
    if not state.is_floating_point():
        return state
    return torch.randn(state.shape, generator=generator).to(state)


def exact_by_k(
    model: nn.Module, data: PuzzleData, k_steps: int, batch_size: int = 1024
) -> np.ndarray:
    """Share of puzzles with every labelled cell right, after each of K steps: (K,) float.

    Args: `data` holds the N puzzles; the others as for `think`.
    """
    right = np.zeros(k_steps)
    for step in think(model, data.inputs, k_steps, batch_size):
        labels = as_tokens(data.labels[step.rows]).to(step.out.logits.device)
        right[step.k - 1] += exactly_right(step.out.logits, labels).sum().item()
    return right / len(data.inputs)


def answers_by_k(
    model: nn.Module,
    boards: ArrayLike,
    k_steps: int,
    generator: torch.Generator | None = None,
) -> np.ndarray:
    """The likeliest tokens after each of K improvement steps: (K, N, *grid) int64.

    Args: as for `think`.
    """
    boards = np.asarray(boards)
    k_steps = whole(k_steps, "k_steps (K)", 1)
    answers = np.empty((k_steps, *boards.shape), dtype=np.int64)
    for step in think(model, boards, k_steps, generator=generator):
        answers[step.k - 1, step.rows] = step.answers
    return answers


@dataclass(frozen=True)
class HaltedAnswers:
    """What a model answered when it stopped by itself.

    Attributes:
        answers: (N, *grid) int64, the answer at the step where each board stopped.
        steps: (N,) int64, how many improvement steps that took.
        halt_logit: (N,) float32, how sure it was then; below the threshold if steps ran out.
    """

    answers: np.ndarray
    steps: np.ndarray
    halt_logit: np.ndarray


def answers_with_halting(
    model: TRM,
    boards: ArrayLike,
    k_steps: int = 16,
    threshold: float = 0.0,
    batch_size: int = 1024,
) -> HaltedAnswers:
    """Think about each board until the halt head is sure, and no longer.

    Boards that are done leave the batch, so that the time saved is real. The official code never
    does this: it evaluates with all of its steps.

    Args:
        model: a `TRM` with `halting`.
        boards, batch_size: as for `think`.
        k_steps: steps after which a board stops in any case.
        threshold: a board stops once its halt logit is above this; 0 is even odds. With
            `TRMConfig.continuing`, once halting is worth so much more than going on.

    Raises:
        ValueError: the model has no halt head.
    """
    _require_halting(model)
    boards = np.asarray(boards)
    answers, steps = np.empty(boards.shape, np.int64), np.empty(len(boards), np.int64)
    halt_logit = np.empty(len(boards), np.float32)
    for step in think(model, boards, k_steps, batch_size):
        answers[step.rows], steps[step.rows] = step.answers, step.k
        halt_logit[step.rows] = step.out.halt_logit.cpu().numpy()
        step.done = (step.out.lead > threshold).cpu().numpy()
    return HaltedAnswers(answers, steps, halt_logit)


def halt_logits_by_k(model: TRM, boards: ArrayLike, k_steps: int) -> np.ndarray:
    """How sure the model is of its answer after each of K steps, never stopping: (K, N) float32."""
    _require_halting(model)
    boards = np.asarray(boards)
    logits = np.empty((k_steps, len(boards)), dtype=np.float32)
    for step in think(model, boards, k_steps):
        logits[step.k - 1, step.rows] = step.out.halt_logit.cpu().numpy()
    return logits


@dataclass(frozen=True)
class RestedAnswers:
    """What a model answered when its answer had come to rest.

    Attributes:
        answers: (N, *grid) int64.
        steps: (N,) int64, improvement steps taken, those at rest included.
        at_rest: (N,) bool, whether it came to rest before the last step allowed.
    """

    answers: np.ndarray
    steps: np.ndarray
    at_rest: np.ndarray


def answers_at_rest(
    model: nn.Module, boards: ArrayLike, k_steps: int, patience: int = 10, batch_size: int = 1024
) -> RestedAnswers:
    """Think about each board until its answer no longer changes. It needs no halt head.

    Args:
        model: a `TRM` or a `Looped`.
        boards, batch_size: as for `think`.
        k_steps: steps after which a board stops in any case.
        patience: steps in a row without a change after which an answer is at rest.
    """
    boards = np.asarray(boards)
    answers, steps = np.full(boards.shape, -1), np.empty(len(boards), np.int64)
    unchanged = np.zeros(len(boards), np.int64)  # for how many steps
    for step in think(model, boards, k_steps, batch_size):
        now, rows = step.answers, step.rows
        same = (now == answers[rows]).reshape(len(rows), -1).all(1)
        unchanged[rows] = (unchanged[rows] + 1) * same
        answers[rows], steps[rows] = now, step.k
        step.done = unchanged[rows] >= patience
    return RestedAnswers(answers, steps, at_rest=steps < k_steps)


@dataclass(frozen=True)
class Calibration:
    """Stated confidence against what came true, bin by bin; empty bins are left out.

    Attributes:
        confidence: (B,) mean probability the model stated.
        share_right: (B,) share of answers that were right.
        count: (B,) answers in the bin.
        error: expected calibration error: mean over answers of |confidence - share_right|.
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

    Source: Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
    """
    logit, right = np.asarray(halt_logit, dtype=np.float64), np.asarray(right)
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
