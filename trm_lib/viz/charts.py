"""Drawing of named curves over seeds, shared by the charts that have them.

Axes: R seeds (runs), S points of a curve.

Charts of learning: curves over steps, and accuracy over K.

Axes: R seeds (runs), S steps, K recursion depths.

A chart of final scores in which every seed can be seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from trm_lib.statistics import bootstrap_interval, interquartile_mean, moving_average
from trm_lib.viz.style import (
    COLOURS,
    DASHES,
    FAINT_INK,
    GRID,
    INK,
    MARKERS,
    PAPER,
    TEXT_SIZE,
    BookFigure,
    four_figures,
    literal,
    new_figure,
    write_note,
    write_title,
)


@dataclass(frozen=True)
class Curve:
    """One named curve, ready to draw.

    Attributes:
        name: what it is called.
        x: shape (S,), increasing.
        seeds: what every seed measured, shape (R, S); drawn faint.
        middle: the bold line, shape (S,).
        band: lower and upper ends of its interval, each (S,), or None.
        words: a second line for the label beside the curve, or "".
    """

    name: str
    x: np.ndarray
    seeds: np.ndarray
    middle: np.ndarray
    band: tuple[np.ndarray, np.ndarray] | None
    words: str = ""


def check_curves(count: int) -> None:
    """Refuses a chart of no curves, or of more than can be told apart."""
    if not 1 <= count <= len(COLOURS):
        raise ValueError(
            f"one chart holds 1 to {len(COLOURS)} names, got {count}; "
            "give at least one, and split what is too much over two charts."
        )


def seeds_by_steps(name: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Checks one curve.

    Args:
        name: of the curve, for the error message.
        x: shape (S,), increasing.
        y: shape (S,) for one seed, or (R, S).

    Returns:
        x of shape (S,) and y of shape (R, S), as floats.

    Raises:
        ValueError: if the shapes do not fit, if x does not increase, or if a value is not finite.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or y.ndim not in (1, 2) or y.size == 0 or y.shape[-1] != len(x):
        raise ValueError(
            f"{name!r} must have x of shape (steps,) and y of shape (steps,) or (seeds, steps), "
            f"got {x.shape} and {y.shape}."
        )
    if not np.all(np.diff(x) > 0):
        raise ValueError(f"x of {name!r} must increase from one point to the next; sort it first.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(
            f"{name!r} has {(~np.isfinite(y)).sum()} values in y and {(~np.isfinite(x)).sum()} in "
            "x that are not finite; leave these steps out, and say so beside the chart."
        )
    return x, np.atleast_2d(y)


def draw_curve(axes: Axes, curve: Curve, style: int, marker: str | None = None) -> None:
    """Draws one curve: every seed faint, its interval as a band, its middle bold.

    Args:
        axes: where to draw.
        curve: what to draw.
        style: index of its colour and dash.
        marker: of the points of the bold line, or None.
    """
    colour = COLOURS[style]
    if len(curve.seeds) > 1 or not np.array_equal(curve.seeds[0], curve.middle):
        for row in curve.seeds:
            axes.plot(curve.x, row, color=colour, linewidth=0.8, alpha=0.28, zorder=1.5)
    if curve.band is not None:
        axes.fill_between(curve.x, *curve.band, color=colour, alpha=0.17, linewidth=0, zorder=1.8)
    axes.plot(
        curve.x,
        curve.middle,
        color=colour,
        linestyle=DASHES[style],
        linewidth=2.1,
        marker=marker,
        markersize=6,
        label=literal(curve.name),
        zorder=3,
    )


def label_curves(figure: Figure, axes: Axes, curves: list[Curve]) -> None:
    """Writes each curve's name at its right end, so that no legend must be looked up.

    The names are moved apart where they would overlap, and joined to their curves by a thin grey
    line; a short stroke before each is drawn as its curve is.
    """
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    lines = 2 if any(curve.words for curve in curves) else 1
    axes_points = 72 * (figure.get_figheight() - 1.2)  # about what the words around it leave
    gap = 1.3 * lines * TEXT_SIZE / axes_points
    ends = np.array([(curve.middle[-1] - low) / (high - low) for curve in curves])
    for style, (curve, height) in enumerate(zip(curves, spread(ends, gap), strict=True)):
        axes.annotate(
            "",
            xy=(curve.x[-1], curve.middle[-1]),
            xytext=(1.06, height),
            textcoords="axes fraction",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": FAINT_INK,
                "alpha": 0.5,
                "linewidth": 0.7,
                "shrinkB": 3,
            },
        )
        key = Line2D(
            [1.06, 1.13],
            [height, height],
            transform=axes.transAxes,
            color=COLOURS[style],
            linestyle=DASHES[style],
            linewidth=2.1,
        )
        figure.add_artist(key)
        axes.annotate(
            literal(f"{curve.name}\n{curve.words}" if curve.words else curve.name),
            xy=(1.15, height),
            xycoords="axes fraction",
            color=INK,
            fontsize=TEXT_SIZE - 0.5,
            va="center",
            linespacing=1.15,
            annotation_clip=False,
        )


def spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Moves heights in [0, 1] apart until no two are nearer than `gap`, as little as a sweep does.

    Args:
        heights: shape (N,).
        gap: smallest distance wanted; made smaller if N of them do not fit between 0 and 1.

    Returns:
        New heights in the same order, shape (N,).
    """
    order = np.argsort(heights, kind="stable")
    steps = min(gap, 1 / max(1, len(heights) - 1)) * np.arange(len(heights))
    # Subtracting the steps turns "at least a gap apart" into "not decreasing"; the mean of the
    # running maximum from below and the running minimum from above is such a sequence.
    level = np.clip(heights[order], 0, 1) - steps
    up = np.maximum.accumulate(level)
    down = np.minimum.accumulate(level[::-1])[::-1]
    moved = np.empty(len(heights))
    moved[order] = np.clip((up + down) / 2, 0, 1 - steps[-1]) + steps
    return moved


