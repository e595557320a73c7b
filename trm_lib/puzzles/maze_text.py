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

from typing import NamedTuple

import numpy as np

from trm_lib.puzzles.maze import SIZES, Mazes, check_cell, check_marks, check_walls
from trm_lib.puzzles.maze_boards import wall_pixels, walls_from_pixels


class _Form(NamedTuple):
    name: str
    corner: str
    flat: str  # the wall above or below a cell
    upright: str  # the wall left or right of a cell
    blank: str  # what may stand for nothing
    step: int  # characters from a corner to the middle of the next wall


_FORMS = {
    "+": _Form("drawn text", "+", "-", "|", " ", 2),
    "#": _Form("block text", "#", "#", "#", " .", 1),
}


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
    walls = np.asarray(walls)
    if walls.ndim != 2:
        raise ValueError(
            f"walls: expected those of one maze, shape (n, n), got {walls.shape}: write mazes one "
            "at a time, mazes.walls[i]"
        )
    closed = wall_pixels(check_walls(walls[None]))[0]  # (2 n + 1, 2 n + 1)
    size = len(walls)
    text = np.full((2 * size + 1, 4 * size + 1), " ")
    text[::2, ::4] = "+"
    text[1::2, ::4][closed[1::2, ::2]] = "|"
    for middle in (1, 2, 3):
        text[::2, middle::4][closed[::2, 1::2]] = "-"
    if marks is not None:
        text[1::2, 2::4][check_marks(marks, size)] = "*"
    for name, letter, cell in (("goal", "G", goal), ("start", "S", start)):
        row, column = divmod(check_cell(cell, size, name), size)
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
    lines, top, left = _cut_out(text)
    form = _FORMS.get(lines[0][0])
    if form is None:
        raise ValueError(
            f"line {top}, column {left} holds {lines[0][0]!r}: expected '+', the corner of drawn "
            "text, or '#', the wall of block text; begin with the border above the maze"
        )
    size = (len(lines) - 1) // 2
    height, width = len(lines), len(lines[0])
    if height != 2 * size + 1 or width != 2 * form.step * size + 1 or size not in SIZES:
        raise ValueError(
            f"lines {top} to {top + height - 1} are {height} of {width} characters, "
            f"expected 2 n + 1 of {2 * form.step} n + 1 for n x n cells in {form.name}, n from 2 "
            "to 128: write the border all round, and lines of walls between the rows"
        )
    places = {}  # where each letter stands
    for row, line in enumerate(lines):
        for column, symbol in enumerate(line[:: form.step]):
            here = f"line {top + row}, column {left + form.step * column}"
            expected, what = _expected(form, row, column, 2 * size)
            if symbol not in expected:
                raise _wrong(here, symbol, expected, what)
            if symbol in "SG":
                if symbol in places:
                    raise ValueError(f"{here} holds another {symbol!r}: mark one cell with it")
                places[symbol] = row // 2 * size + column // 2
    if form.step == 2:
        _check_widths(lines, top, left)
    for letter, name in (("S", "start"), ("G", "goal")):
        if letter not in places:
            raise ValueError(f"the maze has no {name}: mark its cell with {letter!r}")
    symbols = np.array([list(line[:: form.step]) for line in lines])
    start, goal = (np.array([places[letter]]) for letter in "SG")
    return Mazes(walls_from_pixels(np.isin(symbols, list("+-|#"))[None]), start, goal)


def _cut_out(text: str) -> tuple[list[str], int, int]:
    """The lines of the maze itself, all of one length, and where it begins, from 1."""
    lines = [line.rstrip() for line in text.split("\n")]
    filled = [number for number, line in enumerate(lines) if line]
    if not filled:
        raise ValueError("expected a maze, got blank text: draw one, with '+---+' or '###' on top")
    top = filled[0]
    lines = lines[top : filled[-1] + 1]
    left = len(lines[0]) - len(lines[0].lstrip())
    for number, line in enumerate(lines, start=top + 1):
        if line[:left].strip():
            raise ValueError(
                f"line {number} begins left of column {left + 1}, where line {top + 1} begins: "
                "indent all lines alike"
            )
        if len(line) != len(lines[0]):
            raise ValueError(
                f"line {number} ends in column {len(line)}, expected {len(lines[0])} as line "
                f"{top + 1}: write every line up to the border on the right"
            )
    return [line[left:] for line in lines], top + 1, left + 1


def _expected(form: _Form, row: int, column: int, last: int) -> tuple[str, str]:
    """The symbols that may stand at a corner, wall or cell, and what is there."""
    if row % 2 and column % 2:
        return form.blank + "SG", "a cell"
    if row % 2 == column % 2:
        return form.corner, "a corner"
    wall = form.upright if row % 2 else form.flat
    if row in (0, last) or column in (0, last):
        return wall, "the border, which is closed"
    return wall + form.blank, "a wall or an opening"


def _check_widths(lines: list[str], top: int, left: int) -> None:
    """Refuse drawn text whose walls, openings and cells are not three characters wide."""
    for row, line in enumerate(lines):
        for column in range(1, len(line), 2):
            middle = line[column + 1 if column % 4 == 1 else column - 1]
            expected = middle if middle == "-" else " "
            if line[column] != expected:
                what = "beside the letter" if middle in "SG" else "as in the middle"
                here = f"line {top + row}, column {left + column}"
                raise _wrong(here, line[column], expected, what)


def _wrong(here: str, symbol: str, expected: str, what: str) -> ValueError:
    choices = " or ".join(repr(one) for one in dict.fromkeys(expected))
    return ValueError(f"{here} holds {symbol!r}: expected {choices} ({what})")
