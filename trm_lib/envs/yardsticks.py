"""Policies to measure a learner against: what chance, a rule of thumb and perfect play achieve.

A policy is any function from observations (E, ...) and action masks (E, A) to actions (E,). These
read everything from the "channels" observation of their environment, as a learner would.

Axes: E environments, A actions, n rows and columns, L = n * n cells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trm_lib.checks import check_rng
from trm_lib.envs.maze import read_maze
from trm_lib.puzzles import maze_distances, solve_exactly, steps_to

Policy = Callable[[np.ndarray, np.ndarray], np.ndarray]


def random_policy(rng: np.random.Generator) -> Policy:
    """Return the policy that takes any action, legal or not, with equal chance."""
    check_rng(rng)
    return lambda observations, masks: rng.integers(masks.shape[1], size=len(masks))


def random_legal_policy(rng: np.random.Generator) -> Policy:
    """Return the policy that takes any action of the mask with equal chance."""
    check_rng(rng)
    return lambda observations, masks: (rng.random(masks.shape) * (masks > 0)).argmax(axis=1)


def greedy_manhattan_policy(observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Take the open way that leads nearest to the goal as the crow flies, the first of equals."""
    walls, agent, goal = read_maze(observations)
    n, m = grid = walls.shape[1:]
    row, column = np.divmod(steps_to(grid)[agent], m)  # (E, 4) each
    goal_row, goal_column = np.divmod(goal[:, None], m)
    distance = abs(row - goal_row) + abs(column - goal_column)
    return np.where(masks > 0, distance, n + m).argmin(axis=1)


def optimal_maze_policy(observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Take a step of a shortest path to the goal, the first of equals."""
    walls, agent, goal = read_maze(observations)
    to_goal = maze_distances(walls, goal).reshape(len(goal), -1)
    ahead = np.take_along_axis(to_goal, steps_to(walls.shape[1:])[agent], axis=1)
    return np.where(masks > 0, ahead, walls[0].size).argmin(axis=1)


def exact_sudoku_policy(observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Fill the first cell that can be filled with the digit of the solution, found by search.

    For `trm/Sudoku-v0` and `trm/SudokuCell-v0`, whose boards have at most one solution. A board
    that has none any more gets its first legal action.
    """
    digits = observations[:, :-1]  # (E, N, N, N): one channel a digit
    boards = ((digits > 0) * np.arange(1, digits.shape[1] + 1)[:, None, None]).sum(axis=1)
    return np.array([_exact_move(*args) for args in zip(boards, observations, masks, strict=True)])


def _exact_move(board: np.ndarray, observation: np.ndarray, mask: np.ndarray) -> int:
    size = len(board)
    solution = solve_exactly(board).solution
    if solution is None:
        return int(mask.argmax())
    if len(mask) == size:  # one cell is asked for
        return int(solution[observation[-1] > 0][0]) - 1
    cell = int((board == 0).argmax())
    return cell * size + int(solution.reshape(-1)[cell]) - 1
