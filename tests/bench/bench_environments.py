"""Speed of puzzles and environments on one thread: ``python tests/bench/bench_environments.py``.

Environments in one batch take turns with as many single ones, stepped one after the other.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import trm_lib.envs  # noqa: F401
from tests.bench.timing import Work, rate, rates, seconds
from trm_lib.puzzles import (
    augment_sudoku,
    class_key,
    generate_mazes,
    generate_sudoku,
    minimal_sudokus_4x4,
    parse_sudoku,
    shortest_path_cells,
    solve_exactly,
)

INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
NUM_ENVS = 256
SPAN = 2000  # steps in one measurement: long enough to pay for the episodes made in bulk


def labelled(size: int, count: int) -> None:
    shortest_path_cells(generate_mazes(size, count, np.random.default_rng(0)))


def puzzles() -> dict[str, tuple[int, Work]]:
    """What is made or solved -> how many of it at once, and the work."""
    rng, (four, solutions) = np.random.default_rng(0), minimal_sudokus_4x4()
    easy, grids = generate_sudoku(9, 20, rng, 28)
    six, _ = generate_sudoku(6, 50, rng)
    works: dict[str, tuple[int, Work]] = {}
    for size, count in ((5, 4096), (30, 100), (101, 1)):
        works[f"mazes {size}x{size} with labels"] = count, partial(labelled, size, count)
    for size, count, clues in ((4, 1000, "minimal"), (6, 20, "minimal"), (9, 20, 28)):
        work = partial(generate_sudoku, size, count, rng, clues)
        works[f"generate {size}x{size}, {clues}"] = count, work
    works["augment 4x4"] = 256, partial(augment_sudoku, four[:256], solutions[:256], rng)
    works["augment 9x9"] = 20, partial(augment_sudoku, easy, grids, rng)
    hard = parse_sudoku(INKALA)[None]
    for name, boards in (("4x4", four[:200]), ("6x6", six), ("9x9", easy), ("Inkala", hard)):
        works[f"solve {name}"] = len(boards), lambda b=boards: [solve_exactly(board) for board in b]
        works[f"class key {name}"] = len(boards), partial(class_key, boards)
    return works


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
    print(f"all minimal 4x4 Sudokus, from nothing: {seconds(minimal_sudokus_4x4):.2f} s")
    for name, (count, work) in puzzles().items():
        print(f"{name:28} {rate(work, count):12,.1f} a second")
    print(f"\nsteps a second, {NUM_ENVS} environments, random actions, episode statistics")
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
        bare, counted, plain = rates(
            walk(bare, SPAN),
            walk(RecordEpisodeStatistics(counted), SPAN),
            walk(SyncVectorEnv(single, autoreset_mode="SameStep"), 5),
            span=6,
        )
        print(
            f"{name:10} {options!s:45} {counted / 1e6:6.2f}M, bare {bare / 1e6:6.2f}M, "
            f"{bare / plain:6.0f} times SyncVectorEnv"
        )


if __name__ == "__main__":
    main()
