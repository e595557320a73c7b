"""`trm/Maze-v0`: walk from the start of a maze to its goal.

Axes: E environments, n rows and m columns, L = n * m cells numbered row by row, M mazes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.checks import one_of
from trm_lib.envs.base import BatchedEnv, Reward, SingleEnv, find_reward
from trm_lib.puzzles import (
    Layout,
    Mazes,
    Place,
    Size,
    check_maze_options,
    check_walls,
    draw_below,
    grid_of,
    maze_text,
    mazes_from_keys,
    passages,
    places_from_keys,
    steps_to,
)

_LAYOUT = 2  # the stream of randomness that chooses among given layouts
AGENT, GOAL = 4, 5  # channels of the observation; 0 to 3 are the walls


@dataclass(frozen=True)
class MazeReward(Reward):
    """What one step pays: exactly one of these three.

    Attributes:
        step: for a move to another cell that is not the goal.
        bump: for a move into a wall, which leaves the agent where it is.
        goal: for the move onto the goal.
    """

    step: float
    bump: float
    goal: float


MAZE_REWARDS = {
    "clean": MazeReward(step=-0.01, bump=-0.01, goal=1.0),
    "evns": MazeReward(step=-0.1, bump=-1.0, goal=10.0),
    "improved": MazeReward(step=-0.01, bump=-0.5, goal=10.0),
}
"""Reward schemes by name; "evns" and "improved" are those of the scripts the book rebuilds."""


class MazeVectorEnv(BatchedEnv):
    """Walk from the start of a maze to its goal: E mazes at once.

    What follows is said of one environment; in a batch every array has the axis E before.

    ## Action space
    `Discrete(4)`: 0 up, 1 right, 2 down, 3 left, one cell at a time.

    ## Observation space
    `observation="channels"`: `Box(0, 1, (6, n, m), float32)`. Channels 0 to 3 say whether a cell
    has a wall above, to its right, below and to its left; channel 4 marks the agent, channel 5 the
    goal. `observation="flat"`: the same numbers as `Box(0, 1, (6 * n * m,), float32)`.

    ## Rewards
    One of three numbers a step: for a move, for a bump into a wall, for reaching the goal.
    `"clean"`: -0.01, -0.01, +1. `"evns"`: -0.1, -1, +10. `"improved"`: -0.01, -0.5, +10.

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
        render_mode: None, "ansi" or "rgb_array".
        size: n for n x n cells, or (n, m); 2 to 128 (5).
        layout: "tree", "loops" or "open".
        loops: For "loops", the share of a tree's remaining walls to open, 0 to 1 (0.1).
        start, goal: "fixed" or "random".
        layouts: (M, n, m) uint8 walls to draw from with equal chance, in place of `layout`; `size`
            is then theirs. This is how training and test are kept apart.
        reward: The name of a scheme, or a `MazeReward`.
        observation: "channels" or "flat".
        max_steps: Time limit (2 n m: more than twice the longest path).

    Raises:
        ValueError: An argument is not as above.

    ## Reset options
    `{"mazes": mazes}`: `Mazes` to play, one an environment, in place of the next of the sequence,
    each with one goal.

    ## Attributes
    `walls` (E, n, m) uint8; `start`, `agent` and `goal`, cell numbers (E,) int64; `grid`, n and m;
    `reward`, `max_steps`.
    """

    option = "mazes"

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        *,
        size: Size = 5,
        layout: Layout = "tree",
        loops: float | None = None,
        start: Place = "fixed",
        goal: Place = "fixed",
        layouts: ArrayLike | None = None,
        reward: str | MazeReward = "clean",
        observation: Literal["channels", "flat"] = "channels",
        max_steps: int | None = None,
    ) -> None:
        check_maze_options(size, layout, loops, start, goal)
        one_of(("channels", "flat"))(observation, "observation")
        self._layouts = None
        if layouts is not None:
            self._layouts = check_walls(layouts, "layouts").copy()
            if len(self._layouts) == 0:
                raise ValueError("layouts expected at least one layout, got none")
            size = self._layouts.shape[1:]
        self._drawing = layout, loops, start, goal
        self.grid, self.reward = grid_of(size), find_reward(reward, MAZE_REWARDS)
        cells = self.grid[0] * self.grid[1]
        shape = (6, *self.grid) if observation == "channels" else (6 * cells,)
        space = spaces.Box(0, 1, shape, np.float32)
        max_steps = 2 * cells if max_steps is None else max_steps
        super().__init__(num_envs, render_mode, space, 4, max_steps, cells=cells)
        self._paid = np.array([self.reward.step, self.reward.bump])
        # where each environment begins in flat views: one index is faster than several
        self._first_cell = self._everybody * cells
        self._first_agent = (self._everybody * 6 + AGENT) * cells
        self._first_ahead = self._everybody * 4

    def _legal(self) -> np.ndarray:
        """(E, 4) bool: which moves lead to another cell."""
        return self._ahead != self.agent[:, None]

    def _draw(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        if self._layouts is None:
            mazes = mazes_from_keys(self.grid, keys, *self._drawing)
            return mazes.walls, mazes.start, mazes.goal
        chosen = draw_below(keys, _LAYOUT, len(self._layouts))
        return self._layouts[chosen], *places_from_keys(self.grid, keys, *self._drawing[2:])

    def _read(self, mazes: Any) -> tuple[np.ndarray, ...]:
        came, expected = repr(mazes), f"{self.num_envs} of size {self.grid} with goals each: 1"
        if isinstance(mazes, Mazes):
            came = f"{len(mazes)} of size {mazes.grid} with goals each: {mazes.goals.shape[1]}"
        if came != expected:
            raise ValueError(f'reset option "mazes" expected Mazes, {expected}, got {came}')
        return mazes.walls, mazes.start, mazes.goal

    def _prepare(
        self, walls: np.ndarray, start: np.ndarray, goal: np.ndarray
    ) -> dict[str, np.ndarray]:
        there = steps_to(self.grid)
        is_open = passages(walls).reshape(len(walls), *there.shape)
        leads_to = np.where(is_open, there, np.arange(len(there))[:, None])
        channels = observe(walls, start, goal)
        return {
            "walls": walls, "start": start, "agent": start, "goal": goal,
            "_next": leads_to,  # (M, L, 4) cells: a bump leads nowhere
            "_ahead": leads_to[np.arange(len(walls)), start],  # (M, 4): from where the agent stands
            "_observations": channels.reshape(len(walls), *self.single_observation_space.shape),
        }  # fmt: skip

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        there = self._ahead.take(self._first_ahead + actions)  # of the flat array
        terminated = there == self.goal
        rewards = self._paid.take(there == self.agent)
        rewards[terminated] = self.reward.goal
        cells = self._observations.reshape(-1)  # a view
        cells[self._first_agent + self.agent] = 0
        cells[self._first_agent + there] = 1
        self.agent = there
        self._ahead = self._next.reshape(-1, 4).take(self._first_cell + there, axis=0)
        self._success = terminated.copy()
        return rewards, terminated

    def _text(self, env: int) -> str:
        return maze_text(self.walls[env], self.agent[env], self.goal[env])

    def _pixels(self, env: int) -> np.ndarray:
        from trm_lib.viz.pixels import maze_pixels  # late: it loads Matplotlib

        return maze_pixels(self.walls[env], self.start[env], self.goal[env], self.agent[env])


class MazeEnv(SingleEnv):
    """Walk from the start of a maze to its goal: one maze, as `MazeVectorEnv` specifies it."""

    world = MazeVectorEnv
    shows = ("grid", "reward", "max_steps", "walls", "start", "agent", "goal")


def observe(walls: np.ndarray, agent: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The channels (M, 6, n, m) float32 that show walls (M, n, m), agents and goals (M,)."""
    count = len(walls)
    channels = np.zeros((count, 6, *walls.shape[1:]), np.float32)
    channels[:, :4] = walls[:, None] >> np.arange(4, dtype=np.uint8)[:, None, None] & 1
    cells = channels.reshape(count, 6, np.prod(walls.shape[1:]))
    cells[np.arange(count), AGENT, agent] = 1
    cells[np.arange(count), GOAL, goal] = 1
    return channels


