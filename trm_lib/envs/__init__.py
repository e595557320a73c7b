"""Gymnasium environments over the puzzles, and potential-based shaping.

Importing this room registers `trm/Maze-v0`, `trm/Sudoku-v0` and `trm/SudokuCell-v0`, for
`gymnasium.make` and, in NumPy batches, for `gymnasium.make_vec`.
"""

import gymnasium as gym

from trm_lib.envs.maze import MAZE_REWARDS, MazeEnv, MazeReward
from trm_lib.envs.maze_vector import MazeVectorEnv
from trm_lib.envs.shaping import PotentialShaping, VectorPotentialShaping

__all__ = [
    "MAZE_REWARDS",
    "MazeEnv",
    "MazeReward",
    "MazeVectorEnv",
    "PotentialShaping",
    "VectorPotentialShaping",
]

gym.register(
    "trm/Maze-v0",
    "trm_lib.envs.maze:MazeEnv",
    vector_entry_point="trm_lib.envs.maze_vector:MazeVectorEnv",
)
