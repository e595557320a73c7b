"""The vector form of `trm/Maze-v0`: E mazes walked at once.

Axes: E environments, n rows and columns, L = n * n cells, M episodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trm_lib.envs.batched import BatchedEnv
from trm_lib.envs.episodes import Episodes
from trm_lib.envs.maze import AGENT, MazeEnv, observe, read_mazes
from trm_lib.puzzles.maze import Mazes, passages, steps_to
from trm_lib.puzzles.maze_format import maze_text


class MazeVectorEnv(BatchedEnv):
    """E mazes at once, each as `MazeEnv` plays it under the seeds seed, seed + 1, seed + 2 ...

    Args:
        num_envs: E.
        render_mode: None, "ansi" or "rgb_array".
        options: As for `MazeEnv`, which see for spaces, rewards and infos.

    Raises:
        ValueError: If an argument is not as there.
    """

    option = "mazes"

    def __init__(self, num_envs: int = 1, render_mode: str | None = None, **options: Any) -> None:
        single = MazeEnv(**options)
        super().__init__(num_envs, single, render_mode, options)
        self.size, self.max_steps = single.size, single.max_steps
        self.reward = single.reward
        self._source = single._source
        self._episodes = Episodes(self._make, num_envs, self.size**2)
        n_cells = self.size**2
        self.walls = np.zeros((num_envs, self.size, self.size), np.uint8)
        self.start, self.agent, self.goal = np.zeros((3, num_envs), np.int64)
        self._next = np.zeros((num_envs, n_cells, 4), np.int64)  # where each move leads
        self._ahead = np.zeros((num_envs, 4), np.int64)  # the same, from where the agent stands
        self._steps = np.zeros(num_envs, np.int64)
        self._observations = np.zeros((num_envs, *single.observation_space.shape), np.float32)
        # where each environment begins in flat views: one index is faster than several
        self._first_cell = self._everybody * n_cells
        self._first_agent = (self._everybody * 6 + AGENT) * n_cells
        self._first_ahead = self._everybody * 4

    def action_masks(self) -> np.ndarray:
        """Return (E, 4) bool: which moves lead to another cell."""
        return self._ahead != self.agent[:, None]

    def _make(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._prepared(*self._source.episodes(keys))

    def _read_option(self, mazes: Mazes, count: int) -> tuple[np.ndarray, ...]:
        return self._prepared(*read_mazes(mazes, count, self.size))

    def _prepared(
        self, walls: np.ndarray, start: np.ndarray, goal: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Add where each move leads, (M, L, 4), and the first observation, (M, ...)."""
        is_open = passages(walls).reshape(len(walls), -1, 4)
        moves = np.where(is_open, steps_to(self.size), np.arange(self.size**2)[:, None])
        channels = observe(walls, start, goal)
        shape = self.single_observation_space.shape
        return walls, start, goal, moves, channels.reshape(len(walls), *shape)

    def _begin(
        self,
        which: np.ndarray,
        walls: np.ndarray,
        start: np.ndarray,
        goal: np.ndarray,
        moves: np.ndarray,
        channels: np.ndarray,
    ) -> None:
        self.walls[which] = walls
        self.start[which] = self.agent[which] = start
        self.goal[which] = goal
        self._steps[which] = 0
        self._next[which] = moves
        self._observations[which] = channels
        self._ahead[which] = self._next.reshape(-1, 4).take(self._first_cell[which] + start, axis=0)

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        there = self._ahead.reshape(-1).take(self._first_ahead + actions)
        terminated = there == self.goal
        rewards = np.where(there == self.agent, self.reward.bump, self.reward.step)
        rewards[terminated] = self.reward.goal
        cells = self._observations.reshape(-1)  # a view
        cells[self._first_agent + self.agent] = 0
        cells[self._first_agent + there] = 1
        self.agent = there
        self._ahead = self._next.reshape(-1, 4).take(self._first_cell + there, axis=0)
        self._steps += 1
        self._success = terminated.copy()
        return rewards, terminated, (self._steps >= self.max_steps) & ~terminated

    def _text(self, env: int) -> str:
        return maze_text(self.walls[env], self.agent[env], self.goal[env])

    def _pixels(self, env: int) -> np.ndarray:
        from trm_lib.viz.pixels import maze_pixels  # late: it loads Matplotlib

        return maze_pixels(self.walls[env], self.start[env], self.goal[env], self.agent[env])
