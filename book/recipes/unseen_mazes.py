"""Mazes never seen: policies that learn by PPO on some layouts, measured on others.

Perfect mazes, start and goal anywhere, +1 at the goal and -0.01 a step, a bump into a wall
included; no shaping and no masks. Rivals have as many parameters, within 10%.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import trm_lib.envs  # noqa: F401  registers trm/Maze-v0
from trm_lib.evaluation import success_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import (
    BoardConfig,
    BoardPolicy,
    BoardPolicyConfig,
    FlatPolicyConfig,
    HierarchicalConfig,
    Policy,
    TRMConfig,
)
from trm_lib.puzzles import Mazes, all_trees, generate_mazes, layout_class, split_by_hash
from trm_lib.tasks import PolicyLearner, PolicyTask, measured, train_policy
from trm_lib.training import PPOConfig

AGENT = 4  # the channel that marks where the agent stands
K_STEPS = 4
FEW, MANY = 1000, 5000  # cases to watch while learning, and to measure at the end

TRAINING = PPOConfig(
    total_steps=600_000, lr=6e-3, decay=0.5, gamma=0.98, ent_coef=0.005, use_masks=False,
    num_steps=32, n_epochs=3, n_minibatches=4, eval_every=15,
)  # fmt: skip
NUM_ENVS = 128


@cache
def tree_layouts(size: int) -> dict[str, np.ndarray]:
    """Perfect mazes (M, n, n) by part, split by classes under turns and mirrors.

    All 100,352 of 4x4 cells, or 100,000 drawn ones of more: 80% to train on.
    """
    walls = all_trees(4) if size == 4 else generate_mazes(
        size, 100_000, np.random.default_rng(0)
    ).walls  # fmt: skip
    split = split_by_hash(layout_class(walls))
    return {part: walls[getattr(split, part)] for part in ("train", "validation", "test")}


def cases(layouts: np.ndarray, count: int, seed: int) -> Mazes:
    """Layouts with a start and another cell as goal, all drawn evenly."""
    rng, n_cells = np.random.default_rng(seed), layouts.shape[1] ** 2
    start = rng.integers(n_cells, size=count)
    goal = (start + rng.integers(1, n_cells, size=count)) % n_cells
    return Mazes(layouts[rng.integers(len(layouts), size=count)], start, goal)


def success_on(mazes: Mazes, policy: Policy, k_steps: int) -> np.ndarray:
    """Greedy success (K,) of a policy on mazes, bumps allowed."""

    def make(count: int) -> gym.vector.VectorEnv:
        return gym.make_vec("trm/Maze-v0", count, size=mazes.size)

    return success_by_k(policy, make, mazes, k_steps, use_masks=False)


def training_envs(size: int, count: int) -> gym.vector.VectorEnv:
    """What learners play, so many copies: the training layouts, start and goal anywhere."""
    train = tree_layouts(size)["train"]
    return gym.make_vec("trm/Maze-v0", count, layouts=train, start="random", goal="random")


def task3(learner: PolicyLearner) -> PolicyTask:
    """What a learner is trained on, for `debug`: mazes of 3 x 3 cells."""
    return PolicyTask(learner, partial(training_envs, 3))


def task4(learner: PolicyLearner) -> PolicyTask:
    """The same on 4 x 4 cells."""
    return PolicyTask(learner, partial(training_envs, 4))


def task5(learner: PolicyLearner) -> PolicyTask:
    """The same on 5 x 5 cells."""
    return PolicyTask(learner, partial(training_envs, 5))


def run(learner: PolicyLearner, size: int, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Train one policy on the training layouts, and measure it on the others."""
    layouts = tree_layouts(size)
    where = {part: cases(layouts[part], MANY, seed=1) for part in ("validation", "test")}
    watched = where["validation"][:FEW]
    envs = training_envs(size, learner.num_envs)

    def watch(policy: Policy) -> np.ndarray:
        return success_on(watched, policy, learner.k_steps)

    policy, history = train_policy(learner, envs, seed, checkpoint, watch)
    k_steps = K_STEPS if can_think(policy) else 1
    numbers = measured(policy, history, lambda p: success_on(where[p], policy, k_steps), envs)
    return numbers | elsewhere(policy, size)


