"""Chapter 03: what hints on the way are worth to a policy that learns, and a few settings beside.

Perfect mazes of 3 x 3 cells, start and goal anywhere, +1 at the goal and -0.01 a step, no masks.
All 192 layouts, split by classes under turns and mirrors. Shaped or not, a policy is measured on
the unshaped task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

import trm_lib.envs  # noqa: F401  registers trm/Maze-v0
from book.recipes.unseen_mazes import NUM_ENVS, TRAINING, success_on, trm
from trm_lib.envs import VectorPotentialShaping
from trm_lib.evaluation import every_maze
from trm_lib.experiments import Recipe
from trm_lib.models import Policy
from trm_lib.puzzles import all_trees, layout_class, split_by_class
from trm_lib.tasks import PolicyLearner, PolicyTask, measured, train_policy

NEARER = 0.2  # what a cell nearer pays in the scripts


@dataclass(frozen=True)
class Hinted:
    """A learner and the hints it is given.

    Attributes:
        learner: policy and training.
        hint: "none", "bonus", or the name of a potential of mazes.
        weight: of the potential.
    """

    learner: PolicyLearner
    hint: str = "none"
    weight: float = NEARER


@cache
def small_trees() -> dict[str, np.ndarray]:
    """The 192 perfect mazes (M, 3, 3) of 3 x 3 cells by part, whole classes each."""
    walls = all_trees(3)
    split = split_by_class(layout_class(walls), fractions=(0.6, 0.2, 0.2), seed=0)
    return {part: walls[getattr(split, part)] for part in ("train", "validation", "test")}


def hinted_mazes(hint: str, count: int, gamma: float, weight: float = NEARER) -> VectorEnv:
    """So many copies of the training mazes, with hints.

    The scripts' bonus 0.2 (d - d') is what a potential -0.2 d would pay to a learner that does not
    discount; this one discounts, so that it is no potential to it.
    """
    envs = gym.make_vec(
        "trm/Maze-v0", count, layouts=small_trees()["train"], start="random", goal="random"
    )
    if hint == "none":
        return envs
    if hint == "bonus":
        return VectorPotentialShaping(envs, "manhattan", 1.0, NEARER)
    return VectorPotentialShaping(envs, hint, gamma, weight)


def task(hinted: Hinted) -> PolicyTask:
    """What a learner plays, hints included."""

    def envs(count: int) -> VectorEnv:
        return hinted_mazes(hinted.hint, count, hinted.learner.training.gamma, hinted.weight)

    return PolicyTask(hinted.learner, envs)


def run(hinted: Hinted, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Train one policy with its hints, and measure it without, on every case of unseen mazes."""
    learner, trees = hinted.learner, small_trees()
    where = {part: every_maze(trees[part]) for part in ("validation", "test")}
    watched = where["validation"][::2]
    envs = task(hinted).envs(learner.num_envs)

    def watch(policy: Policy) -> np.ndarray:
        return success_on(watched, policy, learner.k_steps)

    policy, history = train_policy(learner, envs, seed, checkpoint, watch)
    return measured(policy, history, lambda p: success_on(where[p], policy, 1), envs)


LEARNER = replace(
    trm(2),
    training=replace(TRAINING, total_steps=120_000, eval_every=2),
    num_envs=NUM_ENVS // 2,
)
"""The small TRM of the mazes, T = 2, on 64 environments."""

HINTS = {
    "none": "no hints",
    "manhattan": "Manhattan potential, 0.2 a cell",
    "shortest_path": "potential of the shortest path, 0.2 a cell",
    "bonus": "a bonus of 0.2 for coming a cell nearer",
}

SETTINGS: dict[str, dict[str, Any]] = {
    "entropy_0": {"ent_coef": 0.0},
    "entropy_0.03": {"ent_coef": 0.03},
    "no_clipping": {"max_grad_norm": 1e9},
    "warmup_10": {"warmup": 10},
    "decay_0": {"decay": 0.0},
    "decay_1": {"decay": 1.0},
}
"""What differs from `LEARNER`, which has entropy 0.005, gradients cut at 0.5, no warm-up and a rate
that falls over the second half."""


def hints() -> list[Recipe]:
    """The same learner under every hint."""
    return [
        Recipe(f"shaping/{name}", about, Hinted(LEARNER, name.replace("_", " ")), run, task)
        for name, about in HINTS.items()
    ]


def settings() -> list[Recipe]:
    """Without hints, one setting changed at a time."""
    return [
        Recipe(
            f"shaping_settings/{name}",
            f"no hints, {', '.join(f'{key} = {value:g}' for key, value in change.items())}",
            Hinted(replace(LEARNER, training=replace(LEARNER.training, **change))),
            run,
            task,
        )
        for name, change in SETTINGS.items()
    ]


EXPERIMENTS = ("shaping", "shaping_settings")
RECIPES = [*hints(), *settings()]
