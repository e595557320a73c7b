"""One look for every picture: colours, sizes, and figures that show themselves with words."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008), without the yellow that white paper swallows. Every colour comes with a
# dash and a marker of its own, so that a chart can be read in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 3)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

INK = "#222222"
FAINT_INK = "#595959"
GRID = "#e2e2e2"
PAPER = "#ffffff"
RIGHT, WRONG = COLOURS[:2]
PALE = "#dcebf5"  # the lighter end of shades of the first colour

SHADE = "#E6E8EB"  # the ground of clues
LINE, FAINT_LINE = "#9AA0A6", "#E3E6E9"  # between the cells of a Sudoku, of a maze
RIGHT_CELL, WRONG_CELL = "#D9EBF7", "#FBE6DA"
WRONG_DIGIT = "#8A3A00"
SMALL_CELLS = ("#56A0D3", "#9A3B00", "#F5C542")  # right, wrong, missed: apart in grey
AGENT = COLOURS[0]
GOAL = "#007A5A"  # dark enough for a white letter

_NAMES = {
    INK: "ink", FAINT_INK: "faint-ink", GRID: "grid", PAPER: "paper", PALE: "pale", SHADE: "shade",
    LINE: "line", FAINT_LINE: "faint-line", RIGHT_CELL: "right-cell", WRONG_CELL: "wrong-cell",
    WRONG_DIGIT: "wrong-digit", SMALL_CELLS[1]: "crossed", GOAL: "goal",
    **{COLOURS[i]: f"colour-{i}" for i in (0, 1, 2, 6)},
}  # fmt: skip
_THEMED = {colour.lower(): f"var(--pic-{name},{colour})" for colour, name in _NAMES.items()}
_HEX = re.compile(r"#[0-9a-fA-F]{6}\b")

TEXT_SIZE = 11.5  # points; a chart 6.4 inches wide is still legible on a phone
NOTE_SIZE = 9.0

_DPI = 2 * 96  # of a PNG: sharp on screens with two pixels to a CSS pixel
_SHAPE = "max-width:100%;height:auto;border-radius:6px"
_SVG_LIMIT = 250_000  # characters; above it, a PNG may be the lighter of the two
_ID = re.compile(r'((?<![\w-])(?:id|for)="|href="#|url\(#)([^")\s]+)')


@dataclass(frozen=True)
class SVGPicture:
    """A drawing that a notebook shows inline."""

    svg: str  # one complete `<svg>` element
    alt: str  # what it shows, in words; inside `svg` too, as its `aria-label`

    def _repr_html_(self) -> str:
        return themed(self.svg)

    def save(self, path: str | Path) -> None:
        """Write the drawing to an `.svg` file, whose folder must exist."""
        Path(path).write_text(self.svg + "\n", encoding="utf-8")


class BookFigure(Figure):
    """A Matplotlib figure that a notebook shows without pyplot, once, with its words."""

    alt: str = ""  # what the chart says; charts fill it in from their numbers, assign to say more

    def _repr_html_(self) -> str:
        return figure_html(self, self.alt)

    def save(self, path: str | Path) -> None:
        """Write an .svg with its words, a .png or a .pdf into a folder that exists."""
        if Path(path).suffix != ".svg":
            return self.savefig(path, dpi=_DPI, facecolor=self.get_facecolor())
        opening = f'<svg role="img" aria-label="{escape(self.alt)}"'
        Path(path).write_text(opening + _svg_text(self).removeprefix("<svg") + "\n", "utf-8")


def new_figure(width: float = 6.4, height: float = 4.0) -> tuple[BookFigure, Axes]:
    """Make an empty chart in the book's style, of so many inches; set `figure.alt` to its words."""
    figure = BookFigure(figsize=(width, height), facecolor=PAPER, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    axes = figure.subplots()
    axes.set_prop_cycle(color=COLOURS)
    axes.set_facecolor(PAPER)
    axes.tick_params(colors=INK, labelsize=TEXT_SIZE, length=3)
    axes.xaxis.label.set(color=INK, fontsize=TEXT_SIZE)
    axes.yaxis.label.set(color=INK, fontsize=TEXT_SIZE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT_INK)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def write_note(figure: Figure, note: str) -> None:
    """Write in small print, under the chart, how it was made."""
    figure.supxlabel(note, x=0.01, ha="left", fontsize=NOTE_SIZE, color=FAINT_INK)


def literal(text: str) -> str:
    """Escape `$`, so that Matplotlib draws the words as they are and reads no formula in them."""
    return str(text).replace("$", r"\$")


def four_figures(value: float) -> str:
    """A number with four significant figures, and large ones in whole: 0.7500, 12,345."""
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:#.4g}".rstrip(".")


def figure_html(figure: Figure, alt: str, id_prefix: str | None = None) -> str:
    """An `<svg>` with its words, or an `<img>` where that is heavy and a PNG is lighter.

    Before the ids inside stands `id_prefix`; None: a hash of the drawing, the same at every run.
    """
    alt, svg = escape(alt), _svg_text(figure)
    if len(svg) > _SVG_LIMIT:
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_DPI, facecolor=figure.get_facecolor())
        png = base64.b64encode(file.getvalue()).decode()
        if len(png) < len(svg):
            look = f"width:{round(96 * figure.get_figwidth())}px;{_SHAPE}"
            return f'<img alt="{alt}" style="{look}" src="data:image/png;base64,{png}">'
    if id_prefix is None:
        id_prefix = f"fig-{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"
    look = f"{_SHAPE};fill:{INK};stroke-linejoin:round;stroke-linecap:butt"  # black is left out
    opening = f'<svg role="img" aria-label="{alt}" style="{look}"'
    return themed(unique_ids(opening + svg.removeprefix("<svg"), id_prefix))


def themed(svg: str) -> str:
    """The same drawing, whose colours a page may set: `--pic-ink` and others, see book.css."""
    return _HEX.sub(lambda match: _THEMED.get(match[0].lower(), match[0]), svg)


def unique_ids(markup: str, prefix: str) -> str:
    """Put `prefix` before every id that a fragment declares, and before what points at it.

    Two drawings of one page may both have a `clip_1`.
    """
    declared = {match[2] for match in _ID.finditer(markup) if match[1] == 'id="'}
    return _ID.sub(lambda m: m[1] + (prefix if m[2] in declared else "") + m[2], markup)


def _svg_text(figure: Figure) -> str:
    """The figure without what only a file needs: prologue, metadata, a style rule for `*`."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "trm_lib"}):
        figure.savefig(file, format="svg", facecolor=figure.get_facecolor())
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*<style\b.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    return svg.replace("xlink:href=", "href=")
