"""Boards and mazes as pixels, for Gymnasium's render mode "rgb_array".

Axes: H and W, rows and columns of pixels; the last axis is red, green, blue from 0 to 255.
"""

from numbers import Integral

import numpy as np

from trm_lib.viz.boards import BOX_SHAPES, INK, sudoku_state
from trm_lib.viz.mazes import AGENT, GOAL, maze_state
from trm_lib.viz.style import COLOURS, PAPER

_SHADE = "#E6E8EB"  # the start of a maze, and clues
_LINE = "#9AA0A6"
_CLUE = "#000000"
_ANSWER, _MARKED = COLOURS[0], COLOURS[4]
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
    """Paints one maze.

    Walls are dark, the start is a grey cell, the goal a green square, the agent a blue disc.

    Args:
        walls, start, goal, agent: one maze, as in `maze_svg`.
        cell: pixels from one wall to the next, a whole number, at least 8.

    Returns:
        (H, W, 3) uint8 with H = W = n * cell + t, where walls are t = max(2, cell // 8) thick.

    Raises:
        ValueError: if an argument is not as above.
    """
    state = maze_state(walls, start, goal, agent=agent)
    cell = _check_cell_side(cell, 8)
    size, thick = len(state.walls), max(2, cell // 8)
    # Corners, walls and cells first as one pixel each, then as wide as they are.
    dark = np.zeros((2 * size + 1, 2 * size + 1), dtype=bool)
    dark[:-1:2, 1::2] = state.walls & 1
    dark[1::2, :-1:2] = state.walls & 8
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
    whole = np.ones((inside, inside), dtype=bool)
    square = np.maximum.outer(across, across) < 0.4
    disc = np.add.outer(across**2, across**2) < 0.3**2
    figures = (state.start, whole, _SHADE), (state.goal, square, GOAL), (state.agent, disc, AGENT)
    for at, shape, colour in figures:
        if at is not None:
            row, column = state.place(at)
            y, x = row * cell + thick, column * cell + thick
            pixels[y : y + inside, x : x + inside][shape] = _rgb(colour)
    return pixels


def sudoku_pixels(
    board: np.ndarray,
    clues: np.ndarray | None = None,
    cell: int = 24,
    marked: tuple[int, int] | None = None,
) -> np.ndarray:
    """Paints a Sudoku board: clues black on grey, other digits blue on white.

    Args:
        board: digits, shape (N, N) with N = 4, 6 or 9, from 0 (empty) to N.
        clues: the puzzle as it was given, same shape, 0 where nothing was given.
        cell: pixels from one line to the next, a whole number, at least 12.
        marked: row and column, from 0, of a cell to outline in orange.

    Returns:
        (H, W, 3) uint8 with H = W = N * cell + 3.

    Raises:
        ValueError: if an argument is not as above.
    """
    state = sudoku_state(board, clues)
    cell = _check_cell_side(cell, 12)
    size = len(state.board)
    pixels = np.empty((size * cell + _THICK, size * cell + _THICK, 3), np.uint8)
    pixels[:] = _rgb(PAPER)
    zoom = (cell - _THICK - 1) // 8
    inside = cell - _THICK
    top, left = (inside - 7 * zoom + 1) // 2, (inside - 5 * zoom) // 2
    for r, c in np.ndindex(size, size):
        square = pixels[r * cell : (r + 1) * cell + _THICK, c * cell : (c + 1) * cell + _THICK]
        if state.given[r, c]:
            square[1:-1, 1:-1] = _rgb(_SHADE)
        if digit := state.board[r, c]:
            shape = np.kron(_DIGITS[digit - 1], np.ones((zoom, zoom), dtype=bool))
            box = square[_THICK + top :, _THICK + left :][: 7 * zoom, : 5 * zoom]
            box[shape] = _rgb(_CLUE if state.given[r, c] else _ANSWER)
    for rows, columns, width, colour in ((1, 1, 1, _LINE), (*BOX_SHAPES[size], _THICK, INK)):
        for axis, every in ((pixels, rows), (pixels.swapaxes(0, 1), columns)):
            for i in range(0, size + 1, every):
                first = i * cell + (_THICK - width) // 2
                axis[first : first + width] = _rgb(colour)
    if marked is not None:
        r, c = _check_marked(marked, size)
        square = pixels[r * cell :, c * cell :][: cell + _THICK, : cell + _THICK]
        edge = np.ones(square.shape[:2], dtype=bool)
        edge[_THICK:-_THICK, _THICK:-_THICK] = False
        square[edge] = _rgb(_MARKED)
    return pixels


def _rgb(colour: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)


def _check_cell_side(cell: int, least: int) -> int:
    if not isinstance(cell, Integral) or isinstance(cell, bool) or cell < least:
        raise ValueError(f"cell must be a whole number of pixels, at least {least}, got {cell!r}.")
    return int(cell)


def _check_marked(marked: tuple[int, int], size: int) -> tuple[int, int]:
    row_and_column = np.asarray(marked)
    if row_and_column.shape != (2,) or not np.issubdtype(row_and_column.dtype, np.integer):
        raise ValueError(f"marked must be a row and a column, both integers, got {marked!r}.")
    if row_and_column.min() < 0 or row_and_column.max() >= size:
        raise ValueError(f"marked must lie in 0 to {size - 1}, counted from 0, got {marked!r}.")
    return tuple(row_and_column.tolist())
