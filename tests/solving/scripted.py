"""A network that marks what it is told to, so that the judgement of the marks can be tested."""

import numpy as np
import torch

from trm_lib.models import LoopedConfig, StepOutput

CONFIG = LoopedConfig(
    vocab_size=48, grid=(5, 5), width=4, mixing="conv", n_answers=2, positions="none"
)

RING = """
+---+---+---+
| S       G |
+   +---+   +
|   |   |   |
+   +---+   +
|           |
+---+---+---+"""
"""The cell in the middle is closed: 0 1 2 is the shortest way, 0 3 6 7 8 5 2 the other."""


class Scripted(torch.nn.Module):
    """Marks other cells after each step, (n, n) bool or numbers, the last ones for good.

    Attributes:
        inputs: what it was asked last.
        asked: how often it was.
    """

    def __init__(self, *marks: np.ndarray, config=CONFIG):
        super().__init__()
        self.marks, self.config, self.asked, self.inputs = marks, config, 0, None

    def initial_carry(self, inputs: torch.Tensor) -> int:
        return 0

    def forward(self, carry: int, inputs: torch.Tensor) -> tuple[int, StepOutput]:
        self.inputs, self.asked = inputs, self.asked + 1
        marks = torch.from_numpy(self.marks[min(carry, len(self.marks) - 1)])
        answers = self.config.n_answers or self.config.vocab_size
        one_hot = torch.nn.functional.one_hot(marks.long(), answers)
        return carry + 1, StepOutput(one_hot[None].float())


def marked(cells, size: int = 3) -> np.ndarray:
    """The cells of these numbers, (n, n) bool."""
    return np.isin(np.arange(size * size), list(cells)).reshape(size, size)
