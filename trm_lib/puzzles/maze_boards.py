"""Mazes as boards for a network: tokens cell by cell, tokens pixel by pixel, and colour pictures.

Axes and pixels are those of `maze_walls`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.maze import Mazes
from trm_lib.puzzles.maze_paths import shortest_path_cells
from trm_lib.puzzles.maze_walls import SIZES, check_walls, wall_pixels, walls_from_pixels

CELL_TOKENS, PIXEL_TOKENS = 48, 4
"""How many different tokens there are."""

_COLOURS = np.array([(0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)], np.uint8)


def maze_tokens(mazes: Mazes) -> np.ndarray:
    """One token a cell: its four wall bits, plus 16 at the start and 32 at the goal.

    Returns:
        (B, n, n) int64, from 0 to 47.
    """
    each = np.arange(len(mazes))
    tokens = mazes.walls.reshape(len(mazes), mazes.size**2).astype(np.int64)
    tokens[each, mazes.start] += 16
    tokens[each, mazes.goal] += 32
    return tokens.reshape(mazes.walls.shape)


def read_maze_tokens(tokens: ArrayLike) -> Mazes:
    """Read mazes from boards of tokens such as `maze_tokens` makes.

    Args:
        tokens: (B, n, n) integers from 0 to 47, or (n, n) for one; n from 2 to 128.

    Raises:
        ValueError: some board is not one of a maze; the message names it from 0, and a cell's row
            and column from 1.
    """
    tokens = np.asarray(tokens)
    tokens = tokens[None] if tokens.ndim == 2 else tokens
    in_range = tokens.dtype.kind in "iu" and ((tokens >= 0) & (tokens < CELL_TOKENS)).all()
    if not in_range:
        raise ValueError(
            f"tokens: expected integers 0 to 47, got {tokens.dtype} {np.unique(tokens)}: a cell's "
            "token is its wall bits, plus 16 at the start and 32 at the goal"
        )
    walls = check_walls(tokens & 15, "tokens")
    start = _only_cell(tokens & 16 > 0, "tokens: maze", "start", "add 16 to the token of one cell")
    goal = _only_cell(tokens & 32 > 0, "tokens: maze", "goal", "add 32 to the token of one cell")
    return Mazes(walls, start, goal)


def maze_labels(mazes: Mazes) -> np.ndarray:
    """1 where a cell lies on a shortest path, else 0: (B, n, n) int64; there must be a path."""
    return shortest_path_cells(mazes).astype(np.int64)


def pixel_tokens(mazes: Mazes) -> np.ndarray:
    """One token a pixel: 0 wall, 1 free, 2 start, 3 goal, (B, P, P) int64."""
    tokens, each = (~wall_pixels(mazes.walls)).astype(np.int64), np.arange(len(mazes))
    for cells, token in ((mazes.start, 2), (mazes.goal, 3)):
        rows, columns = np.divmod(cells, mazes.size)
        tokens[each, 2 * rows + 1, 2 * columns + 1] = token
    return tokens


def pixel_labels(mazes: Mazes) -> np.ndarray:
    """1 where a pixel lies on a shortest path, else 0: (B, P, P) int64.

    Marked are the cells on shortest paths and the openings between two of them. In a maze with
    loops as well: two neighbouring cells never lie equally far from the start, so an opening
    between two cells on shortest paths is on one itself. There must be a path.
    """
    on_path, closed = shortest_path_cells(mazes), wall_pixels(mazes.walls)
    labels = np.zeros(closed.shape, np.int64)
    labels[:, 1::2, 1::2] = on_path
    labels[:, 1::2, 2:-1:2] = on_path[:, :, :-1] & on_path[:, :, 1:]
    labels[:, 2:-1:2, 1::2] = on_path[:, :-1] & on_path[:, 1:]
    labels[closed] = 0
    return labels


def maze_picture(mazes: Mazes) -> np.ndarray:
    """Paint mazes: black walls, white corridors, a green start and a red goal.

    Returns:
        (B, P, P, 3) uint8, red, green and blue from 0 to 255.

    Source:
        Schwarzschild et al., Datasets for Studying Generalization from Easy to Hard Examples
        (arXiv 2108.06011), and make_mazes.py of github.com/aks2203/easy-to-hard-data. Their
        "size 59" counts pixels without the border: n = 30 here. Deviations: there, every pixel is
        doubled and a further black line put around (P is 4 n + 4), values are 0 or 1, and colours
        come before rows.
    """
    return _COLOURS[pixel_tokens(mazes)]


def read_maze_picture(picture: ArrayLike) -> Mazes:
    """Read mazes from pictures such as `maze_picture` paints.

    Args:
        picture: (B, P, P, 3) integers, or (P, P, 3) for one; P odd, 5 to 257.

    Raises:
        ValueError: some picture is not one of a maze; the message names the picture from 0 and the
            pixel's row and column from 1.
    """
    picture = np.asarray(picture)
    picture = picture[None] if picture.ndim == 3 else picture
    side = picture.shape[1] if picture.ndim == 4 else 0
    if (
        picture.shape[1:] != (side, side, 3)
        or side % 2 == 0
        or side // 2 not in SIZES
        or picture.dtype.kind not in "iu"
    ):
        raise ValueError(
            "picture: expected integers 0 to 255 of shape (B, P, P, 3) or (P, P, 3), P = 2 n + 1 "
            f"for n from 2 to 128, got {picture.dtype} of shape {picture.shape}: paint every cell, "
            "wall and opening as one pixel, with colours last"
        )
    black, _, green, red = ((picture == colour).all(axis=-1) for colour in _COLOURS)
    start = _only_cell(green[:, 1::2, 1::2], "picture", "green pixel, the start", "paint one cell")
    goal = _only_cell(red[:, 1::2, 1::2], "picture", "red pixel, the goal", "paint one cell")
    mazes = Mazes(walls_from_pixels(black), start, goal)
    expected = maze_picture(mazes)
    wrong = np.argwhere((picture != expected).any(axis=-1))
    if len(wrong):
        which, row, column = place = tuple(wrong[0])
        raise ValueError(
            f"picture {which}: the pixel in row {row + 1}, column {column + 1} is "
            f"{tuple(picture[place].tolist())}, expected {tuple(expected[place].tolist())}: black "
            "borders, corners and walls, white cells and openings"
        )
    return mazes


def _only_cell(marked: np.ndarray, where: str, what: str, remedy: str) -> np.ndarray:
    """The one cell that is marked in each (n, n) of (B, n, n) bool: (B,) int64."""
    marked = marked.reshape(len(marked), marked.shape[1] ** 2)
    wrong = np.flatnonzero(marked.sum(axis=1) != 1)
    if len(wrong):
        which = wrong[0]
        raise ValueError(
            f"{where} {which}: expected one {what}, got {marked[which].sum()}: {remedy}"
        )
    return marked.argmax(axis=1)
