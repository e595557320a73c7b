"""Chapter 09: which part matters? The paper's ablation, row for row, and the scripts' list.

The paper's rows on minimal 4x4 and 6x6 Sudokus of unseen symmetry classes, after so few optimizer
steps that the whole machine is not yet at the ceiling. The scripts' rows, for the hierarchical TRM,
on mazes of 5x5 cells whose shortest path must be marked.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from book.recipes.basic_trm import BLOCK, K_STEPS
from book.recipes.comparisons import net
from book.recipes.data import MarkedMazes, MinimalSudoku
from trm_lib import models
from trm_lib.checks import at_least, check
from trm_lib.experiments import Recipe
from trm_lib.tasks import PuzzleTask
from trm_lib.training import SupervisedConfig

BLOCK6 = {"vocab_size": 7, "grid": (6, 6), "width": 32, "n_layers": 1, "expansion": 2.0}
TRAINING = SupervisedConfig(n_batches=16, n_sup=16, lr=16e-3, warmup=25, eval_every=4)
TRAINING6 = replace(TRAINING, n_batches=24)
LONG = 4  # times the steps, to see what is left of a difference
MIXING = {"mlp": {}, "attention": {"mixing": "attention", "positions": "rope2d", "n_heads": 2}}
"""How cells exchange information: fields that differ from the whole TRM."""


@dataclass(frozen=True, kw_only=True)
class MultiScaleConfig(models.BoardConfig):
    """A TRM that keeps n latent states.

    Attributes:
        n_latent: n, latent states, each renewed once before an answer.
        n_cycles: T, cycles in one improvement step; only the last has a gradient.
    """

    n_latent: int = 3
    n_cycles: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, n_latent=at_least(1), n_cycles=at_least(1))


class MultiScale(models.BoardNet):
    """z_i <- net(x + y + z_1 + ... + z_n) for each i in turn, then y <- net(y + z_1 + ... + z_n).

    With n = 1 it is the `TRM`. Its carry is a `Carry` whose z is (B, n, L, D).

    Source: arXiv 2510.04871, table 2 ("multi-scale z") and figure 5.
    """

    config: MultiScaleConfig
    config_type, carry_type, starts = MultiScaleConfig, models.Carry, ("y0", "z0")

    def build(self, generator: torch.Generator) -> None:
        self.register_start("y0", generator, self.config.width)
        self.register_start("z0", generator, self.config.n_latent, self.config.width)

    def improved(self, x: Tensor, carry: models.Carry, grid: tuple[int, ...]) -> models.Carry:
        y, z = carry.y, list(carry.z.unbind(1))

        def cycle(y: Tensor) -> Tensor:
            for i in range(len(z)):
                z[i] = self.stack(sum(z) + (y + x), grid)
            return self.stack(y + sum(z), grid)

        with torch.no_grad():
            for _ in range(self.config.n_cycles - 1):
                y = cycle(y)
        y = cycle(y)
        return models.Carry(y, torch.stack(z, 1))


models.NETWORKS[MultiScaleConfig] = MultiScale

Row = tuple[str, models.BoardConfig, SupervisedConfig]


def paper_rows(block: dict[str, Any], training: SupervisedConfig) -> dict[str, Row]:
    """What is changed in each row of the paper's table, in our words, and how it is trained."""
    whole = models.TRMConfig(**block, n_latent=3, n_cycles=2)
    k = training.n_sup  # as many optimizer steps for the rows that take one a batch
    act = replace(
        training, n_batches=k * training.n_batches, n_sup=1, eval_every=k * training.eval_every
    )
    rows = [
        ("whole", "the whole machine", whole, training),
        ("no_ema", "last weights, not averaged", whole, replace(training, ema_decay=0.0)),
        ("separate", "y has its own network", replace(whole, separate=True), training),
        ("one_state", "one state, z without y",
         models.LoopedConfig(**block, n_calls=4, n_cycles=2), training),
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
        ("one_pass", "one call, no recursion", models.BoardConfig(**block), act),
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


def on_sudoku(name: str, row: Row, size: int = 4) -> Recipe:
    """A row, measured on every fourth puzzle of the unseen classes, or every second of 6x6."""
    about, model, training = row
    k_steps = 1 if type(model) is models.BoardConfig else K_STEPS
    data = MinimalSudoku(size, every=4 if size == 4 else 2)
    task = PuzzleTask(model, training, data, k_steps, k_watched=min(k_steps, 8))
    return Recipe(name, f"{about}; minimal {size}x{size} Sudoku", task)


LONGER = replace(TRAINING, n_batches=LONG * TRAINING.n_batches)
SLOWER = replace(TRAINING6, lr=TRAINING6.lr / 2)

SOME = ("whole", "separate", "multi_scale")  # two that failed, and the whole

ON_SUDOKU = [
    on_sudoku(f"{experiment}/{name}", row, size)
    for experiment, size, rows in [
        ("ablation", 4, SUDOKU),
        ("ablation_long", 4, paper_rows(BLOCK, LONGER)),  # what is left of a difference later
        ("ablation_6x6", 6, SUDOKU6),
        ("ablation_6x6_slower", 6, {name: paper_rows(BLOCK6, SLOWER)[name] for name in SOME}),
    ]
    for name, row in rows.items()
    if (size, name) != (6, "attention")  # on 4x4 it had learned nothing so early
]

GRID = [  # n, T and mixing, each with each; attention, which learns later, for longer
    on_sudoku(
        f"ablation_grid/{mixing}_n{n}_T{T}",
        (f"{mixing}, n = {n}, T = {T}", replace(MODEL, n_latent=n, n_cycles=T, **how), training),
    )
    for (mixing, how), training in zip(MIXING.items(), (TRAINING, LONGER), strict=True)
    for n in GRID_N
    for T in GRID_T
]

TWO_LEVELS = models.HierarchicalConfig(**net(32) | {"grid": (5, 5)}, low_width=16, n_cycles=3)
ATTENTION = replace(TWO_LEVELS, mixing="attention", positions="rope2d", n_heads=2, expansion=2.0)
ON_MAZES = SupervisedConfig(
    n_batches=100, batch_size=48, n_sup=5, lr=8e-3, decay=0.5, eval_every=20
)


def supervised(k: int) -> SupervisedConfig:
    """K supervised steps on a batch, and as many optimizer steps as all others."""
    n_batches = ON_MAZES.n_batches * ON_MAZES.n_sup // k
    return replace(ON_MAZES, n_sup=k, n_batches=n_batches, eval_every=n_batches // 6)


SCRIPTS = [  # the scripts' list: K in training, activations, carry, attention, other sizes
    *((f"K{k}", f"K = {k} in training", TWO_LEVELS, supervised(k)) for k in (2, 3, 5, 7)),
    ("relu", "ReLU in both levels", replace(TWO_LEVELS, activation="relu"), ON_MAZES),
    ("swiglu", "SwiGLU in both levels", replace(TWO_LEVELS, low_activation="swiglu"), ON_MAZES),
    ("last_cycle", "gradient of the last cycle alone",
     replace(TWO_LEVELS, full_gradient=False), ON_MAZES),
    ("no_carry", "no carry, not even when asked", replace(TWO_LEVELS, carry=False), ON_MAZES),
    ("attention", "attention in the high level", ATTENTION, ON_MAZES),
    ("attention_long", "attention in the high level, four times the steps", ATTENTION,
     replace(ON_MAZES, n_batches=LONG * ON_MAZES.n_batches, eval_every=80)),
    ("mlp", "MLP mixing in the high level", replace(TWO_LEVELS, mixing="mlp"), ON_MAZES),
    *((f"cells{n}", f"{n}x{n} cells", replace(TWO_LEVELS, grid=(n, n)), ON_MAZES)
      for n in (3, 7, 9)),
]  # fmt: skip

MARKED = [
    Recipe(
        f"ablation_mazes/{name}",
        f"{about}; hierarchical, marks shortest paths",
        PuzzleTask(model, training, MarkedMazes(model.grid[0]), 16, training.n_sup),
    )
    for name, about, model, training in SCRIPTS
]

EXPERIMENTS = (
    "ablation", "ablation_long", "ablation_6x6", "ablation_6x6_slower", "ablation_grid",
    "ablation_mazes",
)  # fmt: skip
RECIPES = [*ON_SUDOKU, *GRID, *MARKED]
