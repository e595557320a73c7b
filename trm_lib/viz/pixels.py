"""Boards and mazes as pixels, for Gymnasium's render mode "rgb_array".

Axes: H and W, rows and columns of pixels; the last axis is red, green, blue from 0 to 255.
"""

from __future__ import annotations

import numpy as np

from trm_lib.checks import whole
from trm_lib.puzzles import box_shape, check_boards
from trm_lib.viz.boards import of_shape, one_board
from trm_lib.viz.mazes import one_maze
from trm_lib.viz.style import AGENT, COLOURS, GOAL, INK, LINE, PAPER, SHADE

_CLUE, _ANSWER, _MARKED = "#000000", COLOURS[0], COLOURS[4]
_THICK = 3  # pixels of the lines between boxes

# Digits 1 to 9, seven rows of five pixels each.
_FONT = """
..#.. .###. .###. ...#. ##### .###. ##### .###. .###.
.##.. #...# #...# ..##. #.... #...# ....# #...# #...#
..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...#
..#.. ...#. ..##. #..#. ....# ####. ..#.. .###. .####
..#.. ..#.. ....# ##### ....# #...# ..#.. #...# ....#
..#.. .#... #...# ...#. #...# #...# ..#.. #...# #...#
.###. ##### .###. ...#. .###. .###. ..#.. .###. .###.
"""
_ROWS = [line.split() for line in _FONT.split("\n") if line]
_DIGITS = np.array([[list(row[digit]) for row in _ROWS] for digit in range(9)]) == "#"


def maze_pixels(
    walls: np.ndarray, start: int, goal: int, agent: int | None = None, cell: int = 16
) -> np.ndarray:
    """Paint one maze: walls dark, the start grey, the goal a green square, the agent a blue disc.

    Args:
        walls, start, goal, agent: one maze, as in `maze_svg`.
        cell: pixels from one wall to the next, a whole number, at least 8.

    Returns:
        (H, W, 3) uint8 with H = W = n * cell + t, where walls are t = max(2, cell // 8) thick.

    Raises:
        ValueError: an argument is not as above.
    """
    walls, start, goal, agent = one_maze(walls, start, goal, agent)
    cell = whole(cell, "cell", 8)
    size, thick = len(walls), max(2, cell // 8)
    # Corners, walls and cells first as one pixel each, then as wide as they are.
    dark = np.zeros((2 * size + 1, 2 * size + 1), dtype=bool)
    dark[:-1:2, 1::2] = walls & 1
    dark[1::2, :-1:2] = walls & 8
    dark[-1, :] = dark[:, -1] = True
    corners = dark[::2, ::2]
    corners[:, :-1] |= dark[::2, 1::2]
    corners[:, 1:] |= dark[::2, 1::2]
    corners[:-1] |= dark[1::2, ::2]
    corners[1:] |= dark[1::2, ::2]
    widths = np.resize([thick, cell - thick], 2 * size + 1)
    dark = dark.repeat(widths, axis=0).repeat(widths, axis=1)
    pixels = np.where(dark[..., None], _rgb(INK), _rgb(PAPER))

    inside = cell - thick
    across = np.abs(np.arange(inside) - (inside - 1) / 2) / inside  # 0 in the middle, < 1 / 2
    whole_cell = np.ones((inside, inside), dtype=bool)
    square = np.maximum.outer(across, across) < 0.4
    disc = np.add.outer(across**2, across**2) < 0.3**2
    for at, shape, colour in (
        (start, whole_cell, SHADE),
        (goal, square, GOAL),
        (agent, disc, AGENT),
    ):
        if at is not None:
            y, x = (place * cell + thick for place in divmod(at, size))
            pixels[y : y + inside, x : x + inside][shape] = _rgb(colour)
    return pixels


def sudoku_pixels(
    board: np.ndarray,
    clues: np.ndarray | None = None,
    cell: int = 24,
    marked: tuple[int, int] | None = None,
) -> np.ndarray:
    """Paint a Sudoku board: clues black on grey, other digits blue on white.

    Args:
        board: digits, shape (N, N) with N = 4, 6 or 9, from 0 (empty) to N.
        clues: the puzzle as it was given, same shape, 0 where nothing was given.
        cell: pixels from one line to the next, a whole number, at least 12.
        marked: row and column, from 0, of a cell to outline in orange.

    Returns:
        (H, W, 3) uint8 with H = W = N * cell + 3.

    Raises:
        ValueError: an argument is not as above.
    """
    board, cell = one_board(board), whole(cell, "cell", 12)
    given = np.zeros(board.shape, bool)
    if clues is not None:
        given = check_boards(of_shape("clues", clues, board.shape), "clues") > 0
    size = len(board)
    pixels = np.empty((size * cell + _THICK, size * cell + _THICK, 3), np.uint8)
    pixels[:] = _rgb(PAPER)
    zoom, inside = (cell - _THICK - 1) // 8, cell - _THICK
    top, left = (inside - 7 * zoom + 1) // 2, (inside - 5 * zoom) // 2
    for r, c in np.ndindex(size, size):
        square = _square(pixels, r, c, cell)
        if given[r, c]:
            square[1:-1, 1:-1] = _rgb(SHADE)
        if digit := board[r, c]:
            shape = np.kron(_DIGITS[digit - 1], np.ones((zoom, zoom), dtype=bool))
            box = square[_THICK + top :, _THICK + left :][: 7 * zoom, : 5 * zoom]
            box[shape] = _rgb(_CLUE if given[r, c] else _ANSWER)
    for rows, columns, width, colour in ((1, 1, 1, LINE), (*box_shape(size), _THICK, INK)):
        for axis, every in ((pixels, rows), (pixels.swapaxes(0, 1), columns)):
            for i in range(0, size + 1, every):
                first = i * cell + (_THICK - width) // 2
                axis[first : first + width] = _rgb(colour)
    if marked is not None:
        places = np.asarray(marked)
        if (
            places.shape != (2,)
            or places.dtype.kind not in "iu"
            or not set(places) <= set(range(size))
        ):
            raise ValueError(
                f"marked must be a row and a column, integers from 0 to {size - 1}, got {marked!r}."
            )
        square = _square(pixels, *places, cell)
        edge = np.ones(square.shape[:2], dtype=bool)
        edge[_THICK:-_THICK, _THICK:-_THICK] = False
        square[edge] = _rgb(_MARKED)
    return pixels


def _square(pixels: np.ndarray, row: int, column: int, cell: int) -> np.ndarray:
    """A view of one cell and the lines around it."""
    return pixels[row * cell :, column * cell :][: cell + _THICK, : cell + _THICK]


def _rgb(colour: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
