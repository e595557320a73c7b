"""Boards and mazes as pixels, for Gymnasium's render mode "rgb_array".

Axes: (H, W, 3) uint8, rows and columns of pixels, an even number each, as video codecs want, and
red, green, blue.
"""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from trm_lib.puzzles import Mazes, box_shape, pixel_tokens
from trm_lib.viz import style

_CELL, _DPI = 24, 100  # pixels a cell of a Sudoku, and an inch
_ZOOM = 8  # pixels a wall, and a cell, of a maze
_COLOURS = to_rgba_array([style.INK, style.PAPER, style.SHADE, style.GOAL, style.AGENT])
_RGB = (255 * _COLOURS[:, :3]).round().astype(np.uint8)  # of pixel tokens 0 to 3, and the agent


def maze_pixels(walls: np.ndarray, start: int, goal: int, agent: int) -> np.ndarray:
    """Paint one maze of n x m, H = 8 (2 n + 1) and W = 8 (2 m + 1).

    Walls are as thick as cells are wide, and dark, the start grey, the goal green; the agent is a
    blue square inside its cell. Arguments are as in `maze_svg`.
    """
    maze = Mazes(walls[None], np.array([start]), np.array([goal]))
    pixels = _RGB[pixel_tokens(maze)[0]].repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)
    y, x = (_ZOOM * (2 * place + 1) + 1 for place in divmod(agent, walls.shape[1]))
    pixels[y : y + _ZOOM - 2, x : x + _ZOOM - 2] = _RGB[-1]
    return pixels


def sudoku_pixels(
    board: np.ndarray, clues: np.ndarray, marked: tuple[int, int] | None = None
) -> np.ndarray:
    """Paint a Sudoku board of N x N, H = W = 24 N: clues black on grey, others blue on white.

    Board and clues are as in `sudoku_svg`; the cell in the `marked` row and column, from 0, has an
    orange frame.
    """
    size = len(board)
    figure = Figure(figsize=(size * _CELL / _DPI,) * 2, dpi=_DPI, facecolor=style.PAPER)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, size), ylim=(size, 0))
    axes.axis("off")
    for (r, c), digit in np.ndenumerate(board):
        if clues[r, c]:
            axes.add_patch(Rectangle((c, r), 1, 1, facecolor=style.SHADE))
        if digit:
            ink = "black" if clues[r, c] else style.COLOURS[0]
            look = {"ha": "center", "va": "center_baseline", "size": 11, "family": "DejaVu Sans"}
            axes.text(c + 0.5, r + 0.52, str(digit), color=ink, **look)
    for rows, columns, width, ink in ((1, 1, 0.7, style.LINE), (*box_shape(size), 2.5, style.INK)):
        axes.hlines(range(0, size + 1, rows), 0, size, ink, linewidth=width)
        axes.vlines(range(0, size + 1, columns), 0, size, ink, linewidth=width)
    if marked is not None:
        frame = Rectangle(marked[::-1], 1, 1, fill=False, edgecolor=style.COLOURS[4], linewidth=2)
        axes.add_patch(frame).set_zorder(3)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
