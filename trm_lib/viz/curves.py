"""Charts of learning: curves over steps, and accuracy over K.

Axes: R seeds (runs), S steps, K recursion depths.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from trm_lib.viz.series import (
    Curve,
    check_curves,
    draw_curve,
    label_curves,
    seeds_by_steps,
)
from trm_lib.viz.style import (
    COLOURS,
    MARKERS,
    PAPER,
    BookFigure,
    four_figures,
    literal,
    new_figure,
    write_note,
    write_title,
)
from trm_lib.viz.summaries import bootstrap_interval, interquartile_mean, moving_average

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
