"""Chapter 08: which moves lead a shortest way to the goal? Learnt on 8x8 mazes, asked of any.

A network is shown walls and goals, not the start, and says of each cell which of its four moves lie
on a shortest way. News of a goal travels one cell a call. So after call k a cell at distance d is
judged on its moves if d < k, must say no to all of them if d > k, and is not judged between. That
is a wave, which leaves arrows behind: breadth-first search. Mazes of 8x8 cells are trained on,
15x15 ones choose, all others are looked at once.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trm_lib import puzzles
from trm_lib.evaluation import think
from trm_lib.experiments import Recipe
from trm_lib.models import (
    BoardConfig,
    BoardNet,
    HierarchicalConfig,
    LoopedConfig,
    TRMConfig,
    build_model,
    count_parameters,
)
from trm_lib.tasks import Task
from trm_lib.training import History, PuzzleData, SupervisedConfig, TrainingRun, fit

OPENED = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Shares of the walls left by a tree that are opened, in the mazes to train on."""
EACH = 2000  # mazes to train on of each share
CALLS = 6  # judged one after the other, with a gradient through all of them
AFTER = 12  # more calls than a board needs until it makes room
KINDS = {
    "tree": {"layout": "tree"},
    "loops_2": {"layout": "loops", "loops": 0.02},
    "loops_10": {"layout": "loops", "loops": 0.1},
    "loops_50": {"layout": "loops", "loops": 0.5},
    "open": {"layout": "open"},
}
"""Mazes to ask."""
FEW = {15: 200, 30: 100}
CLOSE = {7: 200, 15: 200, 30: 100, 59: 20, 101: 10}
"""Cells a side, and how many mazes of each kind are asked: of every network, and of some."""
PATIENCE, TOGETHER = 20, 40_000  # steps at rest; cells that are thought about at once


def distances(mazes: puzzles.Mazes) -> np.ndarray:
    """Steps from each cell to the nearest goal, (B, n, m)."""
    return puzzles.maze_distances(mazes.walls, mazes.goals)


def some_goals(mazes: puzzles.Mazes, rng: np.random.Generator) -> puzzles.Mazes:
    """In a fifth of them several goals, in another fifth a block of up to 3x3 goals."""
    (n, m), count = mazes.grid, len(mazes)
    kind, goals = rng.random(count), np.repeat(mazes.goal[:, None], 9, axis=1)
    several = rng.integers(n * m, size=(count, 9))
    many = np.arange(9) < rng.integers(2, 5, size=(count, 1))
    corner = rng.integers((n - 2, m - 2), size=(count, 2))
    high, wide = rng.integers(1, 4, size=(2, count))
    rows, columns = np.divmod(np.arange(9), 3)
    block = (corner[:, :1] + rows.clip(max=high[:, None] - 1)) * m
    block += corner[:, 1:] + columns.clip(max=wide[:, None] - 1)
    goals = np.where((kind[:, None] < 0.2) & many, several, goals)
    goals = np.where((kind[:, None] >= 0.2) & (kind[:, None] < 0.4), block, goals)
    clash = (goals == mazes.start[:, None]).any(axis=1)
    goals[clash] = mazes.goal[clash, None]
    return puzzles.Mazes(mazes.walls, mazes.start, goals)


def with_closed_cells(mazes: puzzles.Mazes, rng: np.random.Generator) -> puzzles.Mazes:
    """In a fifth of them a tenth of the openings are walled up, so that some cells are cut off."""
    closed = puzzles.wall_pixels(mazes.walls)
    picked = rng.random((len(mazes), 1, 1)) < 0.2
    more = (rng.random(closed.shape) < 0.1) & picked
    more[:, 1::2, 1::2] = False  # cells stay open
    return puzzles.Mazes(puzzles.walls_from_pixels(closed | more), mazes.start, mazes.goal)


