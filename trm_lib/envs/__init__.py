"""Gymnasium environments over the puzzles, potential-based shaping, and yardstick policies.

Importing this room registers `trm/Maze-v0`, `trm/Sudoku-v0` and `trm/SudokuCell-v0`, for
`gymnasium.make` and, in NumPy batches, for `gymnasium.make_vec`.
"""

import gymnasium as gym

from trm_lib.envs.maze import MAZE_REWARDS, MazeEnv, MazeReward
from trm_lib.envs.maze_vector import MazeVectorEnv

__all__ = [
    "MAZE_REWARDS",
    "MazeEnv",
    "MazeReward",
    "MazeVectorEnv",
]

gym.register("trm/Maze-v0", MazeEnv, vector_entry_point=MazeVectorEnv)
