"""Chapter 04: the paper's TRM, which decides for itself when a puzzle is done.

On minimal 4x4 Sudokus, small and in many variants: what its parts are worth. On minimal 6x6
Sudokus: the model that is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from book.recipes.basic_trm import BLOCK, minimal_sudoku4
from trm_lib.evaluation import (
    answer_flops,
    answers_with_halting,
    calibration,
    exact_by_k,
)
from trm_lib.experiments import Recipe
from trm_lib.models import TRM, TRMConfig, build_model, count_parameters
from trm_lib.puzzles import (
    augment_sudoku,
    augment_with_clues,
    class_key,
    generate_sudoku,
    split_by_hash,
)
from trm_lib.tasks import PuzzleTask, kept_in
from trm_lib.training import Augment, History, PuzzleData, SupervisedConfig, fit

MODEL = TRMConfig(**BLOCK, n_latent=3, n_cycles=2, halting=True, n_sup=16)
TRAINING = SupervisedConfig(n_batches=1000, lr=16e-3, eval_every=40)

MODEL6 = TRMConfig(
    vocab_size=7, grid=(6, 6), width=64, n_layers=1, expansion=2.0,
    n_latent=2, n_cycles=2, halting=True, n_sup=16,
)  # fmt: skip
TRAINING6 = SupervisedConfig(n_batches=3000, lr=4e-3, warmup=100, ema_decay=0.995, eval_every=250)
K_STEPS = 16


@dataclass(frozen=True)
class Learner:
    """A model and how it is trained."""

    model: TRMConfig
    training: SupervisedConfig

    def build(self, seed: int) -> TRM:
        """The untrained model of this seed."""
        return build_model(self.model, seed)


@cache
def minimal_sudoku6(count: int = 10_000) -> tuple[PuzzleData, PuzzleData, PuzzleData]:
    """Training, validation and test: minimal 6x6 Sudokus, split by whole symmetry classes."""
    puzzles, solutions = generate_sudoku(6, count, np.random.default_rng(0))
    split = split_by_hash(class_key(puzzles), fractions=(0.6, 0.2, 0.2), seed=0)
    data = PuzzleData(puzzles, solutions)
    return data[split.train], data[split.validation], data[split.test]


def task(learner: Learner) -> PuzzleTask:
    """What a learner is trained on, for `debug`."""
    train, validation, _ = minimal_sudoku4()
    return PuzzleTask(learner.build, learner.training, train, validation, augment_sudoku, K_STEPS)


def task6(learner: Learner) -> PuzzleTask:
    """The same on 6x6."""
    train, validation, _ = minimal_sudoku6()
    augment = augment_with_clues
    return PuzzleTask(learner.build, learner.training, train, validation, augment, K_STEPS)


def run(learner: Learner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """Train one learner and measure it: validation while it learns, test once at the end."""
    train, validation, test = minimal_sudoku4()
    options = kept_in(checkpoint, every=100)
    model, history = trained(learner, seed, train, validation, augment_sudoku, **options)
    return measured(model, history, validation, test)


def run6(learner: Learner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """The same on 6x6, trained on puzzles of every kind and measured on minimal ones."""
    train, validation, test = minimal_sudoku6()
    options = kept_in(checkpoint, every=100)
    model, history = trained(learner, seed, train, validation, augment_with_clues, **options)
    return measured(model, history, validation, test)


def trained(
    learner: Learner,
    seed: int,
    train: PuzzleData,
    validation: PuzzleData,
    augment: Augment,
    **options: Any,
) -> tuple[TRM, History]:
    """The model of this seed, watched on a thousand validation puzzles while it learns."""
    model = learner.build(seed)
    watched = validation[:: max(1, len(validation) // 1000)]
    history = fit(
        model,
        train,
        replace(learner.training, seed=seed),
        evaluate=lambda m: exact_by_k(m, watched, K_STEPS),
        augment=augment,
        **{"progress": False} | options,
    )
    return model, history


def measured(
    model: TRM, history: History, validation: PuzzleData, test: PuzzleData
) -> dict[str, Any]:
    """Accuracy by K, and what halting makes of it: JSON values."""
    numbers = {
        "parameters": count_parameters(model),
        "flops_by_k": [answer_flops(model, model.config.grid, k + 1) for k in range(K_STEPS)],
        "training_seconds": round(history.seconds, 1),
        "batch": history.eval_steps,
        "watched_exact_by_k": [[round(a, 4) for a in row] for row in history.eval_success],
        "validation_exact_by_k": exact_by_k(model, validation, K_STEPS).tolist(),
        "test_exact_by_k": exact_by_k(model, test, K_STEPS).tolist(),
    }
    if not model.config.halting:
        return numbers
    halted = answers_with_halting(model, test.inputs, K_STEPS)
    right = (halted.answers == test.labels).reshape(len(test), -1).all(1)
    finished, steps = (np.add.reduceat(a, range(0, len(a), 100)) for a in
                       (history.finished, history.halted_after))  # fmt: skip
    return numbers | {
        "training_steps_a_puzzle": (steps / np.maximum(finished, 1)).tolist(),
        "halted_test_exact": float(right.mean()),
        "halted_test_steps": float(halted.steps.mean()),
        "halted_calibration_error": calibration(halted.halt_logit, right).error,
    }


def small() -> list[Recipe]:
    """The parts of the machine, each taken away or exchanged, on minimal 4x4 Sudokus."""
    loop = replace(MODEL, halting=False)
    rows = [
        ("official", "the official loop: halting, persistent carry, EMA", MODEL, TRAINING),
        ("no_ema", "the same, judged by its last weights", MODEL, replace(TRAINING, ema_decay=0.0)),
        ("last_call", "the same, gradient through the last calls only",
         replace(MODEL, gradient="call"), TRAINING),
        ("no_exploration", "the same, nobody is made to think longer",
         replace(MODEL, explore=0.0), TRAINING),
        ("adam_atan2", "the same, with the optimizer of the official code", MODEL,
         replace(TRAINING, optimizer="adam_atan2")),
        ("pseudocode", "the pseudocode's loop: 16 steps for every batch, as many optimizer steps",
         loop, replace(TRAINING, n_batches=62, n_sup=16, eval_every=4)),
    ]  # fmt: skip
    return [
        Recipe(f"paper_trm/{name}", about, Learner(model, training), run, task)
        for name, about, model, training in rows
    ]


def sudoku6() -> list[Recipe]:
    """Minimal 6x6 Sudokus of unseen classes: the shipped model is seed 0."""
    about = "TRM with MLP mixing on minimal 6x6 Sudokus: the shipped model"
    return [Recipe("sudoku6/mlp", about, Learner(MODEL6, TRAINING6), run6, task6)]


EXPERIMENTS = ("paper_trm", "sudoku6")
RECIPES = [*small(), *sudoku6()]