def read_maze(observations: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a Maze observation back.

    Args:
        observations: (E, 6, n, m); or flat, of a square maze, (E, 6 * n * n).

    Returns:
        Walls (E, n, m) uint8, agent and goal, each (E,) cell numbers.

    Raises:
        ValueError: If these are not observations of a Maze.
    """
    grid = np.shape(observations)[2:]
    if not grid:
        grid = (isqrt(np.size(observations) // len(observations) // 6),) * 2
    fits = np.size(observations) == len(observations) * 6 * np.prod(grid)
    if len(grid) != 2 or min(grid) < 2 or not fits:
        raise ValueError(
            "expected observations of trm/Maze-v0, (E, 6, n, m) or (E, 6 * n * n), got shape "
            f"{np.shape(observations)}"
        )
    channels = np.reshape(observations, (len(observations), 6, -1))
    if not (channels[:, AGENT:].sum(axis=2) == 1).all():
        raise ValueError("expected observations of trm/Maze-v0 that mark one agent and one goal")
    bits = np.array([1, 2, 4, 8], np.uint8)[:, None]
    walls = (channels[:, :4].astype(np.uint8) * bits).sum(axis=1, dtype=np.uint8)
    agent, goal = channels[:, AGENT].argmax(axis=1), channels[:, GOAL].argmax(axis=1)
    return walls.reshape(-1, *grid), agent, goal
