"""Chapter 01: what does recursion buy on minimal 4x4 Sudoku?

Every learner sees the same training classes, takes the same number of optimizer steps on batches
of the same size, and is measured on test classes that none of them ever saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from trm_lib.evaluation import answer_flops, exact_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import BoardConfig, BoardNet, TRMConfig, build_model, count_parameters
from trm_lib.puzzles import augment_sudoku, class_key, minimal_sudokus_4x4, split_by_class
from trm_lib.tasks import PuzzleTask, kept_in
from trm_lib.training import PuzzleData, SupervisedConfig, fit

BLOCK = {
    "vocab_size": 5,
    "grid": (4, 4),
    "width": 16,
    "n_layers": 1,
    "expansion": 1.5,  # hidden size 16
    "hidden_multiple": 1,
}
MODEL = TRMConfig(**BLOCK, n_latent=1, n_cycles=2)
TRAINING = SupervisedConfig(n_batches=250, n_sup=8, lr=32e-3, eval_every=10)
ONE_PASS = replace(TRAINING, n_batches=2000, n_sup=1, eval_every=80)  # as many optimizer steps
K_STEPS = 16
RATES = (4e-3, 8e-3, 16e-3, 32e-3, 64e-3)


@dataclass(frozen=True)
class Learner:
    """A model, how it is trained, and how many steps it is asked for when measured."""

    model: BoardConfig
    training: SupervisedConfig
    k_steps: int

    def build(self, seed: int) -> BoardNet:
        """The untrained model of this seed."""
        return build_model(self.model, seed)


@cache
def minimal_sudoku4(split_seed: int = 0) -> tuple[PuzzleData, PuzzleData, PuzzleData]:
    """Training, validation and test: all 85,632 minimal puzzles, split by whole symmetry classes.

    Of the 36 classes two thirds are for training; the rest is halved.
    """
    puzzles, solutions = minimal_sudokus_4x4()
    split = split_by_class(class_key(puzzles), fractions=(2 / 3, 1 / 6, 1 / 6), seed=split_seed)
    data = PuzzleData(puzzles, solutions)
    return data[split.train], data[split.validation], data[split.test]


def task(learner: Learner) -> PuzzleTask:
    """What a learner is trained on, for `debug`."""
    train, validation, _ = minimal_sudoku4()
    return PuzzleTask(
        learner.build, learner.training, train, validation, augment_sudoku, learner.training.n_sup
    )


def run(learner: Learner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """Train one learner and measure it: validation while it learns, test once at the end."""
    return train_and_measure(learner, seed, checkpoint, *minimal_sudoku4())


def run_on_another_split(learner: Learner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """The same on a split of the classes that belongs to this seed alone."""
    return train_and_measure(learner, seed, checkpoint, *minimal_sudoku4(split_seed=1 + seed))


def train_and_measure(
    learner: Learner,
    seed: int,
    checkpoint: Path,
    train: PuzzleData,
    validation: PuzzleData,
    test: PuzzleData,
) -> dict[str, Any]:
    """Train one learner on `train`, augmented, and measure it on the others."""
    watched = validation[:: max(1, len(validation) // 1000)]
    model = learner.build(seed)
    history = fit(
        model,
        train,
        replace(learner.training, seed=seed),
        augment=augment_sudoku,
        evaluate=lambda m: exact_by_k(m, watched, min(learner.k_steps, 8)),
        progress=False,
        **kept_in(checkpoint, every=100),
    )
    return {
        "parameters": count_parameters(model),
        "flops_by_k": [
            answer_flops(model, learner.model.grid, k + 1) for k in range(learner.k_steps)
        ],
        "training_seconds": round(history.seconds, 1),
        "batch": history.eval_steps,
        "watched_exact_by_k": [[round(a, 4) for a in row] for row in history.eval_success],
        "validation_exact_by_k": exact_by_k(model, validation, learner.k_steps).tolist(),
        "test_exact_by_k": exact_by_k(model, test, learner.k_steps).tolist(),
    }


def feed_forward(depth: int, width: int, hidden: int) -> BoardConfig:
    """Blocks with weights of their own; `hidden` is the gated layers' size at width 16."""
    return BoardConfig(
        **BLOCK | {"n_layers": depth, "width": width, "expansion": 1.5 * hidden / 16}
    )


