"""Writing one maze as text, and reading it back.

Two forms are read. In drawn text each cell is three characters wide::

    +---+---+
    | S     |
    +   +---+
    |     G |
    +---+---+

In block text each cell, wall and opening is one character, and so is each corner::

    #####
    #S..#
    #.###
    #..G#
    #####

S is the start and G the goal. An opening is a blank; in block text it may be a full stop too.
"""

from __future__ import annotations

import numpy as np

from trm_lib.checks import whole
from trm_lib.puzzles.maze import Mazes, check_marks
from trm_lib.puzzles.maze_boards import pixel_tokens
from trm_lib.puzzles.maze_walls import SIZES, check_walls, wall_pixels, walls_from_pixels

_WIDTHS = {"+": 4, "#": 2}  # by the first character, how many there are from corner to corner
_BLOCKS = np.array(list("# SG"))  # by token of a pixel


def maze_text(walls: np.ndarray, start: int, goal: int, marks: np.ndarray | None = None) -> str:
    """Draw one maze as text.

    Args:
        walls: (n, n) integers, those of one maze of `Mazes`.
        start: number of the cell marked S: the start, or where somebody walking stands.
        goal: number of the cell marked G. Where it is S's cell too, both letters stand in it.
        marks: (n, n) bool, the cells to draw a star in, but for those of S and G.

    Returns:
        2 n + 1 lines of 4 n + 1 characters, the last without a line end; `parse_maze` reads them
        back if start and goal differ and there are no stars.
    """
    closed = wall_pixels(check_walls(np.asarray(walls)[None]))[0]  # (2 n + 1, 2 n + 1)
    size = len(walls)
    text = np.full((2 * size + 1, 4 * size + 1), " ")
    text[::2, ::4] = "+"
    text[1::2, ::4][closed[1::2, ::2]] = "|"
    for middle in (1, 2, 3):
        text[::2, middle::4][closed[::2, 1::2]] = "-"
    if marks is not None:
        text[1::2, 2::4][check_marks(marks, size)] = "*"
    for name, letter, cell in (("goal", "G", goal), ("start", "S", start)):
        row, column = divmod(whole(cell, name, 0, size * size - 1), size)
        beside = letter == "G" and start == goal
        text[2 * row + 1, 4 * column + 2 + beside] = letter
    return "\n".join("".join(line) for line in text)


def parse_maze(text: str) -> Mazes:
    """Read one maze from text in either form of this module.

    Blank lines around the maze, blanks at line ends, and an indentation that all lines share are
    passed over.

    Args:
        text: a square maze of 2 to 128 rows, its border closed, with one S and one G.

    Raises:
        ValueError: the text is not as above; the message names the line and the column, both from
            1, as they are in `text`.
    """
    if not isinstance(text, str):
        raise ValueError(f"expected a maze as text, got a {type(text).__name__}: pass a string")
    symbols, top, left = _cut_out(text)
    if symbols[0, 0] not in _WIDTHS:
        raise ValueError(
            f"line {top}, column {left} holds {str(symbols[0, 0])!r}: expected '+', the corner of "
            "drawn text, or '#', the wall of block text; begin with the border above the maze"
        )
    width = _WIDTHS[symbols[0, 0]]
    size = len(symbols) // 2
    if symbols.shape != (2 * size + 1, width * size + 1) or size not in SIZES:
        raise ValueError(
            f"lines {top} to {top + len(symbols) - 1} are {len(symbols)} of {symbols.shape[1]} "
            f"characters, expected 2 n + 1 of {width} n + 1 for n x n cells, n from 2 to 128: "
            "write the border all round, and lines of walls between the rows"
        )
    pixels = symbols[:, :: width // 2]
    places = []
    for letter, name in (("S", "start"), ("G", "goal")):
        here = np.flatnonzero(pixels[1::2, 1::2] == letter)
        if len(here) != 1:
            raise ValueError(
                f"expected one {name}, {letter!r} in the middle of a cell, got {len(here)}: mark it"
            )
        places.append(here)
    maze = Mazes(walls_from_pixels(np.isin(pixels, list("+-|#"))[None]), *places)
    if width == 4:
        expected = _letters(maze_text(maze.walls[0], *(int(place[0]) for place in places)))
    else:
        expected, symbols = _BLOCKS[pixel_tokens(maze)[0]], np.where(symbols == ".", " ", symbols)
    for row, column in np.argwhere(symbols != expected):
        raise ValueError(
            f"line {top + row}, column {left + column} holds {str(symbols[row, column])!r}: "
            f"expected {str(expected[row, column])!r}"
        )
    return maze


def _cut_out(text: str) -> tuple[np.ndarray, int, int]:
    """The characters of the maze itself, by line and column, and where it begins, from 1."""
    lines = [line.rstrip() for line in text.split("\n")]
    filled = [number for number, line in enumerate(lines) if line]
    if not filled:
        raise ValueError("expected a maze, got blank text: draw one, with '+---+' or '###' on top")
    top, last = filled[0], filled[-1]
    for number, line in enumerate(lines[top : last + 1], start=top + 1):
        if len(line) != len(lines[top]):
            raise ValueError(
                f"line {number} ends in column {len(line)}, expected {len(lines[top])} as line "
                f"{top + 1}: write every line up to the border on the right"
            )
    left = min(len(lines[number]) - len(lines[number].lstrip()) for number in filled)
    return _letters("\n".join(lines[top : last + 1]))[:, left:], top + 1, left + 1


def _letters(text: str) -> np.ndarray:
    return np.array([list(line) for line in text.split("\n")])
