"""Random Sudokus with exactly one solution."""

from typing import Literal

import numpy as np

from trm_lib.puzzles.sudoku_cover import Cover, clues_of, cover, from_clues, search, to_board
from trm_lib.puzzles.sudoku_exhaustive import masked_grids, sudokus_4x4
from trm_lib.puzzles.sudoku_geometry import box_shape
from trm_lib.puzzles.sudoku_symmetry import augment_sudoku, check_rng

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
