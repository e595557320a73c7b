"""Chapter 10: can it solve the hardest Sudokus? A state for each candidate, and no rule told.

A network is told which candidates compete (`trm_lib.models.candidates`), and learns the rest on
9x9 boards, which come and go one by one: each is thought about until it is right or has had its
time. Validation puzzles chose the settings. Tables show what was right of those for test.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from book.recipes.shortest_ways import Pool
from book.recipes.sudoku9 import SIZES, famous, lessons, of_size, part
from trm_lib import puzzles
from trm_lib.evaluation import exact_by_k, think
from trm_lib.experiments import Recipe
from trm_lib.models import (
    BoardConfig,
    BoardNet,
    LoopedConfig,
    TRMConfig,
    build_model,
    count_parameters,
    fast_mode,
)
from trm_lib.models.candidates import box_shape
from trm_lib.models.layers import MIXINGS, AttentionMixing, rms_norm
from trm_lib.tasks import Task
from trm_lib.training import (
    IGNORE,
    History,
    PuzzleData,
    SupervisedConfig,
    TrainingRun,
    answer_loss,
    exactly_right,
    fit,
)


@dataclass(eq=False)
class Thoughts(Pool):
    """A lesson: a board is thought about until it is right, or for `patience` steps.

    Attributes:
        patience: steps after which a board makes room in any case.
        start: standard deviation of the random states that boards start from; 0: from one state.
        noise: that of what is added to the states before every step.
        late: steps at the beginning of a thought that are not judged, nor end it.
        struck: weight of a second loss, which asks of each candidate alone whether it is true.
        tries: how often a board is thought about anew, from other random states, until it is right.
        stay: steps for which one that is right goes on, at the most.
    """

    patience: int
    start: float
    noise: float
    late: int = 0
    struck: float = 0.0
    tries: int = 1
    stay: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def __call__(self, run: TrainingRun) -> Tensor:
        inputs, labels = run.next_batch()
        draw = partial(torch.randn, generator=run.generator)
        carry, age = run.model.initial_carry(inputs), torch.zeros(len(inputs), dtype=torch.long)
        if self.start:
            carry = carry.map(lambda h: self.start * draw(h.shape))
        now = self.renewed({"inputs": inputs, "labels": labels, "age": age} | vars(carry))
        inputs, labels, age = (now.pop(name) for name in ("inputs", "labels", "age"))
        carry = run.model.carry_type(**now)
        if self.tries > 1:
            anew = (age % self.patience == 0)[:, None, None]
            carry = carry.map(lambda h: torch.where(anew, self.start * draw(h.shape), h))
        if self.noise:
            carry = carry.map(lambda h: h + self.noise * draw(h.shape))
        carry, out = run.model(carry, inputs)
        judged = age >= self.late
        loss = answer_loss(out.logits, torch.where(judged[:, None, None], labels, IGNORE))
        loss = loss if judged.any() else 0.0 * out.logits.sum()
        if self.struck:
            true = F.one_hot(labels, out.logits.shape[-1])[..., 1:].float()
            loss = loss + self.struck * F.binary_cross_entropy_with_logits(
                out.logits[..., 1:], true, pos_weight=torch.tensor(8.0)
            )
        run.learn(loss)
        right = exactly_right(out.logits, labels) & judged
        end = self.patience * self.tries
        age = torch.where(right, (age + 1).clamp(min=end - self.stay), age + 1)
        self.keep({"inputs": inputs, "labels": labels, "age": age} | vars(carry), age >= end)
        return loss.detach()


def first_right(
    network: BoardNet, data: PuzzleData, k_steps: int, starts: int = 1, own: bool = True
) -> np.ndarray:
    """Steps until each puzzle was first right, over all starts, (M,) int64; 0 if it never was.

    Args:
        network, data: M puzzles to ask it.
        k_steps: K, steps from each start.
        starts: how often it begins, from random states.
        own: the first time from the network's own.
    """
    generator, taken = torch.Generator().manual_seed(0), np.zeros(len(data), int)
    for start in range(starts):
        asked = np.flatnonzero(taken == 0)
        if len(asked) == 0:
            break
        draws = None if own and start == 0 else generator
        for step in think(network, data.inputs[asked], k_steps, 64, draws):
            rows = asked[step.rows]
            step.done = (step.answers == data.labels[rows]).all(axis=(1, 2))
            taken[rows[step.done]] = start * k_steps + step.k
    return taken


@dataclass(frozen=True)
class HardSudoku(Task):
    """A network that learns 9x9 Sudokus, and is asked unseen ones, harder ones, and other sizes.

    Attributes:
        model, training: the network, and how it learns; the seed is replaced by the run's.
        shares: of the puzzles to train on, by kind, see `sudoku9.MADE`.
        patience, start, noise: of the lesson, see `Thoughts`.
        dressed: puzzles to train on are turned, and their digits renamed, at random.
        closely: asked for long, from many starts, and about other sizes as well.
    """

    model: BoardConfig
    training: SupervisedConfig
    shares: tuple[float, ...] = (0.35, 0.1, 0.25, 0.3)
    patience: int = 16
    start: float = 0.0
    noise: float = 0.0
    dressed: bool = False
    closely: bool = False

    def build(self, seed: int) -> BoardNet:
        """The untrained network of this seed."""
        return build_model(self.model, seed)

    def lessons(self) -> PuzzleData:
        """What to train on."""
        return lessons(self.shares)

    def lesson(self) -> Thoughts:
        """How it is learnt."""
        return Thoughts(self.patience, self.start, self.noise)

    def asking(self, network: BoardNet) -> AbstractContextManager:
        """While a network is asked: in float32 for the close look, else in the fast mode."""
        quick = self.training.fast and not self.closely
        boards = torch.zeros(64, *self.model.grid, dtype=torch.long)
        return fast_mode(network.eval(), boards) if quick else nullcontext()

    def train(
        self, seed: int, checkpoint: Any = None, progress: bool = False
    ) -> tuple[BoardNet, History]:
        """The network with its averaged weights."""
        network, config = self.build(seed), replace(self.training, seed=seed)
        watched = [part("validation", kind)[:100] for kind in ("minimal", "hard")]

        def watch(asked: BoardNet) -> np.ndarray:
            with self.asking(asked):
                return np.array([exact_by_k(asked, data, 32)[-1] for data in watched])

        history = fit(
            network,
            self.lessons(),
            config,
            augment=puzzles.augment_sudoku if self.dressed else None,
            lesson=self.lesson(),
            evaluate=watch,
            progress=progress,
            checkpoint=checkpoint,
            checkpoint_every=500,
        )
        return network, history

    def measure(self, network: BoardNet, history: History, seed: int = 0) -> dict[str, Any]:
        """Shares of unseen puzzles that are right, by K: JSON values.

        A network that was trained from random states is asked from such; what is watched in
        training is asked from its own.
        """
        with self.asking(network):
            return self.numbers(network, history)

    def numbers(self, network: BoardNet, history: History) -> dict[str, Any]:
        """What `measure` says."""

        def exact(data: PuzzleData, k_steps: int, batch_size: int = 64) -> np.ndarray:
            draws = torch.Generator().manual_seed(0) if self.start else None
            return exact_by_k(network, data, k_steps, batch_size, draws)

        chose = [part("validation", kind)[:100] for kind in ("minimal", "hard")]
        measured: dict[str, Any] = {
            "parameters": count_parameters(network),
            "training_seconds": round(history.seconds, 1),
            "batch": history.eval_steps,
            "watched": history.eval_success,
            "validation_exact": float(np.mean([exact(data, 32)[-1] for data in chose])),
        }
        own = not self.start
        for kind in ("minimal", "hard"):
            data = part("test", kind)
            measured[f"{kind}_exact_by_k"] = exact(data, 32).tolist()
            if self.closely:
                measured[f"{kind}_one_start"] = first_right(network, data, 1024, own=own).tolist()
                measured[f"{kind}_16_starts"] = first_right(network, data, 64, 16, own).tolist()
        if self.closely:
            measured["famous_16_starts"] = first_right(network, famous(), 1024, 16, own).tolist()
        for size, count, clues in SIZES if self.closely else ():
            data = of_size(size, count, clues)
            measured[f"size_{size}_exact_by_k"] = exact(data, 64, 16).tolist()
        return measured | {"test_exact": measured["hard_exact_by_k"][31]}


class SmallSudoku(HardSudoku):
    """The same, trained on 6x6 boards alone, and asked some it has not seen."""

    def lessons(self) -> PuzzleData:
        return of_size(6, 10_500, "minimal")[np.arange(500, 10_500)]

    def numbers(self, network: BoardNet, history: History) -> dict[str, Any]:
        small = of_size(6, 10_500, "minimal")[np.arange(500)]
        by_k = exact_by_k(network, small, 32, 100, torch.Generator().manual_seed(0))
        return super().numbers(network, history) | {"size_6_exact_by_k": by_k.tolist()}


@dataclass(frozen=True)
class OtherLesson(HardSudoku):
    """The same with another lesson.

    Attributes:
        late, struck, tries, stay: see `Thoughts`.
    """

    late: int = 0
    struck: float = 0.0
    tries: int = 1
    stay: int = 0

    def lesson(self) -> Thoughts:
        other = {name: getattr(self, name) for name in ("late", "struck", "tries", "stay")}
        return replace(super().lesson(), **other)


class PeerMixing(AttentionMixing):
    """Attention that is told what competes: each head sees a row, a column, a box, or everything.

    Each place hears from places, not from candidates: that digits compete in them is not told.
    """

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__(config, generator)
        n = config.grid[0]
        rows, columns = box_shape(n)
        row, column = torch.arange(n * n) // n, torch.arange(n * n) % n
        box = row // rows * n + column // columns
        alike = [group[:, None] == group for group in (row, column, box, 0 * row)]
        self.register_buffer("sees", torch.stack(alike), persistent=False)  # (4, L, L) bool

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        B, L, D = h.shape
        q, k, v = self.qkv(h).view(B, L, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=self.sees)
        return rms_norm(h + self.out(mixed.transpose(1, 2).reshape(B, L, D)))


MIXINGS["peers"] = PeerMixing

SHAPE = {"vocab_size": 26, "grid": (9, 9), "width": 32, "n_layers": 2, "mixing": "constraints",
         "expansion": 3.0, "hidden_multiple": 16, "positions": "none"}  # fmt: skip
LOOP = LoopedConfig(**SHAPE, n_calls=4)
TRAINING = SupervisedConfig(
    n_batches=20_000, batch_size=32, n_sup=1, lr=2.5e-3, warmup=50, decay=0.5, weight_decay=0.0,
    optimizer="muon", ema_decay=0.999, eval_every=5000, fast=True,
)  # fmt: skip
CANDIDATES = HardSudoku(LOOP, TRAINING, patience=12, start=1.0, closely=True)
STEADY = OtherLesson(**vars(CANDIDATES) | {"noise": 0.1, "stay": 4})


def short(n_batches: int) -> SupervisedConfig:
    """So many batches as take two minutes on one core, for which 1500 stand."""
    return replace(TRAINING, n_batches=n_batches, ema_decay=0.997, eval_every=n_batches)


SHORT = short(1500)
SHORTER = {
    "short": ("the lesson, made short", {}),
    "two_calls": ("gradient through two calls, twice as many steps",
                  {"model": replace(LOOP, n_calls=2), "patience": 24,
                   "training": short(3000)}),
    "cycles": ("eight calls, the last four with a gradient",
               {"model": replace(LOOP, n_cycles=2), "patience": 6,
                "training": short(1150)}),
    "one_start": ("from one state, not from random ones", {"start": 0.0}),
    "noise": ("noise 0.1 before every step", {"noise": 0.1}),
    "patient": ("24 steps before a board makes room", {"patience": 24}),
    "late": ("the first four steps not judged", {"late": 4}),
    "struck": ("each candidate judged alone as well", {"struck": 1.0}),
    "tries": ("a board not solved is tried up to four times", {"tries": 4}),
    "stay": ("a solved board stays for four more steps", {"stay": 4}),
    "minimal_only": ("random minimal puzzles alone", {"shares": (1.0, 0.0, 0.0, 0.0)}),
    "adamw": ("AdamW", {"training": replace(SHORT, optimizer="adamw")}),
    "last": ("the last weights, not averaged", {"training": replace(SHORT, ema_decay=0.0)}),
    "narrow": ("width 16",
               {"model": replace(LOOP, width=16, expansion=6.0), "training": short(2150)}),
    "trm": ("TRM, y and z", {"model": TRMConfig(**SHAPE, n_latent=3, n_cycles=1)}),
}  # fmt: skip
"""The lesson, made short, and with one thing changed at a time."""
FIRST = HardSudoku(
    replace(LOOP, n_calls=2), replace(TRAINING, n_batches=30_000, eval_every=7500), closely=True
)
"""What was tried first: two calls a step, from one state."""
PLACES = SHAPE | {"vocab_size": 10, "width": 96, "expansion": 3.0, "n_heads": 4}
RIVALS = {
    "attention": ("the paper's TRM with attention", 450,
                  {"mixing": "attention", "positions": "rope2d"}),
    "peers": ("the same, told which places compete", 1000, {"mixing": "peers"}),
    "mlp": ("the paper's TRM with an MLP over places", 1700, {"mixing": "mlp"}),
}  # fmt: skip
"""Networks with a state for each place, in as many batches as take two minutes; they are shown
every puzzle in another dress."""

EXPERIMENTS = ("hard_sudoku",)
BRIEF = replace(CANDIDATES, training=SHORT, closely=False)
FEW = replace(FIRST, shares=(0.4, 0.2, 0.4, 0.0), closely=False)
SMALL = SmallSudoku(LOOP, short(4300), patience=12, start=1.0)
RECIPES = [
    Recipe("hard_sudoku/steady", "a state for each candidate", STEADY),
    Recipe("hard_sudoku/candidates", "the same without noise, nor steps once right", CANDIDATES),
    Recipe("hard_sudoku/first", "two calls a step, from one state", FIRST),
    Recipe("hard_sudoku/few", "700 hard puzzles to train on", FEW),
    Recipe("hard_sudoku/small", "trained on 6x6 alone", SMALL),
]
OTHER = OtherLesson(**vars(BRIEF))
RECIPES += [
    Recipe(f"hard_sudoku/{name}", about,
           replace(OTHER if changes.keys() & OtherLesson.__annotations__ else BRIEF, **changes))
    for name, (about, changes) in SHORTER.items()
]  # fmt: skip
RECIPES += [
    Recipe(f"hard_sudoku/{name}", about,
           replace(BRIEF, model=TRMConfig(**PLACES | how, n_latent=3, n_cycles=1), dressed=True,
                   training=short(n_batches)))
    for name, (about, n_batches, how) in RIVALS.items()
]  # fmt: skip
