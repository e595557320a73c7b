"""`trm/Maze-v0`: cases worked by hand, and what is drawn."""

import numpy as np
import pytest

from trm_lib.envs import MAZE_REWARDS, MazeEnv, MazeVectorEnv
from trm_lib.puzzles import generate_mazes

OPEN = {"layout": "open", "size": 2}


def test_the_time_limit_truncates_and_does_not_terminate() -> None:
    env = MazeEnv(layout="open", max_steps=3)
    env.reset(seed=0)
    ends = [env.step(0)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_reaching_the_goal_with_the_last_step_is_success() -> None:
    env = MazeEnv(max_steps=2, **OPEN)
    env.reset(seed=0)
    env.step(1)
    _, reward, terminated, truncated, info = env.step(2)
    assert (reward, terminated, truncated, info["is_success"]) == (1.0, True, False, True)


def test_the_last_observation_survives_the_reset_of_the_same_step() -> None:
    envs = MazeVectorEnv(2, max_steps=5, **OPEN)
    envs.reset(seed=0)
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
    env = MazeEnv(reward=name, **OPEN)
    env.reset(seed=0)
    paid = [env.step(action)[1] for action in (0, 1, 2)]  # up into the wall, right, down
    step, bump, goal = expected[name]
    assert paid == [bump, step, goal]


def test_given_layouts_are_all_drawn_and_no_other() -> None:
    layouts = generate_mazes(4, 7, np.random.default_rng(0)).walls
    envs = MazeVectorEnv(64, layouts=layouts)
    envs.reset(seed=0)
    assert {w.tobytes() for w in envs.walls} == {w.tobytes() for w in layouts}


def test_mazes_to_play_can_be_given() -> None:
    mazes = generate_mazes(4, 3, np.random.default_rng(0), start="random", goal="random")
    envs = MazeVectorEnv(3, size=4)
    envs.reset(options={"mazes": mazes})
    np.testing.assert_array_equal(envs.walls, mazes.walls)
    np.testing.assert_array_equal(envs.agent, mazes.start)
    env = MazeEnv(size=4)
    env.reset(options={"mazes": mazes[2]})
    assert (env.start, env.agent, env.goal) == (*[mazes.start[2]] * 2, mazes.goal[2])
    walls = env.walls
    np.testing.assert_array_equal(walls, mazes.walls[2])
    env.reset(options={"mazes": mazes[0]})
    np.testing.assert_array_equal(walls, mazes.walls[2])  # what was shown is a copy
    with pytest.raises(AttributeError, match="MazeEnv has no attribute 'num_envs'"):
        _ = env.num_envs
