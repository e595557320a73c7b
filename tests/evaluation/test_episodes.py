"""Episodes are counted without favour."""

import gymnasium as gym
import numpy as np

import trm_lib.envs  # noqa: F401
from trm_lib.envs import optimal_maze_policy, random_legal_policy
from trm_lib.evaluation import every_maze, play_each, play_episodes
from trm_lib.puzzles import generate_mazes


def test_every_environment_plays_the_same_number_of_episodes() -> None:
    """One environment alone and the same in a batch give the same outcomes in the same order."""
    options = {"size": 3, "start": "random", "goal": "random"}
    envs = gym.make_vec("trm/Maze-v0", num_envs=4, **options)
    together = play_episodes(envs, optimal_maze_policy, 20, seed=10)
    for env in range(4):
        alone = gym.make_vec("trm/Maze-v0", num_envs=1, **options)
        outcomes = play_episodes(alone, optimal_maze_policy, 5, seed=10 + env)
        np.testing.assert_array_equal(outcomes.lengths, together.lengths[5 * env : 5 * env + 5])
        np.testing.assert_allclose(outcomes.returns, together.returns[5 * env : 5 * env + 5])


def test_an_episode_cut_short_is_no_success() -> None:
    envs = gym.make_vec("trm/Maze-v0", num_envs=8, size=6, max_steps=2)
    outcomes = play_episodes(envs, random_legal_policy(np.random.default_rng(0)), 16, seed=0)
    assert not outcomes.success.any()
    assert (outcomes.lengths == 2).all()
    np.testing.assert_allclose(outcomes.returns, -0.02)
    assert len(outcomes) == 16


def test_every_maze_is_every_pair_of_cells() -> None:
    layouts = generate_mazes(3, 2, np.random.default_rng(0)).walls
    mazes = every_maze(layouts)
    assert len(mazes) == 2 * 9 * 8
    pairs = set(zip(mazes.start.tolist(), mazes.goal.tolist(), strict=True))
    assert pairs == {(s, g) for s in range(9) for g in range(9) if s != g}
    np.testing.assert_array_equal(mazes.walls[:72], np.broadcast_to(layouts[0], (72, 3, 3)))


def test_cases_keep_their_order_over_several_batches() -> None:
    mazes = every_maze(generate_mazes(4, 20, np.random.default_rng(0)).walls)  # 4,800 cases
    make = lambda count: gym.make_vec("trm/Maze-v0", num_envs=count, size=4)  # noqa: E731
    outcomes = play_each(make, mazes, optimal_maze_policy)
    some = np.array([4_095, 4_096, 4_799])
    np.testing.assert_array_equal(
        play_each(make, mazes[some], optimal_maze_policy).lengths, outcomes.lengths[some]
    )
