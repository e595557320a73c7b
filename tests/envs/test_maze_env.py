"""`trm/Maze-v0` does what its docstring says, alone and in a batch."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.envs.agreement import assert_same_steps
from trm_lib.envs import MAZE_REWARDS, MazeEnv, MazeReward, MazeVectorEnv
from trm_lib.puzzles import Mazes, generate_mazes

LAYOUTS = generate_mazes(4, 7, np.random.default_rng(0)).walls
OPTIONS = [
    {"size": 5},
    {"size": 3, "layout": "loops", "loops": 0.5, "start": "random", "goal": "random"},
    {"size": 4, "layout": "open", "observation": "flat", "reward": "evns", "max_steps": 9},
    {"layouts": LAYOUTS, "start": "random", "reward": "improved"},
    {"size": 2, "layout": "open", "reward": MazeReward(step=0, bump=-1, goal=0.5)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_alone_and_in_a_batch_it_is_the_same(options: dict) -> None:
    alone = SyncVectorEnv([lambda: MazeEnv(**options)] * 16, autoreset_mode="SameStep")
    together = MazeVectorEnv(16, **options)
    assert_same_steps(alone, together, steps=100_000 // 16 // len(OPTIONS) + 1, seed=3)


@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_gymnasium_finds_no_fault(options: dict, render_mode: str | None) -> None:
    env = gym.make("trm/Maze-v0", render_mode=render_mode, **options)
    check_env(env.unwrapped, skip_render_check=render_mode is None)


def test_make_vec_gives_the_batched_form() -> None:
    envs = gym.make_vec("trm/Maze-v0", num_envs=3, size=4)
    assert isinstance(envs.unwrapped, MazeVectorEnv)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert envs.observation_space.shape == (3, 6, 4, 4)
    observations, _ = envs.reset(seed=0)
    assert envs.observation_space.contains(observations)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(2, 7),
    layout=st.sampled_from(["tree", "loops", "open"]),
    place=st.sampled_from(["fixed", "random"]),
    seed=st.integers(0, 2**32),
)
def test_masks_are_the_moves_that_move(size: int, layout: str, place: str, seed: int) -> None:
    env = MazeEnv(size=size, layout=layout, start=place, goal=place)
    observation, info = env.reset(seed=seed)
    for action in np.random.default_rng(seed).integers(4, size=30):
        assert env.observation_space.contains(observation)
        np.testing.assert_array_equal(info["action_mask"], env.action_masks())
        before = env.agent
        observation, reward, terminated, truncated, info_after = env.step(action)
        assert info["action_mask"][action] == (env.agent != before)
        assert info_after["is_success"] == terminated == (env.agent == env.goal)
        assert not (terminated and truncated)
        expected = "goal" if terminated else "step" if env.agent != before else "bump"
        assert reward == getattr(env.reward, expected)
        row, column = np.argwhere(observation[4])[0]
        assert row * size + column == env.agent
        info = info_after
        if terminated or truncated:
            observation, info = env.reset()


def test_walls_in_the_observation_are_those_of_the_maze() -> None:
    env = MazeEnv(size=6)
    observation, _ = env.reset(seed=1)
    for bit in range(4):
        np.testing.assert_array_equal(observation[bit], env.walls >> bit & 1)


def test_the_time_limit_truncates_and_does_not_terminate() -> None:
    mazes = generate_mazes(5, 1, np.random.default_rng(0), "open")
    env = MazeEnv(max_steps=3)
    env.reset(options={"mazes": mazes})
    ends = [env.step(0)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_reaching_the_goal_with_the_last_step_is_success() -> None:
    mazes = generate_mazes(2, 1, np.random.default_rng(0), "open")
    env = MazeEnv(size=2, max_steps=2)
    env.reset(options={"mazes": mazes})
    env.step(1)
    _, reward, terminated, truncated, info = env.step(2)
    assert (reward, terminated, truncated, info["is_success"]) == (1.0, True, False, True)


def test_the_last_observation_survives_the_reset_of_the_same_step() -> None:
    mazes = generate_mazes(2, 2, np.random.default_rng(0), "open")
    envs = MazeVectorEnv(2, size=2, max_steps=5, layout="open")
    envs.reset(seed=0, options={"mazes": mazes})
    envs.step(np.array([1, 0]))
    observations, rewards, terminated, _, infos = envs.step(np.array([2, 0]))
    assert terminated.tolist() == [True, False]
    assert rewards.tolist() == [1.0, -0.01]
    last = infos["final_obs"][0]
    assert last[4, 1, 1] == last[5, 1, 1] == 1, "the agent stands on the goal"
    assert observations[0, 4, 0, 0] == 1, "the new episode stands at its start"
    assert infos["final_info"]["is_success"].tolist() == [True, False]
    assert infos["_final_info"].tolist() == infos["_final_obs"].tolist() == [True, False]
    assert not infos["is_success"].any()


@pytest.mark.parametrize("name", MAZE_REWARDS)
def test_named_rewards(name: str) -> None:
    expected = {"clean": (-0.01, -0.01, 1), "evns": (-0.1, -1, 10), "improved": (-0.01, -0.5, 10)}
    mazes = generate_mazes(2, 1, np.random.default_rng(0), "open")
    env = MazeEnv(size=2, reward=name)
    env.reset(options={"mazes": mazes})
    paid = [env.step(action)[1] for action in (0, 1, 2)]  # up into the wall, right, down
    step, bump, goal = expected[name]
    assert paid == [bump, step, goal]


def test_given_layouts_are_all_drawn_and_no_other() -> None:
    envs = MazeVectorEnv(64, layouts=LAYOUTS)
    envs.reset(seed=0)
    seen = {walls.tobytes() for walls in envs.walls}
    assert seen == {walls.tobytes() for walls in LAYOUTS}


@pytest.mark.parametrize("batched", [False, True])
def test_a_pickled_environment_goes_on_as_the_original(batched: bool) -> None:
    env = MazeVectorEnv(4, size=3, start="random") if batched else MazeEnv(size=3, start="random")
    env.reset(seed=5)
    action = np.array([1, 2, 3, 0]) if batched else 1
    env.step(action)
    copy = pickle.loads(pickle.dumps(env))
    for _ in range(100):
        one, other = env.step(action), copy.step(action)
        for a, b in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        if not batched and (one[2] or one[3]):
            np.testing.assert_array_equal(env.reset()[0], copy.reset()[0])


def test_seeds_reproduce_and_differ() -> None:
    first, again, other = (MazeEnv().reset(seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    env = MazeEnv()
    env.reset(seed=1)
    second = env.reset()[0]
    assert (second != first).any(), "without a seed the sequence goes on"


def test_what_a_step_returned_is_not_changed_by_the_next() -> None:
    envs = MazeVectorEnv(8, size=2)
    observations, infos = envs.reset(seed=0)
    kept = observations.copy(), {key: value.copy() for key, value in infos.items()}
    for _ in range(20):
        envs.step(np.full(8, 1))
    np.testing.assert_array_equal(observations, kept[0])
    for key, value in infos.items():
        np.testing.assert_array_equal(value, kept[1][key])


def test_rendering() -> None:
    env = MazeEnv(size=3, render_mode="ansi")
    env.reset(seed=0)
    text = env.render()
    assert text.count("S") == text.count("G") == 1
    envs = MazeVectorEnv(2, size=3, render_mode="rgb_array")
    envs.reset(seed=0)
    frames = envs.render()
    assert len(frames) == 2
    assert frames[0].dtype == np.uint8
    assert frames[0].shape[2] == 3
    single = MazeEnv(size=3, render_mode="rgb_array")
    single.reset(seed=0)
    np.testing.assert_array_equal(single.render(), frames[0])


@pytest.mark.parametrize("action", [4, -1, 1.0, "up", None, True, np.array([1])])
def test_an_impossible_action_is_refused(action: object) -> None:
    env = MazeEnv()
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="expected an action from 0 to 3"):
        env.step(action)


@pytest.mark.parametrize(
    "actions", [[0, 4], [0, -1], [0.0, 1.0], [0], [[0], [1]], 1], ids=lambda actions: str(actions)
)
def test_impossible_actions_are_refused_before_anything_moves(actions: list) -> None:
    envs = MazeVectorEnv(2)
    envs.reset(seed=0)
    before = envs.agent.copy()
    with pytest.raises(InvalidAction, match="expected"):
        envs.step(np.array(actions))
    np.testing.assert_array_equal(envs.agent, before)


def test_stepping_before_reset_or_after_the_end_is_refused() -> None:
    for env, action in ((MazeEnv(), 0), (MazeVectorEnv(1), np.zeros(1, int))):
        with pytest.raises(ResetNeeded, match="call reset"):
            env.step(action)
    env = MazeEnv(max_steps=1)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ResetNeeded, match="the episode is over"):
        env.step(0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 1}, "size expected a whole number from 2 to 128"),
        ({"layout": "maze"}, "layout expected one of"),
        ({"loops": 0.2}, "loops is for"),
        ({"reward": "big"}, "reward expected one of clean, evns, improved, got 'big'"),
        ({"observation": "pixels"}, "observation expected one of channels, flat"),
        ({"max_steps": 0}, "max_steps expected a whole number >= 1, got 0"),
        ({"render_mode": "human"}, 'render_mode expected None, "ansi" or "rgb_array"'),
        ({"layouts": LAYOUTS[:0]}, "layouts expected at least one"),
        ({"layouts": LAYOUTS[0]}, "layouts: expected shape"),
    ],
)
@pytest.mark.parametrize("make", [MazeEnv, MazeVectorEnv])
def test_bad_arguments_are_refused(make: type, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**options)


def test_bad_resets_are_refused() -> None:
    env = MazeEnv(size=3)
    wrong_size = generate_mazes(4, 1, np.random.default_rng(0))
    for options, words in (
        ({"maze": 1}, "reset options expected {'mazes': ...} or none, got 'maze'"),
        ({"mazes": wrong_size}, "expected Mazes, 1 of size 3, got 1 of size 4"),
        ({"mazes": "SG"}, "expected Mazes"),
    ):
        with pytest.raises(ValueError, match=words):
            env.reset(options=options)
    with pytest.raises(ValueError, match="expected 2 seeds"):
        MazeVectorEnv(2).reset(seed=[1])
    with pytest.raises(ValueError, match="num_envs expected a whole number >= 1"):
        MazeVectorEnv(0)
    with pytest.raises(ValueError, match="bump expected a finite number"):
        MazeReward(0, float("nan"), 1)


def test_mazes_to_play_can_be_given() -> None:
    mazes = generate_mazes(4, 3, np.random.default_rng(0), start="random", goal="random")
    envs = MazeVectorEnv(3, size=4)
    envs.reset(options={"mazes": mazes})
    np.testing.assert_array_equal(envs.walls, mazes.walls)
    np.testing.assert_array_equal(envs.agent, mazes.start)
    env = MazeEnv(size=4)
    env.reset(options={"mazes": mazes[2]})
    assert isinstance(mazes[2], Mazes)
    assert (env.agent, env.goal) == (mazes.start[2], mazes.goal[2])
