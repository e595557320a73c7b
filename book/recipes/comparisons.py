"""Chapter 07: is a TRM really better? Rivals over mazes whose shortest path must be marked.

Every learner takes as many optimizer steps on batches of one size. One that can think on spends
ten of them on a batch, by deep supervision, and so sees a tenth of the mazes.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from book.recipes.data import MarkedMazes
from trm_lib.experiments import Recipe, Result, table
from trm_lib.models import BoardConfig, BoardNet, LoopedConfig, State, TRMConfig
from trm_lib.puzzles import CELL_TOKENS, PIXEL_TOKENS
from trm_lib.tasks import PuzzleTask
from trm_lib.training import SupervisedConfig


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

TRM = TRMConfig(**net(32), n_latent=2, n_cycles=1)
TRM_N3 = replace(TRM, n_latent=3)
ATTENTION = net(32, 1, "attention", 2.0)


def untied(width: int, depth: int, mixing: str = "conv", expansion: float = 3.0) -> BoardConfig:
    """Blocks with weights of their own, each called once."""
    return BoardConfig(**net(width, depth, mixing, expansion))


SHAPES: dict[str, dict[str, BoardConfig]] = {
    "trm": {"n2": TRM, "n3": TRM_N3},
    "looped": {"1x32": LoopedConfig(**net(32), n_calls=3)},
    "trm_seeing": {"n3": replace(TRM_N3, seeing=True)},
    "trm_attention": {"n2": TRMConfig(**ATTENTION, n_latent=2, n_cycles=1)},
    "looped_transformer": {"1x32": LoopedConfig(**ATTENTION, n_calls=3)},
    "cnn": {"2x22": untied(22, 2), "5x14": untied(14, 5), "9x11": untied(11, 9)},
    "cnn_same_flops": {"30x32": untied(32, 30)},
    "cnn_script": {"10x32": untied(32, 10)},
    "transformer": {"1x32": BoardConfig(**ATTENTION), "3x16": untied(16, 3, "attention")},
    "gru": {"1x26": untied(26, 1, "gru"), "2x18": untied(18, 2, "gru")},
    "mixer": {"1x16": untied(16, 1, "mlp", 1.0), "2x16": untied(16, 2, "mlp", 0.5)},
}
"""Shapes that were tried of each learner, of about as many parameters as the TRM's 9,056, within a
tenth. But `cnn_same_flops` does the TRM's arithmetic of ten steps in blocks of its own, and
`cnn_script` is as large as the scripts' CNN."""

ABOUT = {
    "trm": "TRM, convolution",
    "looped": "the TRM's block in a loop on one state, without a y beside the z",
    "trm_seeing": "TRM whose answer sees the question too",
    "trm_attention": "TRM, attention",
    "looped_transformer": "Transformer block in a loop on one state",
    "cnn": "the TRM's block untied: as many parameters",
    "cnn_same_flops": "the TRM's block untied: as many operations",
    "cnn_script": "the TRM's block untied: as large as the scripts' CNN",
    "transformer": "Transformer",
    "gru": "GRUs over the cells, both ways, as many parameters",
    "mixer": "MLP-mixer, as many parameters",
}
RATES = (2e-3, 4e-3, 8e-3)
HIGHER = (*RATES, 1.6e-2)
OTHER_RATES = {
    "trm_n3": HIGHER, "mixer_1x16": HIGHER, "cnn_9x11": HIGHER,
    "cnn_5x14": (*HIGHER, 3.2e-2), "gru_1x26": (*HIGHER, 3.2e-2),
    "cnn_same_flops_30x32": (5e-4, 1e-3, 2e-3, 4e-3),
}  # fmt: skip
"""Where the highest rate did best, and not perfectly, a higher one was tried; thirty blocks did not
learn at all at 4e-3."""

CHOSEN = {
    "trm": ("n3", 8e-3), "trm_seeing": ("n3", 8e-3), "looped": ("1x32", 4e-3),
    "trm_attention": ("n2", 4e-3), "looped_transformer": ("1x32", 4e-3),
    "cnn": ("9x11", 8e-3), "transformer": ("3x16", 4e-3),
    "gru": ("1x26", 1.6e-2), "mixer": ("1x16", 8e-3),
    "cnn_script": ("10x32", 4e-3), "cnn_same_flops": ("30x32", 2e-3),
}  # fmt: skip
"""What did best on validation mazes: shape and rate."""


@dataclass
class PlacedCarry(State):
    """What a step of `Untied` hands to the next: states h (B, L, D), and the steps taken, (B,)."""

    h: Tensor
    step: Tensor


