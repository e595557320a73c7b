"""Thinking about each board until a rule says that it is done, so that the steps saved are real.

Axes: N puzzles, B batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.evaluation.exact import as_boards
from trm_lib.models import StepOutput, device_of
from trm_lib.training.data import as_tokens

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
