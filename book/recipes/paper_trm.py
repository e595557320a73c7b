"""Chapter 04: the paper's TRM, which decides for itself when a puzzle is done.

On minimal 4x4 Sudokus, small and in many variants: what its parts are worth. On minimal 6x6
Sudokus: the model that is shipped, seed 0.
"""

from dataclasses import replace

from book.recipes.basic_trm import BLOCK
from trm_lib.experiments import Recipe
from trm_lib.models import TRMConfig
from trm_lib.tasks import MinimalSudoku, PuzzleTask
from trm_lib.training import SupervisedConfig

MODEL = TRMConfig(**BLOCK, n_latent=3, n_cycles=2, halting=True, n_sup=16)
TRAINING = SupervisedConfig(n_batches=1000, lr=16e-3, eval_every=40)

MODEL6 = TRMConfig(
    vocab_size=7, grid=(6, 6), width=64, n_layers=1, expansion=2.0,
    n_latent=2, n_cycles=2, halting=True, n_sup=16,
)  # fmt: skip
TRAINING6 = SupervisedConfig(n_batches=3000, lr=4e-3, warmup=100, ema_decay=0.995, eval_every=250)
K_STEPS = 16

PARTS = [  # the parts of the machine, each taken away or exchanged
    ("official", "the official loop: halting, persistent carry, EMA", MODEL, TRAINING),
    ("no_ema", "the same, judged by its last weights", MODEL, replace(TRAINING, ema_decay=0.0)),
    ("last_call", "the same, gradient through the last calls only",
     replace(MODEL, gradient="call"), TRAINING),
    ("no_exploration", "the same, nobody is made to think longer",
     replace(MODEL, explore=0.0), TRAINING),
    ("adam_atan2", "the same, with the optimizer of the official code", MODEL,
     replace(TRAINING, optimizer="adam_atan2")),
    ("pseudocode", "the pseudocode's loop: 16 steps for every batch, as many optimizer steps",
     replace(MODEL, halting=False), replace(TRAINING, n_batches=62, n_sup=16, eval_every=4)),
]  # fmt: skip

EXPERIMENTS = ("paper_trm", "sudoku6")
RECIPES = [
    Recipe(name, about, PuzzleTask(model, training, data, K_STEPS, K_STEPS))
    for name, about, model, training, data in [
        *((f"paper_trm/{name}", *row, MinimalSudoku()) for name, *row in PARTS),
        ("sudoku6/mlp", "TRM with MLP mixing on minimal 6x6 Sudokus: the shipped model",
         MODEL6, TRAINING6, MinimalSudoku(6, extra_clues=True)),
    ]
]  # fmt: skip