Array = np.ndarray
_LEAST_ERROR = 1e-4  # what a logarithmic axis can show of "none"


def learning_curves(
    series: Mapping[str, tuple[Array, Array]],
    xlabel: str,
    ylabel: str,
    window: int = 1,
    best: str = "max",
    bands: Mapping[str, tuple[Array, Array]] | None = None,
    title: str | None = None,
) -> BookFigure:
    """Draws how runs learn: raw values faint, a smooth line bold, the best of it marked.

    Each seed is smoothed by a centred moving average; the bold line is the interquartile mean of
    the smoothed seeds, and the band its 95% bootstrap interval at each step (2,000 resamples of
    whole seeds, generator seed 0). One seed has no band.

    Args:
        series: name to (x, y); x of shape (S,), y of shape (S,) or (R, S).
        xlabel: what x counts, for example "episodes".
        ylabel: what y measures, for example "success rate".
        window: number of values in the moving average, odd; 1 leaves the values as they are.
        best: "max" or "min", the better end of y. The best point of each bold line is marked.
        bands: name to (low, high), each of shape (S,), to draw in place of the bootstrap's.
        title: one line above the chart.

    Returns:
        The figure; `alt` says where each line begins, ends and is best.

    Raises:
        ValueError: if a shape does not fit, a value is not finite, `window` is even or longer
            than a curve, `best` is neither end, or a band belongs to no curve.
    """
    check_curves(len(series))
    if best not in ("max", "min"):
        raise ValueError(f'best must be "max" or "min", got {best!r}.')
    bands = {} if bands is None else bands
    if unknown := set(bands) - set(series):
        raise ValueError(f"bands are given for {sorted(unknown)}, which series does not have.")
    figure, axes = new_figure()
    curves, words = [], []
    for style, (name, (x, y)) in enumerate(series.items()):
        x, y = seeds_by_steps(name, x, y)
        smooth = moving_average(y, window)
        middle = interquartile_mean(smooth)
        top = int(middle.argmax() if best == "max" else middle.argmin())
        peak = f"best {four_figures(middle[top])} at {x[top]:,.6g}"
        curve = Curve(name, x, y, middle, _band(name, bands, smooth), peak)
        draw_curve(axes, curve, style)
        _mark_best(axes, x[top], middle[top], style)
        curves.append(curve)
        first, final = four_figures(middle[0]), four_figures(middle[-1])
        words.append(f"{_seeds(name, y)}: from {first} to {final}, {peak}.")
    label_curves(figure, axes, curves)
    axes.set(xlabel=literal(xlabel), ylabel=literal(ylabel))
    if max(curve.x[-1] for curve in curves) >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 200k, 1M: long numbers collide
    write_note(figure, _note(curves, window, bool(bands)))
    write_title(axes, title)
    figure.alt = _alt(title, f"{ylabel} against {xlabel}", words)
    return figure


