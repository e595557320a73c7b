"""How often every cell is right, after each improvement step.

Axes: K steps, N puzzles.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from trm_lib.checks import whole
from trm_lib.models import StepOutput, device_of
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
