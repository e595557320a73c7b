"""Letting a model think about puzzles it is not taught: what it answers after each step, and when.

`think` is the one loop; all that is measured looks at its steps, and may let boards leave it.

Axes: K steps, N puzzles, B boards still thought about.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.models import TRM, StepOutput, device_of
from trm_lib.training import PuzzleData, exactly_right
from trm_lib.training.data import as_tokens

_BINS = 10  # of stated probability, equally wide


@dataclass
class ThinkingStep:
    """One improvement step of the boards that are still thought about."""

    k: int  #: which step, from 1
    rows: np.ndarray  #: (B,) int64, which of the N boards
    carry: Any  #: what the model hands to its next step
    out: StepOutput  #: what the model says of them
    done: np.ndarray | None = None  #: set it to (B,) bool, and those boards leave; None: all stay

    @property
    def answers(self) -> np.ndarray:
        """(B, *grid) int64, the likeliest token of each cell."""
        return self.out.logits.argmax(-1).cpu().numpy()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """In evaluation mode meanwhile."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)


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
    device = device_of(model)

    def drawn(state: Tensor) -> Tensor:  # what is no state but a count stays
        if not state.is_floating_point():
            return state
        return torch.randn(state.shape, generator=generator).to(state)

    with evaluating(model):
        for start in range(0, len(boards), batch_size):
            rows = np.arange(start, min(start + batch_size, len(boards)))
            inputs = as_tokens(boards[rows]).to(device)
            carry = model.initial_carry(inputs)
            if generator is not None:
                carry = carry.map(drawn)
            for k in range(1, k_steps + 1):
                carry, out = model(carry, inputs)
                yield (step := ThinkingStep(k, rows, carry, out))
                if step.done is None or not step.done.any():
                    continue
                if step.done.all():
                    break
                on = torch.from_numpy(~step.done).to(device)
                rows, carry, inputs = rows[~step.done], carry.rows(on), inputs[on]


def exact_by_k(
    model: nn.Module,
    data: PuzzleData,
    k_steps: int,
    batch_size: int = 1024,
    generator: torch.Generator | None = None,
) -> np.ndarray:
    """Share of puzzles with every labelled cell right, after each of K steps: (K,) float.

    Args: `data` holds the N puzzles; the others as for `think`.
    """
    right = np.zeros(k_steps)
    for step in think(model, data.inputs, k_steps, batch_size, generator):
        labels = as_tokens(data.labels[step.rows]).to(step.out.logits.device)
        right[step.k - 1] += exactly_right(step.out.logits, labels).sum().item()
    return right / len(data.inputs)


def answers_by_k(
    model: nn.Module, boards: np.ndarray, k_steps: int, generator: torch.Generator | None = None
) -> np.ndarray:
    """The likeliest tokens after each of K improvement steps: (K, N, *grid) int64.

    Args: as for `think`.
    """
    answers = np.empty((k_steps, *boards.shape), dtype=np.int64)
    for step in think(model, boards, k_steps, generator=generator):
        answers[step.k - 1, step.rows] = step.answers
    return answers


def halt_logits_by_k(model: TRM, boards: np.ndarray, k_steps: int) -> np.ndarray:
    """How sure the model is of its answer after each of K steps, never stopping: (K, N) float32."""
    _require_halting(model)
    logits = np.empty((k_steps, len(boards)), dtype=np.float32)
    for step in think(model, boards, k_steps):
        logits[step.k - 1, step.rows] = step.out.halt_logit.cpu().numpy()
    return logits


@dataclass(frozen=True)
class StoppedAnswers:
    """What a model answered where each board stopped."""

    answers: np.ndarray  #: (N, *grid) int64
    steps: np.ndarray  #: (N,) int64, how many improvement steps that took
    halt_logit: np.ndarray | None = None  #: (N,) float32, how sure the halt head was then, if asked


def answers_with_halting(
    model: TRM, boards: np.ndarray, k_steps: int = 16, threshold: float = 0.0
) -> StoppedAnswers:
    """Think about each board until the halt head is sure, and no longer.

    Boards that are done leave the batch, so that the time saved is real. The official code never
    does this: it evaluates with all of its steps.

    Args:
        model: a `TRM` with `halting`.
        boards: as for `think`.
        k_steps: steps after which a board stops in any case.
        threshold: a board stops once its halt logit is above this; 0 is even odds. With
            `TRMConfig.continuing`, once halting is worth so much more than going on.

    Raises:
        ValueError: the model has no halt head.
    """
    _require_halting(model)
    answers, steps = np.empty(boards.shape, np.int64), np.empty(len(boards), np.int64)
    halt_logit = np.empty(len(boards), np.float32)
    for step in think(model, boards, k_steps):
        answers[step.rows], steps[step.rows] = step.answers, step.k
        halt_logit[step.rows] = step.out.halt_logit.cpu().numpy()
        step.done = (step.out.lead > threshold).cpu().numpy()
    return StoppedAnswers(answers, steps, halt_logit)


def answers_at_rest(
    model: nn.Module, boards: np.ndarray, k_steps: int, patience: int, batch_size: int = 1024
) -> StoppedAnswers:
    """Think about each board until its answer no longer changes. It needs no halt head.

    Args:
        model, boards, batch_size: as for `think`.
        k_steps: steps after which a board stops in any case.
        patience: steps in a row without a change after which an answer is at rest.
    """
    answers, steps = np.full(boards.shape, -1), np.empty(len(boards), np.int64)
    unchanged = np.zeros(len(boards), np.int64)  # for how many steps
    for step in think(model, boards, k_steps, batch_size):
        now, rows = step.answers, step.rows
        same = (now == answers[rows]).reshape(len(rows), -1).all(1)
        unchanged[rows] = (unchanged[rows] + 1) * same
        answers[rows], steps[rows] = now, step.k
        step.done = unchanged[rows] >= patience
    return StoppedAnswers(answers, steps)


@dataclass(frozen=True)
class Calibration:
    """Stated confidence against what came true, in B bins; empty ones are left out."""

    confidence: np.ndarray  #: (B,) mean probability the model stated
    share_right: np.ndarray  #: (B,) share of answers that were right
    count: np.ndarray  #: (B,) answers in the bin
    error: float  #: expected calibration error: mean over answers of |confidence - share_right|


def calibration(halt_logit: ArrayLike, right: ArrayLike) -> Calibration:
    """How far a halt head's confidence can be believed, in ten bins of stated probability.

    Args:
        halt_logit: (N,) float; its sigmoid is the stated probability of being right.
        right: (N,) bool, whether the whole answer was right.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
    """
    logit, right = np.asarray(halt_logit, dtype=np.float64), np.asarray(right)
    if logit.shape != right.shape or logit.ndim != 1 or not logit.size:
        raise ValueError(
            f"halt_logit and right expected one shape (N,) with N >= 1, got {logit.shape} and "
            f"{right.shape}"
        )
    stated = 0.5 * (1 + np.tanh(logit / 2))  # the sigmoid, without overflow
    bins = np.minimum((stated * _BINS).astype(int), _BINS - 1)
    _, place, count = np.unique(bins, return_inverse=True, return_counts=True)
    confidence, share_right = (np.bincount(place, told) / count for told in (stated, right))
    error = float((count * np.abs(confidence - share_right)).sum() / len(logit))
    return Calibration(confidence, share_right, count, error)


def _require_halting(model: object) -> None:
    if not getattr(getattr(model, "config", None), "halting", False):
        raise ValueError(
            f"model expected a TRM with halting, got a {type(model).__name__} without: build it "
            "with TRMConfig(halting=True) and train it"
        )
