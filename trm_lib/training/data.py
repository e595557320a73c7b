"""Puzzles as tensors, and batches of them.

Axes: N puzzles, B batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Augment = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""(puzzles, answers, rng) -> another pair of the same puzzles in other clothes."""

IGNORE = -100
"""The label of a cell that is not asked for."""


@dataclass(frozen=True)
class PuzzleData:
    """Questions and their right answers.

    Attributes:
        inputs: (N, *grid) integers, one token a cell.
        labels: (N, *grid) integers, the right token of each cell, or `IGNORE`.

    Raises:
        ValueError: the two differ in shape, are empty, or do not hold integers.
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        for name in ("inputs", "labels"):
            value = np.asarray(getattr(self, name))
            if not np.issubdtype(value.dtype, np.integer):
                raise ValueError(f"{name} expected an array of integers, got dtype {value.dtype}")
            object.__setattr__(self, name, value)
        if self.inputs.shape != self.labels.shape or self.inputs.ndim < 2 or not self.inputs.size:
            raise ValueError(
                f"inputs and labels expected one shape (N, *grid) with N >= 1, got "
                f"{self.inputs.shape} and {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index) -> PuzzleData:
        """Some of the puzzles: a slice, a mask or an index array."""
        return PuzzleData(self.inputs[index], self.labels[index])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Inputs and labels as int64 tensors, (N, *grid) each."""
        return as_tokens(self.inputs), as_tokens(self.labels)


def as_tokens(board: np.ndarray) -> Tensor:
    """Boards of any integer type as int64 tokens, in memory of their own."""
    return torch.from_numpy(np.array(board, dtype=np.int64))


class Batches:
    """Endless shuffled batches: every puzzle once an epoch, the odd rest of an epoch left out.

        inputs, labels = next(Batches(data, 128, np.random.default_rng(0)))  # (B, *grid) int64

    Args:
        data: N puzzles.
        batch_size: B; more than N is cut to N.
        rng: draws the order and feeds `augment`.
        augment: dresses each batch anew, or None.
    """

    def __init__(
        self,
        data: PuzzleData,
        batch_size: int,
        rng: np.random.Generator,
        augment: Augment | None = None,
    ):
        self.data, self.rng, self.augment = data, rng, augment
        self.size = min(batch_size, len(data))
        self.order = np.empty(0, dtype=np.int64)
        self.start = 0  # where in the order the next batch begins

    def __next__(self) -> tuple[Tensor, Tensor]:
        if self.start + self.size > len(self.order):
            self.order, self.start = self.rng.permutation(len(self.data)), 0
        chosen = self.order[self.start : self.start + self.size]
        self.start += self.size
        inputs, labels = self.data.inputs[chosen], self.data.labels[chosen]
        if self.augment is not None:
            inputs, labels = self.augment(inputs, labels, self.rng)
        return as_tokens(inputs), as_tokens(labels)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands: a tensor, a number, and the words of its generator."""
        rng = self.rng.bit_generator.state
        return {"order": torch.from_numpy(self.order), "start": self.start, "rng": rng}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken, batch for batch the same."""
        self.order, self.start = state["order"].numpy(), state["start"]
        self.rng.bit_generator.state = state["rng"]
