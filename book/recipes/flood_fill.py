"""Your own puzzle: which cells does water reach? Learnt on 8x8 cells, asked of 16x16.

Water spreads from a source to open neighbours. A cell may be judged from the first improvement step
on; or what is dry at once and what is wet later; or what is wet at once and what is dry later.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from trm_lib.evaluation import exact_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import BoardNet, LoopedConfig
from trm_lib.tasks import PuzzleTask, Split
from trm_lib.training import (
    IGNORE,
    History,
    Lesson,
    PuzzleData,
    SupervisedConfig,
    TrainingRun,
    correct,
)

OPEN, WALL, SOURCE = range(3)  # tokens
DRY, WET = range(2)  # labels


def flooded(count: int, n: int, seed: int) -> PuzzleData:
    """Boards (B, n, n), two cells of five walls, and which cells their water reaches."""
    rng, each = np.random.default_rng(seed), np.arange(count)
    wall = rng.random((count, n, n)) < 0.4
    source = each, *rng.integers(n, size=(2, count))
    wall[source], wet = False, np.zeros_like(wall)
    wet[source] = True
    while True:
        by = np.pad(wet, ((0, 0), (1, 1), (1, 1)))  # a dry rim
        near = by[:, :-2, 1:-1] | by[:, 2:, 1:-1] | by[:, 1:-1, :-2] | by[:, 1:-1, 2:]
        more = wet | (near & ~wall)
        if (more == wet).all():
            break
        wet = more
    inputs = np.where(wall, WALL, OPEN)
    inputs[source] = SOURCE
    return PuzzleData(inputs, wet.astype(int))


@cache
def boards(n: int) -> Split:
    """20,000 to train on, 1,000 to choose by, 2,000 to test on."""
    data = flooded(23_000, n, seed=0)
    return data[:20_000], data[20_000:21_000], data[21_000:]


@dataclass(frozen=True)
class Flood:
    """What to learn from: boards of n x n cells. A recipe's data have these three."""

    n: int = 8
    augment: ClassVar[None] = None

    def split(self, seed: int = 0) -> Split:
        """Training, validation and test boards, the same for every seed."""
        return boards(self.n)

    @staticmethod
    def watched(validation: PuzzleData) -> PuzzleData:
        """Some of them, to look at while a network learns."""
        return validation[:300]


@dataclass(frozen=True)
class FloodTask(PuzzleTask):
    """Judged in full from an improvement step on; before it, by the cells of one label alone.

    Attributes:
        due: the step.
        early: the label that is judged from the first step on.
    """

    due: int = 1
    early: int = DRY

    def lesson(self) -> Lesson:
        def teach(run: TrainingRun) -> Tensor:
            inputs, labels = run.next_batch()
            some = labels.masked_fill(labels != self.early, IGNORE)
            steps = range(1, run.config.n_sup + 1)
            targets = (labels if k >= self.due else some for k in steps)
            return correct(run, run.model.initial_carry(inputs), inputs, targets)

        return teach

    def measure(self, model: BoardNet, history: History, seed: int = 0) -> dict[str, Any]:
        """Also on boards four times as large."""
        larger = exact_by_k(model, flooded(500, 2 * self.data.n, seed=1), 40)
        return super().measure(model, history, seed) | {"larger_exact_by_k": larger.tolist()}


MODEL = LoopedConfig(
    vocab_size=3, grid=(8, 8), width=24, n_layers=1, mixing="conv", expansion=3.0,
    hidden_multiple=8, positions="none", n_answers=2, n_calls=2,
)  # fmt: skip
TRAINING = SupervisedConfig(n_batches=200, batch_size=64, n_sup=8, lr=1e-2, eval_every=50)
AT_ONCE = FloodTask(MODEL, TRAINING, Flood(), k_steps=16, k_watched=16)

EXPERIMENTS = ("flood_fill",)
RECIPES = [
    Recipe("flood_fill/at_once", "every cell judged from the first step on", AT_ONCE),
    Recipe("flood_fill/wet_later", "wet cells judged from the fourth step on",
           replace(AT_ONCE, due=4)),
    Recipe("flood_fill/dry_later", "dry cells judged from the fourth step on",
           replace(AT_ONCE, due=4, early=WET)),
]  # fmt: skip