@cache
def lessons(opened: tuple[float, ...] = OPENED) -> PuzzleData:
    """Mazes of 8x8 cells to train on; a label is the distance to the nearest goal, -1 if none."""
    rng, parts = np.random.default_rng(0), []
    for share in opened:
        count = EACH * len(OPENED) // len(opened)
        drawn = puzzles.generate_mazes(8, count, rng, "loops", share, "random", "random")
        mazes = with_closed_cells(some_goals(drawn, rng), rng)
        parts.append((puzzles.move_tokens(mazes), distances(mazes)))
    return PuzzleData(*map(np.concatenate, zip(*parts, strict=True)))


@cache
def asked(size: int | tuple[int, int], count: int, seed: int, kind: str) -> puzzles.Mazes:
    """Mazes that no network was trained on; those of seed 1 choose, those of seed 2 are test."""
    rng = np.random.default_rng([*np.atleast_1d(size), seed, list(KINDS).index(kind)])
    drawn = puzzles.generate_mazes(size, count, rng, start="random", goal="random", **KINDS[kind])
    return drawn


class Pool:
    """Boards that are thought about each at its own moment; one that is over makes room."""

    def __init__(self) -> None:
        self.kept: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Tensor]:
        """All that is kept of the boards, "over" among it."""
        return self.kept

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on with these."""
        self.kept = state

    def renewed(self, new: dict[str, Tensor]) -> dict[str, Tensor]:
        """What is thought about now: the new where a board is over, (B, ...) each."""
        if not self.kept:
            return new
        over = self.kept["over"]
        return {
            name: torch.where(over.view(-1, *[1] * (part.dim() - 1)), part, self.kept[name])
            for name, part in new.items()
        }

    def keep(self, now: dict[str, Tensor], over: Tensor) -> None:
        """Put away what was thought about, and which boards make room, (B,) bool."""
        self.kept = now | {"over": over}


@dataclass(eq=False)
class Wave(Pool):
    """A lesson: boards are thought about each at its own moment, and leave when all was said.

    Attributes:
        calls: how many are judged in a row, with a gradient through all of them.
        quiet: whether cells that no news can have reached must say no; else they are not judged.
        at_once: every cell is judged from the first call on.
        pool: whether boards come and go one by one; else as a batch, all at the same moment.
        late: so many calls later than news can have come, a cell is judged on its moves.
        noise: standard deviation of what is added to the states after every call.
    """

    calls: int = CALLS
    quiet: bool = True
    at_once: bool = False
    pool: bool = True
    late: int = 0
    noise: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    def __call__(self, run: TrainingRun) -> Tensor:
        inputs, far = run.next_batch()
        age = torch.zeros(len(inputs), dtype=torch.long)
        new = {"inputs": inputs, "far": far, "age": age} | vars(run.model.initial_carry(inputs))
        if self.pool and not self.kept:  # each at another moment from the start
            age = -torch.arange(len(inputs)) % (self.calls * 4)
            self.keep(new | {"age": age}, self.over(age, far))
        now = self.renewed(new)
        inputs, far, age = (now.pop(name) for name in ("inputs", "far", "age"))
        carry, losses = run.model.carry_type(**now), []
        moves = shortest(inputs, far)
        x, grid = run.model.embed(inputs), tuple(inputs.shape[1:])
        for _ in range(self.calls):
            carry, age = run.model.improved(x, carry, grid), age + 1
            if self.noise:
                carry = carry.map(lambda state: state + self.noise * torch.randn_like(state))
            logits = run.model.read(next(iter(vars(carry).values())), inputs)
            since = (age.view(-1, 1, 1) - far)[..., None]  # calls since the news came
            target = moves if self.at_once else moves & (since > self.late)
            judged = torch.ones_like(since) if self.at_once else since > self.late
            judged = judged | (since < 0) if self.quiet and not self.at_once else judged
            loss = F.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")
            losses.append((loss * judged).sum() / (4 * judged.sum()).clamp(min=1))
        run.learn(torch.stack(losses).mean())
        kept = vars(carry.map(Tensor.detach))
        self.keep({"inputs": inputs, "far": far, "age": age} | kept, self.over(age, far))
        return losses[-1].detach()

    def over(self, age: Tensor, far: Tensor) -> Tensor:
        """Which boards have been told all there is to tell, (B,) bool; as a batch, all or none."""
        done = age > far.flatten(1).amax(1) + AFTER
        return done if self.pool else done.all().expand_as(done)


def shortest(inputs: Tensor, far: Tensor) -> Tensor:
    """The moves that lead one step nearer, (B, n, m, 4) bool, of questions and distances."""
    moves = puzzles.shortest_moves(inputs.numpy().astype(np.uint8) & 15, far.numpy())
    return torch.from_numpy(moves)


@torch.no_grad()
def arrows(network: BoardNet, mazes: puzzles.Mazes, k_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all moves, (B, n, m, 4), when they rest, and the steps that took, (B,)."""
    boards, far = puzzles.move_tokens(mazes), int(np.prod(mazes.grid))
    scores, steps = np.zeros((*boards.shape, 4), np.float32), np.zeros(len(boards), int)
    unchanged = np.zeros(len(boards), int)
    for step in think(network, boards, k_steps, max(1, TOGETHER // far)):
        now, rows = step.out.logits.numpy(), step.rows
        same = ((now > 0) == (scores[rows] > 0)).reshape(len(rows), -1).all(axis=1)
        unchanged[rows] = (unchanged[rows] + 1) * same * (step.k > 1)
        scores[rows], steps[rows] = now, step.k
        step.done = unchanged[rows] >= PATIENCE
    return scores, steps


def judged(mazes: puzzles.Mazes, scores: np.ndarray) -> dict[str, float]:
    """Shares of walks that arrive in the fewest steps, and of cells and boards that are right."""
    far, each = distances(mazes), np.arange(len(mazes))
    right = ((scores > 0) == puzzles.shortest_moves(mazes.walls, far)).all(axis=-1)
    there = puzzles.steps_to(mazes.grid)
    best = scores.reshape(len(mazes), -1, 4).argmax(axis=-1)
    is_open = puzzles.passages(mazes.walls).reshape(len(mazes), -1, 4)
    here, length = mazes.start.copy(), far.reshape(len(mazes), -1)[each, mazes.start]
    for t in range(int(length.max())):
        move = best[each, here]
        going = (t < length) & is_open[each, here, move]
        here = np.where(going, there[here, move], here)
    arrived = (here[:, None] == mazes.goals).any(axis=1)  # in just as many steps as are needed
    return {
        "walks": float(arrived.mean()),
        "cells": float(right.mean()),
        "exact": float(right.all(axis=(1, 2)).mean()),
    }


@dataclass(frozen=True)
class ShortestWays(Task):
    """A network that learns which moves are shortest on mazes of 8x8 cells, and is asked others.

    Attributes:
        model, training: the network, and how it learns; the seed is replaced by the run's.
        opened: shares of walls that are opened in the mazes to train on.
        calls, quiet, at_once, pool, late, noise: of the lesson, see `Wave`.
        closely: asked mazes of every size and kind.
    """

    model: BoardConfig
    training: SupervisedConfig
    opened: tuple[float, ...] = OPENED
    calls: int = CALLS
    quiet: bool = True
    at_once: bool = False
    pool: bool = True
    late: int = 0
    noise: float = 0.0
    closely: bool = False

    def build(self, seed: int) -> BoardNet:
        """The untrained network of this seed."""
        return build_model(self.model, seed)

    def train(
        self, seed: int, checkpoint: Any = None, progress: bool = False
    ) -> tuple[BoardNet, History]:
        """The network with its averaged weights."""
        network, config = self.build(seed), replace(self.training, seed=seed)
        names = ("calls", "quiet", "at_once", "pool", "late", "noise")
        lesson = Wave(**{name: getattr(self, name) for name in names})
        history = fit(
            network, lessons(self.opened), config, lesson=lesson, progress=progress,
            checkpoint=checkpoint,
        )  # fmt: skip
        return network, history

    def measure(self, network: BoardNet, history: History, seed: int = 0) -> dict[str, Any]:
        """Walks on mazes of other sizes, none of which were trained on: JSON values."""
        chosen = asked(15, 200, 1, "loops_10")
        measured: dict[str, Any] = {
            "parameters": count_parameters(network),
            "training_seconds": round(history.seconds, 1),
            "validation_exact": judged(chosen, arrows(network, chosen, 300)[0])["walks"],
        }
        for size, count in (CLOSE if self.closely else FEW).items():
            for kind in KINDS if self.closely else ("tree", "loops_10"):
                mazes = asked(size, count, 2, kind)
                most = int(distances(mazes).max()) + 3 * PATIENCE
                scores, steps = arrows(network, mazes, most)
                for name, share in judged(mazes, scores).items():
                    measured[f"{kind}_{size}_{name}"] = share
                measured[f"{kind}_{size}_steps"] = steps.tolist()
        if self.closely:
            rng = np.random.default_rng(3)
            oblong = asked((20, 45), 100, 2, "loops_10")
            for name, mazes in (
                ("oblong", oblong),
                ("goals", some_goals(asked(30, 100, 3, "loops_10"), rng)),
            ):
                scores, _ = arrows(network, mazes, int(distances(mazes).max()) + 3 * PATIENCE)
                measured |= {f"{name}_{key}": share for key, share in judged(mazes, scores).items()}
            measured["loops_10_30_walks_by_k"] = by_k(network, asked(30, 100, 2, "loops_10"), 200)
        return measured | {"test_exact": measured["loops_10_30_walks"]}


def by_k(network: BoardNet, mazes: puzzles.Mazes, k_steps: int) -> list[float]:
    """Share of walks that are shortest after each of K calls."""
    found = []
    for step in think(network, puzzles.move_tokens(mazes), k_steps, len(mazes)):
        found.append(judged(mazes, step.out.logits.numpy())["walks"])
    return found


@dataclass(frozen=True, kw_only=True)
class WaveTraining(SupervisedConfig):
    """How to train; a gradient longer than `max_grad_norm` is cut to it."""

    max_grad_norm: float = 1.0


SHAPE = {"vocab_size": 32, "grid": (8, 8), "width": 24, "n_layers": 1, "mixing": "conv",
         "expansion": 3.0, "hidden_multiple": 16, "positions": "none", "n_answers": 4}  # fmt: skip
LOOP = LoopedConfig(**SHAPE, n_calls=1, bounded=True)
TRAINING = WaveTraining(
    n_batches=6000, batch_size=64, n_sup=1, lr=4e-3, warmup=100, decay=0.5, weight_decay=0.0,
    ema_decay=0.995, eval_every=6000,
)  # fmt: skip
HALF = replace(TRAINING, n_batches=3000, eval_every=3000)
LESSONS = {
    "half": ("the wave, half as long", {}),
    "loud": ("cells that no news can have reached are not judged", {"quiet": False}),
    "at_once": ("every cell judged from the first call", {"at_once": True}),
    "late": ("judged three calls after the news can have come", {"late": 3}),
    "one_call": ("gradient through one call, six times as many optimizer steps",
                 {"calls": 1, "training": replace(HALF, n_batches=18_000, eval_every=18_000)}),
    "noise": ("noise 0.15 after every call", {"noise": 0.15}),
    "together": ("boards come and go as a batch", {"pool": False}),
    "no_average": ("weights not averaged", {"training": replace(HALF, ema_decay=0.0)}),
    "trees_only": ("trained on trees alone", {"opened": (0.0,)}),
    "free": ("states that are not bounded", {"model": replace(LOOP, bounded=False)}),
    "trm": ("TRM, y and z", {"model": TRMConfig(**SHAPE, n_latent=1, n_cycles=1)}),
    "hierarchical": ("hierarchical TRM, high and low level",
                     {"model": HierarchicalConfig(**SHAPE | {"width": 20}, low_width=8)}),
}  # fmt: skip
"""The lesson at half its length, and with one thing changed at a time."""

EXPERIMENTS = ("shortest_ways",)
WAVE = ShortestWays(LOOP, TRAINING, closely=True)
RECIPES = [Recipe("shortest_ways/wave", "the wave; trained on 8x8 cells", WAVE)] + [
    Recipe(f"shortest_ways/{name}", f"{about}; trained on 8x8 cells",
           replace(WAVE, **{"training": HALF, "closely": False} | changes))
    for name, (about, changes) in LESSONS.items()
]  # fmt: skip
