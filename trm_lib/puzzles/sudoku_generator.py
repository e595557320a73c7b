"""Sudokus with some answers given away: as easy as you like, and still with one solution.

Random Sudokus with exactly one solution.

Everything there is to know about 4x4 Sudoku, by complete enumeration.

There are 288 grids and 65,536 sets of clue cells, so every puzzle is a pair (grid, mask): bit c of
a mask is set when cell c is a clue. A mask determines its grid when it meets, for every other
grid, the set of cells in which the two differ.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal

import numpy as np

from trm_lib.checks import check_rng
from trm_lib.puzzles.sudoku import box_shape
from trm_lib.puzzles.sudoku_solver import Cover, clues_of, cover, from_clues, search, to_board
from trm_lib.puzzles.sudoku_symmetry import augment_sudoku


def augment_with_clues(
    puzzles: np.ndarray, solutions: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Turn each pair by a random symmetry, and give away some more cells in half of them.

    Readers type puzzles of every kind, not only minimal ones. The share of cells given away is
    uniform from none to all.

    Args:
        puzzles: (B, N, N) integers 0..N.
        solutions: (B, N, N) integers 1..N.
        rng: Source of randomness.

    Returns:
        New puzzles and solutions, (B, N, N) int8. The arguments are left as they are.

    Raises:
        ValueError: as ``augment_sudoku``.
    """
    puzzles, solutions = augment_sudoku(puzzles, solutions, rng)
    share = rng.uniform(size=(len(puzzles), 1, 1)) * (rng.random((len(puzzles), 1, 1)) < 0.5)
    given = rng.random(puzzles.shape) < share
    return np.where(given, solutions, puzzles), solutions


FEWEST_CLUES = {4: 4, 6: 8, 9: 17}  # 9x9: McGuire, Tugemann and Civario, arXiv 1201.0749
_ATTEMPTS = 100


def generate_sudoku(
    size: int, count: int, rng: np.random.Generator, clues: int | Literal["minimal"] = "minimal"
) -> tuple[np.ndarray, np.ndarray]:
    """Generate Sudokus with exactly one solution each.

    4x4 puzzles are drawn, with replacement, uniformly from all there are. 6x6 and 9x9 ones start
    from a random grid, whose clues are taken away in random order where that leaves the solution
    unique; neither the grids nor the puzzles are uniformly distributed.

    Args:
        size: N, the board size (4, 6 or 9).
        count: How many puzzles, B.
        rng: Source of randomness.
        clues: Exact number of clues, or "minimal": no clue can be taken away.

    Returns:
        Puzzles and solutions, each (B, N, N) int8.

    Raises:
        ValueError: If ``size``, ``count`` or ``clues`` is impossible, ``rng`` is not a Generator,
            or so few clues are wanted that 100 attempts at one puzzle do not get there.
    """
    box_shape(size)  # refuses other sizes
    if not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(f"expected count >= 1, got {count!r}: pass a positive integer")
    check_rng(rng)
    if clues != "minimal":
        clues = _checked_clues(size, clues)
    if size == 4:
        every = sudokus_4x4(clues)
        return masked_grids(every[rng.integers(len(every), size=count)])
    target = 0 if clues == "minimal" else clues
    pairs = [_generate_one(size, rng, target) for _ in range(count)]
    puzzles, solutions = (np.stack(boards) for boards in zip(*pairs, strict=True))
    return augment_sudoku(puzzles, solutions, rng)


def _checked_clues(size: int, clues: int) -> int:
    fewest, most = FEWEST_CLUES[size], size * size
    if not isinstance(clues, int | np.integer) or not fewest <= clues <= most:
        raise ValueError(
            f'expected clues="minimal" or {fewest} to {most} for a {size}x{size} Sudoku with one '
            f"solution, got {clues!r}"
        )
    return int(clues)


def _generate_one(
    size: int, rng: np.random.Generator, target: int
) -> tuple[np.ndarray, np.ndarray]:
    """Take clues away from random grids until ``target`` are left, or, for 0, none can go."""
    rules = cover(size)
    fewest = size * size
    for _ in range(_ATTEMPTS):
        grid, _, _ = search(rules, rules.everything, limit=1, rng=rng)
        solution = to_board(rules, grid)
        clues = _thin_out(rules, rng.permutation(clues_of(solution)).tolist(), target)
        if len(clues) == target or target == 0:
            return to_board(rules, sum(1 << clue for clue in clues)), solution
        fewest = min(fewest, len(clues))
    raise ValueError(
        f"no {size}x{size} Sudoku with {target} clues in {_ATTEMPTS} attempts, the fewest were "
        f"{fewest}: ask for {fewest} clues or more"
    )


def _thin_out(rules: Cover, clues: list[int], target: int) -> list[int]:
    """Take away each clue in turn that can go, until ``target`` are left.

    A clue can go when forbidding its digit leaves no solution: only other solutions are searched.
    One pass suffices, for a clue that is needed stays needed when others have gone.
    """
    kept = set(clues)
    for clue in clues:
        if len(kept) == target:
            break
        others = from_clues(rules, kept - {clue}) & ~(1 << clue)
        if search(rules, others, limit=1)[1] == 0:
            kept.remove(clue)
    return sorted(kept)