def accuracy_by_k(
    k: Array,
    accuracy: Mapping[str, Array],
    ylabel: str,
    xlabel: str = "K",
    title: str | None = None,
    errors: bool = False,
) -> BookFigure:
    """Draws accuracy against the depth of recursion: every seed faint, their middle bold.

    The bold line is the interquartile mean over seeds, and the band its 95% bootstrap interval
    at each K (2,000 resamples of whole seeds, generator seed 0). One seed has no band.

    Args:
        k: depths, whole numbers, increasing, shape (K,).
        accuracy: name to fractions in [0, 1], shape (K,) or (R, K).
        ylabel: which accuracy it is, for example "exact accuracy, 1,000 test boards".
        xlabel: what k counts.
        title: one line above the chart.
        errors: draw what is missing to 1, on a logarithmic axis, where 0.99 and 0.999 are far
            apart; `ylabel` then names the errors. Less than 0.0001 is drawn as 0.0001.

    Returns:
        The figure; `alt` says the accuracy and its interval at every K.

    Raises:
        ValueError: if a shape does not fit, k is not whole and increasing, or an accuracy lies
            outside [0, 1].
    """
    check_curves(len(accuracy))
    k = np.asarray(k)
    if not np.array_equal(k, np.round(k)):
        raise ValueError(f"k must hold whole numbers, got {k}.")
    figure, axes = new_figure()
    curves, words = [], []
    for style, (name, y) in enumerate(accuracy.items()):
        x, y = seeds_by_steps(name, k, y)
        if y.min() < 0 or y.max() > 1:
            raise ValueError(
                f"accuracy of {name!r} must lie in [0, 1], got {y.min():g} to {y.max():g}; "
                "divide percentages by 100."
            )
        curve = Curve(name, x, y, interquartile_mean(y), _band(name, {}, y))
        words.append(f"{_seeds(name, y)}: {_at_every_k(curve, xlabel)}.")
        if errors:
            curve = _as_errors(curve)
        draw_curve(axes, curve, style, marker=MARKERS[style])
        curves.append(curve)
    if errors:
        decades = np.arange(int(np.log10(_LEAST_ERROR)), 1)
        axes.set_yticks(decades, [f"{100 * 10.0**decade:g}%" for decade in decades])
    axes.set_xticks(k if len(k) <= 16 else k[:: -(-len(k) // 12)])
    label_curves(figure, axes, curves)
    axes.set(xlabel=literal(xlabel), ylabel=literal(ylabel))
    write_note(figure, _note(curves, window=1, given=False))
    write_title(axes, title)
    subject = f"{ylabel}, on a logarithmic axis; in words, the accuracy" if errors else ylabel
    figure.alt = _alt(title, f"{subject} against {xlabel}", words)
    return figure


def _as_errors(curve: Curve) -> Curve:
    """Turns accuracies into the decimal logarithm of what is missing to 1."""

    def missing(accuracy: Array) -> Array:
        return np.log10(np.maximum(1 - accuracy, _LEAST_ERROR))

    band = None if curve.band is None else (missing(curve.band[1]), missing(curve.band[0]))
    return replace(curve, seeds=missing(curve.seeds), middle=missing(curve.middle), band=band)


def _band(name: str, bands: Mapping[str, tuple[Array, Array]], y: Array) -> tuple | None:
    """Returns the band the caller gave, else the bootstrap's, else None for a single seed."""
    if name not in bands:
        return bootstrap_interval(y) if len(y) > 1 else None
    low, high = (np.asarray(end, dtype=float) for end in bands[name])
    if low.shape != y.shape[1:] or high.shape != y.shape[1:] or not np.all(low <= high):
        raise ValueError(
            f"the band of {name!r} must be (low, high), each of shape {y.shape[1:]} and low <= "
            f"high, got shapes {low.shape} and {high.shape}."
        )
    return low, high


def _mark_best(axes: Axes, x: float, y: float, style: int) -> None:
    axes.plot(
        x,
        y,
        marker=MARKERS[style],
        markersize=9,
        markerfacecolor=PAPER,
        markeredgecolor=COLOURS[style],
        markeredgewidth=1.8,
        zorder=4,
    )


def _seeds(name: str, y: Array) -> str:
    return f"{name}, {len(y)} seed{'s' if len(y) > 1 else ''}"


def _at_every_k(curve: Curve, xlabel: str) -> str:
    """Says the accuracy at every K, with its interval where there is one."""
    told = []
    for i, depth in enumerate(curve.x):
        interval = ""
        if curve.band is not None:
            low, high = (four_figures(end[i]) for end in curve.band)
            interval = f" ({low} to {high})"
        told.append(f"{four_figures(curve.middle[i])}{interval} at {xlabel} = {depth:g}")
    return ", ".join(told)


def _note(curves: list[Curve], window: int, given: bool) -> str:
    """Says how faint lines, bold lines and bands were made."""
    most = max(len(curve.seeds) for curve in curves)
    smooth = f"centred moving average over {window} points" if window > 1 else ""
    if most == 1:
        said = [f"Faint: raw values. Bold: {smooth}."] if smooth else ["One seed."]
    else:
        least = min(len(curve.seeds) for curve in curves)
        count = f"{most}" if least == most else f"{least} to {most}"
        said = [f"Faint: each of {count} seeds. Bold: interquartile mean."]
        if smooth:
            said = [f"Faint: each of {count} seeds. Bold: interquartile mean of a {smooth}."]
    if any(curve.band is not None for curve in curves):
        said.append("Band: see text." if given else "Band: 95% bootstrap interval.")
    return "\n".join(said)


def _alt(title: str | None, subject: str, words: list[str]) -> str:
    """Returns the text alternative: what the chart is, then a sentence a line."""
    opening = f"Line chart of {subject}." if title is None else f"{title}: {subject}."
    return " ".join([opening, *words])


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
