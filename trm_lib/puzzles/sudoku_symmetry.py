"""The symmetries of Sudoku: as data augmentation, and to say which Sudokus are the same.

A symmetry moves cells (bands, rows inside a band, stacks, columns inside a stack, and, where boxes
are square, the transpose) and renames digits. It turns puzzles into puzzles with the same number
of solutions. A cell permutation is a row of L cell numbers: new_board = board[permutation], both
flat. Splitting by class keeps a turned or renamed copy of a training puzzle out of the test set.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations, product

import numpy as np

from trm_lib.checks import check_rng
from trm_lib.puzzles.splits import mix64
from trm_lib.puzzles.sudoku import box_shape, check_boards

_PAIRS_AT_ONCE = 1 << 19  # (puzzle, symmetry) pairs held in memory, about 50 bytes each
_BOARDS_AT_ONCE = 1 << 12
_ROUNDS = 3  # a fourth round tells no more 4x4 classes apart


def augment_sudoku(
    puzzles: np.ndarray, solutions: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Turn each pair of puzzle and solution by its own symmetry, uniform over the full group.

    Args:
        puzzles, solutions: (B, N, N) integers 0..N.
        rng: source of randomness.

    Returns:
        New puzzles and solutions, (B, N, N) int8.

    Source:
        The augmentation of Less is More (arXiv 2510.04871). Deviation: there, 1,000 turned copies
        of each puzzle are stored; here, each batch is turned anew.
    """
    puzzles, solutions = check_boards(puzzles), check_boards(solutions, "solutions")
    check_rng(rng)
    if puzzles.ndim != 3 or puzzles.shape != solutions.shape:
        raise ValueError(
            f"expected puzzles and solutions of one shape (B, N, N), got {puzzles.shape} and "
            f"{solutions.shape}: pass a batch and its own solutions"
        )
    count, size = puzzles.shape[:2]
    each, orders = np.arange(count)[:, None], random_symmetries(size, count, rng)
    names = np.zeros((count, size + 1), dtype=np.int8)  # column 0: empty stays empty
    names[:, 1:] = rng.permuted(np.tile(np.arange(1, size + 1), (count, 1)), axis=1)
    moved = (boards.reshape(count, size * size)[each, orders] for boards in (puzzles, solutions))
    puzzles, solutions = (names[each, board].reshape(count, size, size) for board in moved)
    return puzzles, solutions


def class_key(puzzles: np.ndarray) -> np.ndarray:
    """Name each Sudoku by a number that equivalent ones share, to split by.

    4x4 and 6x6: a hash of the canonical form, so distinct classes share a key only where 64-bit
    hashes collide. From 9x9 on: `symmetry_hash`. Equivalent puzzles always share a key; distinct
    classes may, rarely, share one too and are then split together, which is harmless.

    Args:
        puzzles: (B, N, N) integers 0..N.

    Returns:
        (B,) uint64, the same on every machine.
    """
    puzzles = check_boards(puzzles)
    if puzzles.ndim != 3:
        raise ValueError(f"puzzles: expected shape (B, N, N), got {puzzles.shape}: pass a batch")
    name, at_once = symmetry_hash, _BOARDS_AT_ONCE
    if puzzles.shape[-1] < 9:
        name, at_once = _canonical_hash, _PAIRS_AT_ONCE // len(symmetries(puzzles.shape[-1]))
    key = np.zeros(len(puzzles), np.uint64)
    for start in range(0, len(puzzles), at_once):
        key[start : start + at_once] = name(puzzles[start : start + at_once])
    return key


def _canonical_hash(boards: np.ndarray) -> np.ndarray:
    key = np.zeros(len(boards), np.uint64)
    for cell in canonical_sudoku(boards).T:  # (B,)
        key = mix64(key ^ cell.astype(np.uint64))
    return key


