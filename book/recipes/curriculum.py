"""Chapter 03: is an easy start worth something? Sudoku by way of 1 and 4 empty cells, or straight.

4x4 puzzles, +1 for a solved one and -0.01 for every action, pencil marks, and any of the 64 actions
allowed or only the legal ones. All is measured on 8 empty cells, on puzzles of classes never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import trm_lib.envs  # noqa: F401  registers trm/Sudoku-v0
from book.recipes.sudoku_rl import LEARNERS, TRAINING, puzzles_with
from trm_lib.evaluation import success_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import Policy, count_parameters
from trm_lib.tasks import PolicyLearner, PolicyTask
from trm_lib.training import ppo

ENOUGH = 20_000  # puzzles of each kind
WATCHED = 250


@dataclass(frozen=True)
class Course:
    """A learner and what it is taught, one stage after the other.

    Attributes:
        learner: policy and training; `total_steps` and `seed` are replaced.
        stages: (empty cells, environment steps) of each.
    """

    learner: PolicyLearner
    stages: tuple[tuple[int, int], ...]

    @property
    def use_masks(self) -> bool:
        """Whether only legal actions may be taken, in training and when measured."""
        return self.learner.training.use_masks


def sudokus(count: int, **options: Any) -> gym.vector.VectorEnv:
    """So many copies of the task."""
    seen = {"observation": "candidates", "reward": "clean"}
    return gym.make_vec("trm/Sudoku-v0", count, **seen, **options)


def task(course: Course) -> PolicyTask:
    """What its last stage is played in, for `debug`."""
    puzzles = puzzles_with(course.stages[-1][0], ENOUGH)["train"]
    return PolicyTask(course.learner, lambda count: sudokus(count, puzzles=puzzles))


def teach(course: Course, seed: int) -> tuple[Policy, np.ndarray, np.ndarray, float]:
    """Train one policy, stage by stage.

    Returns:
        The policy, environment steps (S,) and success (S,) on validation puzzles with 8 empty cells
        at each look, and training seconds.
    """
    learner, policy = course.learner, course.learner.new_policy(seed)
    watched = np.random.default_rng(1).permutation(puzzles_with(8, ENOUGH)["validation"])
    steps, success, done, seconds = [], [], 0, 0.0
    for empty, length in course.stages:
        history = ppo(
            policy,
            sudokus(learner.num_envs, puzzles=puzzles_with(empty, ENOUGH)["train"]),
            replace(learner.training, total_steps=length, seed=seed),
            evaluate=lambda p: success_by_k(p, sudokus, watched[:WATCHED], 1, course.use_masks),
            progress=False,
        )
        steps += [done + s for s in history.eval_steps]
        success += [by_k[-1] for by_k in history.eval_success]
        done, seconds = done + history.steps[-1], seconds + history.seconds
    return policy.eval(), np.array(steps), np.array(success), seconds


def run(course: Course, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Teach one policy and measure it; short enough to begin anew when interrupted."""
    policy, steps, success, seconds = teach(course, seed)
    test = puzzles_with(8, ENOUGH)["test"]
    return {
        "parameters": count_parameters(policy),
        "training_seconds": round(seconds, 1),
        "watched_steps": steps.tolist(),
        "watched_success": [round(float(s), 4) for s in success],
        "test_success": float(success_by_k(policy, sudokus, test, 1, course.use_masks)[0]),
    }


STRAIGHT = ((8, 65_536),)
BY_WAY = ((1, 8192), (4, 8192), (8, 49_152))


def courses() -> list[Recipe]:
    """With masks and without, straight and by way of the easy ones: 65,536 steps each."""
    training = replace(TRAINING, decay=0.0, gamma=0.98, eval_every=4)
    return [
        Recipe(
            f"curriculum/{masks}_{way}",
            f"{what}, {how}",
            Course(
                replace(LEARNERS["trm"], training=replace(training, use_masks=masks == "masks")),
                stages,
            ),
            run,
            task,
        )
        for masks, what in (("masks", "legal actions only"), ("free", "any action"))
        for way, how, stages in (
            ("straight", "8 empty cells from the start", STRAIGHT),
            ("by_way", "1, 4, then 8 empty cells", BY_WAY),
        )
    ]


EXPERIMENTS = ("curriculum",)
RECIPES = [*courses()]
