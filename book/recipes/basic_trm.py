"""Chapter 01: what does recursion buy on minimal 4x4 Sudoku?

Every learner sees the same training classes, takes the same number of optimizer steps on batches
of the same size, and is measured on test classes that none of them ever saw.
"""

from dataclasses import replace

from book.recipes.data import MinimalSudoku
from trm_lib.experiments import Recipe
from trm_lib.models import BoardConfig, TRMConfig
from trm_lib.tasks import PuzzleTask
from trm_lib.training import SupervisedConfig

BLOCK = {  # hidden size 16
    "vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1, "expansion": 1.5,
    "hidden_multiple": 1,
}  # fmt: skip
MODEL = TRMConfig(**BLOCK, n_latent=1, n_cycles=2)
TRAINING = SupervisedConfig(n_batches=250, n_sup=8, lr=32e-3, eval_every=10)
ONE_PASS = replace(TRAINING, n_batches=2000, n_sup=1, eval_every=80)  # as many optimizer steps
K_STEPS = 16
RATES = (4e-3, 8e-3, 16e-3, 32e-3, 64e-3)


def learner(model: BoardConfig, training: SupervisedConfig, k_steps: int = K_STEPS) -> PuzzleTask:
    """A network on minimal 4x4 Sudokus; K is 1 for one that cannot think on."""
    k_steps = k_steps if isinstance(model, TRMConfig) else 1
    return PuzzleTask(model, training, MinimalSudoku(), k_steps, k_watched=min(k_steps, 8))


def feed_forward(depth: int, width: int, hidden: int) -> BoardConfig:
    """Blocks with weights of their own; `hidden` is the gated layers' size at width 16."""
    shape = {"n_layers": depth, "width": width, "expansion": 1.5 * hidden / 16}
    return BoardConfig(**BLOCK | shape)


SAME_BLOCK = feed_forward(1, 16, 16)
SAME_PARAMETERS = {  # the TRM's block cut into thinner ones
    f"same_parameters_{depth}x{width}": feed_forward(depth, width, hidden)
    for depth, width, hidden in ((2, 16, 8), (4, 16, 4), (2, 8, 14), (4, 8, 7), (8, 8, 3))
}
SAME_FLOPS = {  # the TRM's 8 steps of 4 calls, spent on untied blocks
    f"same_flops_{depth}x{width}": feed_forward(depth, width, 16)
    for depth, width in ((17, 24), (11, 32))
}

COMPARED = [
    Recipe(f"basic_trm/{name}", about, learner(model, training))
    for name, about, model, training in [
        ("recursion", "TRM: one block, n = 1, T = 2, 8 supervised steps", MODEL, TRAINING),
        ("one_step", "the same TRM, trained with K = 1 only", MODEL, ONE_PASS),
        ("no_carry", "the same TRM, every step starts afresh", MODEL,
         replace(TRAINING, carry=False)),
        ("no_latent", "n = 0: it never sees the question", replace(MODEL, n_latent=0), TRAINING),
        ("more_latent", "n = 3: more thought in every step", replace(MODEL, n_latent=3), TRAINING),
        ("no_mixing", "the same TRM, but cells never meet",
         replace(MODEL, mixing="none"), TRAINING),
        ("same_block", "feed-forward: the TRM's block, called once", SAME_BLOCK,
         replace(ONE_PASS, lr=16e-3)),
        ("same_parameters", "feed-forward: the TRM's parameters in several blocks",
         SAME_PARAMETERS["same_parameters_4x8"], replace(ONE_PASS, lr=64e-3)),
        ("same_flops", "feed-forward: the TRM's arithmetic in untied blocks",
         SAME_FLOPS["same_flops_17x24"], replace(ONE_PASS, lr=8e-3)),
    ]
]  # fmt: skip

OTHER_SPLITS = [  # the closest two once more, every seed with other test classes
    Recipe(
        recipe.name.replace("basic_trm/", "basic_trm_splits/"),
        f"{recipe.about}; another split for every seed",
        replace(recipe.task, data=MinimalSudoku(own_split=True)),
    )
    for recipe in COMPARED
    if recipe.name in ("basic_trm/recursion", "basic_trm/same_parameters")
]

TUNING = [  # tried on validation puzzles before the comparison was fixed: shapes and rates
    Recipe(
        f"basic_trm_tuning/{name}_lr_{lr:g}",
        f"{name.replace('_', ' ')} at lr {lr:g}",
        learner(model, replace(TRAINING if model is MODEL else ONE_PASS, lr=lr), k_steps=8),
    )
    for name, model in {
        "recursion": MODEL, "same_block": SAME_BLOCK, **SAME_PARAMETERS, **SAME_FLOPS
    }.items()
    for lr in (RATES[:4] if name in SAME_FLOPS else RATES)  # those fail from 0.016 on
]  # fmt: skip

FAST_MODE = [  # what the fast mode costs in accuracy; measured in float32
    Recipe(f"fast_mode/{name}", about, learner(MODEL, replace(TRAINING, fast=fast)))
    for name, about, fast in [
        ("float32", "chapter 01's TRM, trained in eager float32", False),
        ("fast", "the same, trained in the fast mode: compiled, bfloat16 products", True),
    ]
]

EXPERIMENTS = ("basic_trm", "basic_trm_splits", "basic_trm_tuning", "fast_mode")
RECIPES = [*COMPARED, *OTHER_SPLITS, *TUNING, *FAST_MODE]
