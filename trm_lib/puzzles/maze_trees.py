"""Spanning trees of the grid, the layouts of perfect mazes: drawn uniformly, and all small ones.

They are drawn by Propp and Wilson's cycle popping. Every cell but the last holds a stack of random
arrows to its neighbours. Where the topmost arrows run in a circle, these arrows are thrown away and
the next ones uncovered. When no circle is left, the arrows form a tree, and every tree is equally
likely. Which circle goes first makes no difference, so all circles of all mazes go at once.

Axes: B mazes, n rows and m columns, L = n * m cells.
"""

from functools import lru_cache

import numpy as np

from trm_lib.checks import whole
from trm_lib.puzzles.maze_walls import Size, grid_of, steps_to, walls_between
from trm_lib.puzzles.splits import mix64

_NEXT_ARROW = np.uint64(0x9E3779B97F4A7C15)  # the increment of SplitMix64
_SHARE_WORTH_KEEPING = 0.8  # done mazes are carried along until so few others are left
_CELLS_AT_ONCE = 1 << 17  # enough to hide the cost of a call, few enough to stay in the cache


def spanning_trees(size: Size, keys: np.ndarray, loops: float = 0.0) -> np.ndarray:
    """Make the walls, (B, n, m) uint8, of the uniform spanning tree of each key, (B,) uint64.

    Args:
        size, keys: n or (n, m), at least 2, and the keys.
        loops: share of the (n - 1) (m - 1) walls left by a tree that are opened, 0 to 1.

    Source:
        Propp and Wilson, How to get a perfectly random sample from a generic Markov chain and
        generate a random spanning tree of a directed graph, J. Algorithms 27 (1998).
    """
    rows, columns = grid_of(size)
    at_once = max(1, _CELLS_AT_ONCE // (rows * columns))
    if len(keys) > at_once:
        parts = [keys[i : i + at_once] for i in range(0, len(keys), at_once)]
        return np.concatenate([spanning_trees(size, part, loops) for part in parts])
    ahead = _popped_arrows(size, keys) - np.arange(rows * columns)  # 1 where one points right
    ahead = ahead.reshape(-1, rows, columns)
    right = (ahead[:, :, :-1] == 1) | (ahead[:, :, 1:] == -1)  # (B, n, m - 1): open to the right
    below = (ahead[:, :-1] == columns) | (ahead[:, 1:] == -columns)  # (B, n - 1, m): open below
    if loops:
        _open_more(right, below, keys, round(loops * (rows - 1) * (columns - 1)))
    return walls_between(~right, ~below)


def _popped_arrows(size: Size, keys: np.ndarray) -> np.ndarray:
    """The cell each cell points to, (B, L) int64; the last cell is the root, and to itself."""
    neighbours, degree = _neighbours(size)
    count, n_cells = len(keys), len(neighbours)
    jumps = (n_cells - 1).bit_length()  # 2**jumps steps lead from anywhere into a circle
    number = np.tile(np.arange(n_cells), count)  # of each cell, within its maze
    maze = np.repeat(np.arange(0, count * n_cells, n_cells), n_cells)  # where its maze begins
    stacks = mix64(keys[:, None] ^ mix64(np.arange(n_cells))).reshape(-1)
    tops = number.copy()
    tree = np.empty((count, n_cells), np.int64)
    left = np.arange(count)  # the mazes not yet done
    loose = np.flatnonzero(number != n_cells - 1)  # cells whose topmost arrow must go
    while len(left):
        stacks[loose] = state = stacks[loose] + _NEXT_ARROW
        cell = number[loose]
        pick = (mix64(state) >> np.uint64(32)) * degree[cell] >> np.uint64(32)
        tops[loose] = neighbours.take(4 * cell + pick.view(np.int64))

        ahead = tops + maze[: len(tops)]
        for _ in range(jumps):
            ahead = ahead.take(ahead)
        in_circle = np.zeros(len(tops), bool)
        in_circle[ahead] = True  # where everybody ends: on a circle, or at the root
        in_circle = in_circle.reshape(-1, n_cells)
        in_circle[:, -1] = False

        going_on = in_circle.any(axis=1)
        if going_on.sum() <= _SHARE_WORTH_KEEPING * len(left):
            tops, stacks = tops.reshape(-1, n_cells), stacks.reshape(-1, n_cells)
            tree[left[~going_on]] = tops[~going_on]
            left, in_circle = left[going_on], in_circle[going_on]
            tops, stacks = tops[going_on].reshape(-1), stacks[going_on].reshape(-1)
        loose = np.flatnonzero(in_circle)
    return tree


@lru_cache
def _neighbours(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """The neighbours of each cell, first in (L, 4) int64, and how many it has, (L,) uint64."""
    at_border = steps_to(size) == np.arange(len(steps_to(size)))[:, None]
    inside_first = np.argsort(at_border, axis=1, kind="stable")
    neighbours = np.take_along_axis(steps_to(size), inside_first, axis=1)
    return neighbours, (~at_border).sum(axis=1).astype(np.uint64)


def _open_more(right: np.ndarray, below: np.ndarray, keys: np.ndarray, count: int) -> None:
    """Open `count` more walls in every maze, each choice of them equally likely."""
    half, n_cells = np.prod(right.shape[1:]), right.shape[1] * below.shape[2]
    flat = [walls.reshape(len(walls), np.prod(walls.shape[1:])) for walls in (right, below)]
    both = np.concatenate(flat, axis=1)
    stream = mix64(np.arange(both.shape[1]) + (1 << 32))  # apart from those of the arrows
    rank = mix64(keys[:, None] ^ stream) | np.uint64(1)
    rank[both] = 0  # open already: those come first
    order = np.argsort(rank, axis=1)[:, : n_cells - 1 + count]
    np.put_along_axis(both, order, True, axis=1)
    right[:], below[:] = both[:, :half].reshape(right.shape), both[:, half:].reshape(below.shape)


@lru_cache
def all_trees(size: int) -> np.ndarray:
    """Every layout without loops in which all cells are joined, each once.

    Args:
        size: n, 2 to 4: 4, 192 or 100,352 trees, as Kirchhoff's theorem counts them; n = 5 has
            557,568,000.

    Returns:
        (count, n, n) uint8 walls as in `Mazes`, read-only, in lexicographic order of the cells
        read row by row. Computed at the first call, then kept.
    """
    n_cells = whole(size, "size", 2, 4) ** 2
    # Partial trees: the openings right of and below the cells passed so far have been decided.
    # `last` names each part that hangs together by its last cell.
    walls = np.full((1, n_cells), 15, np.uint8)
    last = np.arange(n_cells)[None]  # (S, L)
    for cell in range(n_cells):
        row, column = divmod(cell, size)
        right = [(cell + 1, 2, 8)] if column < size - 1 else []
        below = [(cell + size, 4, 1)] if row < size - 1 else []
        for there, bit, opposite in right + below:
            apart = last[:, cell] != last[:, there]  # opening it makes no loop
            opened, joined = walls[apart], last[apart]
            opened[:, cell] -= bit
            opened[:, there] -= opposite
            ends = np.sort(joined[:, [cell, there]], axis=1)
            joined = np.where(joined == ends[:, :1], ends[:, 1:], joined)
            walls, last = np.concatenate([walls, opened]), np.concatenate([last, joined])
        if cell < n_cells - 1:
            goes_on = last[:, cell] != cell  # else its part is cut off from the cells to come
            walls, last = walls[goes_on], last[goes_on]
    trees = walls[np.lexsort(walls.T[::-1])].reshape(-1, size, size)
    trees.flags.writeable = False
    return trees
