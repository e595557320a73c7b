"""Sudokus with exactly one solution: drawn at random, or, 4x4, every one there is.

There are 288 grids of 4x4 and 65,536 sets of clue cells, so every 4x4 puzzle is a pair (grid,
mask): bit c of a mask is set when cell c is a clue. A mask determines its grid when it meets, for
every other grid, the set of cells in which the two differ.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import Literal

import numpy as np

from trm_lib.checks import check_rng, whole
from trm_lib.puzzles.sudoku import box_shape, is_solution
from trm_lib.puzzles.sudoku_solver import (
    Cover,
    bit_positions,
    clues_of,
    cover,
    from_clues,
    search,
    to_board,
)
from trm_lib.puzzles.sudoku_symmetry import augment_sudoku, random_symmetries

FEWEST_CLUES = {4: 4, 6: 8, 9: 17, 16: 55, 25: 151}  # known for the last two
"""9x9: McGuire, Tugemann and Civario, arXiv 1201.0749; of larger boards, the fewest yet found."""
TURNS = 2
"""Copies of a puzzle that its backtracks are a mean of, itself included."""
_ATTEMPTS = 100


def generate_sudoku(
    size: int, count: int, rng: np.random.Generator, clues: int | Literal["minimal"] = "minimal"
) -> tuple[np.ndarray, np.ndarray]:
    """Generate Sudokus with exactly one solution each.

    4x4 puzzles are drawn, with replacement, uniformly from all there are. Larger ones start from a
    random grid, whose clues are taken away in random order where that leaves the solution
    unique; neither the grids nor the puzzles are uniformly distributed.

    Args:
        size: N, the board size (4, 6, 9, 16 or 25).
        count: how many puzzles, B.
        rng: source of randomness.
        clues: exact number of clues, or "minimal": no clue can be taken away.

    Returns:
        Puzzles and solutions, each (B, N, N) int8.

    Raises:
        ValueError: so few clues are wanted that 100 attempts at one puzzle do not get there.
    """
    box_shape(size)  # refuses other sizes
    check_rng(rng)
    count, target = whole(count, "count", 1), 0
    if clues != "minimal":
        target = whole(clues, 'clues (or "minimal")', FEWEST_CLUES[size], size * size)
    if size == 4:
        every = sudokus_4x4(clues)
        return masked_grids(every[rng.integers(len(every), size=count)])
    pairs = [_generate_one(size, rng, target) for _ in range(count)]
    puzzles, solutions = (np.stack(boards) for boards in zip(*pairs, strict=True))
    return augment_sudoku(puzzles, solutions, rng)


def generate_hard_sudoku(
    count: int, rng: np.random.Generator, backtracks: int = 20, each: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generate minimal 9x9 Sudokus that the exact solver must guess at, by climbing.

    A minimal puzzle on a random grid loses one to three clues; clues that tell the solution from
    others come in until it is the only one, and those that are not needed go. What is no easier
    than before is gone on with, and counts from `backtracks` on.

    Args:
        count: how many puzzles, B.
        rng: source of randomness.
        backtracks: guesses that `solve_exactly` takes back, mean over it and a turned copy, at the
            least.
        each: at most so many puzzles share a grid.

    Returns:
        Puzzles and solutions, (B, 9, 9) int8 each, and their mean backtracks, (B,) float64.
    """
    check_rng(rng)
    count, backtracks = whole(count, "count", 1), whole(backtracks, "backtracks", 1)
    each, rules, turns = whole(each, "each", 1), cover(9), _turns(9, rng)
    made: list[tuple[np.ndarray, np.ndarray, float]] = []
    while len(made) < count:
        puzzle, solution = _generate_one(9, rng, 0)
        clues, seen, hardest = clues_of(puzzle), set(), _rated(puzzle, turns)
        for climbed in range(15 * each * (hardest > 2)):  # the easiest seldom get there
            if len(seen) == each or len(made) == count or (climbed == 25 and not seen):
                break
            other = _with_other_clues(rules, clues, clues_of(solution), rng)
            puzzle = to_board(rules, sum(1 << clue for clue in other))
            found = _rated(puzzle, turns)
            if found >= min(hardest, backtracks):
                clues, hardest = other, found
                if found >= backtracks and tuple(clues) not in seen:
                    seen.add(tuple(clues))
                    made.append((puzzle, solution, found))
    puzzles, solutions, rated = (np.array(part) for part in zip(*made, strict=True))
    return puzzles, solutions, rated


