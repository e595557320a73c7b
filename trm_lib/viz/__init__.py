"""Pictures for the book: Sudoku boards, mazes, charts over seeds, and the K slider.

Arrays go in; figures, SVG and HTML come out. Every picture carries its text alternative, needs no
network, and is legible in grey and on light and dark pages.
"""

from trm_lib.viz.boards import carry_chart, sudoku_svg, thinking_strip
from trm_lib.viz.charts import accuracy_by_k, learning_curves, seed_dots
from trm_lib.viz.mazes import maze_svg
from trm_lib.viz.pixels import maze_pixels, sudoku_pixels
from trm_lib.viz.slider import KSlider, k_slider
from trm_lib.viz.style import BookFigure, SVGPicture, figure_html, new_figure

__all__ = [
    "BookFigure",
    "KSlider",
    "SVGPicture",
    "accuracy_by_k",
    "carry_chart",
    "figure_html",
    "k_slider",
    "learning_curves",
    "maze_pixels",
    "maze_svg",
    "new_figure",
    "seed_dots",
    "sudoku_pixels",
    "sudoku_svg",
    "thinking_strip",
]
