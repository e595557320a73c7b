"""Charts of other shapes: dots of seeds, stays of a carry, bars, clouds of dots, shaded boards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from trm_lib.statistics import bootstrap_interval, check_scores, interquartile_mean
from trm_lib.viz import style
from trm_lib.viz.style import BookFigure, literal, new_figure, write_note

_DOTS = 40  # how many would fill a row side by side: nearer ones would overlap
_DOT = 0.075  # inches from one such dot to the next
_ROW = 0.5  # inches of a row whose dots lie side by side
_STEPS = LinearSegmentedColormap.from_list("steps", [style.PALE, style.COLOURS[0]])
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


def carry_chart(steps: np.ndarray, n_sup: int) -> BookFigure:
    """Draw each place of a batch as a row, and each stay of a puzzle as a bar in it.

    A bar grows darker with every improvement step its puzzle is given, and ends where the puzzle
    halts and makes room for the next.

    Args:
        steps: (S, B) integers from 1: how many improvement steps the puzzle in each of B places
            had had after each of S steps of the batch, as `carry.steps` tells; a 1 is a fresh one.
        n_sup: most steps a puzzle can get; the darkest shade.
    """
    S, B = steps.shape
    figure, axes = new_figure(height=1.3 + 0.2 * B)
    axes.imshow(
        steps.T, cmap=_STEPS, vmin=1, vmax=n_sup, aspect="auto", interpolation="nearest",
        extent=(0, S, B - 0.5, -0.5),
    )  # fmt: skip
    stays = []
    for place in range(B):
        begins = np.flatnonzero((steps[:, place] == 1) | (np.arange(S) == 0))
        for begin, end in pairwise([*begins, S]):
            stays.append(Rectangle((begin, place - 0.5), end - begin, 1))
            if end - begin > 1 and end < S:  # who is still there has no last step
                last = steps[end - 1, place]
                axes.text(
                    end - 0.3, place, str(last), ha="right", va="center", fontsize=7.5,
                    color=style.PAPER if last > n_sup / 2 else style.INK,
                )  # fmt: skip
    looks = {"facecolor": "none", "edgecolor": style.PAPER, "linewidth": 2.4}
    axes.add_collection(PatchCollection(stays, **looks))
    axes.set(xlim=(0, S), ylim=(B - 0.5, -0.5))
    axes.set(xlabel="improvement steps of the batch", ylabel="seat")
    axes.set_yticks([0, B - 1], labels=["1", str(B)])
    _without_left_axis(axes)
    axes.yaxis.label.set_color(style.FAINT_INK)
    write_note(figure, "A bar is one puzzle; the number at its end, the steps it had when it left.")
    fresh = (steps[1:] == 1).sum()
    figure.alt = (
        f"{B} seats over {S} improvement steps. {fresh} fresh puzzles came in; "
        f"the longest stay was {steps.max()} improvement steps."
    )
    return figure


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
