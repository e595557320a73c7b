"""`trm/Sudoku-v0` does what its docstring says, alone and in a batch."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from tests.envs.agreement import assert_same_steps
from trm_lib.envs import SUDOKU_REWARDS, SudokuEnv, SudokuReward, SudokuVectorEnv
from trm_lib.puzzles import check_sudoku, generate_sudoku, is_solution, solve_exactly

POOL = generate_sudoku(4, 9, np.random.default_rng(0))[0]
OPTIONS = [
    {},
    {"empties": (2, 12), "observation": "conflicts", "reward": "improved", "max_steps": 20},
    {"empties": 2, "placement": "free", "observation": "conflicts", "reward": "evns"},
    {"empties": 8, "observation": "candidates"},
    {"empties": 3, "placement": "free", "observation": "candidates"},
    {"puzzles": POOL, "placement": "free"},
    {"size": 6, "empties": 5, "max_steps": 30},
    {"empties": (1, 8), "reward": SudokuReward(0, 0, 0, 0, 0, solved=0.5, stuck=-0.5)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_alone_and_in_a_batch_it_is_the_same(options: dict) -> None:
    num_envs = 4 if options.get("size") == 6 else 16
    steps = 100 if num_envs == 4 else 100_000 // 16 // 4
    alone = SyncVectorEnv([lambda: SudokuEnv(**options)] * num_envs, autoreset_mode="SameStep")
    together = SudokuVectorEnv(num_envs, **options)
    assert_same_steps(alone, together, steps, seed=3)


def test_9x9_alone_and_in_a_batch_it_is_the_same() -> None:
    options = {"size": 9, "empties": 3, "max_steps": 6}
    alone = SyncVectorEnv([lambda: SudokuEnv(**options)] * 2, autoreset_mode="SameStep")
    assert_same_steps(alone, SudokuVectorEnv(2, **options), steps=20, seed=0)


@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_gymnasium_finds_no_fault(options: dict, render_mode: str | None) -> None:
    env = gym.make("trm/Sudoku-v0", render_mode=render_mode, **options)
    check_env(env.unwrapped, skip_render_check=render_mode is None)


@settings(max_examples=40, deadline=None)
@given(
    empties=st.integers(1, 12),
    placement=st.sampled_from(["legal", "free"]),
    seed=st.integers(0, 2**32),
)
def test_masks_and_rewards_follow_the_rules(empties: int, placement: str, seed: int) -> None:
    env = SudokuEnv(empties=empties, placement=placement, reward="improved", max_steps=30)
    observation, info = env.reset(seed=seed)
    assert (env.clues == 0).sum() == empties
    rng = np.random.default_rng(seed)
    over = False
    while not over:
        assert env.observation_space.contains(observation)
        before = env.board.copy()
        legal = [may_write(env, action, placement) for action in range(64)]
        np.testing.assert_array_equal(info["action_mask"], legal)
        action = int(rng.integers(64))
        if rng.random() < 0.7:
            action = int(rng.choice(np.flatnonzero(legal)))
        observation, reward, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        changed = before.copy()
        if legal[action]:
            changed[divmod(action // 4, 4)] = action % 4 + 1
        np.testing.assert_array_equal(env.board, changed)
        assert info["is_success"] == bool(is_solution(env.clues, env.board))
        assert reward == expected_reward(env, before, action, info, terminated)
        if placement == "legal":
            assert terminated == (not info["action_mask"].any())
        else:
            assert terminated == info["is_success"]


def may_write(env: SudokuEnv, action: int, placement: str) -> bool:
    """The rules, by an independent judge."""
    cell = divmod(action // 4, 4)
    if env.clues[cell] or env.board[cell] == action % 4 + 1:
        return False
    if placement == "free":
        return True
    return not env.board[cell] and keeps_the_rules(env.board, action)


def keeps_the_rules(board: np.ndarray, action: int) -> bool:
    trial = board.copy()
    trial[divmod(action // 4, 4)] = action % 4 + 1
    try:
        check_sudoku(trial)
    except ValueError:
        return False
    return True


def expected_reward(
    env: SudokuEnv, before: np.ndarray, action: int, info: dict, terminated: bool
) -> float:
    cell, digit = divmod(action // 4, 4), action % 4 + 1
    pays = env.reward
    if env.clues[cell]:
        return pays.clue
    if before[cell] == digit or (before[cell] and env.placement == "legal"):
        return pays.filled
    if info["is_success"]:
        return pays.solved
    if terminated:
        return pays.stuck
    row, column = cell
    around = before.copy()
    around[cell] = 0
    box = around[row // 2 * 2 : row // 2 * 2 + 2, column // 2 * 2 : column // 2 * 2 + 2]
    if digit in around[row] or digit in around[:, column] or digit in box:
        return pays.clash
    return pays.right if digit == env.solution[cell] else pays.wrong


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
    seen = []
    for seed in range(0, 45 * 2048, 2048):
        envs.reset(seed=seed)
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


def test_a_wrong_legal_digit_can_leave_nothing_to_write() -> None:
    """Follow random legal play until it fails, and check that it fails for the reason given."""
    env = SudokuEnv(empties=10, reward="improved")
    rng = np.random.default_rng(0)
    stuck = 0
    for seed in range(20):
        _, info = env.reset(seed=seed)
        terminated = False
        while not terminated:
            action = rng.choice(np.flatnonzero(info["action_mask"]))
            _, reward, terminated, _, info = env.step(action)
        if not info["is_success"]:
            stuck += 1
            assert reward == -1.8
            assert (env.board == 0).any()
            assert not any(
                env.board[divmod(a // 4, 4)] == 0 and keeps_the_rules(env.board, a)
                for a in range(64)
            )
    assert stuck > 0


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


@pytest.mark.parametrize("batched", [False, True])
def test_a_pickled_environment_goes_on_as_the_original(batched: bool) -> None:
    env = SudokuVectorEnv(4) if batched else SudokuEnv()
    env.reset(seed=5)
    rng = np.random.default_rng(0)
    env.step(rng.integers(64, size=4) if batched else 7)
    copy = pickle.loads(pickle.dumps(env))
    for _ in range(100):
        action = rng.integers(64, size=4) if batched else int(rng.integers(64))
        one, other = env.step(action), copy.step(action)
        for a, b in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        if not batched and (one[2] or one[3]):
            np.testing.assert_array_equal(env.reset()[0], copy.reset()[0])


def test_rendering() -> None:
    env = SudokuEnv(render_mode="ansi", empties=3)
    env.reset(seed=0)
    assert env.render().count(".") == 3
    frames = SudokuVectorEnv(2, render_mode="rgb_array", empties=3)
    frames.reset(seed=0)
    single = SudokuEnv(render_mode="rgb_array", empties=3)
    single.reset(seed=0)
    np.testing.assert_array_equal(frames.render()[0], single.render())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 5}, "expected a board size of 4, 6 or 9"),
        ({"empties": 0}, "empties expected 1 to 12 for a 4x4"),
        ({"empties": 13}, "got 13"),
        ({"empties": (4, 2)}, r"got \(4, 2\)"),
        ({"empties": 2.0}, "got 2.0"),
        ({"size": 9, "empties": 65}, "expected 1 to 64 for a 9x9"),
        ({"puzzles": POOL, "empties": 4}, "empties expected None where puzzles are given"),
        ({"puzzles": POOL[0]}, r"puzzles: expected shape \(M, N, N\)"),
        ({"puzzles": POOL * 0}, "puzzle 0 has several solutions"),
        ({"placement": "any"}, "placement expected one of legal, free"),
        ({"observation": "flat"}, "observation expected one of channels, conflicts, candidates"),
        ({"reward": "big"}, "reward expected one of clean, evns, improved"),
        ({"max_steps": 0}, "max_steps expected"),
        ({"render_mode": "human"}, "render_mode expected"),
    ],
)
@pytest.mark.parametrize("make", [SudokuEnv, SudokuVectorEnv])
def test_bad_arguments_are_refused(make: type, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**options)


def test_puzzles_without_a_solution_or_an_empty_cell_are_refused() -> None:
    clashing = POOL[:2].copy()
    row, column = np.argwhere(clashing[1] == 0)[0]
    clashing[1, row, column] = clashing[1].max(axis=1)[row] or clashing[1].max(axis=0)[column]
    with pytest.raises(ValueError, match="puzzle 1 has no solution"):
        SudokuEnv(puzzles=clashing)
    with pytest.raises(ValueError, match="puzzle 0 has no empty cell"):
        SudokuEnv(puzzles=generate_sudoku(4, 1, np.random.default_rng(0))[1])


def test_bad_actions_and_resets_are_refused() -> None:
    env = SudokuEnv()
    env.reset(seed=0)
    for action in (64, -1, 0.5):
        with pytest.raises(InvalidAction, match="expected an action from 0 to 63"):
            env.step(action)
    with pytest.raises(ValueError, match=r"expected boards of shape \(1, 4, 4\)"):
        env.reset(options={"puzzles": POOL[:2]})
    with pytest.raises(ValueError, match="puzzle 0 has several solutions"):
        env.reset(options={"puzzles": POOL[0] * 0})


def test_puzzles_to_play_can_be_given() -> None:
    envs = SudokuVectorEnv(9, empties=3)
    envs.reset(options={"puzzles": POOL})
    np.testing.assert_array_equal(envs.clues.reshape(POOL.shape), POOL)
    env = SudokuEnv()
    env.reset(options={"puzzles": POOL[4]})
    np.testing.assert_array_equal(env.clues, POOL[4])


def test_pencil_marks_are_the_mask() -> None:
    env = SudokuEnv(empties=8, observation="candidates")
    observation, info = env.reset(seed=0)
    for action in range(64):
        cell, digit = divmod(action, 4)
        assert observation[(4 + digit, *divmod(cell, 4))] == info["action_mask"][action]
        assert observation[(digit, *divmod(cell, 4))] == (env.board.flat[cell] == digit + 1)
