"""Sudoku by trial and error: policies fill 4x4 puzzles of classes never seen, digit by digit.

+1 for a solved puzzle, -1 for one that is stuck, nothing else; only legal digits may be written.
Learners see pencil marks, that is, their action mask as channels ("candidates"), unless said
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import trm_lib.envs  # noqa: F401  registers trm/Sudoku-v0
from trm_lib.envs import SudokuReward, random_legal_policy
from trm_lib.evaluation import play_each, success_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import (
    BoardConfig,
    BoardPolicyConfig,
    FlatPolicyConfig,
    Policy,
    TRMConfig,
)
from trm_lib.puzzles import class_key, masked_grids, split_by_hash, sudokus_4x4
from trm_lib.tasks import PolicyLearner, PolicyTask, measured, train_policy
from trm_lib.training import PPOConfig

REWARD = SudokuReward(right=0.0, wrong=0.0, clash=0.0, filled=0.0, clue=0.0, solved=1.0, stuck=-1.0)
TRAINING = PPOConfig(
    total_steps=100_000, lr=3e-3, decay=0.5, gamma=1.0, ent_coef=0.002,
    num_steps=8, n_epochs=4, n_minibatches=4, eval_every=10,
)  # fmt: skip
NUM_ENVS = 128
FEW, MANY = 500, 5000  # puzzles to watch while learning, and to measure at the end
K_STEPS = 4
TOKENS = {"channels": 32, "candidates": 256}
"""Different cells: 5 and 8 channels of zeros and ones."""


@dataclass(frozen=True)
class Filler:
    """A learner and its task.

    Attributes:
        learner: what learns.
        empties: how many cells are empty.
        observation: what is seen, see `SudokuEnv`.
    """

    learner: PolicyLearner
    empties: int = 8
    observation: str = "candidates"

    def envs(self, count: int, **options: Any) -> gym.vector.VectorEnv:
        """Environments of this task."""
        return gym.make_vec(
            "trm/Sudoku-v0", count, reward=REWARD, observation=self.observation, **options
        )


@cache
def puzzles_with(empties: int, count: int = 100_000) -> dict[str, np.ndarray]:
    """4x4 puzzles (M, 4, 4) with one solution by part, split by symmetry classes.

    All there are, or `count` drawn evenly: 60% to train on.
    """
    every = sudokus_4x4(16 - empties)
    if len(every) > count:
        every = every[np.random.default_rng(0).choice(len(every), count, replace=False)]
    puzzles, _ = masked_grids(every)
    split = split_by_hash(class_key(puzzles), fractions=(0.6, 0.2, 0.2))
    return {part: puzzles[getattr(split, part)] for part in ("train", "validation", "test")}


def task_of(filler: Filler) -> PolicyTask:
    """What a learner plays: puzzles of the training classes."""
    train = puzzles_with(filler.empties)["train"]
    return PolicyTask(filler.learner, lambda count: filler.envs(count, puzzles=train))


def run(task: Filler, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Train one policy on puzzles of the training classes, and measure it on the others."""
    puzzles = puzzles_with(task.empties)
    rng = np.random.default_rng(1)
    where = {
        part: rng.permutation(puzzles[part])[:MANY] for part in ("validation", "test")
    }  # fmt: skip
    watched = where["validation"][:FEW]
    envs = task_of(task).envs(task.learner.num_envs)

    def success(policy: Policy, cases: np.ndarray, k_steps: int) -> np.ndarray:
        return success_by_k(policy, task.envs, cases, k_steps)

    def watch(policy: Policy) -> np.ndarray:
        return success(policy, watched, task.learner.k_steps)

    policy, history = train_policy(task.learner, envs, seed, checkpoint, watch)
    thinks = isinstance(getattr(task.learner.policy, "core", None), TRMConfig)
    k_steps = K_STEPS if thinks else 1
    numbers = measured(policy, history, lambda p: success(policy, where[p], k_steps), envs)
    chance = play_each(task.envs, where["test"], random_legal_policy(np.random.default_rng(seed)))
    return numbers | {"random_legal_success": float(chance.success.mean())}


def core(n_layers: int = 1, observation: str = "candidates", width: int = 16) -> dict[str, Any]:
    """Fields that all cores share."""
    return {
        "vocab_size": TOKENS[observation], "grid": (4, 4), "width": width, "n_layers": n_layers,
        "mixing": "mlp", "expansion": 2.0, "hidden_multiple": 1, "positions": "none",
        "n_answers": 5,
    }  # fmt: skip


def board(config: BoardConfig) -> PolicyLearner:
    """A policy in which every cell names its digit."""
    return PolicyLearner(BoardPolicyConfig(core=config, n_actions=64), TRAINING, NUM_ENVS)


def flat(kind: str, hidden: tuple[int, ...]) -> PolicyLearner:
    """A policy over all 128 numbers at once."""
    config = FlatPolicyConfig(n_inputs=128, n_actions=64, hidden=hidden)
    return PolicyLearner(config, TRAINING, NUM_ENVS, kind)


LEARNERS = {
    "trm": board(TRMConfig(**core(), n_latent=2, n_cycles=1)),
    "one_pass": board(BoardConfig(**core())),
    "mlp": flat("mlp", (20,)),
}
ABOUT = {
    "trm": "TRM, n = 2, T = 1",
    "one_pass": "the TRM's block, called once",
    "mlp": "perceptron over all numbers",
}
RATES = (3e-3, 6e-3, 1.2e-2)


def at_rate(name: str, lr: float, total_steps: int) -> Filler:
    """A learner at a rate, on 8 empty cells."""
    learner = LEARNERS[name]
    return Filler(replace(learner, training=replace(TRAINING, lr=lr, total_steps=total_steps)))


def tuning() -> list[Recipe]:
    """Three rates for every learner, one seed each."""
    return [
        Recipe(
            f"sudoku_rl_tuning/{name}_lr_{lr:g}",
            f"{ABOUT[name]}, at lr {lr:g}, 50,000 steps",
            at_rate(name, lr, 50_000),
            run,
            task_of,
        )
        for name in LEARNERS
        for lr in RATES
    ]


CHOSEN = {"trm": 3e-3, "one_pass": 3e-3, "mlp": 6e-3}
"""The rate that did best on validation puzzles, by learner."""


def comparison() -> list[Recipe]:
    """Eight empty cells, every learner; then as many as they will bear; then no pencil marks."""
    with_eight = [
        Recipe(f"sudoku_rl/{name}", ABOUT[name], at_rate(name, lr, 60_000), run, task_of)
        for name, lr in CHOSEN.items()
    ]
    harder = [
        Recipe(
            f"sudoku_rl_{empties}/{name}",
            f"{ABOUT[name]}; {empties} empty cells",
            replace(at_rate(name, CHOSEN[name], 150_000), empties=empties),
            run,
            task_of,
        )
        for empties in (10, 12)
        for name in ("trm", "one_pass")
    ]
    blind = board(TRMConfig(**core(observation="channels", width=32), n_latent=2, n_cycles=1))
    training = replace(TRAINING, lr=CHOSEN["trm"], total_steps=150_000)
    without = Filler(replace(blind, training=training), observation="channels")
    about = "TRM of width 32 without pencil marks"
    return [*with_eight, *harder, Recipe("sudoku_rl_plain/trm", about, without, run, task_of)]


EXPERIMENTS = ("sudoku_rl", "sudoku_rl_10", "sudoku_rl_12", "sudoku_rl_plain", "sudoku_rl_tuning")
RECIPES = [*comparison(), *tuning()]