SAME_BLOCK = feed_forward(1, 16, 16)
SAME_PARAMETERS = {  # the TRM's block cut into thinner ones
    f"same_parameters_{depth}x{width}": feed_forward(depth, width, hidden)
    for depth, width, hidden in ((2, 16, 8), (4, 16, 4), (2, 8, 14), (4, 8, 7), (8, 8, 3))
}
SAME_FLOPS = {  # the TRM's 8 steps of 4 calls, spent on untied blocks
    f"same_flops_{depth}x{width}": feed_forward(depth, width, 16)
    for depth, width in ((17, 24), (11, 32))
}


def comparison() -> list[Recipe]:
    """The learners that chapter 01 compares."""
    deeper = replace(MODEL, n_latent=3)
    rows = [
        ("recursion", "TRM: one block, n = 1, T = 2, 8 supervised steps", MODEL, TRAINING),
        ("one_step", "the same TRM, trained with K = 1 only", MODEL, ONE_PASS),
        ("no_carry", "the same TRM, every step starts afresh", MODEL,
         replace(TRAINING, carry=False)),
        ("no_latent", "n = 0: it never sees the question", replace(MODEL, n_latent=0), TRAINING),
        ("more_latent", "n = 3: more thought in every step", deeper, TRAINING),
        ("no_mixing", "the same TRM, but cells never meet",
         replace(MODEL, mixing="none"), TRAINING),
        ("same_block", "feed-forward: the TRM's block, called once", SAME_BLOCK,
         replace(ONE_PASS, lr=16e-3)),
        ("same_parameters", "feed-forward: the TRM's parameters in several blocks",
         SAME_PARAMETERS["same_parameters_4x8"], replace(ONE_PASS, lr=64e-3)),
        ("same_flops", "feed-forward: the TRM's arithmetic in untied blocks",
         SAME_FLOPS["same_flops_17x24"], replace(ONE_PASS, lr=8e-3)),
    ]  # fmt: skip
    return [
        Recipe(f"basic_trm/{name}", about, Learner(model, training, _k_steps(model)), run, task)
        for name, about, model, training in rows
    ]


def other_splits() -> list[Recipe]:
    """The closest two of the comparison once more, every seed with other test classes."""
    return [
        replace(
            recipe,
            name=recipe.name.replace("basic_trm/", "basic_trm_splits/"),
            about=f"{recipe.about}; another split for every seed",
            run=run_on_another_split,
        )
        for recipe in comparison()
        if recipe.name in ("basic_trm/recursion", "basic_trm/same_parameters")
    ]


def tuning() -> list[Recipe]:
    """What was tried on validation puzzles before the comparison was fixed: shapes and rates."""
    shapes = {"recursion": MODEL, "same_block": SAME_BLOCK, **SAME_PARAMETERS, **SAME_FLOPS}
    return [
        Recipe(
            f"basic_trm_tuning/{name}_lr_{lr:g}",
            f"{name.replace('_', ' ')} at lr {lr:g}",
            Learner(
                model,
                replace(TRAINING if model is MODEL else ONE_PASS, lr=lr),
                min(8, _k_steps(model)),
            ),
            run,
            task,
        )
        for name, model in shapes.items()
        for lr in (RATES[:4] if name in SAME_FLOPS else RATES)  # those fail from 0.016 on
    ]


def _k_steps(model: BoardConfig) -> int:
    return K_STEPS if isinstance(model, TRMConfig) else 1


EXPERIMENTS = ("basic_trm", "basic_trm_splits", "basic_trm_tuning")
RECIPES = [*comparison(), *other_splits(), *tuning()]
