"""Pictures for the book: Sudoku boards, mazes, charts over seeds, and the K slider.

Arrays go in; figures, SVG and HTML come out. Every picture carries its text alternative, needs no
network, and is legible in grey and on light and dark pages.
"""

from trm_lib.viz.boards import sudoku_svg
from trm_lib.viz.charts import bars, dots, seed_dots, shades
from trm_lib.viz.curves import accuracy_by_k, learning_curves, lines
from trm_lib.viz.mazes import maze_svg
from trm_lib.viz.pixels import maze_pixels, sudoku_pixels
from trm_lib.viz.slider import KSlider, k_slider
from trm_lib.viz.style import BookFigure, SVGPicture, new_figure, write_note

__all__ = [
    "BookFigure", "KSlider", "SVGPicture", "accuracy_by_k", "bars", "dots",
    "k_slider", "learning_curves", "lines", "maze_pixels", "maze_svg", "new_figure",
    "seed_dots", "shades", "sudoku_pixels", "sudoku_svg", "write_note",
]  # fmt: skip
