"""Chapter 05: policies that learn by PPO in some mazes, measured in others they have never seen.

Perfect mazes, start and goal anywhere, +1 at the goal and -0.01 a step, a bump into a wall
included; no shaping and no masks. Rivals have as many parameters, within 10%.

Axes: M layouts, n rows and columns, K improvement steps.
"""

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from book.recipes.data import by_part
from trm_lib import models
from trm_lib.envs import AGENT
from trm_lib.evaluation import play_each, success_by_k, thinking
from trm_lib.evaluation.playing import Make
from trm_lib.experiments import Recipe
from trm_lib.puzzles import (
    Mazes,
    all_trees,
    generate_mazes,
    layout_class,
    maze_distances,
    split_by_hash,
)
from trm_lib.tasks import PolicyTask, World
from trm_lib.training import Acting, PPOConfig

K_STEPS = 4
FEW, MANY = 1000, 5000  # cases to watch while learning, and to measure at the end

TRAINING = PPOConfig(
    total_steps=600_000, lr=6e-3, decay=0.5, gamma=0.98, ent_coef=0.005, use_masks=False,
    num_steps=32, n_epochs=3, n_minibatches=4, eval_every=15,
)  # fmt: skip
NUM_ENVS = 128
OPENED = (0.0, 0.1, 0.2, 0.5)
"""Shares of the walls left by a tree that are opened, where policies learn to walk loops."""


@cache
def loop_layouts(size: int, opened: tuple[float, ...]) -> dict[str, np.ndarray]:
    """100,000 mazes, as many of each share of opened walls, split by the same hash as the trees."""
    drawn, each = np.random.default_rng(0), 100_000 // len(opened)
    parts = [generate_mazes(size, each, drawn, "loops", share).walls for share in opened]
    walls = np.concatenate(parts)
    return by_part(walls, split_by_hash(layout_class(walls)))


@cache
def tree_layouts(size: int) -> dict[str, np.ndarray]:
    """Perfect mazes (M, n, n) by part, split by classes under turns and mirrors.

    All 100,352 of 4x4 cells, or 100,000 drawn ones of more: 80% to train on.
    """
    drawn = np.random.default_rng(0)
    walls = all_trees(4) if size == 4 else generate_mazes(size, 100_000, drawn).walls
    return by_part(walls, split_by_hash(layout_class(walls)))


def cases(layouts: np.ndarray, count: int, seed: int) -> Mazes:
    """Layouts with a start and another cell as goal, all drawn evenly."""
    rng, n_cells = np.random.default_rng(seed), layouts.shape[1] ** 2
    start = rng.integers(n_cells, size=count)
    goal = (start + rng.integers(1, n_cells, size=count)) % n_cells
    return Mazes(layouts[rng.integers(len(layouts), size=count)], start, goal)


def maze_envs(grid: tuple[int, int]) -> Make:
    """What gives environments of this many rows and columns."""
    return partial(gym.make_vec, "trm/Maze-v0", size=grid)


def success_on(
    mazes: Mazes, policy: models.Policy, k_steps: int, use_masks: bool = False
) -> np.ndarray:
    """Greedy success (K,) of a policy on mazes."""
    return success_by_k(policy, maze_envs(mazes.grid), mazes, k_steps, use_masks=use_masks)


@dataclass(frozen=True)
class UnseenMazes(World):
    """Perfect mazes, start and goal anywhere, of layouts to train on, or never seen.

    Attributes:
        size: n, rows and columns of cells.
    """

    size: int

    def parts(self) -> dict[str, np.ndarray]:
        """Layouts by part."""
        return tree_layouts(self.size)

    def envs(self, count: int) -> VectorEnv:
        train = self.parts()["train"]
        return gym.make_vec("trm/Maze-v0", count, layouts=train, start="random", goal="random")

    def success(
        self, policy: models.Policy, part: str, k_steps: int, use_masks: bool = False
    ) -> np.ndarray:
        """Success (K,) on `MANY` cases of a part, or the first `FEW`."""
        layouts = self.parts()["test" if part == "test" else "validation"]
        asked = cases(layouts, MANY, seed=1)
        return success_on(asked[:FEW] if part == "watched" else asked, policy, k_steps, use_masks)

    def measure(self, policy: models.Policy, task: PolicyTask, seed: int) -> dict[str, Any]:
        """Of policies for any size, success also on mazes with loops, and on larger ones."""
        if not (isinstance(policy, models.BoardPolicy) and policy.thinks_once):
            return {}
        rng, k_steps = np.random.default_rng(3), 16 if task.k_steps > 1 else 1
        loops = generate_mazes(self.size, FEW, rng, "loops", start="random", goal="random")
        larger = generate_mazes(7, FEW, rng, start="random", goal="random")
        return {
            "loops_success_by_k": success_on(loops, policy, k_steps).tolist(),
            "size7_success_by_k": success_on(larger, policy, k_steps).tolist(),
        }


@dataclass(frozen=True)
class LoopMazes(UnseenMazes):
    """Trees, and mazes in which more and more walls were opened; layouts to test on are unseen."""

    def parts(self) -> dict[str, np.ndarray]:
        return loop_layouts(self.size, OPENED)

    def measure(self, policy: models.Policy, task: PolicyTask, seed: int) -> dict[str, Any]:
        """Success by K, and shortest walks, on unseen layouts of each kind and on larger ones."""
        asked = {
            f"opened_{100 * share:.0f}": cases(loop_layouts(self.size, (share,))["test"], FEW, 3)
            for share in OPENED
        }
        rng, anywhere = np.random.default_rng(3), {"start": "random", "goal": "random"}
        for share in OPENED:
            mazes = generate_mazes(7, FEW, rng, "loops", share, **anywhere)
            asked[f"size7_opened_{100 * share:.0f}"] = mazes
        measured = {}
        for name, mazes in asked.items():
            measured[f"{name}_success_by_k"] = success_on(mazes, policy, 16).tolist()
            far = maze_distances(mazes.walls, mazes.goal).reshape(FEW, -1)
            with thinking(policy, K_STEPS):
                walks = play_each(maze_envs(mazes.grid), mazes, Acting(policy, use_masks=False))
            fewest = far[np.arange(FEW), mazes.start]
            measured[f"{name}_shortest"] = float((walks.lengths == fewest)[walks.success].mean())
        return measured


