"""What every solved puzzle has: the answers step by step, and which of them are right.

Axes: K steps, n rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class Solved:
    """Answers of a model to one puzzle, judged by the exact rules.

    Attributes:
        steps: (K, n, n), the answer after each improvement step.
        right: (K,) bool, which of these are right.
        answer: (n, n), the first that is right, or the last if none is.
        is_right: whether `answer` is right.
        k: the step `answer` was taken from, counted from 1.
    """

    steps: np.ndarray = field(repr=False)
    right: np.ndarray = field(repr=False)

    @property
    def k(self) -> int:
        return int(self.right.argmax()) + 1 if self.is_right else len(self.steps)

    @property
    def is_right(self) -> bool:
        return bool(self.right.any())

    @property
    def answer(self) -> np.ndarray:
        return self.steps[self.k - 1]
