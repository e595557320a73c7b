"""Chapter 04: the paper's TRM, which decides for itself when a puzzle is done.

On minimal 4x4 Sudokus, small and in many variants: what its parts are worth. On minimal 6x6
Sudokus: the model that is shipped, seed 0.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from book.recipes.basic_trm import BLOCK
from book.recipes.data import MinimalSudoku
from trm_lib.experiments import Recipe
from trm_lib.models import TRMConfig
from trm_lib.tasks import PuzzleTask
from trm_lib.training import SupervisedConfig
from trm_lib.viz import BookFigure, style, write_note
from trm_lib.viz.style import new_figure

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


def carry_chart(steps: np.ndarray, n_sup: int) -> BookFigure:
    """Draw each place of a batch as a row, and each stay of a puzzle as a bar in it.

    A bar grows darker with every improvement step its puzzle is given, and ends where the puzzle
    halts and makes room for the next.

    Args:
        steps: (S, B) integers from 1: how many improvement steps the puzzle in each of B places
            had had after each of S steps of the batch, as `carry.steps` tells; a 1 is a fresh one.
        n_sup: most steps a puzzle can get; the darkest shade.
    """
    S, B = steps.shape
    figure, axes = new_figure(height=1.3 + 0.2 * B)
    darker = LinearSegmentedColormap.from_list("steps", [style.PALE, style.COLOURS[0]])
    axes.imshow(
        steps.T, cmap=darker, vmin=1, vmax=n_sup, aspect="auto", interpolation="nearest",
        extent=(0, S, B - 0.5, -0.5),
    )  # fmt: skip
    stays = []
    for place in range(B):
        begins = np.flatnonzero((steps[:, place] == 1) | (np.arange(S) == 0))
        for begin, end in pairwise([*begins, S]):
            stays.append(Rectangle((begin, place - 0.5), end - begin, 1))
            if end - begin > 1 and end < S:  # who is still there has no last step
                last = steps[end - 1, place]
                axes.text(
                    end - 0.3, place, str(last), ha="right", va="center", fontsize=7.5,
                    color=style.PAPER if last > n_sup / 2 else style.INK,
                )  # fmt: skip
    looks = {"facecolor": "none", "edgecolor": style.PAPER, "linewidth": 2.4}
    axes.add_collection(PatchCollection(stays, **looks))
    axes.set(xlim=(0, S), ylim=(B - 0.5, -0.5))
    axes.set(xlabel="improvement steps of the batch", ylabel="seat")
    axes.set_yticks([0, B - 1], labels=["1", str(B)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    axes.yaxis.label.set_color(style.FAINT_INK)
    write_note(figure, "A bar is one puzzle; the number at its end, the steps it had when it left.")
    fresh = (steps[1:] == 1).sum()
    figure.alt = (
        f"{B} seats over {S} improvement steps. {fresh} fresh puzzles came in; "
        f"the longest stay was {steps.max()} improvement steps."
    )
    return figure
