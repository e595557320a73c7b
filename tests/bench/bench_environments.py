"""Speed of environments on one thread: ``python tests/bench/bench_environments.py``.

Environments in one batch take turns with as many single ones, stepped one after the other.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from timeit import timeit

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import trm_lib.envs  # noqa: F401

NUM_ENVS = 256
SPAN, TURNS = 2000, 12  # steps in one measurement: enough to pay for the episodes made in bulk


def walk(envs: VectorEnv, steps: int) -> tuple[Callable[[], None], int]:
    """A walk of random actions, and its steps; the environments have been run in."""
    actions = np.random.default_rng(0).integers(
        envs.single_action_space.n, size=(64, envs.num_envs)
    )

    def go(steps: int = steps) -> None:
        for step in range(steps):
            envs.step(actions[step % 64])

    envs.reset(seed=0)
    go(200)
    return go, steps * envs.num_envs


def main() -> None:
    print(f"steps a second, {NUM_ENVS} environments, random actions, episode statistics")
    for name, options in (
        ("Maze", {"size": 5}),
        ("Maze", {"size": 5, "start": "random", "goal": "random"}),
        ("Maze", {"size": 5, "layout": "open"}),
        ("Sudoku", {}),
        ("Sudoku", {"observation": "conflicts"}),
        ("SudokuCell", {}),
    ):
        bare, counted = (gym.make_vec(f"trm/{name}-v0", NUM_ENVS, **options) for _ in range(2))
        single = [lambda n=name, o=options: gym.make(f"trm/{n}-v0", **o).unwrapped] * NUM_ENVS
        walks = (
            walk(bare, SPAN),
            walk(RecordEpisodeStatistics(counted), SPAN),
            walk(SyncVectorEnv(single, autoreset_mode="SameStep"), 5),
        )
        turns = [[steps / timeit(go, number=1) for go, steps in walks] for _ in range(TURNS)]
        bare, counted, plain = np.max(turns, axis=0)  # whatever else the machine does slows down
        print(
            f"{name:10} {options!s:45} {counted / 1e6:6.2f}M, bare {bare / 1e6:6.2f}M, "
            f"{bare / plain:6.0f} times SyncVectorEnv"
        )


if __name__ == "__main__":
    main()
