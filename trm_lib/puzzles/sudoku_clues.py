"""Sudokus with some answers given away: as easy as you like, and still with one solution."""

import numpy as np

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
