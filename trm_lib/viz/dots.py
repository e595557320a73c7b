"""A chart of final scores in which every seed can be seen."""

import math
from collections.abc import Mapping

import numpy as np

from trm_lib.viz.style import (
    COLOURS,
    GRID,
    INK,
    MARKERS,
    PAPER,
    TEXT_SIZE,
    BookFigure,
    literal,
    new_figure,
    write_note,
    write_title,
)
from trm_lib.viz.summaries import bootstrap_interval, interquartile_mean

_DOTS = 40  # how many would fill a row side by side: nearer ones would overlap
_DOT = 0.075  # inches from one such dot to the next
_ROW = 0.5  # inches of a row whose dots lie side by side
_BESIDE = {
    "va": "center",
    "fontsize": TEXT_SIZE - 0.5,
    "color": INK,
    "annotation_clip": False,
}


def seed_dots(
    groups: Mapping[str, np.ndarray], xlabel: str, title: str | None = None
) -> BookFigure:
    """Draws one row a learner: every seed a dot, the interquartile mean and its interval.

    The interval is a 95% bootstrap interval (2,000 resamples, generator seed 0); a learner with
    one seed has none.

    Args:
        groups: learner's name to its seeds' scores, shape (R,); drawn from top to bottom.
        xlabel: what the score measures.
        title: one line above the chart.

    Returns:
        The figure; `alt` says the numbers of every row.

    Raises:
        ValueError: if there are no groups, or if scores are not a row of finite numbers.
    """
    if not groups:
        raise ValueError("a dot plot needs at least one group of scores, got none.")
    scores = {name: _scores(name, values) for name, values in groups.items()}
    everything = np.concatenate(list(scores.values()))
    apart = (everything.max() - everything.min()) / _DOTS
    places = {name: _stacked(values, apart) for name, values in scores.items()}
    heights = [_ROW + _DOT * place.max() for place in places.values()]  # inches
    tops = np.cumsum([0, *heights])
    figure, axes = new_figure(height=1.5 + tops[-1])
    decimals = _decimals(everything)
    words = []
    for row, (name, values) in enumerate(scores.items()):
        top = tops[row]
        axes.plot(values, top + 0.2 + _DOT * places[name], **_dot(row))
        middle = float(interquartile_mean(values))
        axes.plot(middle, top, "|", markersize=17, markeredgewidth=3.2, color=INK, zorder=3.5)
        said = f"{middle:,.{decimals}f}"
        if len(values) > 1:
            low, high = (float(end) for end in bootstrap_interval(values))
            axes.plot([low, high], [top, top], color=INK, linewidth=2.4, zorder=3)
            said += f" [{low:,.{decimals}f}, {high:,.{decimals}f}]"
        axes.annotate(said, xy=(1.02, top), xycoords=("axes fraction", "data"), **_BESIDE)
        words.append(
            f"{name}: interquartile mean {said}, {len(values)} seed"
            f"{'s' if len(values) > 1 else ''} from {values.min():,.{decimals}f} to "
            f"{values.max():,.{decimals}f}."
        )
    axes.set(xlabel=literal(xlabel), ylim=(tops[-1] - 0.15, -0.25))
    axes.set_yticks(tops[:-1], labels=[literal(name) for name in groups])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x", color=GRID, linewidth=0.8)
    write_title(axes, title)
    write_note(figure, "Dots: seeds. Bar: interquartile mean with its 95% bootstrap interval.")
    opening = f"Dot plot of {xlabel}, one dot a seed." if title is None else f"{title}: {xlabel}."
    figure.alt = " ".join([opening, *words])
    return figure


def _decimals(scores: np.ndarray) -> int:
    """So many that the numbers beside the rows show a hundredth of what the chart spans."""
    spans = float(scores.max() - scores.min()) or float(abs(scores).max()) or 1.0
    return max(0, 2 - math.ceil(math.log10(spans)))


def _dot(row: int) -> dict:
    """How the dots of a row look: colour and marker, with a white rim.

    They recur in a long chart; each row has its name beside it.
    """
    style = row % len(COLOURS)
    return {
        "linestyle": "",
        "marker": MARKERS[style],
        "markersize": 5.5,
        "markerfacecolor": COLOURS[style],
        "markeredgecolor": PAPER,
        "markeredgewidth": 0.6,
        "zorder": 2.5,
    }


def _scores(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(
            f"scores of {name!r} must be finite numbers of shape (seeds,), got {values!r}."
        )
    return values


def _stacked(values: np.ndarray, apart: float) -> np.ndarray:
    """The place below its row, from 0, that keeps each dot clear of all earlier ones: (R,) int."""
    places = np.zeros(len(values), int)
    for i, value in enumerate(values):
        taken = places[:i][np.abs(values[:i] - value) <= apart]
        places[i] = min(set(range(i + 1)) - set(taken.tolist()))
    return places
