"""`trm/Maze-v0`: walk from the start of a maze to its goal.

Axes: E environments, n rows and columns, L = n * n cells, M layouts.

The vector form of `trm/Maze-v0`: E mazes walked at once.

Axes: E environments, n rows and columns, L = n * n cells, M episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.checks import number, whole
from trm_lib.envs.base import BatchedEnv, Episodes, SingleEnv, check_choice
from trm_lib.puzzles import (
    Layout,
    Mazes,
    Place,
    check_maze_options,
    check_walls,
    draw_below,
    maze_text,
    mazes_from_keys,
    passages,
    places_from_keys,
    steps_to,
)

_LAYOUT = 2  # the stream of randomness that chooses among given layouts
AGENT, GOAL = 4, 5  # channels of the observation; 0 to 3 are the walls


@dataclass(frozen=True)
class MazeReward:
    """What one step pays: exactly one of these three.

    Attributes:
        step: for a move to another cell that is not the goal.
        bump: for a move into a wall, which leaves the agent where it is.
        goal: for the move onto the goal.
    """

    step: float
    bump: float
    goal: float

    def __post_init__(self) -> None:
        for name in ("step", "bump", "goal"):
            value = number(getattr(self, name), name, lambda x: True, "a finite number")
            object.__setattr__(self, name, value)  # as a float: NumPy would cut others to ints


MAZE_REWARDS = {
    "clean": MazeReward(step=-0.01, bump=-0.01, goal=1.0),
    "evns": MazeReward(step=-0.1, bump=-1.0, goal=10.0),
    "improved": MazeReward(step=-0.01, bump=-0.5, goal=10.0),
}
"""Reward schemes by name; "evns" and "improved" are those of the scripts the book rebuilds."""


class MazeEnv(SingleEnv):
    """Walk from the start of a maze to its goal.

    ## Action space
    `Discrete(4)`: 0 up, 1 right, 2 down, 3 left, one cell at a time.

    ## Observation space
    `observation="channels"`: `Box(0, 1, (6, n, n), float32)`. Channels 0 to 3 say whether a cell
    has a wall above, to its right, below and to its left; channel 4 marks the agent, channel 5 the
    goal. `observation="flat"`: the same numbers as `Box(0, 1, (6 * n * n,), float32)`.

    ## Rewards
    One of three numbers a step: for a move, for a bump into a wall, for reaching the goal.
    `"clean"`: -0.01, -0.01, +1. `"evns"`: -0.1, -1, +10. `"improved"`: -0.01, -0.5, +10. Or a
    `MazeReward` of your own.

    ## Starting state
    A new maze each episode. `layout="tree"` draws a uniform spanning tree, `"loops"` a tree with
    some more walls opened, `"open"` no walls inside; `layouts` draws from given ones instead.
    Start and goal lie in the upper left and lower right corner, or, where `"random"`, anywhere.

    ## Episode end
    Terminated when the agent reaches the goal; truncated after `max_steps` steps without.

    ## Information
    `action_mask`: (4,) int8, 1 where a move leads to another cell; `action_masks()` gives the same
    as bool. `is_success`: whether the agent stands on the goal.

    Args:
        size: n, 2 to 128.
        layout: "tree", "loops" or "open".
        loops: For "loops", the share of a tree's remaining walls to open, 0 to 1 (0.1).
        start, goal: "fixed" or "random".
        layouts: (M, n, n) uint8 walls to draw from with equal chance, in place of `layout`; `size`
            is then theirs. This is how training and test are kept apart.
        reward: The name of a scheme, or a `MazeReward`.
        observation: "channels" or "flat".
        max_steps: Time limit (2 n^2: more than twice the longest path).
        render_mode: None, "ansi" or "rgb_array".

    Raises:
        ValueError: If an argument is not as above; nothing is made then.

    ## Reset options
    `{"mazes": mazes}`: `Mazes` to play, one an environment, in place of the next of the sequence.
    """

    option = "mazes"

    def __init__(
        self,
        size: int = 5,
        layout: Layout = "tree",
        loops: float | None = None,
        start: Place = "fixed",
        goal: Place = "fixed",
        layouts: ArrayLike | None = None,
        reward: str | MazeReward = "clean",
        observation: Literal["channels", "flat"] = "channels",
        max_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(render_mode)
        check_maze_options(size, layout, loops, start, goal)
        check_choice("observation", observation, ("channels", "flat"))
        self._source = MazeSource(size, layout, loops, start, goal, layouts)
        self.size = self._source.size
        self.reward = find_reward(reward)
        self.max_steps = 2 * self.size**2 if max_steps is None else whole(max_steps, "max_steps", 1)
        shape = (6, self.size, self.size)
        self._shape = shape if observation == "channels" else (6 * self.size**2,)
        self.observation_space = spaces.Box(0, 1, self._shape, np.float32)
        self.action_space = spaces.Discrete(4)
        self._episodes = Episodes(self._source.episodes, 1, self.size**2)

    def action_masks(self) -> np.ndarray:
        """Return (4,) bool: which moves lead to another cell."""
        return self._open[self.agent].copy()

    def _read_option(self, mazes: Mazes, count: int) -> tuple[np.ndarray, ...]:
        return read_mazes(mazes, count, self.size)

    def _begin(self, walls: np.ndarray, start: np.ndarray, goal: np.ndarray) -> None:
        self.walls = walls.copy()
        self.agent, self.goal = int(start), int(goal)
        self.start = self.agent
        self._steps = 0
        self._open = passages(walls).reshape(-1, 4)

    def _advance(self, action: int) -> tuple[float, bool, bool]:
        self._steps += 1
        truncated = self._steps >= self.max_steps
        if not self._open[self.agent, action]:
            return self.reward.bump, False, truncated
        self.agent = int(steps_to(self.size)[self.agent, action])
        if self.agent == self.goal:
            self._success = True
            return self.reward.goal, True, False
        return self.reward.step, False, truncated

    def _observation(self) -> np.ndarray:
        agent, goal = np.array([self.agent]), np.array([self.goal])
        return observe(self.walls[None], agent, goal).reshape(self._shape)

    def _text(self) -> str:
        return maze_text(self.walls, self.agent, self.goal)

    def _pixels(self) -> np.ndarray:
        from trm_lib.viz.pixels import maze_pixels  # late: it loads Matplotlib

        return maze_pixels(self.walls, self.start, self.goal, self.agent)


class MazeSource:
    """The mazes of an environment, each made from its key.

    Args and Raises: as in ``MazeEnv``.
    """

    def __init__(
        self,
        size: int,
        layout: Layout,
        loops: float | None,
        start: Place,
        goal: Place,
        layouts: ArrayLike | None,
    ) -> None:
        check_maze_options(size, layout, loops, start, goal)
        self._options = (layout, loops, start, goal)
        self._layouts = None if layouts is None else check_walls(layouts, "layouts").copy()
        if self._layouts is not None and len(self._layouts) == 0:
            raise ValueError("layouts expected at least one layout, got none")
        self.size = size if layouts is None else self._layouts.shape[1]

    def episodes(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return walls, start and goal of the maze of each key."""
        if self._layouts is None:
            mazes = mazes_from_keys(self.size, keys, *self._options)
            return mazes.walls, mazes.start, mazes.goal
        chosen = draw_below(keys, _LAYOUT, len(self._layouts))
        start, goal = places_from_keys(self.size, keys, *self._options[2:])
        return self._layouts[chosen], start, goal


