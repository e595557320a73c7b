"""The few kinds of figures that diagnostics draw: bars, lines, dots, and boards of shades.

Axes: K points of a line, M dots.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trm_lib.viz import BookFigure, new_figure
from trm_lib.viz.style import COLOURS, DASHES, INK, MARKERS, PAPER, TEXT_SIZE

SHADES = "Greys"
_WIDTH = 5.2  # inches: a phone shrinks it by little more than a quarter, and its words stay legible


def bars(values: Mapping[str, float], xlabel: str, most: float | None = None) -> BookFigure:
    """Horizontal bars with their numbers.

    Args:
        values: name to length.
        xlabel: what is measured, with its unit.
        most: where the axis ends, 1.0 for a share; None: a little beyond the longest bar.
    """
    figure, axes = new_figure(_WIDTH, height=1.1 + 0.42 * len(values))
    names, lengths = list(values), [float(v) for v in values.values()]
    axes.barh(names, lengths, color=COLOURS[0], height=0.6)
    for row, length in enumerate(lengths):
        axes.text(max(length, 0), row, f" {length:.3g}", va="center", color=INK, fontsize=TEXT_SIZE)
    low, high = min(0.0, *lengths), most or 1.15 * max(*lengths, 1e-9)
    axes.set_xlim(1.1 * low, high)
    axes.set_xlabel(xlabel, loc="right")  # what is long may reach under the names
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(False)
    told = ", ".join(f"{name} {length:.3g}" for name, length in values.items())
    figure.alt = f"Bars, {xlabel}: {told}."
    return figure


def lines(
    curves: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str,
    log: bool = False,
    marked: float | None = None,
    first: int = 1,
    level: tuple[str, float] | None = None,
) -> BookFigure:
    """A line for each name over `first`, `first` + 1, ...

    Args:
        curves: name to values (K,).
        xlabel, ylabel: what is counted, what is measured.
        log: a logarithmic axis; what is not above 0 is left out.
        marked: the usual K, to mark on the first axis.
        first: where the first axis begins.
        level: a threshold to draw on the second axis: what it says, and its value.
    """
    figure, axes = new_figure(_WIDTH, height=3.5)
    told = []
    for style, (name, y) in enumerate(curves.items()):
        y = np.asarray(y, float)
        x = first + np.arange(len(y))
        look = {"color": COLOURS[style], "linestyle": DASHES[style], "label": name}
        marker = MARKERS[style] if len(y) <= 40 else None
        axes.plot(x, y, marker=marker, markersize=4, **look)
        told.append(f"{name} from {y[0]:.3g} to {y[-1]:.3g}")
    if log:
        axes.set_yscale("log")
    if marked is not None:
        axes.axvline(marked, color=INK, linewidth=1, linestyle=":", label="usual K")
        told.append(f"usual K {marked:g}")
    if level is not None:
        axes.axhline(level[1], color=INK, linewidth=1, label=f"{level[0]} {level[1]:g}")
        told.append(f"a line at {level[1]:g}: {level[0]} it")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _legend(figure)
    figure.alt = f"Lines, {ylabel} against {xlabel}: {'; '.join(told)}."
    return figure


def dots(
    groups: Mapping[str, tuple[np.ndarray, np.ndarray]], xlabel: str, ylabel: str, least: float
) -> BookFigure:
    """A dot for each thing, in groups that differ in colour and marker.

    Args:
        groups: name to places on the two axes, (M,) each.
        xlabel, ylabel: what is measured.
        least: the second axis reaches at least so far to both sides of 0, so that what is small
            beside it looks small.
    """
    figure, axes = new_figure(_WIDTH, height=3.2)
    told = []
    for style, (name, (x, y)) in enumerate(groups.items()):
        look = {"color": COLOURS[style], "marker": MARKERS[style], "label": f"{name} ({len(x)})"}
        axes.scatter(x, y, s=40, edgecolors=PAPER, linewidths=0.6, alpha=0.8, **look)
        told.append(f"{len(x)} {name}")
        if len(x):
            told[-1] += f" at {min(x):.3g} to {max(x):.3g}: from {min(y):.3g} to {max(y):.3g}"
    axes.axhline(0, color=INK, linewidth=1, zorder=1)
    axes.update_datalim([(0, -least), (0, least)], updatex=False)
    axes.autoscale_view()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _legend(figure)
    figure.alt = f"Dots, {ylabel} against {xlabel}: {'; '.join(told)}."
    return figure


def boards(pictures: Mapping[str, np.ndarray], alt: str) -> BookFigure:
    """Boards side by side, white for 0 and black for 1.

    Args:
        pictures: title to a board of numbers from 0 to 1, (rows, columns).
        alt: what they show.
    """
    figure, axes = new_figure(_WIDTH, height=_WIDTH / len(pictures) + 0.5)
    axes.remove()
    places = figure.subplots(1, len(pictures), squeeze=False)[0]
    for place, (title, board) in zip(places, pictures.items(), strict=True):
        board = np.atleast_2d(np.asarray(board, float))
        place.imshow(board, cmap=SHADES, vmin=0, vmax=1)
        place.set_title(title, fontsize=TEXT_SIZE, color=INK)
        place.set(xticks=[], yticks=[])
    figure.alt = alt
    return figure


def _legend(figure: BookFigure) -> None:
    """Above the chart, where nothing is drawn; a single line needs none."""
    if len(figure.axes[0].get_legend_handles_labels()[0]) > 1:
        look = {"fontsize": TEXT_SIZE, "labelcolor": INK, "frameon": False}
        look |= {"ncols": 2, "handlelength": 1.8, "columnspacing": 1.2}
        figure.legend(loc="outside upper left", **look)
