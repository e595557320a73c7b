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

Mazes as pictures in which walls are pixels too, as the literature feeds them to networks.

Cell (r, c) is pixel (2 r + 1, 2 c + 1), both from 0. The pixel between two neighbouring cells is
white where one can walk from one to the other and black where there is a wall. Pixels with two
even coordinates, where four cells meet, are always black, as is the border.

Axes: B mazes, n rows and columns, P = 2 n + 1 rows and columns of pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trm_lib.puzzles.maze import SIZES, Mazes, check_cell, check_marks, check_walls


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
        walls: (n, n) integers, those of one maze of ``Mazes``.
        start: Number of the cell marked S: the start, or where somebody walking stands.
        goal: Number of the cell marked G. Where it is S's cell too, both letters stand in it.
        marks: (n, n) bool, the cells to draw a star in, but for those of S and G.

    Returns:
        2 n + 1 lines of 4 n + 1 characters, the last without a line end; ``parse_maze`` reads
        them back if start and goal differ and there are no stars.

    Raises:
        ValueError: If an argument is not as above.
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
        cell = check_cell(cell, size, name)
        beside = letter == "G" and start == goal
        text[2 * (cell // size) + 1, 4 * (cell % size) + 2 + beside] = letter
    return "\n".join("".join(line) for line in text)


def parse_maze(text: str) -> Mazes:
    """Read one maze from text in either form of this module.

    Blank lines around the maze, blanks at line ends, and an indentation that all lines share are
    passed over.

    Args:
        text: A square maze of 2 to 128 rows, its border closed, with one S and one G.

    Returns:
        A batch of one.

    Raises:
        ValueError: If the text is not as above; the message names the line and the column, both
            from 1, as they are in ``text``.
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
    size = _size(lines, form, top)
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
    closed = np.isin(symbols, [form.corner, form.flat, form.upright])
    start, goal = (np.array([places[letter]]) for letter in "SG")
    return Mazes(walls_from_pixels(closed[None]), start, goal)


def _cut_out(text: str) -> tuple[list[str], int, int]:
    """Return the lines of the maze itself, all of one length, and where it begins, from 1."""
    lines = [line.rstrip() for line in text.split("\n")]
    filled = [number for number, line in enumerate(lines) if line]
    if not filled:
        raise ValueError("expected a maze, got blank text: draw one, with '+---+' or '###' on top")
    top = filled[0]
    lines = lines[top : filled[-1] + 1]
    left = len(lines[0]) - len(lines[0].lstrip())
    width = len(lines[0]) - left
    for number, line in enumerate(lines, start=top + 1):
        if line[:left].strip():
            raise ValueError(
                f"line {number} begins left of column {left + 1}, where line {top + 1} begins: "
                "indent all lines alike"
            )
        if len(line) - left != width:
            raise ValueError(
                f"line {number} ends in column {len(line)}, expected {left + width} as line "
                f"{top + 1}: write every line up to the border on the right"
            )
    return [line[left:] for line in lines], top + 1, left + 1


def _size(lines: list[str], form: _Form, top: int) -> int:
    columns, over = divmod(len(lines[0]) - 1, 2 * form.step)
    if over:
        raise ValueError(
            f"line {top} has {len(lines[0])} characters, expected {2 * form.step} n + 1 for n "
            f"cells in {form.name}: write the border on the left and on the right"
        )
    rows, over = divmod(len(lines) - 1, 2)
    if over:
        raise ValueError(
            f"lines {top} to {top + len(lines) - 1} are {len(lines)}, expected 2 n + 1 for n rows "
            "of cells: write a line of walls above, between and below them"
        )
    if rows != columns or rows not in SIZES:
        raise ValueError(
            f"the maze of lines {top} to {top + len(lines) - 1} has {rows} rows and {columns} "
            "columns of cells, expected as many rows as columns, 2 to 128"
        )
    return rows


def _expected(form: _Form, row: int, column: int, last: int) -> tuple[str, str]:
    """Return the symbols that may stand at a corner, wall or cell, and what is there."""
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


_BLACK, _WHITE, _GREEN, _RED = (0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)


def maze_picture(mazes: Mazes) -> np.ndarray:
    """Paint mazes: black walls, white corridors, a green start and a red goal.

    Args:
        mazes: B of them.

    Returns:
        (B, P, P, 3) uint8, red, green and blue from 0 to 255.

    Source:
        Schwarzschild et al., Datasets for Studying Generalization from Easy to Hard Examples
        (arXiv 2108.06011), and make_mazes.py of github.com/aks2203/easy-to-hard-data. Their
        "size 59" counts pixels without the border: n = 30 here. Deviations: there, every pixel is
        doubled and a further black line put around (P is 4 n + 4), values are 0 or 1, and colours
        come before rows.
    """
    closed = wall_pixels(mazes.walls)
    picture = np.where(closed[..., None], np.uint8(0), np.uint8(255))
    picture = np.repeat(picture, 3, axis=-1)
    for cells, colour in ((mazes.start, _GREEN), (mazes.goal, _RED)):
        rows, columns = np.divmod(cells, mazes.size)
        picture[np.arange(len(mazes)), 2 * rows + 1, 2 * columns + 1] = colour
    return picture


def read_maze_picture(picture: np.ndarray) -> Mazes:
    """Read mazes from pictures such as ``maze_picture`` paints.

    Args:
        picture: (B, P, P, 3) integers, or (P, P, 3) for one; P odd, 5 to 257. Four colours are
            known: black, white, green (0, 255, 0) and red (255, 0, 0).

    Returns:
        B mazes.

    Raises:
        ValueError: If the array is not as above, or some picture is not one of a maze; the
            message names the picture from 0 and the pixel's row and column from 1.
    """
    picture = np.asarray(picture)
    if picture.ndim == 3:
        picture = picture[None]
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
    black, white, green, red = (
        (picture == np.array(colour)).all(axis=-1) for colour in (_BLACK, _WHITE, _GREEN, _RED)
    )
    _refuse(~(black | white | green | red), picture, "black, white, green or red")
    between, cells = _between(size), _cells(size)
    _refuse(~black & ~between & ~cells, picture, "black: a border, or a corner of cells")
    _refuse(~(black | white) & between, picture, "black or white: it lies between two cells")
    _refuse(black & cells, picture, "not black: it is a cell")
    start = only_cell(green[:, 1::2, 1::2], "picture", "green pixel, the start", "paint one cell")
    goal = only_cell(red[:, 1::2, 1::2], "picture", "red pixel, the goal", "paint one cell")
    return Mazes(walls_from_pixels(black), start, goal)


def label_picture(label: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """Mark the pixels of marked cells, and the openings between two marked cells.

    With ``shortest_path_cells`` as the label, the marked pixels are exactly those of the shortest
    paths, in a maze with loops as well: two neighbouring cells never lie equally far from the
    start, so an opening between two cells on shortest paths is on one itself.

    Args:
        label: (B, n, n) bool.
        walls: (B, n, n) integers, as in ``Mazes``.

    Returns:
        (B, P, P) bool.

    Raises:
        ValueError: If an argument is not as above, or the shapes differ.
    """
    walls, label = check_walls(walls), np.asarray(label)
    if label.shape != walls.shape or label.dtype != bool:
        raise ValueError(
            f"label: expected bool of shape {walls.shape}, as the walls, got {label.dtype} of "
            f"shape {label.shape}"
        )
    side = 2 * walls.shape[1] + 1
    marked = np.zeros((len(walls), side, side), bool)
    marked[:, 1::2, 1::2] = label
    marked[:, 1::2, 2:-1:2] = label[:, :, :-1] & label[:, :, 1:]
    marked[:, 2:-1:2, 1::2] = label[:, :-1] & label[:, 1:]
    return marked & ~wall_pixels(walls)


def wall_pixels(walls: np.ndarray) -> np.ndarray:
    """Return (B, P, P) bool: which pixels are wall, for checked walls (B, n, n)."""
    size = walls.shape[1]
    closed = np.broadcast_to(~_cells(size), (len(walls), 2 * size + 1, 2 * size + 1)).copy()
    closed[:, 1::2, 2:-1:2] = walls[:, :, :-1] >> 1 & 1
    closed[:, 2:-1:2, 1::2] = walls[:, :-1] >> 2 & 1
    return closed


def walls_from_pixels(closed: np.ndarray) -> np.ndarray:
    """Return (B, n, n) uint8 walls, for which pixels are wall, (B, P, P) bool."""
    closed = closed.astype(np.uint8)
    up, right = closed[:, :-1:2, 1::2], closed[:, 1::2, 2::2]
    down, left = closed[:, 2::2, 1::2], closed[:, 1::2, :-1:2]
    return up | right << 1 | down << 2 | left << 3


def _cells(size: int) -> np.ndarray:
    """Return (P, P) bool: which pixels are cells."""
    odd = np.arange(2 * size + 1) % 2 == 1
    return odd[:, None] & odd


def _between(size: int) -> np.ndarray:
    """Return (P, P) bool: which pixels lie between two cells."""
    index = np.arange(2 * size + 1)
    inside = (index > 0) & (index < 2 * size)
    return (inside[:, None] & inside) & ((index[:, None] + index) % 2 == 1)


def _refuse(wrong: np.ndarray, picture: np.ndarray, expected: str) -> None:
    if wrong.any():
        which, row, column = np.argwhere(wrong)[0]
        colour = tuple(picture[which, row, column].tolist())
        raise ValueError(
            f"picture {which}: the pixel in row {row + 1}, column {column + 1} is {colour}, "
            f"expected {expected}"
        )


def only_cell(marked: np.ndarray, where: str, what: str, remedy: str) -> np.ndarray:
    """Return (B,) int64: the one cell that is marked in each (n, n) of (B, n, n) bool.

    Raises:
        ValueError: If none or several are; it says where, what was expected, and the remedy.
    """
    marked = marked.reshape(len(marked), marked.shape[1] ** 2)
    wrong = np.flatnonzero(marked.sum(axis=1) != 1)
    if len(wrong):
        which = wrong[0]
        raise ValueError(
            f"{where} {which}: expected one {what}, got {marked[which].sum()}: {remedy}"
        )
    return marked.argmax(axis=1)
