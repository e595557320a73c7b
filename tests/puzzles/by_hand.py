"""Mazes told cell by cell and wall by wall, from the docstrings alone: what tests compare with."""

import numpy as np
from hypothesis import strategies as st

from trm_lib.puzzles import Mazes, mazes_from_keys, pixel_tokens
from trm_lib.puzzles.maze_layouts import walls_between

STEPS = [(-1, 0), (0, 1), (1, 0), (0, -1)]  # by direction, rows and columns

some_mazes = st.builds(
    lambda size, keys, loops: mazes_from_keys(
        size, np.array(keys, np.uint64), "loops", loops, "random", "random"
    ),
    st.integers(2, 9),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3),
    st.floats(0, 1),
)


def assert_equal(one: Mazes, other: Mazes) -> None:
    for name in ("walls", "start", "goal"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def maze_picture(mazes: Mazes) -> np.ndarray:
    """Black walls, white corridors, a green start and a red goal, (B, P, Q, 3) uint8."""
    colours = [(0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)]
    return np.array(colours, np.uint8)[pixel_tokens(mazes)]


def graph(walls: np.ndarray) -> np.ndarray:
    """Which cells of one maze one can walk between in one step, (L, L) bool."""
    size = len(walls)
    table = np.zeros((size**2, size**2), bool)
    for row, column in np.ndindex(size, size):
        for bit, (down, right) in enumerate(STEPS):
            if not walls[row, column] >> bit & 1:
                table[row * size + column, (row + down) * size + column + right] = True
    return table


def painted(maze: Mazes) -> np.ndarray:
    """The tokens of the pixels of one maze, (P, P): 0 wall, 1 free, 2 start, 3 goal."""
    size = maze.grid[0]
    pixels = np.zeros((2 * size + 1, 2 * size + 1), int)
    for row, column in np.ndindex(size, size):
        cell, here = row * size + column, (2 * row + 1, 2 * column + 1)
        pixels[here] = 1 + (cell == maze.start[0]) + 2 * (cell == maze.goal[0])
        for bit, (down, right) in enumerate(STEPS):
            is_open = not maze.walls[0, row, column] >> bit & 1
            pixels[here[0] + down, here[1] + right] = is_open
    return pixels


def walls_of(size: int, closed: np.ndarray) -> np.ndarray:
    """Walls (n, n) of a layout given as one bool for each wall inside, (2 n (n - 1),).

    Those to the right come first, row by row, then those below.
    """
    right, below = closed.reshape(2, -1)
    return walls_between(right.reshape(1, size, size - 1), below.reshape(1, size - 1, size))[0]
