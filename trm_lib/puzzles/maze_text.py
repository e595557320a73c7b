"""Writing one maze as text, and reading it back.

Two forms are written and read. In drawn text each cell is three characters wide::

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
`parse_maze` says what else is read.
"""

from __future__ import annotations

import re

import numpy as np

from trm_lib.checks import whole
from trm_lib.puzzles.maze import Mazes, check_marks
from trm_lib.puzzles.maze_boards import FREE, GOAL, START, WALL, maze_from_pixels, maze_from_squares
from trm_lib.puzzles.maze_layouts import check_walls, wall_pixels
from trm_lib.puzzles.reading import BETWEEN, Lines, is_box, lines_of, without_size

_POSTS, _BLOCKS = "+o*", "#\u2588\u2593\u25a0X1"
_STARTS, _GOALS, _OPEN = "SA>@", "GEFXT*$", ["", ".", "0", "O", "o"]


def maze_text(walls: np.ndarray, start: int, goal: int, marks: np.ndarray | None = None) -> str:
    """Draw one maze as text.

    Args:
        walls: (n, m) integers, those of one maze of `Mazes`.
        start: number of the cell marked S: the start, or where somebody walking stands.
        goal: number of the cell marked G, or several numbers. Where one is S's cell too, both
            letters stand in it.
        marks: (n, m) bool, the cells to draw a star in, but for those of S and G.

    Returns:
        2 n + 1 lines of 4 m + 1 characters, the last without a line end; `parse_maze` reads them
        back if start and goal differ and there are no stars.
    """
    closed = wall_pixels(check_walls(np.asarray(walls)[None]))[0]  # (2 n + 1, 2 m + 1)
    rows, columns = np.shape(walls)
    text = np.full((2 * rows + 1, 4 * columns + 1), " ")
    text[::2, ::4] = "+"
    text[1::2, ::4][closed[1::2, ::2]] = "|"
    for middle in (1, 2, 3):
        text[::2, middle::4][closed[::2, 1::2]] = "-"
    if marks is not None:
        text[1::2, 2::4][check_marks(marks, (rows, columns))] = "*"
    goals = [("goal", "G", cell) for cell in np.atleast_1d(goal)]
    for name, letter, cell in (*goals, ("start", "S", start)):
        row, column = divmod(whole(cell, name, 0, rows * columns - 1), columns)
        beside = letter == "G" and start == cell
        text[2 * row + 1, 4 * column + 2 + beside] = letter
    return "\n".join("".join(line) for line in text)


def parse_maze(text: str) -> Mazes:
    """Read one maze from text: both forms of this module, and what is near to them.

    Read are also posts of o or *, box drawing and cells one character wide in drawn text; walls of
    #, X, 1 and full blocks, with openings of O or 0, in block text; and grids of 1 and 0 with
    commas or in brackets. A start may be S, A, > or @, a goal G, E, F, X, T, * or $; B is a start
    beside an E, else a goal. A gap in the border is where its mark is, or without any, the start
    and then the goal, in reading order. Several cells may be goals. Fences of code, titles, a line
    with the size, comments after // or ;, and an indentation that all lines share are passed over.

    Args:
        text: a maze of 2 to 128 rows and columns.

    Raises:
        ValueError: the text is not as above; the message names the line and the column, both from
            1, as they are in `text` (in grids with commas or brackets, the number of the symbol).
    """
    lines = without_size(lines_of(text))
    if not lines:
        raise ValueError("expected a maze, got blank text: draw one, with '+---+' or '###' on top")
    bare = [(number, BETWEEN.sub("", line)) for number, line in lines]
    bare = [(number, line) for number, line in bare if line]
    if bare and bare[0][1][0] == "1" and any("0" in line for _, line in bare):
        lines = bare
    lines, left = _without_margin(lines)
    (top, line), first = lines[0], lines[0][1][0]
    if is_box(first):
        return _box_maze(lines, left)
    if first not in _POSTS + _BLOCKS:
        form = "; lines of _ and | are not read" if "_" in line else ""
        raise ValueError(
            f"line {top}, column {left + 1} holds {first!r}: expected '+', the corner of drawn "
            f"text, or '#', the wall of block text; begin with the border above the maze{form}"
        )
    apart = line.find(first, 1) if first in _POSTS else 1
    if apart not in (1, 2, 4):
        raise ValueError(
            f"line {top}: corners {first!r} stand {apart} characters apart, expected 4, for cells "
            "three characters wide, or 2, for cells one wide: draw it so"
        )
    walls = dict.fromkeys(["corner", "|", "-"], first) if apart == 1 else _drawn(first)
    return _read(lines, left, walls, 3 if apart == 4 else 1)


