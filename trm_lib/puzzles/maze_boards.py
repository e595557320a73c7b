"""Mazes as boards for a network: tokens cell by cell, tokens pixel by pixel, and colour pictures.

Axes and pixels are those of `maze_layouts`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.maze import Mazes, mark_cells
from trm_lib.puzzles.maze_layouts import (
    SIZES,
    check_walls,
    wall_pixels,
    walls_between,
    walls_from_pixels,
)
from trm_lib.puzzles.maze_paths import shortest_path_cells

CELL_TOKENS, MOVE_TOKENS, PIXEL_TOKENS = 48, 32, 4
"""How many different tokens there are."""
WALL, FREE, START, GOAL = range(4)
"""The tokens of pixels."""
SQUARE_PATH = 5
"""What the official code's answers hold on the path; see `square_tokens`."""

_COLOURS = np.array([(0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)], np.uint8)


def maze_tokens(mazes: Mazes) -> np.ndarray:
    """One token a cell: its four wall bits, plus 16 at the start and 32 at each goal.

    Returns:
        (B, n, m) int64, from 0 to 47.
    """
    starts, goals = (mark_cells(cells, mazes.grid) for cells in (mazes.start, mazes.goals))
    return mazes.walls + 16 * starts + 32 * goals


def move_tokens(mazes: Mazes) -> np.ndarray:
    """What is to be seen where moves are asked for: a cell's wall bits, plus 16 at each goal.

    Returns:
        (B, n, m) int64, from 0 to 31; the start is not shown.
    """
    return mazes.walls + 16 * mark_cells(mazes.goals, mazes.grid)


def read_maze_tokens(tokens: ArrayLike) -> Mazes:
    """Read mazes from boards of tokens such as `maze_tokens` makes.

    Args:
        tokens: (B, n, m) integers from 0 to 47, or (n, m) for one; n and m from 2 to 128.

    Raises:
        ValueError: some board is not one of a maze; the message names it from 0, and a cell's row
            and column from 1.
    """
    tokens = np.asarray(tokens)
    tokens = tokens[None] if tokens.ndim == 2 else tokens
    if tokens.dtype.kind not in "iu" or ((tokens < 0) | (tokens >= CELL_TOKENS)).any():
        raise ValueError(
            f"tokens: expected integers 0 to 47, got {tokens.dtype} {np.unique(tokens)}: a cell's "
            "token is its wall bits, plus 16 at the start and 32 at the goal"
        )
    walls = check_walls(tokens & 15, "tokens")
    flat = tokens.reshape(len(tokens), np.prod(tokens.shape[1:]))
    starts, goals = flat & 16 > 0, flat & 32 > 0
    n_starts, n_goals = starts.sum(axis=1), goals.sum(axis=1)
    for name, bit, counts, wrong in (
        ("one start", 16, n_starts, n_starts != 1), ("a goal", 32, n_goals, n_goals == 0)
    ):  # fmt: skip
        for maze in np.flatnonzero(wrong):
            told = f"expected {name}, got {counts[maze]}: add {bit} to the token of one cell"
            raise ValueError(f"tokens: maze {maze}: {told}")
    # the goals of each come first in its row; where they are fewer, the first is named again
    goal = np.argsort(~goals, axis=1, kind="stable")[:, : n_goals.max(initial=1)]
    goal = np.where(np.arange(goal.shape[1]) < n_goals[:, None], goal, goal[:, :1])
    return Mazes(walls, starts.argmax(axis=1), goal)


def maze_labels(mazes: Mazes) -> np.ndarray:
    """1 where a cell lies on a shortest path, else 0: (B, n, m) int64; there must be a path."""
    return shortest_path_cells(mazes).astype(np.int64)


def pixel_tokens(mazes: Mazes) -> np.ndarray:
    """One token a pixel: 0 wall, 1 free, 2 start, 3 goal, (B, P, Q) int64."""
    tokens = (~wall_pixels(mazes.walls)).astype(np.int64)
    for cells, token in ((mazes.start, START), (mazes.goals, GOAL)):
        tokens[:, 1::2, 1::2][mark_cells(cells, mazes.grid)] = token
    return tokens


