"""Charts of other shapes: dots of seeds, bars, clouds of dots, shaded boards."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from trm_lib.statistics import bootstrap_interval, check_scores, interquartile_mean
from trm_lib.viz import style
from trm_lib.viz.style import BookFigure, literal, new_figure, write_note

_DOTS = 40  # how many would fill a row side by side: nearer ones would overlap
_DOT = 0.075  # inches from one such dot to the next
_ROW = 0.5  # inches of a row whose dots lie side by side
_NARROW = 5.2  # inches: a phone shrinks it by little more than a quarter, its words stay legible


def seed_dots(groups: Mapping[str, np.ndarray], xlabel: str) -> BookFigure:
    """Draw one row a learner: every seed a dot, the interquartile mean and its 95% interval.

    Args:
        groups: learner's name to the scores of its R seeds, (R,); drawn from top to bottom. A
            learner with one seed has no interval.
        xlabel: what the score measures.
    """
    if not groups:
        raise ValueError("a dot plot needs at least one group of scores, got none.")
    scores = {name: check_scores(values, repr(name), 1) for name, values in groups.items()}
    everything = np.concatenate(list(scores.values()))
    apart = (everything.max() - everything.min()) / _DOTS
    places = [_stacked(values, apart) for values in scores.values()]
    tops = np.cumsum([0, *(_ROW + _DOT * place.max() for place in places)])  # inches
    figure, axes = new_figure(height=1.5 + tops[-1])
    decimals = _decimals(everything)
    words = []
    for row, (name, values) in enumerate(scores.items()):
        top, i = tops[row], row % len(style.COLOURS)  # looks recur; names stand beside the rows
        axes.plot(
            values, top + 0.2 + _DOT * places[row], linestyle="", marker=style.MARKERS[i],
            markersize=5.5, markerfacecolor=style.COLOURS[i], markeredgecolor=style.PAPER,
            markeredgewidth=0.6, zorder=2.5,
        )  # fmt: skip
        middle = float(interquartile_mean(values))
        axes.plot(middle, top, "|", markersize=17, markeredgewidth=3.2, color=style.INK, zorder=3.5)
        said = f"{middle:,.{decimals}f}"
        if len(values) > 1:
            low, high = (float(end) for end in bootstrap_interval(values))
            axes.plot([low, high], [top, top], color=style.INK, linewidth=2.4, zorder=3)
            said += f" [{low:,.{decimals}f}, {high:,.{decimals}f}]"
        axes.annotate(
            said, xy=(1.02, top), xycoords=("axes fraction", "data"), va="center",
            fontsize=style.TEXT_SIZE - 0.5, color=style.INK, annotation_clip=False,
        )  # fmt: skip
        seeds = f"{len(values)} seed{'s' if len(values) > 1 else ''}"
        least, most = (f"{end:,.{decimals}f}" for end in (values.min(), values.max()))
        words.append(f"{name}: interquartile mean {said}, {seeds} from {least} to {most}.")
    axes.set(xlabel=literal(xlabel), ylim=(tops[-1] - 0.15, -0.25))
    axes.set_yticks(tops[:-1], labels=[literal(name) for name in groups])
    _without_left_axis(axes)
    axes.grid(True, axis="x", color=style.GRID, linewidth=0.8)
    write_note(figure, "Dots: seeds. Bar: interquartile mean with its 95% bootstrap interval.")
    figure.alt = " ".join([f"Dot plot of {xlabel}, one dot a seed.", *words])
    return figure


def _without_left_axis(axes: Axes) -> None:
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False)


def _decimals(scores: np.ndarray) -> int:
    """So many that the numbers beside the rows show a hundredth of what the chart spans."""
    spans = float(scores.max() - scores.min()) or float(abs(scores).max()) or 1.0
    return max(0, 2 - math.ceil(math.log10(spans)))


def _stacked(values: np.ndarray, apart: float) -> np.ndarray:
    """The place below its row, from 0, that keeps each dot clear of earlier ones: (R,) int."""
    places = np.zeros(len(values), int)
    for i, value in enumerate(values):
        taken = places[:i][np.abs(values[:i] - value) <= apart]
        places[i] = min(set(range(i + 1)) - set(taken.tolist()))
    return places


def bars(values: Mapping[str, float], xlabel: str, most: float | None = 1.0) -> BookFigure:
    """Draw horizontal bars, their axis as long as `most`, or a little longer than the longest."""
    figure, axes = new_figure(_NARROW, height=1.1 + 0.42 * len(values))
    lengths = [float(length) for length in values.values()]
    axes.barh([literal(name) for name in values], lengths, color=style.COLOURS[0], height=0.6)
    for row, length in enumerate(lengths):
        look = {"va": "center", "color": style.INK, "fontsize": style.TEXT_SIZE}
        axes.text(max(length, 0), row, f" {length:.3g}", **look)
    axes.set_xlim(1.1 * min(0.0, *lengths), most or 1.15 * max(*lengths, 1e-9))
    axes.set_xlabel(literal(xlabel), loc="right")  # what is long may reach under the names
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(False)
    told = ", ".join(f"{name} {length:.3g}" for name, length in values.items())
    figure.alt = f"Bars, {xlabel}: {told}."
    return figure


def dots(
    groups: Mapping[str, tuple[np.ndarray, np.ndarray]], xlabel: str, ylabel: str, least: float
) -> BookFigure:
    """Draw a dot for each thing, in groups that differ in colour and marker.

    Args:
        groups: name to places on the two axes, (M,) each.
        xlabel, ylabel: what they measure.
        least: the second axis reaches at least so far to both sides of 0, so that what is small
            beside it looks small.
    """
    figure, axes = new_figure(_NARROW, height=3.2)
    told = []
    for i, (name, (x, y)) in enumerate(groups.items()):
        axes.scatter(
            x, y, s=40, color=style.COLOURS[i], marker=style.MARKERS[i], linewidths=0.6, alpha=0.8,
            edgecolors=style.PAPER, label=f"{name} ({len(x)})",
        )  # fmt: skip
        told.append(f"{len(x)} {name}")
        if len(x):
            told[-1] += f" at {min(x):.3g} to {max(x):.3g}: from {min(y):.3g} to {max(y):.3g}"
    axes.axhline(0, color=style.INK, linewidth=1, zorder=1)
    axes.update_datalim([(0, -least), (0, least)], updatex=False)
    axes.autoscale_view()
    axes.set(xlabel=literal(xlabel), ylabel=literal(ylabel))
    figure.legend(
        loc="outside upper left", ncols=2, handlelength=1.8, columnspacing=1.2, frameon=False,
        fontsize=style.TEXT_SIZE, labelcolor=style.INK,
    )  # fmt: skip
    figure.alt = f"Dots, {ylabel} against {xlabel}: {'; '.join(told)}."
    return figure


def shades(pictures: Mapping[str, np.ndarray], alt: str) -> BookFigure:
    """Draw boards under their titles, (rows, columns) or (columns,), white for 0, black for 1."""
    figure, axes = new_figure(_NARROW, height=_NARROW / len(pictures) + 0.5)
    axes.remove()
    places = figure.subplots(1, len(pictures), squeeze=False)[0]
    for place, (title, board) in zip(places, pictures.items(), strict=True):
        place.imshow(np.atleast_2d(np.asarray(board, float)), cmap="Greys", vmin=0, vmax=1)
        place.set_title(title, fontsize=style.TEXT_SIZE, color=style.INK)
        place.set(xticks=[], yticks=[])
    figure.alt = alt
    return figure
