"""How often every cell is right, after each improvement step.

Axes: K steps, N puzzles.

Stopping when the model thinks it is done, and whether it is right to think so.

Axes: K steps, N puzzles, B bins.

Thinking about each board until a rule says that it is done, so that the steps saved are real.

Axes: N puzzles, B batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from trm_lib.checks import number, whole
from trm_lib.models import TRM, StepOutput, device_of
from trm_lib.training.data import IGNORE, PuzzleData, as_tokens


def answers_by_k(
    model: nn.Module, boards: np.ndarray, k_steps: int, batch_size: int = 1024
) -> np.ndarray:
    """The model's answer after each of its first K improvement steps.

    Args:
        model: anything with the interface of `TRM`.
        boards: (N, *grid) integers, the questions.
        k_steps: K, how long to think; free at test time.
        batch_size: boards thought about at once.

    Returns:
        (K, N, *grid) int64, the likeliest token of each cell.

    Raises:
        ValueError: `k_steps` or `batch_size` is not a whole number >= 1, or `boards` does not
            hold integers.
    """
    boards = as_boards(boards)
    answers = np.empty((whole(k_steps, "k_steps (K)", 1), *boards.shape), dtype=np.int64)
    for k, rows, out in think(model, boards, k_steps, batch_size):
        answers[k, rows] = out.logits.argmax(-1).cpu().numpy()
    return answers


@torch.inference_mode()
def think(
    model: nn.Module, boards: np.ndarray, k_steps: int, batch_size: int = 1024
) -> Iterator[tuple[int, slice, StepOutput]]:
    """Let a model think about boards, batch by batch, K steps each, without learning.

    Args:
        model: anything with the interface of `TRM`; in evaluation mode meanwhile.
        boards: (N, *grid) integers, the questions.
        k_steps: K.
        batch_size: boards thought about at once.

    Yields:
        The step, from 0; which rows of `boards` the batch holds; what the model said.

    Raises:
        ValueError: as `answers_by_k`.
    """
    k_steps = whole(k_steps, "k_steps (K)", 1)
    batch_size = whole(batch_size, "batch_size", 1)
    boards = as_boards(boards)
    device = device_of(model)
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(boards), batch_size):
            rows = slice(start, start + batch_size)
            inputs = as_tokens(boards[rows]).to(device)
            carry = model.initial_carry(inputs)
            for k in range(k_steps):
                carry, out = model(carry, inputs)
                yield k, rows, out
    finally:
        model.train(was_training)


def exact_by_k(
    model: nn.Module, data: PuzzleData, k_steps: int, batch_size: int = 1024
) -> np.ndarray:
    """Share of puzzles with every labelled cell right, after each of K steps: (K,) float."""
    right = np.empty((whole(k_steps, "k_steps (K)", 1), len(data)), dtype=bool)
    for k, rows, out in think(model, data.inputs, k_steps, batch_size):
        answers, labels = out.logits.argmax(-1).cpu().numpy(), data.labels[rows]
        right[k, rows] = ((answers == labels) | (labels == IGNORE)).reshape(len(labels), -1).all(-1)
    return right.mean(-1)


def as_boards(boards: ArrayLike) -> np.ndarray:
    """Boards as an array of integers.

    Raises:
        ValueError: they hold something else.
    """
    boards = np.asarray(boards)
    if not np.issubdtype(boards.dtype, np.integer):
        raise ValueError(f"boards expected an array of integers, got dtype {boards.dtype}")
    return boards


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


Rule = Callable[[StepOutput], Tensor]
"""What a model said of the boards still thought about -> which of them are done, (B,) bool."""


@torch.inference_mode()
def think_until(
    model: nn.Module, boards: np.ndarray, k_most: int, batch_size: int, rule: Callable[[], Rule]
) -> Iterator[tuple[np.ndarray, int, Tensor, StepOutput]]:
    """Think on; boards that are done leave the batch.

    Args:
        model: anything with the interface of `TRM` whose carry can give up rows.
        boards: (N, *grid) integers, the questions.
        k_most: steps after which a board leaves in any case.
        batch_size: boards thought about at once.
        rule: makes the rule for one batch.

    Yields:
        For every step in which boards leave: which of the N they are, how many steps they took,
        which rows of the output (B,) bool they are, and that output.
    """
    device = device_of(model)
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(boards), batch_size):
            places = np.arange(start, min(start + batch_size, len(boards)))  # still thought about
            inputs, is_done = as_tokens(boards[places]).to(device), rule()
            carry = model.initial_carry(inputs)
            for k in range(1, k_most + 1):
                carry, out = model(carry, inputs)
                done = is_done(out) | (k == k_most)
                if not done.any():
                    continue
                yield places[done.cpu().numpy()], k, done, out
                places = places[~done.cpu().numpy()]
                if len(places) == 0:
                    break
                carry, inputs = carry.rows(~done), inputs[~done]
    finally:
        model.train(was_training)


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
    model: nn.Module, boards: ArrayLike, k_most: int, patience: int = 10, batch_size: int = 1024
) -> RestedAnswers:
    """Think about each board until its answer no longer changes. It needs no halt head.

    Args:
        model: a `TRM` or a `Looped`.
        boards: (N, *grid) integers, the questions.
        k_most: steps after which a board stops in any case.
        patience: steps in a row without a change after which an answer is at rest.
        batch_size: boards thought about at once.

    Raises:
        ValueError: a number is not a whole number >= 1, or `boards` does not hold integers.
    """
    k_most, patience = whole(k_most, "k_most", 1), whole(patience, "patience", 1)
    batch_size, boards = whole(batch_size, "batch_size", 1), as_boards(boards)
    answers = np.empty(boards.shape, dtype=np.int64)
    steps, at_rest = np.zeros(len(boards), np.int64), np.zeros(len(boards), bool)

    def unchanged() -> Rule:
        before, still = None, None

        def done(out: StepOutput) -> Tensor:
            nonlocal before, still
            now = out.logits.argmax(-1).flatten(1)
            if before is None:
                before, still = torch.full_like(now, -1), now.new_zeros(len(now))
            still = (still + 1) * (now == before).all(1)
            rested = still >= patience
            before, still = now[~rested], still[~rested]
            return rested

        return done

    for places, k, left, out in think_until(model, boards, k_most, batch_size, unchanged):
        answers[places], steps[places] = out.logits[left].argmax(-1).cpu().numpy(), k
        at_rest[places] = k < k_most
    return RestedAnswers(answers, steps, at_rest)
