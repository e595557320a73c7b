"""Mazes as pictures in which walls are pixels too, as the literature feeds them to networks.

Cell (r, c) is pixel (2 r + 1, 2 c + 1), both from 0. The pixel between two neighbouring cells is
white where one can walk from one to the other and black where there is a wall. Pixels with two
even coordinates, where four cells meet, are always black, as is the border.

Axes: B mazes, n rows and columns, P = 2 n + 1 rows and columns of pixels.
"""

import numpy as np

from trm_lib.puzzles.maze import SIZES, Mazes, check_walls

_BLACK, _WHITE, _GREEN, _RED = (0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)


def maze_picture(mazes: Mazes) -> np.ndarray:
    """Paint mazes: black walls, white corridors, a green start and a red goal.

    Args:
        mazes: B of them.

    Returns:
        (B, P, P, 3) uint8, red, green and blue from 0 to 255.

    Source:
        Schwarzschild et al., Datasets for Studying Generalization from Easy to Hard Examples
        (arXiv 2108.06011), and make_mazes.py of github.com/aks2203/easy-to-hard-data. Their
        "size 59" counts pixels without the border: n = 30 here. Deviations: there, every pixel is
        doubled and a further black line put around (P is 4 n + 4), values are 0 or 1, and colours
        come before rows.
    """
    closed = wall_pixels(mazes.walls)
    picture = np.where(closed[..., None], np.uint8(0), np.uint8(255))
    picture = np.repeat(picture, 3, axis=-1)
    for cells, colour in ((mazes.start, _GREEN), (mazes.goal, _RED)):
        rows, columns = np.divmod(cells, mazes.size)
        picture[np.arange(len(mazes)), 2 * rows + 1, 2 * columns + 1] = colour
    return picture


def read_maze_picture(picture: np.ndarray) -> Mazes:
    """Read mazes from pictures such as ``maze_picture`` paints.

    Args:
        picture: (B, P, P, 3) integers, or (P, P, 3) for one; P odd, 5 to 257. Four colours are
            known: black, white, green (0, 255, 0) and red (255, 0, 0).

    Returns:
        B mazes.

    Raises:
        ValueError: If the array is not as above, or some picture is not one of a maze; the
            message names the picture from 0 and the pixel's row and column from 1.
    """
    picture = np.asarray(picture)
    if picture.ndim == 3:
        picture = picture[None]
    if picture.ndim != 4 or picture.shape[1] != picture.shape[2] or picture.shape[3] != 3:
        raise ValueError(
            f"picture: expected shape (B, P, P, 3) or (P, P, 3), got {picture.shape}: put colours "
            "last, and pass square pictures"
        )
    size, even = divmod(picture.shape[1] - 1, 2)
    if even or size not in SIZES:
        raise ValueError(
            f"picture: expected P = 2 n + 1 for n from 2 to 128, got {picture.shape[1]}: keep the "
            "border, and paint every cell, wall and opening as one pixel"
        )
    if picture.dtype.kind not in "iu":
        raise ValueError(
            f"picture: expected integers 0 to 255, got {picture.dtype}: a picture of floats 0 to "
            "1 is read as np.rint(255 * picture).astype(np.uint8)"
        )
    black, white, green, red = (
        (picture == np.array(colour)).all(axis=-1) for colour in (_BLACK, _WHITE, _GREEN, _RED)
    )
    _refuse(~(black | white | green | red), picture, "black, white, green or red")
    between, cells = _between(size), _cells(size)
    _refuse(~black & ~between & ~cells, picture, "black: a border, or a corner of cells")
    _refuse(~(black | white) & between, picture, "black or white: it lies between two cells")
    _refuse(black & cells, picture, "not black: it is a cell")
    start = only_cell(green[:, 1::2, 1::2], "picture", "green pixel, the start", "paint one cell")
    goal = only_cell(red[:, 1::2, 1::2], "picture", "red pixel, the goal", "paint one cell")
    return Mazes(walls_from_pixels(black), start, goal)


def label_picture(label: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """Mark the pixels of marked cells, and the openings between two marked cells.

    With ``shortest_path_cells`` as the label, the marked pixels are exactly those of the shortest
    paths, in a maze with loops as well: two neighbouring cells never lie equally far from the
    start, so an opening between two cells on shortest paths is on one itself.

    Args:
        label: (B, n, n) bool.
        walls: (B, n, n) integers, as in ``Mazes``.

    Returns:
        (B, P, P) bool.

    Raises:
        ValueError: If an argument is not as above, or the shapes differ.
    """
    walls, label = check_walls(walls), np.asarray(label)
    if label.shape != walls.shape or label.dtype != bool:
        raise ValueError(
            f"label: expected bool of shape {walls.shape}, as the walls, got {label.dtype} of "
            f"shape {label.shape}"
        )
    side = 2 * walls.shape[1] + 1
    marked = np.zeros((len(walls), side, side), bool)
    marked[:, 1::2, 1::2] = label
    marked[:, 1::2, 2:-1:2] = label[:, :, :-1] & label[:, :, 1:]
    marked[:, 2:-1:2, 1::2] = label[:, :-1] & label[:, 1:]
    return marked & ~wall_pixels(walls)


def wall_pixels(walls: np.ndarray) -> np.ndarray:
    """Return (B, P, P) bool: which pixels are wall, for checked walls (B, n, n)."""
    size = walls.shape[1]
    closed = np.broadcast_to(~_cells(size), (len(walls), 2 * size + 1, 2 * size + 1)).copy()
    closed[:, 1::2, 2:-1:2] = walls[:, :, :-1] >> 1 & 1
    closed[:, 2:-1:2, 1::2] = walls[:, :-1] >> 2 & 1
    return closed


def walls_from_pixels(closed: np.ndarray) -> np.ndarray:
    """Return (B, n, n) uint8 walls, for which pixels are wall, (B, P, P) bool."""
    closed = closed.astype(np.uint8)
    up, right = closed[:, :-1:2, 1::2], closed[:, 1::2, 2::2]
    down, left = closed[:, 2::2, 1::2], closed[:, 1::2, :-1:2]
    return up | right << 1 | down << 2 | left << 3


def _cells(size: int) -> np.ndarray:
    """Return (P, P) bool: which pixels are cells."""
    odd = np.arange(2 * size + 1) % 2 == 1
    return odd[:, None] & odd


def _between(size: int) -> np.ndarray:
    """Return (P, P) bool: which pixels lie between two cells."""
    index = np.arange(2 * size + 1)
    inside = (index > 0) & (index < 2 * size)
    return (inside[:, None] & inside) & ((index[:, None] + index) % 2 == 1)


def _refuse(wrong: np.ndarray, picture: np.ndarray, expected: str) -> None:
    if wrong.any():
        which, row, column = np.argwhere(wrong)[0]
        colour = tuple(picture[which, row, column].tolist())
        raise ValueError(
            f"picture {which}: the pixel in row {row + 1}, column {column + 1} is {colour}, "
            f"expected {expected}"
        )


def only_cell(marked: np.ndarray, where: str, what: str, remedy: str) -> np.ndarray:
    """Return (B,) int64: the one cell that is marked in each (n, n) of (B, n, n) bool.

    Raises:
        ValueError: If none or several are; it says where, what was expected, and the remedy.
    """
    marked = marked.reshape(len(marked), marked.shape[1] ** 2)
    wrong = np.flatnonzero(marked.sum(axis=1) != 1)
    if len(wrong):
        which = wrong[0]
        raise ValueError(
            f"{where} {which}: expected one {what}, got {marked[which].sum()}: {remedy}"
        )
    return marked.argmax(axis=1)
