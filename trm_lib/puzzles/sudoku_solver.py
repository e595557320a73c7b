"""Exact Sudoku solving: the solution, whether it is the only one, and how hard it was to find.

Sudoku is an exact cover, and all its candidates fit into one Python integer. A candidate is "digit
d stands in cell c"; it is bit d * L + c (d counted from 0) of an integer of N * L bits. Four
families of constraints each want exactly one candidate: every cell holds one digit; every row,
column and box holds each digit once. In each family, one shift lines the candidates of all its
constraints up at once, so a few integer operations find every constraint with no candidate left (a
contradiction), every one with a single candidate left (a naked single for cells, a hidden single
for rows, columns and boxes), and the one with the fewest to guess among.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.sudoku import box_shape, parse_sudoku


@dataclass(frozen=True)
class ExactResult:
    """What the exact solver found.

    Attributes:
        solution: (N, N) int8, the first solution found, or None if there is none.
        n_solutions: 0, 1, or 2 meaning "2 or more".
        backtracks: guesses from which singles led to a contradiction, until a second solution
            turned up or none was left: 0 when naked and hidden singles (and lucky guesses) solve
            the board.
    """

    solution: np.ndarray | None
    n_solutions: int
    backtracks: int


def solve_exactly(board: str | ArrayLike) -> ExactResult:
    """Solve one Sudoku and say whether its solution is the only one.

    Naked and hidden singles are placed first. Then comes a guess where the fewest are possible:
    the digit of a cell, or the cell of a digit in a row, a column or a box; smallest digit or
    first cell first. Clashing clues are allowed: they have no solution.
    """
    board = parse_sudoku(board)
    rules = cover(len(board))
    first, found, dead_ends = search(rules, from_clues(rules, clues_of(board)), limit=2)
    return ExactResult(to_board(rules, first) if found else None, found, dead_ends)


@dataclass(frozen=True)
class Family:
    """Constraints of one kind: candidate `base bit + shift`, one for each shift."""

    base: int  # one bit a constraint
    shifts: tuple[int, ...]  # N of them, which reach the N candidates of each constraint
    spread: int  # sum of 1 << shift; base bits times spread = all their candidates


@dataclass(frozen=True)
class Cover:
    """The exact cover of one board size."""

    size: int  # N
    everything: int  # all N * L candidates
    keep: tuple[int, ...]  # for each candidate, those that can stand beside it, itself included
    families: tuple[Family, ...]  # cells, rows, columns, boxes


@lru_cache
def cover(size: int) -> Cover:
    """The exact cover of a board size."""
    box_rows, box_cols = box_shape(size)
    n, cells = size, size * size
    starts = range(0, n * cells, cells)  # of each digit's candidates
    corners = [r * n + c for r in range(0, n, box_rows) for c in range(0, n, box_cols)]
    inside = [r * n + c for r in range(box_rows) for c in range(box_cols)]
    everything = (1 << n * cells) - 1
    keep, families = [everything] * (n * cells), []
    for bases, shifts in (
        (range(cells), starts),
        ([start + row for start in starts for row in range(0, cells, n)], range(n)),
        ([start + column for start in starts for column in range(n)], range(0, cells, n)),
        ([start + corner for start in starts for corner in corners], inside),
    ):
        spread = sum(1 << shift for shift in shifts)
        families.append(Family(sum(1 << base for base in bases), tuple(shifts), spread))
        for base, shift in product(bases, shifts):
            keep[base + shift] &= ~((spread << base) ^ (1 << base + shift))
    return Cover(n, everything, tuple(keep), tuple(families))


def from_clues(rules: Cover, clues: Iterable[int]) -> int:
    """The candidates left when the given ones are placed."""
    left = rules.everything
    for clue in clues:
        left &= rules.keep[clue]
    return left


def clues_of(board: np.ndarray) -> list[int]:
    """The candidates that the digits of an (N, N) board stand for, in cell order."""
    cells = board.size
    flat = board.reshape(-1).tolist()
    return [(digit - 1) * cells + cell for cell, digit in enumerate(flat) if digit]


def to_board(rules: Cover, candidates: int) -> np.ndarray:
    """The (N, N) int8 board on which each given candidate stands in its cell."""
    cells = rules.size * rules.size
    board = np.zeros(cells, dtype=np.int8)
    for candidate in bit_positions(candidates):
        board[candidate % cells] = candidate // cells + 1
    return board.reshape(rules.size, rules.size)


def bit_positions(bits: int) -> list[int]:
    """The positions of the set bits, lowest first."""
    positions = []
    while bits:
        low = bits & -bits
        positions.append(low.bit_length() - 1)
        bits ^= low
    return positions


def propagate(rules: Cover, left: int, placed: int) -> tuple[int, int] | None:
    """Place singles until there are none; of the candidates left, `placed` have been drawn on.

    None at a contradiction; the board is solved when the two are equal.
    """
    while True:
        forced = 0
        for family in rules.families:
            base = family.base
            once = twice = 0
            for shift in family.shifts:
                here = (left >> shift) & base
                twice |= once & here
                once |= here
            if once != base:
                return None
            forced |= left & ((base ^ twice) * family.spread)
        forced &= ~placed
        if not forced:
            return left, placed
        for candidate in bit_positions(forced):
            left &= rules.keep[candidate]
        placed |= forced


def search(
    rules: Cover, left: int, limit: int | None, rng: np.random.Generator | None = None
) -> tuple[int, int, int]:
    """Count the ways to complete a cover: singles first, then guesses at the tightest constraint.

    The lowest candidate is tried first. With `rng`, for a random completion, guesses come in
    random order, and among cells only, which is quicker on an empty board.

    Returns:
        The candidates of the first solution (0 if there is none), how many were found, at most
        `limit` if given, and how many guesses ended in a contradiction.
    """
    first = found = dead_ends = 0
    families = rules.families if rng is None else rules.families[:1]
    todo = [(left, 0)]
    while todo:
        left, placed = todo.pop()
        state = propagate(rules, left, placed)
        if state is None:
            dead_ends += placed > 0
            continue
        left, placed = state
        if left == placed:
            first, found = first or left, found + 1
            if found == limit:
                break
            continue
        guesses = bit_positions(_tightest_constraint(families, left))
        if rng is not None:
            rng.shuffle(guesses)
        todo += [(left & rules.keep[guess], placed | 1 << guess) for guess in reversed(guesses)]
    return first, found, dead_ends


def _tightest_constraint(families: Iterable[Family], left: int) -> int:
    """The candidates of an open constraint with the fewest of them, the earliest of equals."""
    best, fewest = 0, left.bit_count() + 1
    for family in families:
        base = family.base
        ones = twos = fours = eights = sixteens = 0  # binary digits of every constraint's count
        for shift in family.shifts:
            here = (left >> shift) & base
            pairs = ones & here
            ones ^= here
            quads = twos & pairs
            twos ^= pairs
            octets = fours & quads
            fours ^= quads
            sixteens |= eights & octets
            eights ^= octets
        tightest = twos | fours | eights | sixteens  # the open ones: two candidates or more
        for digit in (sixteens, eights, fours, twos, ones):
            tightest = tightest & ~digit or tightest
        here = left & ((tightest & -tightest) * family.spread)
        count = here.bit_count()
        if 1 < count < fewest:
            best, fewest = here, count
            if count == 2:
                break
    return best
