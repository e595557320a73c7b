"""Chapter 09: which part matters? The paper's ablation, row for row, and the scripts' list.

The paper's rows on minimal 4x4 and 6x6 Sudokus of unseen symmetry classes, after so few optimizer
steps that the whole machine is not yet at the ceiling. The scripts' rows, for the hierarchical TRM,
on mazes of 5x5 cells whose shortest path must be marked.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from book.recipes import basic_trm, marked_mazes
from book.recipes.basic_trm import (
    BLOCK,
    K_STEPS,
    Learner,
    minimal_sudoku4,
    train_and_measure,
)
from book.recipes.marked_mazes import MazeTask
from book.recipes.paper_trm import minimal_sudoku6
from trm_lib.experiments import Recipe
from trm_lib.models import (
    BoardConfig,
    HierarchicalConfig,
    LoopedConfig,
    MultiScaleConfig,
    TRMConfig,
)
from trm_lib.puzzles import CELL_TOKENS, augment_sudoku
from trm_lib.tasks import PuzzleTask
from trm_lib.training import SupervisedConfig

BLOCK6 = {"vocab_size": 7, "grid": (6, 6), "width": 32, "n_layers": 1, "expansion": 2.0}
TRAINING = SupervisedConfig(n_batches=16, n_sup=16, lr=16e-3, warmup=25, eval_every=4)
TRAINING6 = replace(TRAINING, n_batches=24)
LONG = 4  # times the steps, to see what is left of a difference
MIXING = {
    "mlp": {},
    "attention": {"mixing": "attention", "positions": "rope2d", "n_heads": 2},
}
"""How cells exchange information: fields that differ from the whole TRM."""

Row = tuple[str, BoardConfig, SupervisedConfig]


def paper_rows(block: dict[str, Any], training: SupervisedConfig) -> dict[str, Row]:
    """What is changed in each row of the paper's table, in our words, and how it is trained."""
    whole = TRMConfig(**block, n_latent=3, n_cycles=2)
    k = training.n_sup  # as many optimizer steps for the rows that take one a batch
    act = replace(
        training, n_batches=k * training.n_batches, n_sup=1, eval_every=k * training.eval_every
    )
    rows = [
        ("whole", "the whole machine", whole, training),
        ("no_ema", "last weights, not averaged", whole, replace(training, ema_decay=0.0)),
        ("separate", "y has its own network", replace(whole, separate=True), training),
        ("one_state", "one state, z without y",
         LoopedConfig(**block, n_calls=4, n_cycles=2), training),
        ("multi_scale", "a state for each thought",
         MultiScaleConfig(**block, n_latent=3, n_cycles=2), training),
        ("last_call", "gradient of the last calls",
         replace(whole, gradient="call"), training),
        ("more_layers", "two layers, half the calls",
         replace(whole, n_layers=2, n_latent=1), training),
        ("attention", "attention, not MLP",
         replace(whole, **MIXING["attention"]), training),
        ("fewer_calls", "fewer calls, n = T = 1", replace(whole, n_latent=1, n_cycles=1), training),
        ("seeing", "y sees the question", replace(whole, seeing=True), training),
        ("no_carry", "no carry in training", whole, replace(training, carry=False)),
        ("act", "halting, persistent carry", replace(whole, halting=True, n_sup=16), act),
        ("act_continue", "halting, value of going on",
         replace(whole, halting=True, continuing=True, n_sup=16), act),
        ("one_pass", "one call, no recursion", BoardConfig(**block), act),
    ]  # fmt: skip
    return {name: (about, model, how) for name, about, model, how in rows}


SUDOKU = paper_rows(BLOCK, TRAINING)
SUDOKU6 = paper_rows(BLOCK6, TRAINING6)
MODEL = SUDOKU["whole"][1]

PAPER = {
    "whole": 87.4, "act_continue": 86.1, "separate": 82.4, "no_ema": 79.9, "more_layers": 79.5,
    "multi_scale": 77.6, "attention": 74.7, "fewer_calls": 73.7, "one_state": 71.9,
    "last_call": 56.5, "one_pass": 0.0,
}  # fmt: skip
"""Exact accuracy on hard 9x9 Sudokus, in percent: arXiv 2510.04871, tables 1, 2 and 4."""

GRID_N, GRID_T = (1, 3, 6), (1, 2, 3)


def sudoku() -> list[Recipe]:
    """The paper's rows on 4x4, early and four times later, and on 6x6.

    There two rows that fail, and the whole machine, learn once more at half the rate.
    """
    early = [_on_sudoku(f"ablation/{name}", row) for name, row in SUDOKU.items()]
    later = paper_rows(BLOCK, replace(TRAINING, n_batches=LONG * TRAINING.n_batches))
    late = [_on_sudoku(f"ablation_long/{name}", row) for name, row in later.items()]
    larger = [
        _on_sudoku(f"ablation_6x6/{name}", row, size=6)
        for name, row in SUDOKU6.items()
        if name != "attention"  # on 4x4 it had learned nothing so early
    ]
    halved = paper_rows(BLOCK6, replace(TRAINING6, lr=TRAINING6.lr / 2))
    slower = [
        _on_sudoku(f"ablation_6x6_slower/{name}", halved[name], size=6)
        for name in ("whole", "separate", "multi_scale")
    ]
    return early + late + larger + slower


