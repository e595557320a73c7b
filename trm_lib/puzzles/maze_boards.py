"""Mazes as boards for a network: tokens cell by cell, tokens pixel by pixel, and colour pictures.

In pixels, walls are pixels too, as the literature feeds them to networks. Cell (r, c) is pixel
(2 r + 1, 2 c + 1), both from 0. The pixel between two neighbouring cells is white where one can
walk from one to the other and black where there is a wall. Pixels with two even coordinates, where
four cells meet, are always black, as is the border.

Axes: B mazes, n rows and columns, P = 2 n + 1 rows and columns of pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.maze import SIZES, Mazes, check_walls
from trm_lib.puzzles.maze_paths import shortest_path_cells

CELL_TOKENS, PIXEL_TOKENS = 48, 4
"""How many different tokens there are."""

_TOKEN = "a cell's token is its wall bits, plus 16 at the start and 32 at the goal"
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
        ValueError: some board is not one of a maze; the message names the maze from 0, and a
            cell's row and column from 1.
    """
    tokens = np.asarray(tokens)
    shape, tokens = tokens.shape, tokens[None] if tokens.ndim == 2 else tokens
    if tokens.ndim != 3 or tokens.shape[1] != tokens.shape[2] or tokens.shape[1] not in SIZES:
        raise ValueError(
            f"tokens: expected shape (B, n, n) or (n, n) with n from 2 to 128, got {shape}: pass "
            "one token a cell, in as many rows as columns"
        )
    if tokens.dtype.kind not in "iu":
        raise ValueError(f"tokens: expected integers 0 to 47, got {tokens.dtype}: {_TOKEN}")
    wrong = np.argwhere((tokens < 0) | (tokens >= CELL_TOKENS))
    if len(wrong):
        maze, row, column = wrong[0]
        raise ValueError(
            f"tokens: maze {maze} holds {tokens[maze, row, column]} in row {row + 1}, column "
            f"{column + 1}, expected 0 to 47: {_TOKEN}"
        )
    start = _only_cell(tokens & 16 > 0, "tokens: maze", "start", "add 16 to the token of one cell")
    goal = _only_cell(tokens & 32 > 0, "tokens: maze", "goal", "add 32 to the token of one cell")
    return Mazes(check_walls(tokens & 15, "tokens"), start, goal)


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
        picture: (B, P, P, 3) integers, or (P, P, 3) for one; P odd, 5 to 257. Four colours are
            known: black, white, green (0, 255, 0) and red (255, 0, 0).

    Raises:
        ValueError: some picture is not one of a maze; the message names the picture from 0 and the
            pixel's row and column from 1.
    """
    picture = np.asarray(picture)
    picture = picture[None] if picture.ndim == 3 else picture
    if picture.ndim != 4 or picture.shape[1] != picture.shape[2] or picture.shape[3] != 3:
        raise ValueError(
            f"picture: expected shape (B, P, P, 3) or (P, P, 3), got {picture.shape}: put colours "
            "last, and pass square pictures"
        )
    size, even = divmod(picture.shape[1] - 1, 2)
    if even or size not in SIZES:
        raise ValueError(
            f"picture: expected P = 2 n + 1 for n from 2 to 128, got {picture.shape[1]}: keep the "
            "border, and paint every cell, wall and opening as one pixel"
        )
    if picture.dtype.kind not in "iu":
        raise ValueError(
            f"picture: expected integers 0 to 255, got {picture.dtype}: a picture of floats 0 to "
            "1 is read as np.rint(255 * picture).astype(np.uint8)"
        )
    black, white, green, red = ((picture == colour).all(axis=-1) for colour in _COLOURS)
    odd = np.arange(2 * size + 1) % 2
    kind = odd[:, None] + odd  # 0 a corner, 1 between two cells, 2 a cell
    kind[[0, -1]] = kind[:, [0, -1]] = 0  # and the border
    for wrong, expected in (
        (~(black | white | green | red), "black, white, green or red"),
        (~black & (kind == 0), "black: a border, or a corner of cells"),
        ((green | red) & (kind == 1), "black or white: it lies between two cells"),
        (black & (kind == 2), "not black: it is a cell"),
    ):
        if wrong.any():
            which, row, column = np.argwhere(wrong)[0]
            raise ValueError(
                f"picture {which}: the pixel in row {row + 1}, column {column + 1} is "
                f"{tuple(picture[which, row, column].tolist())}, expected {expected}"
            )
    start = _only_cell(green[:, 1::2, 1::2], "picture", "green pixel, the start", "paint one cell")
    goal = _only_cell(red[:, 1::2, 1::2], "picture", "red pixel, the goal", "paint one cell")
    return Mazes(walls_from_pixels(black), start, goal)


def wall_pixels(walls: np.ndarray) -> np.ndarray:
    """Which pixels are wall, (B, P, P) bool, for walls (B, n, n)."""
    side = 2 * walls.shape[1] + 1
    closed = np.ones((len(walls), side, side), bool)
    closed[:, 1::2, 1::2] = False
    closed[:, 1::2, 2:-1:2] = walls[:, :, :-1] >> 1 & 1
    closed[:, 2:-1:2, 1::2] = walls[:, :-1] >> 2 & 1
    return closed


def walls_from_pixels(closed: np.ndarray) -> np.ndarray:
    """The walls, (B, n, n) uint8, where these pixels are wall, (B, P, P) bool."""
    closed = closed.astype(np.uint8)
    up, right = closed[:, :-1:2, 1::2], closed[:, 1::2, 2::2]
    down, left = closed[:, 2::2, 1::2], closed[:, 1::2, :-1:2]
    return up | right << 1 | down << 2 | left << 3


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
