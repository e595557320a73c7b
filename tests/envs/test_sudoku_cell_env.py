"""`trm/SudokuCell-v0` does what its docstring says, alone and in a batch."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from scipy.stats import chisquare

from tests.envs.agreement import assert_same_steps
from trm_lib.envs import SudokuCellEnv, SudokuCellReward, SudokuCellVectorEnv
from trm_lib.puzzles import check_sudoku, generate_sudoku

OPTIONS = [
    {},
    {"empties": (1, 12), "reward": "improved"},
    {"puzzles": generate_sudoku(4, 5, np.random.default_rng(0))[0]},
    {"size": 6, "empties": 4},
    {"reward": SudokuCellReward(right=1, wrong=-1)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_alone_and_in_a_batch_it_is_the_same(options: dict) -> None:
    num_envs = 4 if options.get("size") == 6 else 32
    steps = 50 if num_envs == 4 else 100_000 // 32 // 3
    alone = SyncVectorEnv([lambda: SudokuCellEnv(**options)] * num_envs, autoreset_mode="SameStep")
    assert_same_steps(alone, SudokuCellVectorEnv(num_envs, **options), steps, seed=3)


@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_gymnasium_finds_no_fault(options: dict, render_mode: str | None) -> None:
    env = gym.make("trm/SudokuCell-v0", render_mode=render_mode, **options)
    check_env(env.unwrapped, skip_render_check=render_mode is None)


@pytest.mark.parametrize(("reward", "right", "wrong"), [("clean", 1, 0), ("improved", 10, -1)])
def test_one_step_judges_the_digit(reward: str, right: float, wrong: float) -> None:
    env = SudokuCellEnv(empties=6, reward=reward)
    for seed in range(30):
        observation, info = env.reset(seed=seed)
        cell = divmod(env.cell, 4)
        assert env.clues[cell] == 0
        assert np.argwhere(observation[-1]).tolist() == [list(cell)]
        for digit in range(1, 5):
            trial = env.board.copy()
            trial[cell] = digit
            assert info["action_mask"][digit - 1] == keeps_the_rules(trial)
        digit = seed % 4 + 1
        observation, paid, terminated, truncated, info = env.step(digit - 1)
        assert terminated
        assert not truncated
        assert info["is_success"] == (digit == env.solution[cell])
        assert paid == (right if info["is_success"] else wrong)
        assert observation[digit - 1][cell] == 1


def keeps_the_rules(board: np.ndarray) -> bool:
    try:
        check_sudoku(board)
    except ValueError:
        return False
    return True


def test_every_empty_cell_is_asked_for_equally_often() -> None:
    puzzle = generate_sudoku(4, 1, np.random.default_rng(0), clues=9)[0]
    envs = SudokuCellVectorEnv(7000, puzzles=puzzle)
    envs.reset(seed=0)
    cells, counts = np.unique(envs.cell, return_counts=True)
    np.testing.assert_array_equal(cells, np.flatnonzero(puzzle[0].reshape(-1) == 0))
    assert chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("batched", [False, True])
def test_a_pickled_environment_goes_on_as_the_original(batched: bool) -> None:
    env = SudokuCellVectorEnv(4, empties=5) if batched else SudokuCellEnv(empties=5)
    env.reset(seed=5)
    copy = pickle.loads(pickle.dumps(env))
    action = np.array([0, 1, 2, 3]) if batched else 2
    for _ in range(80):
        np.testing.assert_array_equal(env.step(action)[0], copy.step(action)[0])
        if not batched:
            np.testing.assert_array_equal(env.reset()[0], copy.reset()[0])


def test_rendering_asks_for_the_cell() -> None:
    env = SudokuCellEnv(render_mode="ansi", empties=3)
    env.reset(seed=0)
    assert env.render().count("?") == 1
    assert env.render().count(".") == 2
    env.step(0)
    assert "?" not in env.render()
    frames = SudokuCellVectorEnv(3, render_mode="rgb_array", empties=3)
    frames.reset(seed=0)
    single = SudokuCellEnv(render_mode="rgb_array", empties=3)
    single.reset(seed=1)
    np.testing.assert_array_equal(frames.render()[1], single.render())


@pytest.mark.parametrize(
    ("options", "words"),
    [({"empties": 13}, "empties expected 1 to 12"), ({"reward": "evns"}, "reward expected one of")],
)
def test_bad_arguments_are_refused(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SudokuCellVectorEnv(2, **options)
