"""Charts of lines: learning over steps, accuracy over K, and plain numbers over a count.

Every seed is drawn faint; the bold line is the interquartile mean over seeds, the band its 95%
bootstrap interval at each point (whole seeds are drawn anew). One seed has no band. The `alt` of a
chart says its numbers.

Axes: R seeds (runs), S points of a curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from trm_lib.statistics import bootstrap_interval, interquartile_mean, moving_average
from trm_lib.viz import style
from trm_lib.viz.style import BookFigure, four_figures, literal, new_figure, write_note

Array = np.ndarray
_LEAST_ERROR = 1e-4  # what a logarithmic axis of errors can show of "none"
_LEAST = 1e-12  # what any other logarithmic axis can show of "none"


def learning_curves(
    series: Mapping[str, tuple[Array, Array]],
    xlabel: str,
    ylabel: str,
    window: int = 1,
    best: str = "max",
) -> BookFigure:
    """Draw how runs learn; each seed is smoothed by a centred moving average.

    Args:
        series: name to (x, y); x of shape (S,), y of shape (S,) or (R, S).
        xlabel: what x counts, for example "episodes".
        ylabel: what y measures, for example "success rate".
        window: number of values in the moving average, odd; 1 leaves the values as they are.
        best: "max" or "min", the better end of y. The best point of each bold line is marked,
            and beside its name stands where it ends.

    Raises:
        ValueError: a shape does not fit, a value is not finite, or `window` is even or longer
            than a curve.
    """
    figure, axes = new_figure()
    curves, words = [], []
    for i, (name, (x, y)) in enumerate(_told_apart(series)):
        curve = _curve(name, x, y, window)
        x, middle = curve.x, curve.middle
        top = int(middle.argmax() if best == "max" else middle.argmin())
        peak = f"best {four_figures(middle[top])} at {x[top]:,.6g}"
        first, final = four_figures(middle[0]), four_figures(middle[-1])
        curves.append(replace(curve, words=f"ends at {final}"))
        _draw(axes, curve, i)
        axes.plot(
            x[top], middle[top], marker=style.MARKERS[i], markersize=9, markeredgewidth=1.8,
            markerfacecolor=style.PAPER, markeredgecolor=style.COLOURS[i], zorder=4,
        )  # fmt: skip
        words.append(f"{curve.counted()}: from {first} to {final}, {peak}.")
    if max(curve.x[-1] for curve in curves) >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 200k, 1M: long numbers collide
    write_note(figure, _note(curves, window))
    return _finished(figure, curves, xlabel, ylabel, words)


def accuracy_by_k(
    k: Array, accuracy: Mapping[str, Array], ylabel: str, xlabel: str = "K", errors: bool = False
) -> BookFigure:
    """Draw accuracy against the depth of recursion.

    Args:
        k: depths, whole numbers, increasing, shape (S,).
        accuracy: name to fractions in [0, 1], shape (S,) or (R, S).
        ylabel: which accuracy it is, for example "exact accuracy, 1,000 test boards".
        xlabel: what k counts.
        errors: draw what is missing to 1, on a logarithmic axis, where 0.99 and 0.999 are far
            apart; `ylabel` then names the errors. Less than 0.0001 is drawn as 0.0001.

    Raises:
        ValueError: a shape does not fit, k does not increase, or an accuracy lies outside [0, 1].
    """
    figure, axes = new_figure()
    curves, words = [], []
    for i, (name, y) in enumerate(_told_apart(accuracy)):
        curve = _curve(name, k, y)
        least, most = curve.seeds.min(), curve.seeds.max()
        if least < 0 or most > 1:
            raise ValueError(
                f"accuracy of {name!r} must lie in [0, 1], got {least:g} to {most:g}; "
                "divide percentages by 100."
            )
        words.append(f"{curve.counted()}: {_at_every_k(curve, xlabel)}.")
        curves.append(_as_errors(curve) if errors else curve)
        _draw(axes, curves[-1], i, marker=style.MARKERS[i])
    if errors:
        decades = np.arange(int(np.log10(_LEAST_ERROR)), 1)
        axes.set_yticks(decades, [f"{100 * 10.0**decade:g}%" for decade in decades])
    axes.set_xticks(k if len(k) <= 16 else k[:: -(-len(k) // 12)])
    write_note(figure, _note(curves, window=1))
    said = f"{ylabel}, on a logarithmic axis; in words, the accuracy" if errors else ylabel
    return _finished(figure, curves, xlabel, ylabel, words, said)


def lines(
    curves: Mapping[str, Array],
    xlabel: str,
    ylabel: str,
    first: int = 1,
    log: bool = False,
    marked: tuple[str, float] | None = None,
    level: tuple[str, float] | None = None,
) -> BookFigure:
    """Draw a line for each name over `first`, `first` + 1, ...

    Args:
        curves: name to finite values (S,); at most seven.
        xlabel: what is counted.
        ylabel: what is measured.
        first: where the first axis begins.
        log: a logarithmic axis; less than 1e-12 is drawn as 1e-12.
        marked: a place on the first axis: what it is called, and where.
        level: a threshold on the second axis: what it says, and its value.
    """
    figure, axes = new_figure()
    drawn, words = [], []
    for i, (name, y) in enumerate(_told_apart(curves)):
        curve = _curve(name, first + np.arange(len(y)), y)
        least = _LEAST if log else -np.inf
        drawn.append(replace(curve, middle=np.maximum(curve.middle, least)))
        _draw(axes, drawn[-1], i, marker=style.MARKERS[i] if len(y) <= 40 else None)
        words.append(f"{name}: from {y[0]:.3g} to {y[-1]:.3g}.")
    small = {"color": style.FAINT_INK, "fontsize": style.TEXT_SIZE - 1.5, "va": "bottom"}
    if marked is not None:
        name, at = marked
        axes.axvline(at, color=style.INK, linewidth=1, linestyle=":", label=name)
        axes.text(at, 1, name, ha="center", transform=axes.get_xaxis_transform(), **small)
        words.append(f"{name}: {at:g}.")
    if level is not None:
        name, at = level
        axes.axhline(at, color=style.INK, linewidth=1, label=name)
        axes.text(1, at, name, ha="right", transform=axes.get_yaxis_transform(), **small)
        words.append(f"A line at {at:g}: {name}.")
    if log:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _finished(figure, drawn, xlabel, ylabel, words)


@dataclass(frozen=True)
class _Curve:
    """One named curve, ready to draw."""

    name: str
    x: Array  # (S,), increasing
    seeds: Array  # (R, S), what every seed measured; drawn faint
    middle: Array  # (S,), the bold line
    band: tuple[Array, Array] | None  # the ends of its interval, (S,) each
    words: str = ""  # a second line for the label beside the curve

    def counted(self) -> str:
        """Its name and how many seeds it has."""
        count = len(self.seeds)
        return f"{self.name}, {count} seed{'s' if count > 1 else ''}"


def _curve(name: str, x: Array, y: Array, window: int = 1) -> _Curve:
    """A curve of x (S,) and y, (S,) or (R, S), checked and smoothed."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or y.ndim not in (1, 2) or y.size == 0 or y.shape[-1] != len(x):
        raise ValueError(
            f"{name!r} must have x of shape (steps,) and y of shape (steps,) or (seeds, steps), "
            f"got {x.shape} and {y.shape}."
        )
    if not (np.diff(x) > 0).all():
        raise ValueError(f"x of {name!r} must increase, got {x}.")
    if not np.isfinite(y).all():
        raise ValueError(f"{name!r} has {(~np.isfinite(y)).sum()} values in y that are not finite.")
    y = np.atleast_2d(y)
    smooth = moving_average(y, window)
    band = bootstrap_interval(smooth) if len(y) > 1 else None
    return _Curve(name, x, y, interquartile_mean(smooth), band)


