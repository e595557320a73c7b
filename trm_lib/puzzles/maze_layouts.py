"""Layouts of mazes: walls as one bit a direction in each cell, as pixels, and spanning trees.

Legend of the maze modules: B mazes, n rows and m columns (each 2 to 128), L = n * m cells, numbered
row by row, P = 2 n + 1 rows and Q = 2 m + 1 columns of pixels. Directions are 0 up, 1 right, 2
down, 3 left.

In pixels, cell (r, c) is pixel (2 r + 1, 2 c + 1), both from 0. The pixel between two neighbouring
cells is a wall or an opening. Pixels with two even coordinates, where four cells meet, are always
wall, as is the border.
"""

from functools import cache

import numpy as np

from trm_lib.checks import whole
from trm_lib.puzzles.splits import mix64

SIZES = range(2, 129)
Size = int | tuple[int, int]
"""Rows and columns of cells: n and m, or one number for both."""

_NEXT_ARROW = np.uint64(0x9E3779B97F4A7C15)  # the increment of SplitMix64
_SHARE_WORTH_KEEPING = 0.8  # done mazes are carried along until so few others are left
_CELLS_AT_ONCE = 1 << 17  # enough to hide the cost of a call, few enough to stay in the cache


def grid_of(size: Size) -> tuple[int, int]:
    """Rows and columns, n and m, of a size; ValueError if one is not from 2 to 128."""
    if isinstance(size, tuple) and len(size) == 2:
        return tuple(whole(each, "size", SIZES[0], SIZES[-1]) for each in size)
    return (whole(size, "size", SIZES[0], SIZES[-1]),) * 2


def walls_between(right: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The walls, (B, n, m) uint8, of mazes with a closed border.

    Cells have walls on their right as `right`, (B, n, m - 1) bool, and below as `below` says.
    """
    count, rows, columns = len(right), right.shape[1], below.shape[2]
    across = np.ones((count, rows, columns + 1), np.uint8)
    along = np.ones((count, rows + 1, columns), np.uint8)
    across[:, :, 1:-1], along[:, 1:-1] = right, below
    return along[:, :-1] | across[:, :, 1:] << 1 | along[:, 1:] << 2 | across[:, :, :-1] << 3


def walls_inside(walls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `walls_between` makes walls of: those right of cells, and those below."""
    return walls[:, :, :-1] & 2 > 0, walls[:, :-1] & 4 > 0


def check_walls(walls: np.ndarray, name: str = "walls") -> np.ndarray:
    """Check that an array holds the walls of mazes and return it as uint8.

    Args:
        walls: (B, n, m) integers 0 to 15: bit d is set where a cell has a wall in direction d. A
            wall is seen from both of its cells, and the border is walled all round.
        name: what to call the array in an error.
    """
    walls = np.asarray(walls)
    if walls.ndim != 3 or not set(walls.shape[1:]) <= set(SIZES):
        raise ValueError(
            f"{name}: expected shape (B, n, m) with n and m from 2 to 128, got {walls.shape}: "
            "pass one maze as walls[None], one of a batch as walls[i]"
        )
    if walls.dtype.kind not in "iu" or (walls.size and (walls.min() < 0 or walls.max() > 15)):
        raise ValueError(f"{name}: expected integers 0 to 15, one bit a direction, got others")
    walls = walls.astype(np.uint8, copy=False)
    expected = walls_between(*walls_inside(walls))
    wrong = np.argwhere(walls != expected)
    if len(wrong):
        maze, row, column = place = tuple(wrong[0])
        raise ValueError(
            f"{name}: maze {maze}, row {row + 1}, column {column + 1} has {walls[place]}, expected "
            f"{expected[place]}: close the border, and set a wall in both of its cells"
        )
    return walls


def passages(walls: np.ndarray) -> np.ndarray:
    """Whether one can walk from a cell in each direction, (B, n, m, 4) bool."""
    return (walls[..., None] >> np.arange(4, dtype=np.uint8) & 1) == 0


@cache
def steps_to(size: Size) -> np.ndarray:
    """The cell next to each in each direction, itself at a border: (L, 4) int64, read-only.

    Walls inside are not looked at.
    """
    n, m = grid_of(size)
    rows, columns = np.divmod(np.arange(n * m), m)
    up, down = np.maximum(rows - 1, 0), np.minimum(rows + 1, n - 1)
    left, right = np.maximum(columns - 1, 0), np.minimum(columns + 1, m - 1)
    there = [up * m + columns, rows * m + right, down * m + columns, rows * m + left]
    table = np.stack(there, axis=1)
    table.flags.writeable = False
    return table


def wall_pixels(walls: np.ndarray) -> np.ndarray:
    """Which pixels are wall, (B, P, Q) bool, for walls (B, n, m)."""
    count, rows, columns = walls.shape
    closed = np.ones((count, 2 * rows + 1, 2 * columns + 1), bool)
    closed[:, 1::2, 1::2] = False
    closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2] = walls_inside(walls)
    return closed


def walls_from_pixels(closed: np.ndarray) -> np.ndarray:
    """The walls, (B, n, m) uint8, where these pixels are wall, (B, P, Q) bool."""
    return walls_between(closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2])


def layout_class(walls: np.ndarray) -> np.ndarray:
    """Name each layout by a number that its turned copies share: the key to split mazes by.

    A layout is the walls of a maze, without its start and goal. Two mazes of one layout share most
    of what is to be learned about them, so they belong on the same side of a split.

    For n and m up to 6, two layouts of one size share it exactly when one is a turn of the other,
    or of its mirror image. Beyond, and between sizes, others share it only where 64-bit hashes
    collide.

    Args:
        walls: (B, n, m) integers, as `check_walls` wants them.

    Returns:
        (B,) uint64, the same on every machine.
    """
    upright = wall_pixels(check_walls(walls))
    turned = (np.rot90(p, k, (1, 2)) for p in (upright, upright[:, ::-1]) for k in range(4))
    return np.minimum.reduce([_keys(pixels) for pixels in turned])


def _keys(closed: np.ndarray) -> np.ndarray:
    """Name each layout, (B,) uint64; for n and m up to 6 its walls inside fit into one word."""
    count, rows, columns = len(closed), closed.shape[1] // 2, closed.shape[2] // 2
    right, below = closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2]
    parts = right.reshape(count, rows * (columns - 1)), below.reshape(count, (rows - 1) * columns)
    bits = np.packbits(np.concatenate(parts, axis=1), axis=1, bitorder="little")
    key = mix64(np.full(count, rows if rows == columns else rows << 8 | columns))
    for word in np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view("<u8").T:
        key = mix64(key ^ word)  # a bijection of the word
    return key


def spanning_trees(size: Size, keys: np.ndarray, loops: float = 0.0) -> np.ndarray:
    """Make the walls, (B, n, m) uint8, of the uniform spanning tree of each key, (B,) uint64.

    They are drawn by Propp and Wilson's cycle popping. Every cell but the last holds a stack of
    random arrows to its neighbours. Where the topmost arrows run in a circle, these arrows are
    thrown away and the next ones uncovered. When no circle is left, the arrows form a tree, and
    every tree is equally likely. Which circle goes first makes no difference, so all circles of
    all mazes go at once.

    `loops` is the share of the (n - 1) (m - 1) walls left by a tree that are opened, 0 to 1.

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


@cache
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


@cache
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