def find_reward(reward: str | MazeReward) -> MazeReward:
    """Return a reward scheme by its name, or the one given."""
    if isinstance(reward, MazeReward):
        return reward
    check_choice("reward", reward, tuple(MAZE_REWARDS))
    return MAZE_REWARDS[reward]


def read_mazes(mazes: Any, count: int, size: int) -> tuple[np.ndarray, ...]:
    """Check the mazes that ``reset`` was asked to play."""
    if not isinstance(mazes, Mazes) or len(mazes) != count or mazes.size != size:
        came = f"{len(mazes)} of size {mazes.size}" if isinstance(mazes, Mazes) else repr(mazes)
        raise ValueError(f'reset option "mazes" expected Mazes, {count} of size {size}, got {came}')
    return mazes.walls, mazes.start, mazes.goal


def observe(walls: np.ndarray, agent: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return the channels (M, 6, n, n) float32 that show walls (M, n, n), agents and goals (M,)."""
    count, size = walls.shape[:2]
    channels = np.zeros((count, 6, size, size), np.float32)
    channels[:, :4] = walls[:, None] >> np.arange(4, dtype=np.uint8)[:, None, None] & 1
    cells = channels.reshape(count, 6, -1)
    cells[np.arange(count), AGENT, agent] = 1
    cells[np.arange(count), GOAL, goal] = 1
    return channels


def read_maze(observations: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Read a Maze observation back.

    Args:
        observations: (E, 6, n, n) or flat, (E, 6 * n * n).

    Returns:
        Walls (E, n, n) uint8, agent and goal, each (E,) cell numbers, and n.

    Raises:
        ValueError: If these are not observations of a Maze.
    """
    observations = np.asarray(observations)
    size = int((observations[0].size / 6) ** 0.5) if len(observations) else 0
    if size < 2 or observations[0].size != 6 * size * size:
        raise ValueError(
            "expected observations of trm/Maze-v0, (E, 6, n, n) or (E, 6 * n * n), got shape "
            f"{observations.shape}"
        )
    channels = observations.reshape(len(observations), 6, -1)
    bits = np.array([1, 2, 4, 8], np.uint8)[:, None]
    walls = (channels[:, :4].astype(np.uint8) * bits).sum(axis=1, dtype=np.uint8)
    agent, goal = channels[:, AGENT].argmax(axis=1), channels[:, GOAL].argmax(axis=1)
    return walls.reshape(-1, size, size), agent, goal, size


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
