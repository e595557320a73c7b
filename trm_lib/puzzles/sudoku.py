"""The Sudoku board: its rules, no digit twice in a row, a column or a box, and texts of it.

Legend of the Sudoku modules: B puzzles, N board size (`SIZES`), L = N * N cells, numbered row by
row. Boards are integer arrays (int8), 0 = empty, 1..N = digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.reading import Lines, lines_of

BOX_SHAPES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 16: (4, 4), 25: (5, 5)}
SIZES = "4, 6, 9, 16 or 25"
Rows = list[tuple[int, list[str]]]
"""Lines with their numbers in the text, each cut into pieces of as many symbols as cells."""

_SYMBOLS = ".123456789ABCDEFGHIJKLMNOP"
_EMPTY = "_*-?xX"  # each an empty cell in some texts; the first three draw frames in others
_FRAME = "\u2500-\u257f" + re.escape("|+=,;:/\\'\"[](){}") + r"\s"


def box_shape(size: int) -> tuple[int, int]:
    """How many rows and columns a box has: (2, 2) of 4x4 boards, (2, 3), (3, 3), (4, 4), (5, 5)."""
    if size not in BOX_SHAPES:
        raise ValueError(f"expected a board size of {SIZES}, got {size!r}: choose one of those")
    return BOX_SHAPES[size]


@lru_cache
def units(size: int) -> np.ndarray:
    """The cells of every unit, the groups in which each digit stands once.

    Args:
        size: N.

    Returns:
        (3N, N) int64, read-only: N rows, then N columns, then N boxes (left to right, then down).
    """
    box_rows, box_cols = box_shape(size)
    cells = np.arange(size * size).reshape(size, size)
    boxes = cells.reshape(size // box_rows, box_rows, size // box_cols, box_cols)
    boxes = boxes.swapaxes(1, 2).reshape(size, size)
    table = np.concatenate([cells, cells.T, boxes])
    table.flags.writeable = False
    return table


def check_boards(boards: np.ndarray, name: str = "puzzles") -> np.ndarray:
    """Check that an array holds boards and return it as int8.

    Args:
        boards: (..., N, N) integers 0..N.
        name: what to call the array in an error.
    """
    boards = np.asarray(boards)
    size = boards.shape[-1] if boards.ndim else 0
    if boards.shape[-2:] != (size, size) or size not in BOX_SHAPES:
        raise ValueError(
            f"{name}: expected shape (..., N, N) with N = {SIZES}, got {boards.shape}: "
            "reshape flat boards to (..., N, N)"
        )
    if boards.dtype.kind not in "iu" or ((boards < 0) | (boards > size)).any():
        raise ValueError(
            f"{name}: expected integers 0 to {size} (0 = empty), got {boards.dtype} "
            f"{np.unique(boards)}"
        )
    return boards.astype(np.int8, copy=False)


def is_solution(puzzles: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Say which answers solve their puzzles: full, clues kept, every unit holds each digit once.

    Answers are judged, not trusted: any integer may stand in them.

    Args:
        puzzles: (..., N, N) integers 0..N, 0 = empty.
        answers: (..., N, N) integers, the same shape.

    Returns:
        (...) bool.
    """
    puzzles, answers = check_boards(puzzles), np.asarray(answers)
    if answers.shape != puzzles.shape or answers.dtype.kind not in "iu":
        raise ValueError(
            f"expected integer answers of shape {puzzles.shape}, one a puzzle, got "
            f"{answers.dtype} of shape {answers.shape}: take the argmax over digits"
        )
    size = puzzles.shape[-1]
    legal = (answers >= 1) & (answers <= size)
    bits = 1 << np.where(legal, answers, 0).astype(np.int64)  # digit d as bit d, illegal as bit 0
    bits = bits.reshape(*bits.shape[:-2], size * size)
    in_units = np.bitwise_or.reduce(bits[..., units(size)], axis=-1)  # (..., 3N)
    obeys_rules = (in_units == 2 ** (size + 1) - 2).all(axis=-1)  # every digit is in every unit
    keeps_clues = ((puzzles == 0) | (puzzles == answers)).all(axis=(-2, -1))
    return obeys_rules & keeps_clues


