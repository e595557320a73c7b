"""What happened during a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from trm_lib.viz import BookFigure


@dataclass
class History:
    """Losses and evaluations of one run.

    Attributes:
        loss: the loss after the last improvement step of each batch.
        batch: batches seen at each evaluation.
        elapsed: seconds since the start at each evaluation.
        accuracy: one list per evaluation: exact accuracy after 1, 2, ..., K steps.
        finished: boards that halted after each batch; of models that halt only.
        steps: how many improvement steps those had taken, summed.
        seconds: the whole run.
    """

    loss: list[float] = field(default_factory=list)
    batch: list[int] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)
    accuracy: list[list[float]] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def log_loss(self, loss: float) -> None:
        """Keep the loss of one more batch."""
        self.loss.append(loss)

    def log_halting(self, steps: Tensor) -> None:
        """Keep how many steps the boards that just halted had taken: (H,) int64."""
        self.finished.append(len(steps))
        self.steps.append(int(steps.sum()))

    def log_evaluation(self, batch: int, elapsed: float, accuracy: np.ndarray) -> None:
        """Keep one evaluation: batches seen, seconds, exact accuracy (K,)."""
        self.batch.append(batch)
        self.elapsed.append(elapsed)
        self.accuracy.append([float(a) for a in accuracy])

    def plot(self) -> BookFigure:
        """Draw exact accuracy against batches, one line for K = 1, 2, 4, ... as far as measured.

        Raises:
            ValueError: the run was not evaluated, so there is nothing to draw.
        """
        from trm_lib.viz import learning_curves

        if not self.accuracy:
            raise ValueError("expected a run with evaluations: pass evaluate= to fit")
        accuracy = np.array(self.accuracy)  # (evaluations, K)
        shown = [2**i for i in range(int(accuracy.shape[1]).bit_length())]
        return learning_curves(
            {f"K = {k}": (np.array(self.batch), accuracy[:, k - 1]) for k in shown},
            xlabel="batches seen",
            ylabel="share of puzzles exactly right",
        )