def core(width: int = 32, n_layers: int = 1) -> dict[str, Any]:
    """Fields that all cores share. The 32 tokens are four walls and the goal, in binary."""
    return {
        "vocab_size": 32, "grid": (5, 5), "width": width, "n_layers": n_layers, "mixing": "conv",
        "expansion": 3.0, "hidden_multiple": 1, "positions": "none", "n_answers": 5,
    }  # fmt: skip


def walker(config: models.BoardConfig) -> models.BoardPolicyConfig:
    """A policy that thinks about the maze and reads its move where the agent stands."""
    return models.BoardPolicyConfig(core=config, n_actions=4, marker=AGENT)


def on(size: int, policy: models.BoardPolicyConfig | models.FlatPolicyConfig) -> PolicyTask:
    """A policy in mazes of this size, measured by K if it can think on."""
    thinks = type(getattr(policy, "core", None)) not in (models.BoardConfig, type(None))
    return PolicyTask(policy, TRAINING, NUM_ENVS, UnseenMazes(size), K_STEPS if thinks else 1)


def trm(n_cycles: int) -> models.BoardPolicyConfig:
    """The faithful TRM: one block, n = 2, T cycles."""
    return walker(models.TRMConfig(**core(), n_latent=2, n_cycles=n_cycles))


def hierarchical(n_cycles: int) -> models.BoardPolicyConfig:
    """High and low level, K cycles with a gradient through all of them, as in the scripts."""
    return walker(models.HierarchicalConfig(**core(28), low_width=14, n_cycles=n_cycles))


FLAT = {"n_inputs": 6 * 4**2, "n_actions": 4}  # all numbers at once
SHAPES: dict[str, dict[str, models.BoardPolicyConfig | models.FlatPolicyConfig]] = {
    "trm": {"T2": trm(2), "T4": trm(4)},
    "hierarchical": {"K3": hierarchical(3), "K5": hierarchical(5)},
    "cnn": {"4x16": walker(models.BoardConfig(**core(16, 4))),
            "10x10": walker(models.BoardConfig(**core(10, 10)))},
    "mlp": {"40": models.MLPPolicyConfig(**FLAT, hidden=(40,)),
            "32x32": models.MLPPolicyConfig(**FLAT, hidden=(32, 32))},
    "gru": {"24x32": models.GRUPolicyConfig(**FLAT, hidden=(24, 32)),
            "40x24": models.GRUPolicyConfig(**FLAT, hidden=(40, 24))},
}  # fmt: skip
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


def chosen(name: str, size: int = 4, total_steps: int = 600_000) -> PolicyTask:
    """A learner as it was tuned, in mazes of this size for this many steps."""
    shape, lr = CHOSEN[name]
    task = on(size, SHAPES[name.split("_")[0]][shape])
    return replace(task, training=replace(TRAINING, lr=lr, total_steps=total_steps))


COMPARED = [Recipe(f"maze4/{name}", ABOUT[name], chosen(name)) for name in CHOSEN] + [
    Recipe(f"maze5/{name}", ABOUT[name], chosen(name, 5, 1_200_000))
    for name in ("hierarchical_K5", "trm", "cnn")
]


LOOPED = [
    Recipe(f"loops4/{name}", f"{ABOUT[name]}, trained on mazes with loops",
           replace(chosen(name), world=LoopMazes(4)))
    for name in ("hierarchical_K5", "trm")
]  # fmt: skip


def short(name: str, about: str, weight: float = 0.0, **policy: Any) -> Recipe:
    """One cycle an improvement step, on 3x3 cells, with a few fields of its policy changed."""
    task = on(3, replace(hierarchical(1), **policy))
    training = replace(TRAINING, total_steps=80_000, deep_supervision=weight)
    return Recipe(name, about, replace(task, training=training))


FEW_CYCLES = [
    # Thoughts begin afresh at every move, or go on while walking.
    short("carry/reset", "one cycle a move, each from the beginning"),
    short("carry/over_time", "one cycle a move, going on from the one before",
          carry_over_time=True),
    short("carry/action", "the same, and y begins as the previous action",
          carry_over_time=True, previous_action=True),
    # Three improvement steps: who teaches the first two?
    short("deep_supervision/none", "three steps, the loss on the last answer alone", k_steps=3),
    short("deep_supervision/weak", "the same, and earlier answers imitate the last, weight 0.03",
          0.03, k_steps=3),
    short("deep_supervision/strong", "the same, weight 1", 1.0, k_steps=3),
]  # fmt: skip

TUNING = [  # two shapes and four rates for every learner, on fewer steps, one seed each
    Recipe(f"maze4_tuning/{name}_{shape}_lr_{lr:g}",
           f"{name} {shape} at lr {lr:g}, 0.4 million steps",
           replace(on(4, policy), training=replace(TRAINING, lr=lr, total_steps=400_000)))
    for name, shapes in SHAPES.items()
    for shape, policy in shapes.items()
    for lr in RATES
]  # fmt: skip

EXPERIMENTS = ("maze4", "maze5", "loops4", "maze4_tuning", "carry", "deep_supervision")
RECIPES = [*COMPARED, *LOOPED, *FEW_CYCLES, *TUNING]