_BITS = np.arange(16)
_N_MASKS = 1 << 16


def all_grids_4x4() -> np.ndarray:
    """Return all 288 filled 4x4 grids, (288, 4, 4) int8, in lexicographic order."""
    return _grids().copy()


@lru_cache
def unique_masks_4x4() -> np.ndarray:
    """Return which clue masks leave each grid as the only solution.

    Returns:
        (288, 65536) bool, read-only; its sum, 13,579,680, is the number of 4x4 Sudokus with a
        unique solution. Rows follow ``all_grids_4x4``.
    """
    grids = _grids().reshape(288, 16)
    shared_by_others = np.zeros((288, _N_MASKS), dtype=bool)
    for grid, row in zip(grids, shared_by_others, strict=True):
        agreement = pack_masks(grids == grid)
        row[agreement[agreement != _N_MASKS - 1]] = True
    for bit in range(16):  # clues that another grid shares are shared with fewer clues as well
        pairs = shared_by_others.reshape(288, -1, 2, 1 << bit)
        pairs[:, :, 0] |= pairs[:, :, 1]
    unique = ~shared_by_others
    unique.flags.writeable = False
    return unique


def minimal_sudokus_4x4() -> tuple[np.ndarray, np.ndarray]:
    """Return all minimal 4x4 Sudokus: one solution, and no clue can be left out.

    Returns:
        Puzzles and solutions, each (85632, 4, 4) int8, new arrays.
    """
    return masked_grids(sudokus_4x4("minimal"))


def sudokus_4x4(clues: int | Literal["minimal"]) -> np.ndarray:
    """Return all 4x4 Sudokus with a unique solution that have a given number of clues.

    Args:
        clues: 4..16, or "minimal" for those of which no clue can be left out.

    Returns:
        (count, 2) uint16, read-only: rows of (index into ``all_grids_4x4``, mask); read them with
        ``masked_grids``. Computed at the first call, then kept.

    Raises:
        ValueError: If ``clues`` is something else: no 4x4 Sudoku with 3 clues is unique.
    """
    if clues == "minimal":
        return _minimal_pairs()
    if not 4 <= clues <= 16:
        raise ValueError(
            f"a 4x4 Sudoku with one solution has 4 to 16 clues, got clues={clues}: ask for those, "
            'or for "minimal"'
        )
    return _pairs_with_clues(int(clues))


def masked_grids(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the puzzles and solutions, each (B, 4, 4) int8, of (B, 2) pairs (grid, mask)."""
    grid, mask = pairs[:, 0], pairs[:, 1]
    solutions = _grids()[grid]
    is_clue = (mask[:, None] >> _BITS & 1).astype(bool).reshape(-1, 4, 4)
    return np.where(is_clue, solutions, np.int8(0)), solutions


def pack_masks(cells: np.ndarray) -> np.ndarray:
    """Return the mask of each row of booleans: (B, 16) bool -> (B,) int64."""
    return (cells.astype(np.int64) << _BITS).sum(axis=1)


@lru_cache
def _grids() -> np.ndarray:
    rows = np.indices((4, 4, 4, 4)).reshape(4, -1).T  # the rows of four digits, 0..3 here
    rows = rows[(1 << rows).sum(axis=1) == 15]  # (24, 4)
    bands = _stacked(rows[:, None], rows[:, None], boxes=True)  # (96, 2, 4)
    grids = (_stacked(bands, bands, boxes=False) + 1).astype(np.int8)
    grids.flags.writeable = False
    return grids


def _stacked(upper: np.ndarray, lower: np.ndarray, boxes: bool) -> np.ndarray:
    """Put every upper part on every lower part; keep what has distinct digits in boxes or columns.

    Args:
        upper: (U, R, 4) digits 0..3.
        lower: (V, R, 4) digits 0..3.
        boxes: Whether to test 2x2 boxes (R = 1) or columns (R = 2).
    """
    u, v = (index.reshape(-1) for index in np.indices((len(upper), len(lower))))
    both = np.concatenate([upper[u], lower[v]], axis=1)  # (U * V, 2R, 4)
    groups = both.reshape(len(both), 2, 2, 2).swapaxes(1, 2) if boxes else both.swapaxes(1, 2)
    digits = (1 << groups.reshape(len(both), -1, 4)).sum(axis=2)
    return both[(digits == 15).all(axis=1)]


@lru_cache
def _minimal_pairs() -> np.ndarray:
    unique = unique_masks_4x4()
    minimal = unique.copy()
    for bit in range(16):
        with_clue = minimal.reshape(288, -1, 2, 1 << bit)[:, :, 1]
        with_clue &= ~unique.reshape(288, -1, 2, 1 << bit)[:, :, 0]
    pairs = np.argwhere(minimal).astype(np.uint16)
    pairs.flags.writeable = False
    return pairs


@cache  # 54 MB if every number of clues is asked for
def _pairs_with_clues(clues: int) -> np.ndarray:
    masks = np.arange(_N_MASKS)
    masks = masks[(masks[:, None] >> _BITS & 1).sum(axis=1) == clues]
    pairs = np.argwhere(unique_masks_4x4()[:, masks])
    pairs[:, 1] = masks[pairs[:, 1]]
    pairs = pairs.astype(np.uint16)
    pairs.flags.writeable = False
    return pairs