class Untied(BoardNet):
    """The loop on one state, but for its weights: each call of each step has a block of its own."""

    config: LoopedConfig
    config_type, carry_type, starts = LoopedConfig, PlacedCarry, ("h0",)

    def build(self, generator: torch.Generator) -> None:
        self.register_start("h0", generator, self.config.width)

    def initial_carry(self, inputs: Tensor) -> PlacedCarry:
        shape = (len(inputs), inputs[0].numel(), self.config.width)
        return PlacedCarry(self.h0.expand(shape), torch.zeros(len(inputs), dtype=torch.int64))

    def improved(self, x: Tensor, carry: PlacedCarry, grid: tuple[int, ...]) -> PlacedCarry:
        h, first = carry.h, int(carry.step[0]) * self.config.n_calls
        for block in self.stack.blocks[first : first + self.config.n_calls]:
            h = block(h + x, grid)
        return PlacedCarry(h, carry.step + 1)


class UntiedTask(PuzzleTask):
    """The same lesson for `Untied`."""

    def build(self, seed: int) -> Untied:
        return Untied(self.model, torch.Generator().manual_seed(seed))


SCRIPT_SIZES = {
    "trm": TRMConfig(**net(59), n_latent=3, n_cycles=1),
    "transformer": BoardConfig(**net(128, 4, "attention", 2.66)),
}
"""The TRM of the scripts' second comparison has 28,258 parameters and its Transformer 616,514."""

LARGE_RATES = {"trm": (4e-3, 8e-3), "transformer": (5e-4, 1e-3)}
CHOSEN_LARGE = {"trm": 4e-3, "transformer": 1e-3}
"""Rates tried, and which did best on validation mazes."""


def on(data: MarkedMazes, model: BoardConfig, lr: float = RECURSIVE.lr) -> PuzzleTask:
    """A network on these mazes, with the training that suits it: deep supervision if it can."""
    tokens = CELL_TOKENS if data.form == "cells" else PIXEL_TOKENS
    model = replace(model, grid=data.grid, vocab_size=tokens)
    if type(model) is BoardConfig:
        return PuzzleTask(model, replace(ONE_PASS, lr=lr), data, k_steps=1, k_watched=1)
    longer = int(LONGER * RECURSIVE.n_sup)
    return PuzzleTask(model, replace(RECURSIVE, lr=lr), data, longer, RECURSIVE.n_sup)


def chosen(name: str, data: MarkedMazes = MarkedMazes()) -> PuzzleTask:  # noqa: B008
    """A learner as it was tuned on mazes of 8x8 cells, on these."""
    shape, lr = CHOSEN[name]
    return on(data, SHAPES[name][shape], lr)


COMPARED = [Recipe(f"maze8/{name}", ABOUT[name], chosen(name)) for name in CHOSEN]

FEW_MAZES = [  # fewer mazes to learn from, over and over
    Recipe(f"maze8_few/{name}_{count}", f"{ABOUT[name]}; {count:,} training mazes",
           chosen(name, MarkedMazes(count=count)))
    for name in ("trm", "looped", "cnn_script")
    for count in (300, 500, 5000)
]  # fmt: skip

PIXELS = [  # mazes as pictures, walls included
    Recipe(f"maze5_pixels/{name}", f"{ABOUT[name]}; 5x5 cells as 11x11 pixels",
           chosen(name, MarkedMazes(5, "pixels")))
    for name in ("trm", "looped", "cnn_script")
]  # fmt: skip

LARGE = [  # the scripts' sizes, and the TRM of that size on 8x8 cells
    Recipe(
        f"maze{size}_large/{name}",
        f"{ABOUT[name]}; {SCRIPT_SIZES[name].width} wide, {size}x{size} cells",
        on(MarkedMazes(size), SCRIPT_SIZES[name], CHOSEN_LARGE[name]),
    )
    for size, name in ((10, "trm"), (10, "transformer"), (8, "trm"))
]

BEST = chosen("trm")
LONGER_AND_DEEPER = [  # is it slow? As in the paper, the last of three cycles has a gradient
    Recipe("maze8_longer/trm", f"{ABOUT['trm']}; twice as many optimizer steps",
           replace(BEST, training=replace(BEST.training, n_batches=600, eval_every=50))),
    Recipe("maze8_cycles/trm", f"{ABOUT['trm']}; three cycles",
           replace(BEST, model=replace(BEST.model, n_cycles=3))),
] + [
    Recipe(f"maze8_longer/{name}", f"{ABOUT[name]}; three times as many optimizer steps",
           replace(what, training=replace(what.training, n_batches=9000, eval_every=750)))
    for name in ("cnn", "transformer", "gru")
    for what in [chosen(name)]
]  # fmt: skip

