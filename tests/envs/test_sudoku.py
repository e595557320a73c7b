"""`trm/Sudoku-v0` and `trm/SudokuCell-v0`: cases worked by hand, and what is drawn."""

import numpy as np
import pytest
from scipy.stats import chisquare

from trm_lib.envs import (
    SUDOKU_CELL_REWARDS,
    SUDOKU_REWARDS,
    SudokuCellReward,
    SudokuCellVectorEnv,
    SudokuEnv,
    SudokuReward,
    SudokuVectorEnv,
)
from trm_lib.puzzles import generate_sudoku, is_solution, solve_exactly

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


def test_a_range_of_empties_is_drawn_evenly() -> None:
    envs = SudokuVectorEnv(4000, empties=(3, 6))
    envs.reset(seed=0)
    numbers, counts = np.unique((envs.clues == 0).sum(axis=(1, 2)), return_counts=True)
    assert numbers.tolist() == [3, 4, 5, 6]
    assert chisquare(counts).pvalue > 0.001


def test_given_puzzles_are_all_drawn_and_no_other() -> None:
    envs = SudokuVectorEnv(200, puzzles=POOL)
    envs.reset(seed=0)
    drawn = {board.tobytes() for board in envs.clues.reshape(-1, 4, 4)}
    assert drawn == {board.tobytes() for board in POOL}


def test_right_digits_lead_to_the_solution() -> None:
    puzzle = np.array([[0, 0, 3, 4], [3, 4, 1, 2], [2, 0, 4, 3], [4, 3, 2, 1]])
    env = SudokuEnv(puzzles=puzzle[None], reward="improved")
    env.reset(seed=0)
    np.testing.assert_array_equal(env.solution[0], [1, 2, 3, 4])
    _, reward, *_ = env.step(0 * 4 + 0)  # 1 in the corner: right
    assert reward == 1.0
    _, reward, terminated, *_ = env.step(1 * 4 + 1)  # 2 beside it: right
    assert (reward, terminated) == (1.0, False)
    _, reward, terminated, truncated, info = env.step(9 * 4 + 0)  # 1 below: solved
    assert (reward, terminated, truncated, info["is_success"]) == (11.0, True, False, True)


def test_conflicts_show_where_a_digit_stands_twice() -> None:
    puzzle = np.array([[0, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]])
    env = SudokuEnv(puzzles=puzzle[None], placement="free", observation="conflicts")
    observation, _ = env.reset(seed=0)
    assert not observation[2:].any()
    observation, reward, terminated, _, _ = env.step(3 - 1)  # 3 in the corner: twice in all units
    assert not terminated
    assert reward == -0.01
    row, column, box = (np.argwhere(channel).tolist() for channel in observation[2:])
    assert row == [[0, 0], [0, 2]]
    assert column == [[0, 0], [1, 0]]
    assert box == [[0, 0], [1, 0]]
    assert observation[0, 0, 0] == np.float32(3 / 4)
    assert np.argwhere(observation[1]).tolist() == [[0, 0]]
    _, reward, terminated, _, info = env.step(1 - 1)  # the answer is revised
    assert (reward, terminated, info["is_success"]) == (1.0, True, True)


@pytest.mark.parametrize("name", SUDOKU_REWARDS)
def test_named_rewards(name: str) -> None:
    expected = {
        "clean": (-0.01, -0.01, -0.01, -0.01, -0.01, 1, -0.01),
        "evns": (1, 1, -1, -1, -1, 6, 1),
        "improved": (1, 0.2, -1, -0.3, -0.5, 11, -1.8),
    }
    assert SUDOKU_REWARDS[name] == SudokuReward(*expected[name])


def test_puzzles_to_play_can_be_given() -> None:
    envs = SudokuVectorEnv(9, empties=3)
    envs.reset(options={"puzzles": POOL})
    np.testing.assert_array_equal(envs.clues.reshape(POOL.shape), POOL)
    env = SudokuEnv()
    env.reset(options={"puzzles": POOL[4]})
    np.testing.assert_array_equal(env.clues, POOL[4])


@pytest.mark.parametrize(("name", "right", "wrong"), [("clean", 1, 0), ("improved", 10, -1)])
def test_named_rewards_of_one_cell(name: str, right: float, wrong: float) -> None:
    assert SUDOKU_CELL_REWARDS[name] == SudokuCellReward(right, wrong)


def test_every_empty_cell_is_asked_for_equally_often() -> None:
    puzzle = generate_sudoku(4, 1, np.random.default_rng(0), clues=9)[0]
    envs = SudokuCellVectorEnv(7000, puzzles=puzzle)
    envs.reset(seed=0)
    cells, counts = np.unique(envs.cell, return_counts=True)
    np.testing.assert_array_equal(cells, np.flatnonzero(puzzle[0].reshape(-1) == 0))
    assert chisquare(counts).pvalue > 0.001
