"""What is drawn and what is paid: puzzles with one solution, evenly, or those that are given."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import chisquare

from trm_lib.envs import (
    MAZE_REWARDS,
    SUDOKU_CELL_REWARDS,
    SUDOKU_REWARDS,
    MazeEnv,
    MazeVectorEnv,
    SudokuCellVectorEnv,
    SudokuEnv,
    SudokuVectorEnv,
)
from trm_lib.puzzles import generate_mazes, generate_sudoku, is_solution, solve_exactly

LAYOUTS = generate_mazes(4, 7, np.random.default_rng(0)).walls
POOL = generate_sudoku(4, 9, np.random.default_rng(0))[0]


@pytest.mark.parametrize("empties", range(1, 13))
def test_every_puzzle_has_one_solution_and_it_is_known(empties: int) -> None:
    envs = SudokuVectorEnv(20, empties=empties)
    envs.reset(seed=0)
    puzzles, solutions = envs.clues.reshape(-1, 4, 4), envs.solution.reshape(-1, 4, 4)
    assert ((puzzles == 0).sum(axis=(1, 2)) == empties).all()
    assert is_solution(puzzles, solutions).all()
    assert all(solve_exactly(puzzle).n_solutions == 1 for puzzle in puzzles)


def test_puzzles_are_uniform() -> None:
    envs = SudokuVectorEnv(2048, empties=1)
    envs.reset(seed=0)
    seen = []
    for _ in range(45):
        envs.reset()
        seen.append(envs.clues.copy())
    _, counts = np.unique(np.concatenate(seen), axis=0, return_counts=True)
    assert len(counts) == 288 * 16
    assert chisquare(counts).pvalue > 0.001


def test_a_range_of_empties_is_drawn_evenly_and_so_are_the_cells_asked_for() -> None:
    envs = SudokuVectorEnv(4000, empties=(3, 6))
    envs.reset(seed=0)
    numbers, counts = np.unique((envs.clues == 0).sum(axis=(1, 2)), return_counts=True)
    assert numbers.tolist() == [3, 4, 5, 6]
    assert chisquare(counts).pvalue > 0.001
    puzzle = generate_sudoku(4, 1, np.random.default_rng(0), clues=9)[0]
    envs = SudokuCellVectorEnv(7000, puzzles=puzzle)
    envs.reset(seed=0)
    cells, counts = np.unique(envs.cell, return_counts=True)
    np.testing.assert_array_equal(cells, np.flatnonzero(puzzle[0].reshape(-1) == 0))
    assert chisquare(counts).pvalue > 0.001


def test_given_layouts_and_puzzles_are_all_drawn_and_no_other() -> None:
    mazes, sudokus = MazeVectorEnv(64, layouts=LAYOUTS), SudokuVectorEnv(200, puzzles=POOL)
    mazes.reset(seed=0)
    sudokus.reset(seed=0)
    assert {board.tobytes() for board in mazes.walls} == {board.tobytes() for board in LAYOUTS}
    assert {board.tobytes() for board in sudokus.clues} == {board.tobytes() for board in POOL}


def test_mazes_and_puzzles_to_play_can_be_given() -> None:
    mazes = generate_mazes(4, 3, np.random.default_rng(0), start="random", goal="random")
    envs, env = MazeVectorEnv(3, size=4), MazeEnv(size=4)
    envs.reset(options={"mazes": mazes})
    np.testing.assert_array_equal(envs.walls, mazes.walls)
    np.testing.assert_array_equal(envs.agent, mazes.start)
    env.reset(options={"mazes": mazes[2]})
    assert (env.start, env.agent, env.goal) == (*[mazes.start[2]] * 2, mazes.goal[2])
    walls = env.walls
    env.reset(options={"mazes": mazes[0]})
    np.testing.assert_array_equal(walls, mazes.walls[2])  # what was shown is a copy
    with pytest.raises(AttributeError, match="MazeEnv has no attribute 'num_envs'"):
        _ = env.num_envs
    envs, env = SudokuVectorEnv(9, empties=3), SudokuEnv()
    envs.reset(options={"puzzles": POOL})
    np.testing.assert_array_equal(envs.clues.reshape(POOL.shape), POOL)
    env.reset(options={"puzzles": POOL[4]})
    np.testing.assert_array_equal(env.clues, POOL[4])


def test_reaching_the_goal_with_the_last_step_is_success() -> None:
    env = MazeEnv(max_steps=2, layout="open", size=2)
    env.reset(seed=0)
    env.step(1)
    _, reward, terminated, truncated, info = env.step(2)
    assert (reward, terminated, truncated, info["is_success"]) == (1.0, True, False, True)


def test_named_rewards() -> None:
    assert {name: astuple(reward) for name, reward in MAZE_REWARDS.items()} == {
        "clean": (-0.01, -0.01, 1), "evns": (-0.1, -1, 10), "improved": (-0.01, -0.5, 10)
    }  # fmt: skip
    assert {name: astuple(reward) for name, reward in SUDOKU_REWARDS.items()} == {
        "clean": (-0.01, -0.01, -0.01, -0.01, -0.01, 1, -0.01),
        "evns": (1, 1, -1, -1, -1, 6, 1),
        "improved": (1, 0.2, -1, -0.3, -0.5, 11, -1.8),
    }
    cell = {name: astuple(reward) for name, reward in SUDOKU_CELL_REWARDS.items()}
    assert cell == {"clean": (1, 0), "improved": (10, -1)}