def pixel_labels(mazes: Mazes) -> np.ndarray:
    """1 where a pixel lies on a shortest path, else 0: (B, P, Q) int64.

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


def maze_from_pixels(pixels: np.ndarray, where: Callable[[int, int], str]) -> Mazes:
    """Read one maze from (P, Q) tokens of its pixels; `where` tells a pixel's place and content.

    A mark in a gap of the border is that of the cell inside. Gaps without a mark are the start and
    the goal, in reading order, if that is what is missing.
    """
    rows, columns = pixels.shape
    if rows % 2 == 0 or columns % 2 == 0 or not {rows // 2, columns // 2} <= set(SIZES):
        raise ValueError(
            f"expected 2 n + 1 by 2 m + 1 cells, walls and corners, n and m from 2 to 128, got "
            f"{rows} by {columns}: every second line and column is walls and openings"
        )
    row, column = np.indices(pixels.shape, sparse=True)
    is_cell, is_corner = row & column & 1 == 1, (row | column) & 1 == 0
    is_border = (row % (rows - 1) == 0) | (column % (columns - 1) == 0)
    for wrong, expected in (
        (is_corner & (pixels != WALL), "a wall, as in every corner between cells"),
        (is_cell & (pixels == WALL), "an open cell, as in every second line and column"),
        (~is_cell & ~is_border & (pixels > FREE), "a wall or an opening: a mark stands in a cell"),
    ):
        for place in np.argwhere(wrong):
            raise ValueError(f"{where(*place)}: expected {expected}")
    places = {token: _cells_inside(pixels == token) for token in (START, GOAL)}
    gaps = np.argwhere(is_border & (pixels == FREE))
    missing = [token for token in (START, GOAL) if not len(places[token])]
    if len(gaps) and len(gaps) != len(missing):
        raise ValueError(
            f"{where(*gaps[0])}: expected a wall, for the border is closed, but for a gap that is "
            f"the start or the goal where none is marked; {len(gaps)} gaps, {len(missing)} missing"
        )
    ends = _cells_inside(is_border & (pixels == FREE))
    places |= {token: end[None] for token, end in zip(missing, ends, strict=False)}
    walls = walls_from_pixels((is_border | (pixels == WALL))[None])
    return _one_maze(walls, places[START], places[GOAL])


def _cells_inside(where: np.ndarray) -> np.ndarray:
    """The numbers of the cells marked in (2 n + 1, 2 m + 1) bool, or beside marks of a border."""
    places = np.argwhere(where).clip(1, np.array(where.shape) - 2) // 2
    return np.unique(places @ [where.shape[1] // 2, 1])


def maze_from_squares(squares: np.ndarray) -> Mazes:
    """Read one maze whose walls are as thick as its cells, as `square_tokens` makes.

    Args:
        squares: (n, m) integers: 1 a wall, 2 open, 3 the start, 4 a goal.

    Returns:
        One maze of n x m cells; the cells of walls are closed all round.
    """
    squares = np.asarray(squares)
    if squares.dtype.kind not in "iu" or not ((squares >= 1) & (squares <= 4)).all():
        raise ValueError(
            f"squares: expected integers 1 to 4 (wall, open, start, goal), got {squares.dtype} "
            f"{np.unique(squares)}"
        )
    start, goal = (np.flatnonzero(squares == token + 1) for token in (START, GOAL))
    return _one_maze(_walls_of_squares(squares[None] == WALL + 1), start, goal)


def _walls_of_squares(is_wall: np.ndarray) -> np.ndarray:
    """Walls (B, n, m) uint8 around the cells (B, n, m) bool that are walls themselves."""
    right, below = is_wall[:, :, :-1] | is_wall[:, :, 1:], is_wall[:, :-1] | is_wall[:, 1:]
    return walls_between(right, below)


def square_tokens(mazes: Mazes) -> np.ndarray:
    """One token a cell, as the official code has them: 1 wall, 2 open, 3 start, 4 goal.

    Returns:
        (B, n, m) int64; on a path, answers hold `SQUARE_PATH`.

    Raises:
        ValueError: a wall stands between two open cells.
    """
    is_wall = mazes.walls == 15
    if (_walls_of_squares(is_wall) != mazes.walls).any():
        raise ValueError(
            "model expected a maze of squares, open or wall, such as a text of # and blanks in "
            "which every character is a cell; got one with walls between its cells"
        )
    cells = pixel_tokens(mazes)[:, 1::2, 1::2]
    return np.where(is_wall & (cells == FREE), WALL, cells) + 1


def _one_maze(walls: np.ndarray, start: np.ndarray, goals: np.ndarray) -> Mazes:
    """The maze of (1, n, m) walls, if these cells (S,) and (G,) are one start and a goal."""
    if len(start) != 1 or not len(goals):
        raise ValueError(
            f"expected one start and a goal, got {len(start)} and {len(goals)}: mark a cell S and "
            "another G"
        )
    return Mazes(walls, start, goals[None])


def read_maze_picture(picture: ArrayLike) -> Mazes:
    """Read one maze from a picture: black walls, white corridors, a green start and a red goal.

    Args:
        picture: integers 0 to 255 or floats 0 to 1, of shape (P, Q, 3), (P, Q, 4), whose last is
            opacity, (3, P, Q), or (P, Q) in grey; or (P, Q) tokens 0 to 3 as `pixel_tokens` makes.
            Every pixel may be k x k large, and more black lie around.

    Raises:
        ValueError: the picture is not one of a maze; the message names row and column from 1.

    Source: make_mazes.py of github.com/aks2203/easy-to-hard-data, whose pixels are doubled, with a
    further black line around, values of 0 and 1, and colours before rows.
    """
    pixels = _colours(picture)
    changes = [
        1 + np.flatnonzero(np.diff(pixels, axis=axis).any(axis=(2, 1 - axis))) for axis in (0, 1)
    ]
    scale = int(np.gcd.reduce(np.concatenate([np.diff(where) for where in changes])))
    if not scale or not all(map(len, changes)) or min(where[0] for where in changes) < scale:
        raise ValueError(
            f"picture: expected a maze in black and white, got one of {pixels.shape[:2]} pixels "
            "without rows of walls around and between its cells"
        )
    (top, bottom), (left, right) = ((w[0] - scale, w[-1] + scale) for w in changes)
    pixels = pixels[top:bottom:scale, left:right:scale]
    is_colour = (pixels[:, :, None] == _COLOURS).all(axis=-1)  # (P, Q, 4)

    def where(row: int, column: int) -> str:
        place = f"row {top + row * scale + 1}, column {left + column * scale + 1}"
        return f"picture: the pixel in {place} is {tuple(pixels[row, column].tolist())}"

    for row, column in np.argwhere(~is_colour.any(axis=-1)):
        raise ValueError(f"{where(row, column)}: expected black, white, green or red")
    return maze_from_pixels(is_colour.argmax(axis=-1), where)


def _colours(picture: ArrayLike) -> np.ndarray:
    """Red, green and blue, (P, Q, 3) integers, of a picture in any form."""
    colours = np.asarray(picture)
    if colours.ndim == 3 and colours.shape[2] not in (1, 3, 4) and colours.shape[0] in (3, 4):
        colours = np.moveaxis(colours, 0, 2)
    colours = colours[:, :, 0] if colours.ndim == 3 and colours.shape[2] == 1 else colours
    if colours.dtype.kind == "f" and colours.size and 0 <= colours.min() <= colours.max() <= 1:
        colours = (255 * colours).round()
    if colours.dtype.kind == "f" and (colours == colours.round()).all():
        colours = colours.astype(int)
    if colours.ndim == 2 and colours.dtype.kind in "iub" and colours.size:
        tokens = (colours >= 0).all() and (colours < PIXEL_TOKENS).all()
        colours = _COLOURS[colours.astype(int)] if tokens else np.stack([colours] * 3, axis=2)
    if colours.ndim != 3 or colours.shape[2] not in (3, 4) or colours.dtype.kind not in "iu":
        raise ValueError(
            "picture: expected integers 0 to 255, or floats 0 to 1, of shape (P, Q), (P, Q, 3), "
            f"(P, Q, 4) or (3, P, Q), got {colours.dtype} of shape {colours.shape}: paint every "
            "cell, wall and opening as one pixel"
        )
    return colours[:, :, :3].astype(int)