def random_symmetries(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw cell permutations uniformly from the whole group: (count, L) int64."""
    rows, columns = (_drawn_orders(size, width, count, rng) for width in box_shape(size))
    cells = rows[:, :, None] * size + columns[:, None, :]  # (B, N, N)
    if _has_transpose(size):
        turned = rng.random(count) < 0.5
        cells = np.where(turned[:, None, None], cells.swapaxes(1, 2), cells)
    return cells.reshape(count, size * size)


def _drawn_orders(size: int, width: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Orders of N rows or columns as in `_line_orders`, drawn evenly, (B, N)."""
    if size <= 9:
        every = _line_orders(size, width)
        return every[rng.integers(len(every), size=count)]
    blocks = rng.permuted(np.tile(np.arange(size // width), (count, 1)), axis=1)
    insides = rng.permuted(np.tile(np.arange(width), (count, size // width, 1)), axis=2)
    return (blocks[:, :, None] * width + insides).reshape(count, size)


@lru_cache
def symmetries(size: int) -> np.ndarray:
    """The cell permutations of 4x4 (128) or 6x6 (3,456), (G, L) int64; 9x9 has 3,359,232."""
    rows, columns = (_line_orders(size, width) for width in box_shape(size))
    table = (rows[:, None, :, None] * size + columns[None, :, None, :]).reshape(-1, size, size)
    if _has_transpose(size):
        table = np.concatenate([table, table.swapaxes(1, 2)])
    return table.reshape(len(table), size * size)


def _has_transpose(size: int) -> bool:
    box_rows, box_cols = box_shape(size)
    return box_rows == box_cols


@lru_cache
def _line_orders(size: int, width: int) -> np.ndarray:
    """The orders of N rows or columns that keep blocks of `width` of them together, (R, N)."""
    blocks = np.array(list(permutations(range(size // width))))  # (., blocks)
    insides = list(product(permutations(range(width)), repeat=size // width))
    orders = blocks[:, None, :, None] * width + np.array(insides)
    return orders.reshape(-1, size)


def canonical_sudoku(puzzles: np.ndarray) -> np.ndarray:
    """The canonical form (B, L) of 4x4 or 6x6 boards, equal exactly within a symmetry class.

    It is the lexicographic minimum, read row by row with empty = 0, over all cell permutations,
    digits renamed 1, 2, ... in the order in which they first appear.
    """
    count, size = puzzles.shape[:2]
    orders, boards = symmetries(size), puzzles.reshape(count, size * size)
    # read every board in every order at once, and go on with the smallest so far
    board = np.repeat(np.arange(count), len(orders))  # (P,) the pairs still in the running
    order = np.tile(np.arange(len(orders)), count)  # (P,)
    names = np.zeros((len(board), size + 1), np.int8)  # of each digit, 0 = none yet
    used = np.zeros(len(board), dtype=np.int8)  # (P,) names given out
    result = np.empty_like(boards)
    for position in range(size * size):
        digit = boards[board, orders[order, position]]  # (P,)
        name = names[np.arange(len(board)), digit]
        new = np.flatnonzero((name == 0) & (digit > 0))
        used[new] += 1
        names[new, digit[new]] = name[new] = used[new]
        first_pair = np.flatnonzero(np.diff(board, prepend=-1))
        smallest = np.minimum.reduceat(name, first_pair)  # (B,)
        result[:, position] = smallest
        best = name == smallest[board]
        board, order, names, used = board[best], order[best], names[best], used[best]
    return result


def symmetry_hash(puzzles: np.ndarray) -> np.ndarray:
    """Hash boards to a number that no symmetry changes, without trying the symmetries.

    Each round, a cell's colour takes in the colours of its row, column, box and digit, which are
    sums over their cells, and those of its band and stack; likewise for the transpose. This
    separates 4,657 of the 4,710 classes of 4x4 Sudokus.
    """
    both = mix64(_refined_colours(puzzles))
    if _has_transpose(puzzles.shape[-1]):
        both += mix64(_refined_colours(puzzles.swapaxes(1, 2)))
    return mix64(both)


def _refined_colours(boards: np.ndarray) -> np.ndarray:
    """Colour refinement, blind to every symmetry but the transpose, as no sum knows an order."""
    count, size = boards.shape[:2]
    box_rows, box_cols = box_shape(size)
    split = (count, size // box_rows, box_rows, size // box_cols, box_cols)
    is_digit = boards[..., None] == np.arange(1, size + 1, dtype=np.int8)  # (B, N, N, digit)
    colour = mix64(boards > 0)  # (B, N, N)
    for _ in range(_ROUNDS):
        rows = mix64(colour.sum(axis=2, keepdims=True) ^ np.uint64(1))
        columns = mix64(colour.sum(axis=1, keepdims=True) ^ np.uint64(2))
        boxes = mix64(colour.reshape(split).sum(axis=(2, 4)) ^ np.uint64(3))
        bands = mix64(rows.reshape(count, -1, box_rows).sum(axis=2) ^ np.uint64(4))
        stacks = mix64(columns.reshape(count, -1, box_cols).sum(axis=2) ^ np.uint64(5))
        digits = mix64((is_digit * colour[..., None]).sum(axis=(1, 2)) ^ np.uint64(6))  # (B, digit)
        own_digit = (is_digit * digits[:, None, None, :]).sum(axis=3)  # (B, N, N), 0 where empty
        rows = mix64(rows + np.repeat(bands, box_rows, axis=1)[:, :, None] * np.uint64(7))
        columns = mix64(columns + np.repeat(stacks, box_cols, axis=1)[:, None, :] * np.uint64(7))
        boxes = np.repeat(np.repeat(boxes, box_rows, axis=1), box_cols, axis=2)
        for part in (rows, columns, boxes, own_digit):
            colour = mix64(colour * np.uint64(3) + part)
    return mix64(colour.sum(axis=(1, 2)))
