"""The yardsticks know what they claim to know, and chance is as good as theory says."""

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import chisquare

import trm_lib.envs  # noqa: F401
from trm_lib.envs import (
    exact_sudoku_policy,
    greedy_manhattan_policy,
    optimal_maze_policy,
    random_legal_policy,
    random_policy,
)
from trm_lib.evaluation import every_maze, play_each, play_episodes
from trm_lib.puzzles import all_trees, generate_mazes, maze_distances


def maze_envs(size: int):
    return lambda count: gym.make_vec("trm/Maze-v0", num_envs=count, size=size)


@pytest.mark.parametrize("layout", ["tree", "loops", "open"])
def test_the_optimal_policy_needs_the_exact_distance(layout: str) -> None:
    rng = np.random.default_rng(0)
    mazes = generate_mazes(6, 300, rng, layout, start="random", goal="random")
    outcomes = play_each(maze_envs(6), mazes, optimal_maze_policy)
    exact = maze_distances(mazes.walls, mazes.start).reshape(300, -1)
    np.testing.assert_array_equal(outcomes.lengths, exact[np.arange(300), mazes.goal])
    assert outcomes.success.all()
    np.testing.assert_allclose(outcomes.returns, 1 - 0.01 * (outcomes.lengths - 1))


def test_greedy_solves_the_open_field_and_just_those_trees_it_can() -> None:
    open_field = generate_mazes(5, 100, np.random.default_rng(0), "open", None, "random", "random")
    assert play_each(maze_envs(5), open_field, greedy_manhattan_policy).success.all()
    cases = every_maze(all_trees(3))
    outcomes = play_each(maze_envs(3), cases, greedy_manhattan_policy)
    for maze in (0, 5_000, 13_000):  # follow the rule by hand: it succeeds unless it comes back
        assert outcomes.success[maze] == follows_to_goal(cases[maze])
    assert 0.5 < outcomes.success.mean() < 0.7


def follows_to_goal(maze) -> bool:
    walls, cell, goal = maze.walls[0], int(maze.start[0]), int(maze.goal[0])
    size, seen = len(walls), set()
    while cell not in seen and cell != goal:
        seen.add(cell)
        row, column = divmod(cell, size)
        ways = [
            (abs(r - goal // size) + abs(c - goal % size), bit, r * size + c)
            for bit, (r, c) in enumerate(
                [(row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1)]
            )
            if not walls[row, column] >> bit & 1
        ]
        cell = min(ways)[2]
    return cell == goal


def test_random_policies_are_uniform() -> None:
    masks = np.tile(np.array([[1, 0, 1, 1]], np.int8), (30_000, 1))
    observations = np.zeros((30_000, 1))
    anything = random_policy(np.random.default_rng(0))(observations, masks)
    assert chisquare(np.bincount(anything, minlength=4)).pvalue > 0.001
    legal = np.bincount(random_legal_policy(np.random.default_rng(0))(observations, masks))
    assert legal[1] == 0
    assert chisquare(legal[[0, 2, 3]]).pvalue > 0.001


def test_chance_on_the_smallest_maze_is_what_a_markov_chain_gives() -> None:
    """2x2, open, corner to corner: two absorbing steps, each step right with chance 1/2."""
    envs = gym.make_vec("trm/Maze-v0", num_envs=500, size=2, layout="open", max_steps=4)
    outcomes = play_episodes(envs, random_legal_policy(np.random.default_rng(0)), 20_000, seed=0)
    # legal moves: any first move is right, then on (1/2) or back (1/2): solved in 2 or 4 steps
    assert abs(outcomes.success.mean() - 0.75) < 0.015
    assert set(outcomes.lengths.tolist()) == {2, 4}


@pytest.mark.parametrize("empties", [1, 5, 12])
def test_the_exact_policy_solves_every_sudoku_and_names_the_digit_of_one_cell(empties) -> None:
    envs = gym.make_vec("trm/Sudoku-v0", num_envs=20, empties=empties)
    outcomes = play_episodes(envs, exact_sudoku_policy, 40, seed=0)
    assert outcomes.success.all()
    assert (outcomes.lengths == empties).all()
    envs = gym.make_vec("trm/SudokuCell-v0", num_envs=50, empties=empties)
    assert play_episodes(envs, exact_sudoku_policy, 100, seed=0).success.all()


def test_the_exact_policy_goes_on_where_no_solution_is_left() -> None:
    board = np.array([[1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 3]])  # 3 has no place
    digits = (board == np.arange(1, 5)[:, None, None]).astype(np.float32)
    observation = np.concatenate([digits, (board > 0)[None]])[None]
    mask = np.zeros((1, 64), np.int8)
    mask[0, 17] = 1
    assert exact_sudoku_policy(observation, mask) == [17]
