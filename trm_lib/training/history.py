"""What happened during a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class History:
    """Losses and evaluations of one run.

    Attributes:
        loss: the loss after the last improvement step of each batch.
        batch: batches seen at each evaluation.
        elapsed: seconds since the start at each evaluation.
        accuracy: one list per evaluation: exact accuracy after 1, 2, ..., K steps.
        seconds: the whole run.
    """

    loss: list[float] = field(default_factory=list)
    batch: list[int] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)
    accuracy: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0

    def log_loss(self, loss: float) -> None:
        """Keep the loss of one more batch."""
        self.loss.append(loss)

    def log_evaluation(self, batch: int, elapsed: float, accuracy: np.ndarray) -> None:
        """Keep one evaluation: batches seen, seconds, exact accuracy (K,)."""
        self.batch.append(batch)
        self.elapsed.append(elapsed)
        self.accuracy.append([float(a) for a in accuracy])