def sudoku_text(board: np.ndarray) -> str:
    """Write one board as text such as "1...|..3.|.4..|...2"; `parse_sudoku` reads it back.

    Digits from 10 on are letters from A on.

    Args:
        board: (N, N) integers 0..N, 0 = empty.
    """
    rows = parse_sudoku(board).tolist()
    return "|".join("".join(_SYMBOLS[digit] for digit in row) for row in rows)


def parse_sudoku(puzzle: str | ArrayLike) -> np.ndarray:
    """Read one Sudoku board.

    Only the form is checked here; whether the clues obey the rules is for `check_sudoku`.

    Args:
        puzzle: text, a row a line or all in one, such as "1...|..3.|.4..|...2". Empty cells are
            . 0 or _, or all of them * or - or ? or x, or nothing where rows stand in columns or
            between commas. Frames of + - * = | or box drawing, brackets, fences of code, titles,
            comments after #, // or ; and fields beside a board in one run are passed over. Or a
            list of rows, ["1...", "..3.", ".4..", "...2"]. Or anything NumPy reads as an (N, N)
            array of whole numbers 0..N: nested lists, arrays, tensors. In text, digits from 10 on
            are letters from A on, or numbers between blanks; where 0 and . both stand on a 16x16
            board, 0 to F are its digits.

    Returns:
        (N, N) int8 board, a new array.

    Raises:
        ValueError: the board is of an unknown size, rows differ in length, a cell holds something
            else than a digit of the board or an empty cell (the message names it), or the text can
            be read in two ways (the message shows both).
    """
    if isinstance(puzzle, list | tuple) and all(isinstance(row, str) for row in puzzle):
        puzzle = "\n".join(puzzle)
    if isinstance(puzzle, str):
        cells, numbers = _from_text(puzzle)
    else:
        cells, numbers = _from_rows(puzzle), []
    if cells.shape not in [(size, size) for size in BOX_SHAPES]:
        raise ValueError(
            f"expected one board of N x N cells, N = {SIZES}, got shape {cells.shape}: "
            "write every cell, with '.' or 0 for an empty one"
        )
    size = len(cells)
    for (row, column), value in np.ndenumerate(cells.astype(object)):
        if isinstance(value, bool) or value not in range(size + 1):
            line = f"line {numbers[row]}: " if numbers else ""
            raise ValueError(
                f"{line}row {row + 1}, column {column + 1} holds {value!r}: expected a digit 1 to "
                f"{size}, or '.' or '_' in text, 0 anywhere, for an empty cell"
            )
    return cells.astype(np.int8)


def check_sudoku(board: str | ArrayLike) -> None:
    """Refuse a board on which a digit stands twice in a unit; the message names both cells.

    A board that passes may still have no solution, or several: ask `solve_exactly`.

    Args:
        board: one board, anything that `parse_sudoku` reads.
    """
    board = parse_sudoku(board)
    size = len(board)
    for number, cells in enumerate(units(size)):
        digits = board.reshape(-1)[cells]
        for digit in range(1, size + 1):
            places = cells[digits == digit]
            if len(places) > 1:
                unit = f"{('row', 'column', 'box')[number // size]} {number % size + 1}"
                here, there = (f"row {c // size + 1}, column {c % size + 1}" for c in places[:2])
                raise ValueError(
                    f"digit {digit} stands twice in {unit}: {here} and {there}; empty or change "
                    "one of them"
                )


