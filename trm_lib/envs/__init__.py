"""Gymnasium environments over the puzzles, and potential-based shaping.

Importing this room registers `trm/Maze-v0`, `trm/Sudoku-v0` and `trm/SudokuCell-v0`, for
`gymnasium.make` and, in NumPy batches, for `gymnasium.make_vec`.
"""

import gymnasium as gym

from trm_lib.envs.maze import (
    AGENT,
    GOAL,
    MAZE_REWARDS,
    MazeEnv,
    MazeReward,
    MazeVectorEnv,
    observe,
    read_maze,
)
from trm_lib.envs.shaping import PotentialShaping, VectorPotentialShaping
from trm_lib.envs.sudoku import SUDOKU_REWARDS, SudokuEnv, SudokuReward, SudokuVectorEnv
from trm_lib.envs.sudoku_cell import (
    SUDOKU_CELL_REWARDS,
    SudokuCellEnv,
    SudokuCellReward,
    SudokuCellVectorEnv,
)
from trm_lib.envs.yardsticks import (
    exact_sudoku_policy,
    greedy_manhattan_policy,
    optimal_maze_policy,
    random_legal_policy,
    random_policy,
)

__all__ = [
    "AGENT", "GOAL", "MAZE_REWARDS", "SUDOKU_CELL_REWARDS", "SUDOKU_REWARDS",
    "MazeEnv", "MazeReward", "MazeVectorEnv", "PotentialShaping",
    "SudokuCellEnv", "SudokuCellReward", "SudokuCellVectorEnv",
    "SudokuEnv", "SudokuReward", "SudokuVectorEnv", "VectorPotentialShaping",
    "exact_sudoku_policy", "greedy_manhattan_policy", "observe", "optimal_maze_policy",
    "random_legal_policy", "random_policy", "read_maze",
]  # fmt: skip

for _name, _module in (("Maze", "maze"), ("Sudoku", "sudoku"), ("SudokuCell", "sudoku_cell")):
    gym.register(
        f"trm/{_name}-v0",
        f"trm_lib.envs.{_module}:{_name}Env",
        vector_entry_point=f"trm_lib.envs.{_module}:{_name}VectorEnv",
    )