def grid() -> list[Recipe]:
    """n, T and mixing, each with each; attention, which learns later, for longer."""
    longer = replace(TRAINING, n_batches=LONG * TRAINING.n_batches)
    return [
        _on_sudoku(
            f"ablation_grid/{mixing}_n{n}_T{T}",
            (
                f"{mixing}, n = {n}, T = {T}",
                replace(MODEL, n_latent=n, n_cycles=T, **how),
                longer if mixing == "attention" else TRAINING,
            ),
        )
        for mixing, how in MIXING.items()
        for n in GRID_N
        for T in GRID_T
    ]


def run(learner: Learner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """Train one learner, and measure it on every fourth puzzle of the unseen classes."""
    train, validation, test = minimal_sudoku4()
    return train_and_measure(learner, seed, checkpoint, train, validation[::4], test[::4])


def task6(learner: Learner) -> PuzzleTask:
    """What a learner is trained on, for `debug`: 6x6."""
    train, validation, _ = minimal_sudoku6()
    n_sup = learner.training.n_sup
    return PuzzleTask(learner.build, learner.training, train, validation, augment_sudoku, n_sup)


def run6(learner: Learner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """The same on 6x6, and every second puzzle."""
    train, validation, test = minimal_sudoku6()
    return train_and_measure(learner, seed, checkpoint, train, validation[::2], test[::2])


def _on_sudoku(name: str, row: Row, size: int = 4) -> Recipe:
    about, model, training = row
    k_steps = 1 if type(model) is BoardConfig else K_STEPS
    how = (run, basic_trm.task) if size == 4 else (run6, task6)
    learner = Learner(model, training, k_steps)
    return Recipe(name, f"{about}; minimal {size}x{size} Sudoku", learner, *how)


TWO_LEVELS = HierarchicalConfig(
    vocab_size=CELL_TOKENS, grid=(5, 5), width=32, n_layers=1, mixing="conv", expansion=3.0,
    hidden_multiple=1, n_answers=2, positions="none", low_width=16, n_cycles=3,
)  # fmt: skip
ON_MAZES = SupervisedConfig(
    n_batches=100, batch_size=48, n_sup=5, lr=8e-3, decay=0.5, eval_every=20
)
STEPS = ON_MAZES.n_batches * ON_MAZES.n_sup


def mazes() -> list[Recipe]:
    """The scripts' list: K in training, activations, carry, attention, other sizes."""
    attention = replace(
        TWO_LEVELS, mixing="attention", positions="rope2d", n_heads=2, expansion=2.0
    )
    rows = {
        f"K{k}": (f"K = {k} in training", TWO_LEVELS, _supervised(k), 5) for k in (2, 3, 5, 7)
    } | {
        "relu": ("ReLU in both levels", replace(TWO_LEVELS, activation="relu"), ON_MAZES, 5),
        "swiglu": (
            "SwiGLU in both levels",
            replace(TWO_LEVELS, low_activation="swiglu"),
            ON_MAZES,
            5,
        ),
        "last_cycle": (
            "gradient of the last cycle alone",
            replace(TWO_LEVELS, full_gradient=False),
            ON_MAZES,
            5,
        ),
        "no_carry": (
            "no carry, not even when asked",
            replace(TWO_LEVELS, carry=False),
            ON_MAZES,
            5,
        ),
        "attention": ("attention in the high level", attention, ON_MAZES, 5),
        "attention_long": (
            "attention in the high level, four times the steps",
            attention,
            replace(ON_MAZES, n_batches=LONG * ON_MAZES.n_batches, eval_every=80),
            5,
        ),
        "mlp": ("MLP mixing in the high level", replace(TWO_LEVELS, mixing="mlp"), ON_MAZES, 5),
        "cells3": ("3x3 cells", replace(TWO_LEVELS, grid=(3, 3)), ON_MAZES, 3),
        "cells7": ("7x7 cells", replace(TWO_LEVELS, grid=(7, 7)), ON_MAZES, 7),
        "cells9": ("9x9 cells", replace(TWO_LEVELS, grid=(9, 9)), ON_MAZES, 9),
    }
    return [
        Recipe(
            f"ablation_mazes/{name}",
            f"{about}; hierarchical, marks shortest paths",
            marked_mazes.Learner(model, training, 16, MazeTask(size)),
            marked_mazes.run,
            marked_mazes.puzzle_task,
        )
        for name, (about, model, training, size) in rows.items()
    ]


def _supervised(k: int) -> SupervisedConfig:
    """K supervised steps on a batch, and as many optimizer steps as all others."""
    n_batches = STEPS // k
    return replace(ON_MAZES, n_sup=k, n_batches=n_batches, eval_every=n_batches // 6)


EXPERIMENTS = (
    "ablation",
    "ablation_long",
    "ablation_6x6",
    "ablation_6x6_slower",
    "ablation_grid",
    "ablation_mazes",
)
RECIPES = [*sudoku(), *grid(), *mazes()]
