"""Chapter 06: is a TRM really better? Mazes never seen, whose shortest path must be marked.

Perfect mazes, start and goal anywhere, so that the targets vary. Exact: every cell of a maze is
right. Every learner takes as many optimizer steps on batches of one size. One that can think on
spends ten of them on a batch, by deep supervision, and so sees a tenth of the mazes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trm_lib.evaluation import answer_flops, answers_by_k, exact_by_k
from trm_lib.experiments.recipe import Recipe
from trm_lib.experiments.task import PuzzleTask
from trm_lib.experiments.unfinished import kept_in
from trm_lib.models import (
    TRM,
    BoardConfig,
    BoardNet,
    FeedForward,
    HierarchicalConfig,
    HierarchicalTRM,
    Looped,
    LoopedConfig,
    TRMConfig,
    count_parameters,
)
from trm_lib.puzzles import (
    generate_mazes,
    layout_class,
    maze_labels,
    maze_tokens,
    pixel_labels,
    pixel_tokens,
    split_by_hash,
)
from trm_lib.puzzles.maze_tokens import CELL_TOKENS
from trm_lib.training import PuzzleData, SupervisedConfig, fit

NETS: dict[type[BoardConfig], type[BoardNet]] = {
    TRMConfig: TRM,
    HierarchicalConfig: HierarchicalTRM,
    LoopedConfig: Looped,
    BoardConfig: FeedForward,
}
"""Which network each config describes."""

DRAWN = 70_000  # mazes of each size; four fifths are to train on
FEW, MANY = 500, 2000  # mazes to watch while learning, and to measure at the end
GOAL = 0.95


@dataclass(frozen=True)
class MazeTask:
    """What is asked.

    Attributes:
        size: n, rows and columns of cells.
        form: "cells", one token a cell that tells its walls; "pixels", walls are pixels too.
        count: how many mazes there are to train on.
    """

    size: int = 8
    form: str = "cells"
    count: int = 50_000

    @property
    def grid(self) -> tuple[int, int]:
        """Shape of a board."""
        side = self.size if self.form == "cells" else 2 * self.size + 1
        return side, side


@dataclass(frozen=True)
class Learner:
    """A network, how it is trained, how long it may think when measured, and on what."""

    model: BoardConfig
    training: SupervisedConfig
    k_steps: int
    task: MazeTask = MazeTask()

    def build(self, seed: int) -> BoardNet:
        """The untrained network of this seed."""
        return NETS[type(self.model)](self.model, torch.Generator().manual_seed(seed))


@cache
def maze_data(task: MazeTask) -> tuple[PuzzleData, PuzzleData, PuzzleData]:
    """Training, validation and test mazes; no layout is in two parts, turned or mirrored."""
    rng = np.random.default_rng(0)
    mazes = generate_mazes(task.size, DRAWN, rng, start="random", goal="random")
    split = split_by_hash(layout_class(mazes.walls))
    ask, answer = {"cells": (maze_tokens, maze_labels), "pixels": (pixel_tokens, pixel_labels)}[
        task.form
    ]
    parts = [
        mazes[rows]
        for rows in (split.train[: task.count], split.validation[:MANY], split.test[:MANY])
    ]
    train, validation, test = (PuzzleData(ask(part), answer(part)) for part in parts)
    return train, validation, test


def puzzle_task(learner: Learner) -> PuzzleTask:
    """What a learner is trained on, for `debug`."""
    train, validation, _ = maze_data(learner.task)
    return PuzzleTask(
        learner.build, learner.training, train, validation, None, learner.training.n_sup
    )


def run(learner: Learner, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Train one learner and measure it: validation while it learns, test once at the end."""
    train, validation, test = maze_data(learner.task)
    watched, steps = validation[:FEW], min(learner.k_steps, learner.training.n_sup)
    model = learner.build(seed)
    keep = {} if checkpoint is None else kept_in(checkpoint, every=100)
    history = fit(
        model,
        train,
        replace(learner.training, seed=seed),
        evaluate=lambda m: exact_by_k(m, watched, steps),
        progress=False,
        **keep,
    )
    boards = learner.training.batch_size * np.array(history.batch)
    best = np.array(history.accuracy)[:, -1]
    there = int((best >= GOAL).argmax()) if (best >= GOAL).any() else -1
    cells = (answers_by_k(model, test.inputs, learner.k_steps) == test.labels).mean((1, 2, 3))
    return {
        "parameters": count_parameters(model),
        "flops_by_k": [
            answer_flops(model, learner.task.grid, k + 1) for k in range(learner.k_steps)
        ],
        "training_seconds": round(history.seconds, 1),
        "boards": boards.tolist(),
        "watched_exact": [round(float(b), 4) for b in best],
        "watched_seconds": [round(s, 1) for s in history.elapsed],
        "epochs_to_95": float(boards[there] / len(train)) if there >= 0 else -1.0,
        "to_95_seconds": round(history.elapsed[there], 1) if there >= 0 else -1.0,
        "test_cells_by_k": cells.tolist(),
        "validation_exact_by_k": exact_by_k(model, validation, learner.k_steps).tolist(),
        "test_exact_by_k": exact_by_k(model, test, learner.k_steps).tolist(),
    }


