"""The symmetries of Sudoku, and random ones as data augmentation.

A symmetry moves cells (bands, rows inside a band, stacks, columns inside a stack, and, where boxes
are square, the transpose) and renames digits. It turns puzzles into puzzles with the same number
of solutions. A cell permutation is a row of L cell numbers: new_board = board[permutation], both
flat.
"""

from functools import lru_cache
from itertools import permutations, product

import numpy as np

from trm_lib.puzzles.sudoku_geometry import as_boards, box_shape


@lru_cache
def symmetries(size: int) -> np.ndarray:
    """Return the group of cell permutations of 4x4 (128) or 6x6 (3,456) Sudoku.

    Args:
        size: N, 4 or 6.

    Returns:
        (G, L) int64, read-only; the identity is row 0.

    Raises:
        ValueError: If ``size`` is not 4 or 6. 9x9 has 3,359,232, too many to list.
    """
    if size == 9:
        raise ValueError(
            "9x9 has 3,359,232 cell permutations, too many to list: draw some with "
            "random_symmetries(9, count, rng)"
        )
    rows, columns = _line_orders(size)
    table = (rows[:, None, :, None] * size + columns[None, :, None, :]).reshape(-1, size, size)
    if _has_transpose(size):
        table = np.concatenate([table, table.swapaxes(1, 2)])
    table = table.reshape(len(table), size * size)
    table.flags.writeable = False
    return table


def random_symmetries(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw cell permutations uniformly from the whole group.

    Args:
        size: N, the board size (4, 6 or 9).
        count: How many, B.
        rng: Source of randomness.

    Returns:
        (B, L) int64.

    Raises:
        ValueError: If ``size`` is not 4, 6 or 9, or ``rng`` is not a Generator.
    """
    check_rng(rng)
    rows, columns = _line_orders(size)
    rows = rows[rng.integers(len(rows), size=count)]  # (B, N)
    columns = columns[rng.integers(len(columns), size=count)]  # (B, N)
    cells = rows[:, :, None] * size + columns[:, None, :]  # (B, N, N)
    if _has_transpose(size):
        turned = rng.random(count) < 0.5
        cells = np.where(turned[:, None, None], cells.swapaxes(1, 2), cells)
    return cells.reshape(count, size * size)


def augment_sudoku(
    puzzles: np.ndarray, solutions: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Turn each pair of puzzle and solution by its own random symmetry.

    Uniform over the full group: digits renamed, cells permuted by ``random_symmetries``.

    Args:
        puzzles: (B, N, N) integers 0..N.
        solutions: (B, N, N) integers 0..N.
        rng: Source of randomness.

    Returns:
        New puzzles and solutions, (B, N, N) int8. The arguments are left as they are.

    Raises:
        ValueError: If the shapes differ, the arrays do not hold boards, or ``rng`` is not a
            Generator.

    Source:
        The augmentation of Less is More (arXiv 2510.04871). Deviation: there, 1,000 turned copies
        of each puzzle are stored; here, each batch is turned anew.
    """
    puzzles, solutions = as_boards(puzzles), as_boards(solutions, "solutions")
    if puzzles.ndim != 3 or puzzles.shape != solutions.shape:
        raise ValueError(
            f"expected puzzles and solutions of one shape (B, N, N), got {puzzles.shape} and "
            f"{solutions.shape}: pass a batch and its own solutions"
        )
    count, size = puzzles.shape[:2]
    both = np.stack([puzzles, solutions], axis=1).reshape(count, 2, size * size)
    moved = np.take_along_axis(both, random_symmetries(size, count, rng)[:, None, :], axis=2)
    names = np.zeros((count, size + 1), dtype=np.int8)  # column 0: empty stays empty
    names[:, 1:] = rng.permuted(np.tile(np.arange(1, size + 1), (count, 1)), axis=1)
    renamed = np.take_along_axis(names, moved.reshape(count, -1).astype(np.int64), axis=1)
    renamed = renamed.reshape(count, 2, size, size)
    return renamed[:, 0].copy(), renamed[:, 1].copy()


def check_rng(rng: np.random.Generator) -> None:
    """Refuse a source of randomness that is not a NumPy Generator.

    Raises:
        ValueError: If ``rng`` is something else, such as a seed.
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"expected rng to be a NumPy Generator, got {rng!r}: pass np.random.default_rng(seed)"
        )


def _has_transpose(size: int) -> bool:
    box_rows, box_cols = box_shape(size)
    return box_rows == box_cols


@lru_cache
def _line_orders(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the legal orders of the rows, (R, N), and of the columns, (C, N)."""
    box_rows, box_cols = box_shape(size)
    return _block_orders(size, box_rows), _block_orders(size, box_cols)


def _block_orders(size: int, width: int) -> np.ndarray:
    """Return the permutations of N lines that keep blocks of ``width`` lines together."""
    inside = list(permutations(range(width)))
    orders = [
        [
            block * width + line
            for block, order in zip(blocks, insides, strict=True)
            for line in order
        ]
        for blocks in permutations(range(size // width))
        for insides in product(inside, repeat=size // width)
    ]
    return np.array(orders)