def _from_text(text: str) -> tuple[np.ndarray, list[int]]:
    """The cells of the one board a text can be read as, and the lines of its rows, if not one."""
    lines = [(number, line.split("#")[0].rstrip(" ")) for number, line in lines_of(text)]
    lines = [(number, line) for number, line in lines if line.strip()]
    lines = _one_run(lines)
    said, n = set(re.findall(r"\w+", lines[0][1])) if len(lines) > 4 else set(), len(lines) - 1
    if said and said <= {str(n), f"{n}x{n}"}:
        lines = lines[1:]  # the size
    boards: dict[str, tuple[np.ndarray, list[int]]] = {}
    refusals = []
    blank_rows = re.search(r"^[ \t]+$|\S.*\n[ \t]*\n.*\S", text, re.M) is not None
    for rows in _ways(lines, blank_rows):
        try:
            cells, numbers = _square(rows)
        except ValueError as error:
            refusals.append(error)
        else:
            boards.setdefault("|".join(map("".join, cells.astype(str))), (cells, numbers))
    if not boards:
        no_way = ValueError(
            "expected rows of cells between separators, one digit each or nothing, got others: "
            "write every cell, with '.' for an empty one"
        )
        raise [*refusals, no_way][0]
    known = [shown for shown in boards if re.fullmatch(r"[0-9|]+", shown)]
    if len(known) > 1:
        raise ValueError(
            f"expected a text that can be read in one way, got one that may be {known[0]} or "
            f"{known[1]}: write '.' for an empty cell, and no frame"
        )
    return boards[known[0] if known else next(iter(boards))]


def _one_run(lines: Lines) -> Lines:
    """Only the board, where a line holds a whole one among other fields."""
    fields = [(number, field) for number, line in lines for field in re.split(r"[\s,;]+", line)]
    sizes = [size * size for size in BOX_SHAPES]
    long = [pair for pair in fields if re.fullmatch(rf"[\d.{re.escape(_EMPTY)}]{{13,}}", pair[1])]
    runs = [pair for pair in long if len(pair[1]) in sizes]
    if runs and len(long) > 1:
        told = " and ".join(str(len(field)) for _, field in long[:3])
        raise ValueError(
            f"expected one Sudoku, got {len(long)}, of {told} symbols, the second in line "
            f"{long[1][0]}: pass one"
        )
    return runs or lines


def _ways(lines: Lines, blank_rows: bool) -> Iterator[Rows]:
    """Every way to find rows of cells in lines: what is empty, what frame, what parts cells."""
    text = "\n".join(line for _, line in lines)
    may_be_empty = [s for s in _EMPTY if s in text and (s == "_" or "." not in text)]
    nothing_between = re.search(r"[^|\s].*[|,;\t] *[|,;\t].*[^|\s]|[,;] *[,;]|\| +\|", text)
    for empty, has_rulers in [("", True), *product(may_be_empty, [True, False])]:
        frame = _FRAME + "".join(re.escape(s) for s in "_*-" if s != empty)
        ruler = re.compile(rf"[{frame}]*")
        if empty and has_rulers:  # a row of empty cells is none
            e = re.escape(empty)
            ruler = re.compile(rf"[{frame}]*|(?=.*([+=\u2500-\u257f]|\|{e}{e}))[{frame}{e}]*")
        kept = [(n, line) for n, line in lines if not ruler.fullmatch(line)]
        kept = [(n, line.replace(empty, ".") if empty else line) for n, line in kept]
        if empty or not nothing_between or "." in text:
            yield [(n, re.findall(rf"[^{frame}]+", line)) for n, line in kept]
        if empty or re.search("[.0]", text):
            continue
        drawn = re.compile(rf"(?=.*[-+=*_\u2500-\u257f])[{frame}]*")
        kept = [pair for pair in lines if not drawn.fullmatch(pair[1])]  # may be a row of blanks
        outer = all(re.fullmatch(r" *\|(.*\|)? *", line) for _, line in kept)
        fields = [(n, _fields(line.strip(" ")[1:-1] if outer else line)) for n, line in kept]
        if re.search(r"[,;|\t]", text) and all(len(f) <= 1 for _, row in fields for f in row):
            yield [(n, [field or "." for field in row]) for n, row in fields]
            continue
        for pitch in (1, 2) if not blank_rows else ():  # columns, an empty cell a blank
            bar = r"[|\u2502\u2503\u2551]" + " ?" * (pitch - 1)
            bare = [(n, re.sub(bar, "", line)) for n, line in kept]
            cells = [(n, row[::pitch].rstrip()) for n, row in bare]
            blank_between = "".join(row[1::2] for _, row in bare if pitch == 2)
            if not blank_between.strip() and any(" " in row for _, row in cells):
                yield [(n, [row.replace(" ", ".").ljust(len(kept), ".")]) for n, row in cells]