def parse_squares(text: str) -> Mazes:
    """Read one maze in whose text every character is a cell, open, or # for a wall all round.

    Args:
        text: 2 to 128 lines of as many characters as the first, with marks as in `parse_maze`.

    Raises:
        ValueError: a character is something else; the message names line and column.
    """
    lines, left = _without_margin(without_size(lines_of(text)))
    roles = _roles("".join(line for _, line in lines), "#")
    known = {"#": WALL, " ": FREE, ".": FREE} | roles
    width = max(len(line) for _, line in lines)
    for number, line in lines:
        for column, symbol in enumerate(line, start=left + 1):
            if symbol.upper() not in known:
                raise ValueError(
                    f"line {number}, column {column} holds {symbol!r}: expected '#', ' ', or S or G"
                )
    squares = [[known[symbol.upper()] + 1 for symbol in line.ljust(width)] for _, line in lines]
    return maze_from_squares(np.array(squares))


def _drawn(corner: str) -> dict[str, str]:
    return {"corner": corner, "|": "|", "-": "-"}


def _without_margin(lines: Lines) -> tuple[Lines, int]:
    """Lines without the blanks that all begin with, and how many these are; tabs are expanded."""
    for tab in (8, 4, 2):
        spread = [(number, line.expandtabs(tab)) for number, line in lines]
        if all(len(line) <= len(spread[0][1]) for _, line in spread):
            break
    left = min(len(line) - len(line.lstrip()) for _, line in spread)
    return [(number, line[left:].rstrip()) for number, line in spread], left


def _box_maze(lines: Lines, left: int) -> Mazes:
    """A maze in box drawing, whose cells are one or three characters wide, by where walls stand."""
    box = "".join(map(chr, range(0x2500, 0x2580)))
    symbols = [
        (r, c, s) for r, (_, line) in enumerate(lines) for c, s in enumerate(line) if is_box(s)
    ]
    upright = [c for _, c, s in symbols if s not in "─━═"]  # here walls begin, end, meet or stand
    flat = [r for r, _, s in symbols if s not in "│┃║"]
    apart, tall = (int(np.gcd.reduce([0, *places])) for places in (upright, flat))
    if apart not in (2, 4) or tall != 2:
        raise ValueError(
            f"line {lines[0][0]}: walls of box drawing stand {apart} characters and {tall} lines "
            "apart, expected 4 and 2, for cells three characters wide, or 2 and 2, for cells one "
            "wide: draw it so"
        )
    return _read(lines, left, {"corner": box + " ", "|": box, "-": box}, apart - 1)


def _read(lines: Lines, left: int, walls: dict[str, str], width: int) -> Mazes:
    """A maze from lines, as `walls` are drawn and cells are `width` characters wide."""
    longest = max(len(line) for _, line in lines)
    if len(lines) % 2 == 0 or longest % (width + 1) != 1:
        raise ValueError(
            f"lines {lines[0][0]} to {lines[-1][0]} are {len(lines)} of {longest} characters, "
            f"expected 2 n + 1 of {width + 1} m + 1 for n x m cells: write the border all round, "
            "and lines of walls between the rows"
        )
    roles = _roles("".join(line for _, line in lines), "".join(walls.values()))
    pieces = []
    for _, line in lines:
        cut = re.findall(rf"(.)(.{{{width}}})?", line.ljust(longest))
        pieces.append([piece for pair in cut for piece in pair][:-1])

    def where(row: int, column: int) -> str:
        start = left + column // 2 * (width + 1) + 1 + column % 2
        piece = pieces[row][column]
        start += len(piece) - len(piece.lstrip()) if piece.strip() else 0
        return f"line {lines[row][0]}, column {start} holds {piece.strip() or piece[0]!r}"

    pixels = np.zeros((len(pieces), len(pieces[0])), np.int64)
    for row, column in np.ndindex(pixels.shape):
        piece = pieces[row][column]
        at = "corner" if row % 2 == column % 2 == 0 else "-" if column % 2 else "|"
        if set(piece) <= set(walls[at]) and not (at != "corner" and piece.isspace()):
            pixels[row, column] = WALL
        elif piece.strip() in _OPEN:
            pixels[row, column] = FREE
        elif piece.strip().upper() in roles:
            pixels[row, column] = roles[piece.strip().upper()]
        else:
            wall = "" if row % 2 and column % 2 else f"{walls[at][0]!r}, "
            marks = f"{_STARTS} for the start, {_GOALS} for the goal"
            raise ValueError(f"{where(row, column)}: expected {wall}' ' or a mark, {marks}")
    return maze_from_pixels(pixels, where)


def _roles(text: str, walls: str) -> dict[str, int]:
    """What each mark in a text means: START or GOAL.

    Raises:
        ValueError: two different marks mean the same.
    """
    marks = sorted(set(text.upper()) & set(_STARTS + _GOALS + "B") - set(walls.upper()))
    roles = {mark: START if mark in _STARTS else GOAL for mark in marks}
    if "B" in roles and "E" in roles:
        roles["B"] = START
    for role, name in ((START, "start"), (GOAL, "goal")):
        same = [mark for mark in marks if roles[mark] == role]
        if len(same) > 1:
            raise ValueError(
                f"expected one kind of mark for a {name}, got {' and '.join(same)}: keep one"
            )
    return roles
