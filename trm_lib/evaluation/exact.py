"""How often every cell is right, after each improvement step.

Axes: K steps, N puzzles.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from trm_lib.checks import whole
from trm_lib.training.data import IGNORE, PuzzleData, as_tokens


@torch.inference_mode()
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
    k_steps = whole(k_steps, "k_steps (K)", 1)
    batch_size = whole(batch_size, "batch_size", 1)
    boards = np.asarray(boards)
    if not np.issubdtype(boards.dtype, np.integer):
        raise ValueError(f"boards expected an array of integers, got dtype {boards.dtype}")
    answers = np.empty((k_steps, *boards.shape), dtype=np.int64)
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(boards), batch_size):
            inputs = as_tokens(boards[start : start + batch_size])
            carry = model.initial_carry(inputs)
            for k in range(k_steps):
                carry, out = model(carry, inputs)
                answers[k, start : start + batch_size] = out.logits.argmax(-1).numpy()
    finally:
        model.train(was_training)
    return answers


def exact_by_k(
    model: nn.Module, data: PuzzleData, k_steps: int, batch_size: int = 1024
) -> np.ndarray:
    """Share of puzzles with every labelled cell right, after each of K steps: (K,) float."""
    answers = answers_by_k(model, data.inputs, k_steps, batch_size)
    right = (answers == data.labels) | (data.labels == IGNORE)
    return right.reshape(k_steps, len(data), -1).all(-1).mean(-1)