def _fields(line: str) -> list[str]:
    """What stands between separators, without quotes, and brackets around all of it."""
    line = re.sub(r"^[\[ ]+(?=\[|[^ ])|\][\],\s]*$", "", line) if "[" in line else line
    return [field.strip(" '\"") for field in re.split(r"[,;|\t]", line)]


def _square(rows: Rows) -> tuple[np.ndarray, list[int]]:
    """The (N, N) symbols of N rows of cells, and their lines, or of one line with all the cells."""
    n = len(rows)
    if n > 9 and all(len(pieces) == n for _, pieces in rows):  # numbers between blanks
        symbols = {str(value): symbol for value, symbol in enumerate(_SYMBOLS[: n + 1])}
        rows = [(line, [symbols.get(piece, piece) for piece in pieces]) for line, pieces in rows]
    cut, numbers = ["".join(pieces) for _, pieces in rows], [number for number, _ in rows]
    if n < 2:
        pieces, numbers = [piece for _, row in rows for piece in row], []
        run = "".join(pieces)
        size = next((size for size in BOX_SHAPES if size * size == len(run)), 0)
        if {len(piece) for piece in pieces} in ({1}, {size}, {len(run)}) and size:
            cut = [run[start : start + size] for start in range(0, len(run), size)]
        elif max(map(len, pieces), default=1) > 1 < len(pieces):
            cut = pieces
        else:
            raise ValueError(
                f"expected N * N symbols, of a board with N = {SIZES}, got {len(run)}: "
                "write every cell, with '.' for an empty one"
            )
    _require_square(cut, numbers)
    size, every = len(cut), set("".join(cut))
    first = 1 if size == 16 and {"0", "."} <= every and "G" not in every else 0
    digits = "0" + (_SYMBOLS if size > 9 else _SYMBOLS[:10])[1:]
    values = {symbol: value for value, symbol in enumerate(digits, first)} | {".": 0}
    cells = [[values.get(symbol, symbol) for symbol in row] for row in cut]
    return np.array(cells, object), numbers


def _require_square(rows: Sequence[Sequence], numbers: Sequence[int] = ()) -> None:
    for row, cells in enumerate(rows):
        if len(cells) != len(rows):
            line = f"line {numbers[row]}: " if numbers else ""
            raise ValueError(
                f"{line}row {row + 1} has {len(cells)} cells, expected {len(rows)} (as many as "
                "there are rows): write every cell, with '.' or 0 for an empty one"
            )


def _from_rows(rows: ArrayLike) -> np.ndarray:
    if isinstance(rows, list | tuple) and all(isinstance(row, Sequence) for row in rows):
        _require_square(rows)
    try:
        return as_array(rows)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            "expected one board as text, as rows of whole numbers of equal length, or as an "
            f"integer array, got a {type(rows).__name__} that NumPy cannot read"
        ) from error


def as_array(values: ArrayLike) -> np.ndarray:
    """The same in NumPy, a tensor that is part of a graph of gradients too."""
    return np.asarray(values.detach() if hasattr(values, "detach") else values)
