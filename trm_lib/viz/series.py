"""Drawing of named curves over seeds, shared by the charts that have them.

Axes: R seeds (runs), S points of a curve.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trm_lib.viz.style import COLOURS, DASHES, FAINT_INK, INK, TEXT_SIZE, literal


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