def mean_backtracks(puzzles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How hard puzzles are: guesses that `solve_exactly` takes back, mean over two turned copies.

    Args:
        puzzles: (B, N, N) integers, 0 = empty.
        rng: turns the copies, all in the same way.

    Returns:
        (B,) float64; 0 if filling what has one choice left is enough.
    """
    turns = _turns(puzzles.shape[-1], rng)
    return np.array([_rated(puzzle, turns) for puzzle in puzzles])


def _turns(size: int, rng: np.random.Generator) -> np.ndarray:
    """Orders of the cells, (TURNS, N * N): the first is the board as it is."""
    turns = random_symmetries(size, TURNS, rng)
    turns[0] = np.arange(size * size)
    return turns


def _rated(puzzle: np.ndarray, turns: np.ndarray) -> float:
    """Backtracks of the exact solver, mean over turned copies: which guess comes first is luck."""
    rules = cover(len(puzzle))
    copies = (puzzle.reshape(-1)[turn].reshape(puzzle.shape) for turn in turns)
    searched = (search(rules, from_clues(rules, clues_of(copy)), limit=2) for copy in copies)
    return sum(dead_ends for _, _, dead_ends in searched) / len(turns)


def _with_other_clues(
    rules: Cover, clues: list[int], grid: list[int], rng: np.random.Generator
) -> list[int]:
    """A minimal puzzle on the same grid that differs in a few clues."""
    kept = rng.permutation(clues)[rng.integers(1, 4) :].tolist()
    left, truth = from_clues(rules, kept), sum(1 << candidate for candidate in grid)
    while True:
        first, found, _ = search(rules, left, limit=2)
        if found == 1:
            return _thin_out(rules, rng.permutation(kept).tolist(), 0)
        missing = bit_positions(truth & ~first) or [c for c in grid if c not in kept]
        kept.append(missing[rng.integers(len(missing))])
        left &= rules.keep[kept[-1]]


def augment_with_clues(
    puzzles: np.ndarray, solutions: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Turn each pair by a random symmetry, and give away some more cells in half of them.

    Readers type puzzles of every kind, not only minimal ones. The share of cells given away is
    uniform from none to all. Arguments and result as `augment_sudoku`.
    """
    puzzles, solutions = augment_sudoku(puzzles, solutions, rng)
    share = rng.uniform(size=(len(puzzles), 1, 1)) * (rng.random((len(puzzles), 1, 1)) < 0.5)
    given = rng.random(puzzles.shape) < share
    return np.where(given, solutions, puzzles), solutions


def _generate_one(
    size: int, rng: np.random.Generator, target: int
) -> tuple[np.ndarray, np.ndarray]:
    """Take clues away from random grids until `target` are left, or, for 0, none can go."""
    rules, fewest = cover(size), size * size
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
    """Take away each clue in turn that can go, until `target` are left.

    One pass suffices, for a clue that is needed stays needed when others have gone.
    """
    kept = set(clues)
    for clue in clues:
        if len(kept) == target:
            break
        others = from_clues(rules, kept - {clue}) & ~(1 << clue)  # only other solutions
        if search(rules, others, limit=1)[1] == 0:
            kept.remove(clue)
    return sorted(kept)


_BITS = np.arange(16)
_N_MASKS = 1 << 16


@cache
def all_grids_4x4() -> np.ndarray:
    """All 288 filled 4x4 grids, (288, 4, 4) int8, read-only, in lexicographic order."""
    rows = list(permutations((1, 2, 3, 4)))
    bands = np.array([(a, b) for a in rows for b in rows if not set(a[:2]) & set(b[:2])], np.int8)
    upper, lower = np.repeat(bands, len(bands), axis=0), np.tile(bands, (len(bands), 1, 1))
    every = np.concatenate([upper, lower], axis=1)  # two rows of full boxes on two others
    grids = every[is_solution(np.zeros_like(every), every)]
    grids.flags.writeable = False
    return grids


@cache
def unique_masks_4x4() -> np.ndarray:
    """Which clue masks leave each grid as the only solution.

    Returns:
        (288, 65536) bool, read-only; its sum, 13,579,680, is the number of 4x4 Sudokus with a
        unique solution.
    """
    grids = all_grids_4x4().reshape(288, 16)
    shared_by_others = np.zeros((288, _N_MASKS), dtype=bool)
    for grid, row in zip(grids, shared_by_others, strict=True):
        agreement = ((grids == grid) << _BITS).sum(axis=1)
        row[agreement[agreement != _N_MASKS - 1]] = True
    for bit in range(16):  # clues that another grid shares are shared with fewer clues as well
        pairs = shared_by_others.reshape(288, -1, 2, 1 << bit)
        pairs[:, :, 0] |= pairs[:, :, 1]
    unique = ~shared_by_others
    unique.flags.writeable = False
    return unique


@cache  # 54 MB if every number of clues is asked for
def sudokus_4x4(clues: int | Literal["minimal"]) -> np.ndarray:
    """All 4x4 Sudokus with a unique solution that have a given number of clues.

    Args:
        clues: 4..16, or "minimal" for those of which no clue can be left out.

    Returns:
        (count, 2) uint16, read-only: rows of (index into `all_grids_4x4`, mask); read them with
        `masked_grids`. Computed at the first call, then kept.
    """
    wanted = unique_masks_4x4().copy()
    if clues == "minimal":
        unique = unique_masks_4x4()
        for bit in range(16):
            with_clue = wanted.reshape(288, -1, 2, 1 << bit)[:, :, 1]
            with_clue &= ~unique.reshape(288, -1, 2, 1 << bit)[:, :, 0]
    else:
        whole(clues, 'clues (or "minimal")', FEWEST_CLUES[4], 16)
        wanted &= (np.arange(_N_MASKS)[:, None] >> _BITS & 1).sum(axis=1) == clues
    pairs = np.argwhere(wanted).astype(np.uint16)
    pairs.flags.writeable = False
    return pairs


def minimal_sudokus_4x4() -> tuple[np.ndarray, np.ndarray]:
    """All minimal 4x4 Sudokus, as puzzles and solutions, each (85632, 4, 4) int8, new arrays."""
    return masked_grids(sudokus_4x4("minimal"))


def masked_grids(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The puzzles and solutions, each (B, 4, 4) int8, of (B, 2) pairs (grid, mask)."""
    grid, mask = pairs[:, 0], pairs[:, 1]
    solutions = all_grids_4x4()[grid]
    is_clue = (mask[:, None] >> _BITS & 1).astype(bool).reshape(-1, 4, 4)
    return np.where(is_clue, solutions, np.int8(0)), solutions