def net(width: int, n_layers: int = 1, mixing: str = "conv", expansion: float = 3.0) -> dict:
    """Fields that all networks on mazes of 8x8 cells share; attention knows rows and columns."""
    attention = {"positions": "rope2d", "n_heads": width // 16}
    return {
        "vocab_size": CELL_TOKENS, "grid": (8, 8), "width": width, "n_layers": n_layers,
        "mixing": mixing, "expansion": expansion, "hidden_multiple": 1, "n_answers": 2,
        "positions": "none",
    } | (attention if mixing == "attention" else {})  # fmt: skip


RECURSIVE = SupervisedConfig(
    n_batches=300, batch_size=48, n_sup=10, lr=4e-3, decay=0.5, eval_every=25
)
ONE_PASS = replace(RECURSIVE, n_batches=3000, n_sup=1, eval_every=250)  # as many optimizer steps
LONGER = 1.6  # times the training's K, when measured


def learner(model: BoardConfig) -> Learner:
    """A network with the training that suits it: deep supervision where it can think on."""
    if type(model) is BoardConfig:
        return Learner(model, ONE_PASS, 1)
    return Learner(model, RECURSIVE, int(LONGER * RECURSIVE.n_sup))


def _trm(mixing: str, expansion: float, n_latent: int = 2) -> TRMConfig:
    return TRMConfig(**net(32, 1, mixing, expansion), n_latent=n_latent, n_cycles=1)


def _looped(mixing: str, expansion: float) -> LoopedConfig:
    return LoopedConfig(**net(32, 1, mixing, expansion), n_calls=3)


def _untied(width: int, depth: int, mixing: str = "conv", expansion: float = 3.0) -> BoardConfig:
    return BoardConfig(**net(width, depth, mixing, expansion))


SHAPES: dict[str, dict[str, BoardConfig]] = {
    "trm": {"n2": _trm("conv", 3.0), "n3": _trm("conv", 3.0, n_latent=3)},
    "looped": {"1x32": _looped("conv", 3.0)},
    "trm_attention": {"n2": _trm("attention", 2.0)},
    "looped_transformer": {"1x32": _looped("attention", 2.0)},
    "cnn": {"2x22": _untied(22, 2), "5x14": _untied(14, 5)},
    "cnn_same_flops": {"30x32": _untied(32, 30)},
    "cnn_script": {"10x32": _untied(32, 10)},
    "transformer": {
        "1x32": _untied(32, 1, "attention", 2.0),
        "3x16": _untied(16, 3, "attention"),
    },
    "gru": {"1x26": _untied(26, 1, "gru"), "2x18": _untied(18, 2, "gru")},
    "mixer": {"1x16": _untied(16, 1, "mlp", 1.0), "2x16": _untied(16, 2, "mlp", 0.5)},
}
"""Shapes that were tried of each learner, of about as many parameters as the TRM's 9,056, within a
tenth. But `cnn_same_flops` does the TRM's arithmetic of ten steps in blocks of its own, and
`cnn_script` is as large as the scripts' CNN."""

ABOUT = {
    "trm": "TRM, convolution",
    "looped": "the TRM's block in a loop on one state, without a y beside the z",
    "trm_attention": "TRM, attention",
    "looped_transformer": "Transformer block in a loop on one state",
    "cnn": "the TRM's block untied: as many parameters",
    "cnn_same_flops": "the TRM's block untied: as many operations",
    "cnn_script": "the TRM's block untied: as large as the scripts' CNN",
    "transformer": "Transformer, as many parameters",
    "gru": "GRUs over the cells, both ways, as many parameters",
    "mixer": "MLP-mixer, as many parameters",
}
RATES = (2e-3, 4e-3, 8e-3)


def tuning() -> list[Recipe]:
    """Every shape at every rate, one seed each, judged on validation mazes."""
    return [
        Recipe(
            f"maze8_tuning/{name}_{shape}_lr_{lr:g}",
            f"{ABOUT[name]}; {shape} at lr {lr:g}, 3,000 optimizer steps",
            replace(learner(model), training=replace(learner(model).training, lr=lr)),
            run,
            puzzle_task,
        )
        for name, shapes in SHAPES.items()
        for shape, model in shapes.items()
        for lr in RATES
    ]