def _told_apart(series: Mapping) -> list[tuple]:
    """The items of a chart, unless there are none, or more than can be told apart."""
    if not 1 <= len(series) <= len(style.COLOURS):
        raise ValueError(
            f"one chart holds 1 to {len(style.COLOURS)} names, got {len(series)}; "
            "split what is too much over two charts."
        )
    return list(series.items())


def _as_errors(curve: _Curve) -> _Curve:
    """Accuracies as the decimal logarithm of what is missing to 1."""

    def missing(accuracy: Array) -> Array:
        return np.log10(np.maximum(1 - accuracy, _LEAST_ERROR))

    band = None if curve.band is None else (missing(curve.band[1]), missing(curve.band[0]))
    return replace(curve, seeds=missing(curve.seeds), middle=missing(curve.middle), band=band)


def _look(i: int) -> dict:
    """How the bold line of curve i is drawn, and the short stroke beside its name."""
    return {"color": style.COLOURS[i], "linestyle": style.DASHES[i], "linewidth": 2.1}


def _draw(axes: Axes, curve: _Curve, i: int, marker: str | None = None) -> None:
    """One curve: every seed faint, its interval as a band, its middle bold."""
    colour = style.COLOURS[i]
    if len(curve.seeds) > 1 or not np.array_equal(curve.seeds[0], curve.middle):
        axes.plot(curve.x, curve.seeds.T, color=colour, linewidth=0.8, alpha=0.28, zorder=1.5)
    if curve.band is not None:
        axes.fill_between(curve.x, *curve.band, color=colour, alpha=0.17, linewidth=0, zorder=1.8)
    axes.plot(
        curve.x, curve.middle, zorder=3, marker=marker, markersize=6, label=literal(curve.name),
        **_look(i),
    )  # fmt: skip