LOOP, MAZES = SHAPES["looped"]["1x32"], MarkedMazes()
APART = {
    "untied": UntiedTask(replace(LOOP, n_layers=30), RECURSIVE, MAZES, 10, 10),
    "judged_once": PuzzleTask(replace(LOOP, n_calls=30), replace(RECURSIVE, n_sup=1), MAZES, 1, 1),
}
"""The loop's ten steps of three calls, and its arithmetic, with one thing taken away: the shared
weights, or the nine judgements on the way, so that one gradient goes back through thirty calls."""
ABOUT |= {"untied": "the loop with thirty blocks in place of one",
          "judged_once": "the loop judged once, after thirty calls"}  # fmt: skip


def apart(name: str, lr: float, n_batches: int) -> PuzzleTask:
    """One of these at a rate, on so many batches."""
    training = replace(APART[name].training, lr=lr, n_batches=n_batches, eval_every=n_batches // 12)
    return replace(APART[name], training=training)


TUNED_APART = [
    Recipe(f"maze8_tuning/{name}_lr_{lr:g}", f"{ABOUT[name]}; lr {lr:g}, 300 batches",
           apart(name, lr, 300))
    for name in APART for lr in ((*HIGHER, 3.2e-2) if name == "untied" else RATES)
]  # fmt: skip

TUNING = [  # every shape at every rate, one seed each, judged on validation mazes
    Recipe(f"maze8_tuning/{name}_{shape}_lr_{lr:g}",
           f"{ABOUT[name]}; {shape} at lr {lr:g}, 3,000 optimizer steps",
           on(MarkedMazes(), model, lr))
    for name, shapes in SHAPES.items()
    for shape, model in shapes.items()
    for lr in OTHER_RATES.get(f"{name}_{shape}", RATES)
] + [
    Recipe(f"maze10_tuning/{name}_lr_{lr:g}",
           f"{ABOUT[name]}; {model.width} wide, 10x10 cells, at lr {lr:g}",
           on(MarkedMazes(10), model, lr))
    for name, model in SCRIPT_SIZES.items()
    for lr in LARGE_RATES[name]
]  # fmt: skip

EXPERIMENTS = (
    "maze8", "maze8_few", "maze8_large", "maze8_longer", "maze8_cycles", "maze8_apart",
    "maze8_tuning", "maze5_pixels", "maze10_large", "maze10_tuning",
)  # fmt: skip
TAKEN_APART = [
    Recipe("maze8_apart/untied", ABOUT["untied"], apart("untied", 1.6e-2, 300)),
    Recipe("maze8_apart/judged_once", f"{ABOUT['judged_once']}; 1,000 batches",
           apart("judged_once", 8e-3, 1000)),
]  # fmt: skip

RECIPES = [*COMPARED, *FEW_MAZES, *PIXELS, *LARGE, *LONGER_AND_DEEPER, *TUNING,
           *TUNED_APART, *TAKEN_APART]  # fmt: skip


def speeds(results: dict[str, Result]) -> str:
    """How soon each learner had 95% of the watched puzzles exactly right.

    Optimizer steps, epochs (of the training puzzles) and seconds are medians over all seeds; a seed
    that never got there counts as later than any other.
    """

    def median(values: np.ndarray, form: str) -> str:  # -1 is never
        middle = np.median(np.where(values < 0, np.inf, values))
        return format(middle, form) if np.isfinite(middle) else "never"

    rows = []
    for label, result in results.items():
        epochs, seconds = result.measured("epochs_to_95"), result.measured("to_95_seconds")
        training, boards = result.config["training"], result.measured("boards")  # (R, evaluations)
        there = result.measured("watched_exact") >= 0.95
        first = boards[np.arange(len(boards)), there.argmax(1)]
        steps = np.where(there.any(1), first / training["batch_size"] * training["n_sup"], -1)
        share = f"{(epochs >= 0).sum()} of {len(epochs)}"
        rows.append([label, share, median(steps, ",.0f"), median(epochs, ".2f"),
                     median(seconds, ".0f")])  # fmt: skip
    return table(
        ["learner", "seeds that got to 95%", "optimizer steps until then", "epochs", "seconds"],
        rows,
    )
