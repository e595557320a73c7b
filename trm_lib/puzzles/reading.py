"""What people paste: the lines of a text without what surrounds a puzzle, and which game it is."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Lines = list[tuple[int, str]]
"""Lines that may hold a puzzle, each with its number in the text, from 1."""

_LEFT_OUT = re.compile(r"\s*(//|;\s*[A-Za-z]{2}|%|```|~~~)")  # comments, and fences of code
_COMMENT = re.compile(r"\s+(//|[#;]\s*[A-Za-z]{2}).*")
_RUN = re.compile(r"[\d.*_?-]{16}")  # a Sudoku in one line
_SIZE = re.compile(r"\s*\d+(\s*[ x,×]\s*\d+)?\s*")
BETWEEN = re.compile(r"[\s,;\[\]'\"]+")
"""What may stand between the ones and zeros of a grid."""


def is_box(symbol: str) -> bool:
    """Whether this is one of Unicode's box drawings, such as ┼."""
    return "\u2500" <= symbol <= "\u257f"


def lines_of(text: str) -> Lines:
    """Cut a text into lines, without the blank ones, fences of code, titles and comments.

    Every kind of blank becomes a space, and rows of a nested list become lines. Of a file with
    sections, only [Puzzle] is kept.

    Raises:
        ValueError: no text.
    """
    if not isinstance(text, str):
        raise ValueError(f"expected a puzzle as text, got a {type(text).__name__}: pass a string")
    blanks = {ord(s): " " for s in set(text) if unicodedata.category(s) == "Zs"}
    lines: Lines = []
    cut = re.split(r"\r\n|\r|\n", text.lstrip("\ufeff").translate(blanks))
    for number, line in enumerate(cut, start=1):
        if line.strip() == "[Puzzle]":
            lines = []
        elif re.fullmatch(r"\s*\[[A-Z][a-z]+\]\s*", line):
            break
        line = re.sub(r"^\s*[\w.]+ *[=(] *(?=\[)|(?<=\])(, *dtype=.*)?\)+;?\s*$", "", line)
        line = _COMMENT.sub("", line)
        words = re.findall(r"[A-Za-z]?[a-z]{2,}", line)
        is_title = any(len(set(word.lower())) > 2 for word in words) and not _RUN.search(line)
        if not _LEFT_OUT.match(line) and not is_title:
            rows = re.split(r"(?<=\]),\s*(?=\[)", line)
            lines += [(number, row.rstrip(" \r")) for row in rows if row.strip()]
    return lines


def without_size(lines: Lines) -> Lines:
    """Leave out a first line that says the size of the board below, such as "7 7"."""
    is_size = len(lines) > 3 and _SIZE.fullmatch(lines[0][1])
    return lines[1:] if is_size and len(lines[0][1]) < len(lines[1][1]) else lines


def game_of(text: str) -> Literal["maze", "Sudoku"]:
    """Which game a text is of: walls make it a maze, unless digits beyond 0 and 1 stand in it.

    Raises:
        ValueError: neither; from here on, refusals speak of one game.
    """
    lines = [line for _, line in without_size(lines_of(text))]
    symbols = set("".join(line.split("#")[0] for line in lines))  # a comment may follow a #
    if len(lines) > 2:
        bare = [BETWEEN.sub("", line) for line in lines]
        ones = [line.count("1") for line in bare]
        ringed = all(ones[i] >= max(3, len(bare[i]) - 2) for i in (0, -1))
        if ringed or (max(ones) > 1 and not symbols & set("23456789")):
            return "maze"
    if any(symbol.isdigit() and symbol != "0" for symbol in symbols):
        return "Sudoku"
    every = set("".join(lines))
    if every & set("#█▓■X+") or any(map(is_box, every)) or ("|" in every and "." not in every):
        return "maze"
    if sum(line.count(symbol) for line in lines for symbol in ".0_*?-") > 3:
        return "Sudoku"
    raise ValueError(
        "expected a Sudoku, rows of digits with '.' for an empty cell, or a maze, drawn with + - | "
        f"or in blocks of #; got {text[:40]!r}, which is neither: `solve` tells what it reads"
    )