def _finished(
    figure: BookFigure,
    curves: list[_Curve],
    xlabel: str,
    ylabel: str,
    words: list[str],
    said: str | None = None,
) -> BookFigure:
    """The figure with names and an `alt`: what y is `said` to be, then the `words`."""
    (axes,) = figure.axes
    _label(axes, curves)
    axes.set(xlabel=literal(xlabel), ylabel=literal(ylabel))
    figure.alt = " ".join([f"Line chart of {said or ylabel} against {xlabel}.", *words])
    return figure


def _label(axes: Axes, curves: list[_Curve]) -> None:
    """Write each curve's name at its right end, so that no legend must be looked up.

    The names are moved apart where they would overlap, and joined to their curves by a thin grey
    line; a short stroke before each is drawn as its curve is.
    """
    axes.set_ylim(*axes.get_ylim())
    names = [f"{curve.name}\n{curve.words}" if curve.words else curve.name for curve in curves]
    rows = 1 + max(name.count("\n") for name in names)
    axes_points = 72 * (axes.figure.get_figheight() - 1.2)  # about what the words around it leave
    gap = 1.3 * rows * style.TEXT_SIZE / axes_points
    ends = [(curve.x[-1], curve.middle[-1]) for curve in curves]
    heights = spread(axes.transLimits.transform(axes.transScale.transform(ends))[:, 1], gap)
    thin = {"color": style.FAINT_INK, "alpha": 0.5, "linewidth": 0.7, "shrinkB": 3}
    for i, (name, end, height) in enumerate(zip(names, ends, heights, strict=True)):
        axes.annotate(
            "", xy=end, xytext=(1.06, height), textcoords="axes fraction",
            annotation_clip=False, arrowprops={"arrowstyle": "-"} | thin,
        )  # fmt: skip
        key = Line2D([1.06, 1.13], [height, height], transform=axes.transAxes, **_look(i))
        axes.figure.add_artist(key)
        axes.annotate(
            literal(name), xy=(1.15, height), xycoords="axes fraction", annotation_clip=False,
            color=style.INK, fontsize=style.TEXT_SIZE - 0.5, va="center", linespacing=1.15,
        )  # fmt: skip


def spread(heights: Array, gap: float) -> Array:
    """Move heights (N,) in [0, 1] apart until no two are nearer than `gap`, as little as a sweep.

    The gap is made smaller if N of them do not fit between 0 and 1. The order stays.
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


def _at_every_k(curve: _Curve, xlabel: str) -> str:
    """The accuracy at every K, with its interval where there is one, in words."""
    told = [four_figures(accuracy) for accuracy in curve.middle]
    if curve.band is not None:
        ends = ([four_figures(end) for end in ends] for ends in curve.band)
        told = [f"{said} ({low} to {high})" for said, low, high in zip(told, *ends, strict=True)]
    return ", ".join(f"{said} at {xlabel} = {k:g}" for said, k in zip(told, curve.x, strict=True))


def _note(curves: list[_Curve], window: int) -> str:
    """How faint lines, bold lines and bands were made."""
    counts = sorted({len(curve.seeds) for curve in curves})
    smooth = f"centred moving average over {window} points"
    if counts == [1]:
        return f"Faint: raw values. Bold: {smooth}." if window > 1 else "One seed."
    count = " to ".join(map(str, [counts[0], *counts[1:][-1:]]))
    bold = "interquartile mean" + (f" of a {smooth}" if window > 1 else "")
    return f"Faint: each of {count} seeds. Bold: {bold}.\nBand: 95% bootstrap interval."
