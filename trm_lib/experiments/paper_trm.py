"""Chapter 04: the paper's TRM, which decides for itself when a puzzle is done.

Small, on minimal 4x4 Sudokus, for what its parts are worth; and on 6x6 Sudokus of which it has
never seen the like, the model that is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trm_lib.evaluation import answers_with_halting, calibration, exact_by_k
from trm_lib.evaluation.exact import exactly_right
from trm_lib.experiments.basic_trm import BLOCK, minimal_sudoku4
from trm_lib.experiments.recipe import Recipe
from trm_lib.models import TRM, TRMConfig, count_parameters
from trm_lib.puzzles import augment_sudoku, class_key, generate_sudoku, split_by_hash
from trm_lib.training import PuzzleData, SupervisedConfig, fit

MODEL = TRMConfig(**BLOCK, n_latent=3, n_cycles=2, halting=True, n_sup=16)
TRAINING = SupervisedConfig(n_batches=1000, lr=16e-3, eval_every=100)

MODEL6 = TRMConfig(
    vocab_size=7, grid=(6, 6), width=64, n_layers=1, expansion=2.0,
    n_latent=2, n_cycles=2, halting=True, n_sup=16,
)  # fmt: skip
TRAINING6 = SupervisedConfig(
    n_batches=3000, lr=4e-3, warmup=100, ema_decay=0.995, eval_every=250
)
ATTENTION6 = replace(MODEL6, mixing="attention", positions="rope2d")
K_STEPS = 16
CHECKPOINT_EVERY = 250


@dataclass(frozen=True)
class Learner:
    """A model and how it is trained."""

    model: TRMConfig
    training: SupervisedConfig


@cache
def minimal_sudoku6(count: int = 30_000) -> tuple[PuzzleData, PuzzleData, PuzzleData]:
    """Training, validation and test: minimal 6x6 Sudokus, split by whole symmetry classes."""
    puzzles, solutions = generate_sudoku(6, count, np.random.default_rng(0))
    split = split_by_hash(class_key(puzzles), fractions=(0.8, 0.1, 0.1), seed=0)
    data = PuzzleData(puzzles, solutions)
    return data[split.train], data[split.validation], data[split.test]
