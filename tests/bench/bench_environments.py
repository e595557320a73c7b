"""Speed of mazes and environments on one thread: ``python tests/bench/bench_environments.py``.

Each row gives the rate, and its ratio to a plain way of doing the same, timed in this process. The
last table repeats the greedy rule of thumb on mazes carved depth first, whose figures are known.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import trm_lib.envs  # noqa: F401
from trm_lib.envs import greedy_manhattan_policy
from trm_lib.evaluation import every_maze, play_each
from trm_lib.puzzles import generate_mazes, shortest_path_cells

NUM_ENVS = 256
SPAN = 2000  # steps in one measurement: long enough to pay for the episodes made in bulk


def rate(work: Callable[[], object], items: int, seconds: float = 2.0) -> float:
    """Return items a second: the best of repetitions that fill the given time."""
    best, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
    return items / best


def carve(size: int, rng: np.random.Generator) -> np.ndarray:
    """Carve one maze depth first, cell by cell: (n, n) uint8 walls."""
    walls = np.full((size, size), 15, np.uint8)
    seen, path = {(0, 0)}, [(0, 0)]
    while path:
        row, column = path[-1]
        ways = [
            (bit, (row + down, column + right))
            for bit, (down, right) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)])
            if 0 <= row + down < size
            and 0 <= column + right < size
            and (row + down, column + right) not in seen
        ]
        if not ways:
            path.pop()
            continue
        bit, there = ways[rng.integers(len(ways))]
        walls[row, column] &= ~np.uint8(1 << bit)
        walls[there] &= ~np.uint8(1 << (bit + 2) % 4)
        seen.add(there)
        path.append(there)
    return walls


def labelled(size: int, count: int) -> None:
    shortest_path_cells(generate_mazes(size, count, np.random.default_rng(0)))


def walk(envs: VectorEnv, steps: int) -> Callable[[], None]:
    """Return a walk of random actions; the environments have been run in."""
    actions = np.random.default_rng(0).integers(
        envs.single_action_space.n, size=(64, envs.num_envs)
    )

    def go(steps: int = steps) -> None:
        for step in range(steps):
            envs.step(actions[step % 64])

    envs.reset(seed=0)
    go(200)
    return go


def main() -> None:
    carving = rate(lambda: carve(5, np.random.default_rng(0)), 1, 0.5)
    print(f"5x5 mazes with labels     {rate(lambda: labelled(5, 4096), 4096):12,.0f} a second")
    print(f"  carved one by one, bare {carving:12,.0f}")
    print(f"30x30 mazes with labels   {rate(lambda: labelled(30, 100), 100):12,.0f}")
    print(f"101x101 mazes with labels {rate(lambda: labelled(101, 1), 1):12,.1f}")
    print(f"\nsteps a second, {NUM_ENVS} environments, random actions, episode statistics")
    for name, options in (
        ("Maze", {"size": 5}),
        ("Maze", {"size": 5, "start": "random", "goal": "random"}),
        ("Maze", {"size": 5, "layout": "open"}),
        ("Sudoku", {}),
        ("Sudoku", {"observation": "conflicts"}),
        ("SudokuCell", {}),
    ):
        batched = gym.make_vec(f"trm/{name}-v0", num_envs=NUM_ENVS, **options)
        bare = rate(walk(batched, SPAN), SPAN * NUM_ENVS)
        fast = rate(walk(RecordEpisodeStatistics(batched), SPAN), SPAN * NUM_ENVS)
        single = [lambda n=name, o=options: gym.make(f"trm/{n}-v0", **o).unwrapped] * NUM_ENVS
        slow = walk(SyncVectorEnv(single, autoreset_mode="SameStep"), 5)
        plain = rate(slow, 5 * NUM_ENVS)
        print(
            f"{name:10} {options!s:45} {fast / 1e6:6.2f}M, bare {bare / 1e6:6.2f}M, "
            f"{bare / plain:6.0f} times SyncVectorEnv"
        )
    print("\ngreedy by Manhattan distance, every start and goal, mazes carved and uniform")
    rng = np.random.default_rng(0)
    for size, count in ((3, 400), (5, 200), (7, 60)):
        carved = np.stack([carve(size, rng) for _ in range(count)])
        uniform = generate_mazes(size, count, rng).walls
        shares = [
            play_each(
                lambda e, n=size: gym.make_vec("trm/Maze-v0", num_envs=e, size=n),
                every_maze(walls),
                greedy_manhattan_policy,
            ).success.mean()
            for walls in (carved, uniform)
        ]
        print(f"{size}x{size}: {100 * shares[0]:.0f}% and {100 * shares[1]:.0f}%")


if __name__ == "__main__":
    main()