def elsewhere(policy: Policy, size: int) -> dict[str, Any]:
    """Success on mazes of another kind, without further training, of policies for any size."""
    if not (isinstance(policy, BoardPolicy) and policy.thinks_once):
        return {}
    rng, k_steps = np.random.default_rng(3), 16 if can_think(policy) else 1
    with_loops = generate_mazes(size, FEW, rng, "loops", start="random", goal="random")
    larger = generate_mazes(7, FEW, rng, start="random", goal="random")
    return {
        "loops_success_by_k": success_on(with_loops, policy, k_steps).tolist(),
        "size7_success_by_k": success_on(larger, policy, k_steps).tolist(),
    }


def can_think(policy: Policy) -> bool:
    """Whether more improvement steps can change the answer."""
    return isinstance(policy, BoardPolicy) and type(policy.config.core) is not BoardConfig


def run4(learner: PolicyLearner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """On mazes of 4 x 4 cells."""
    return run(learner, 4, seed, checkpoint)


def run3(learner: PolicyLearner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """On mazes of 3 x 3 cells, of which there are 192."""
    return run(learner, 3, seed, checkpoint)


def run5(learner: PolicyLearner, seed: int, checkpoint: Path) -> dict[str, Any]:
    """On mazes of 5 x 5 cells."""
    return run(learner, 5, seed, checkpoint)


def core(width: int = 32, n_layers: int = 1) -> dict[str, Any]:
    """Fields that all cores share. The 32 tokens are four walls and the goal, in binary."""
    return {
        "vocab_size": 32, "grid": (5, 5), "width": width, "n_layers": n_layers, "mixing": "conv",
        "expansion": 3.0, "hidden_multiple": 1, "positions": "none", "n_answers": 5,
    }  # fmt: skip


def walker(config: BoardConfig) -> BoardPolicyConfig:
    """A policy that thinks about the maze and reads its move where the agent stands."""
    return BoardPolicyConfig(core=config, n_actions=4, marker=AGENT)


def flat(kind: str, size: int, hidden: tuple[int, ...]) -> PolicyLearner:
    """A policy over all 6 n^2 numbers at once."""
    config = FlatPolicyConfig(n_inputs=6 * size**2, n_actions=4, hidden=hidden)
    return PolicyLearner(config, TRAINING, NUM_ENVS, kind)


def board(config: BoardConfig) -> PolicyLearner:
    """A policy over cells."""
    return PolicyLearner(walker(config), TRAINING, NUM_ENVS)


def trm(n_cycles: int) -> PolicyLearner:
    """The faithful TRM: one block, n = 2, T cycles."""
    return board(TRMConfig(**core(), n_latent=2, n_cycles=n_cycles))


def hierarchical(n_cycles: int) -> PolicyLearner:
    """High and low level, K cycles with a gradient through all of them, as in the scripts."""
    return board(HierarchicalConfig(**core(28), low_width=14, n_cycles=n_cycles))


SHAPES = {
    "trm": {"T2": trm(2), "T4": trm(4)},
    "hierarchical": {"K3": hierarchical(3), "K5": hierarchical(5)},
    "cnn": {"4x16": board(BoardConfig(**core(16, 4))), "10x10": board(BoardConfig(**core(10, 10)))},
    "mlp": {"40": flat("mlp", 4, (40,)), "32x32": flat("mlp", 4, (32, 32))},
    "gru": {"24x32": flat("gru", 4, (24, 32)), "40x24": flat("gru", 4, (40, 24))},
}
"""Two shapes of each learner, all of 7,900 to 8,800 parameters (within 10% of the TRM's 8,640)."""

RATES = (1.5e-3, 3e-3, 6e-3, 1.2e-2)


CHOSEN = {
    "trm": ("T4", 6e-3), "hierarchical_K5": ("K5", 6e-3), "cnn": ("4x16", 6e-3),
    "mlp": ("40", 1.2e-2), "gru": ("24x32", 1.2e-2), "hierarchical_K3": ("K3", 1.2e-2),
}  # fmt: skip
"""What did best on validation layouts, by learner: shape and rate. The scripts compare K = 3 and 5,
so both are here."""

ABOUT = {
    "trm": "TRM, n = 2, T = 4",
    "hierarchical_K5": "hierarchical TRM, K = 5 cycles",
    "hierarchical_K3": "hierarchical TRM, K = 3 cycles",
    "cnn": "the TRM's block four times, each with its own weights",
    "mlp": "perceptron over all numbers",
    "gru": "GRU that remembers from step to step",
}


def chosen(name: str, total_steps: int) -> PolicyLearner:
    """A learner as it was tuned, for this many steps."""
    shape, lr = CHOSEN[name]
    learner = SHAPES[name.split("_")[0]][shape]
    return replace(learner, training=replace(TRAINING, lr=lr, total_steps=total_steps))


def comparison() -> list[Recipe]:
    """Mazes of 4x4 cells, every learner, and of 5x5 cells, the best three."""
    small = [
        Recipe(f"maze4/{name}", ABOUT[name], chosen(name, 600_000), run4, task4) for name in CHOSEN
    ]
    large = [
        Recipe(f"maze5/{name}", ABOUT[name], chosen(name, 1_200_000), run5, task5)
        for name in ("hierarchical_K5", "trm", "cnn")
    ]
    return [*small, *large]


def carried() -> list[Recipe]:
    """Mazes of 3x3 cells with one cycle a move: thoughts begin afresh, or go on while walking."""
    one_cycle = hierarchical(1)
    training = replace(TRAINING, total_steps=80_000)
    rows = [
        ("reset", "one cycle a move, each from the beginning", {}),
        ("over_time", "one cycle a move, going on from the one before", {"carry_over_time": True}),
        ("action", "the same, and y begins as the previous action",
         {"carry_over_time": True, "previous_action": True}),
    ]  # fmt: skip
    return [
        Recipe(
            f"carry/{name}",
            about,
            replace(one_cycle, policy=replace(one_cycle.policy, **options), training=training),
            run3,
            task3,
        )
        for name, about, options in rows
    ]


def supervised_deeply() -> list[Recipe]:
    """Mazes of 3x3 cells, one cycle an improvement step, three steps: who teaches the first two."""
    three_steps = hierarchical(1)
    policy = replace(three_steps.policy, k_steps=3)
    rows = [
        ("none", "three steps, the loss on the last answer alone", 0.0),
        ("weak", "the same, and earlier answers imitate the last, weight 0.03", 0.03),
        ("strong", "the same, weight 1", 1.0),
    ]
    return [
        Recipe(
            f"deep_supervision/{name}",
            about,
            replace(
                three_steps,
                policy=policy,
                training=replace(TRAINING, total_steps=80_000, deep_supervision=weight),
            ),
            run3,
            task3,
        )
        for name, about, weight in rows
    ]


def tuning() -> list[Recipe]:
    """Two shapes and four rates for every learner, on fewer steps, one seed each."""
    return [
        Recipe(
            f"maze4_tuning/{name}_{shape}_lr_{lr:g}",
            f"{name} {shape} at lr {lr:g}, 0.4 million steps",
            replace(learner, training=replace(TRAINING, lr=lr, total_steps=400_000)),
            run4,
            task4,
        )
        for name, shapes in SHAPES.items()
        for shape, learner in shapes.items()
        for lr in RATES
    ]


EXPERIMENTS = ("maze4", "maze5", "carry", "deep_supervision", "maze4_tuning")
RECIPES = [*comparison(), *carried(), *supervised_deeply(), *tuning()]
