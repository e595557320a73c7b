"""The few kinds of figures that diagnostics draw: bars, lines, and boards of shades.

Axes: K points of a line.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trm_lib.viz import BookFigure, new_figure
from trm_lib.viz.style import COLOURS, DASHES, INK, MARKERS, NOTE_SIZE, TEXT_SIZE

SHADES = "Greys"


def bars(values: Mapping[str, float], xlabel: str, most: float | None = None) -> BookFigure:
    """Horizontal bars with their numbers.

    Args:
        values: name to length.
        xlabel: what is measured, with its unit.
        most: where the axis ends.
    """
    figure, axes = new_figure(height=1.1 + 0.42 * len(values))
    names, lengths = list(values), [float(v) for v in values.values()]
    axes.barh(names, lengths, color=COLOURS[0], height=0.6)
    for row, length in enumerate(lengths):
        axes.text(max(length, 0), row, f" {length:.3g}", va="center", color=INK, fontsize=NOTE_SIZE)
    low, high = min(0.0, *lengths), max(most or 0.0, *lengths, 1e-9)
    axes.set(xlim=(1.1 * low, 1.15 * high), xlabel=xlabel)
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
) -> BookFigure:
    """A line for each name over `first`, `first` + 1, ...

    Args:
        curves: name to values (K,).
        xlabel, ylabel: what is counted, what is measured.
        log: a logarithmic axis; what is not above 0 is left out.
        marked: a place on the first axis to mark, for example the trained K.
        first: where the first axis begins.
    """
    figure, axes = new_figure(height=3.2)
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
        axes.axvline(marked, color=INK, linewidth=0.8, linestyle=":")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=NOTE_SIZE)
    figure.alt = f"Lines, {ylabel} against {xlabel}: {'; '.join(told)}."
    return figure


def boards(pictures: Mapping[str, np.ndarray], alt: str, most: float = 1.0) -> BookFigure:
    """Boards side by side, white for 0 and dark for `most`.

    Args:
        pictures: title to a board of numbers, (rows, columns).
        alt: what they show.
        most: the darkest.
    """
    figure, axes = new_figure(width=2.2 * len(pictures) + 0.6, height=2.6)
    axes.remove()
    places = figure.subplots(1, len(pictures), squeeze=False)[0]
    for place, (title, board) in zip(places, pictures.items(), strict=True):
        board = np.atleast_2d(np.asarray(board, float))
        place.imshow(board, cmap=SHADES, vmin=0, vmax=most)
        place.set_title(title, fontsize=TEXT_SIZE, color=INK)
        place.set(xticks=[], yticks=[])
    figure.alt = alt
    return figure
