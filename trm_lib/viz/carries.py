"""The persistent carry as a picture: who sits in the batch, for how long, and who follows.

Axes: S improvement steps, B places in the batch.
"""

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from trm_lib.viz.style import FAINT_INK, INK, PAPER, BookFigure, new_figure, write_note, write_title

_SHADES = LinearSegmentedColormap.from_list("steps", ["#dcebf5", "#0072B2"])


def carry_chart(steps: np.ndarray, n_sup: int, title: str | None = None) -> BookFigure:
    """Draws each place of a batch as a row, and each stay of a puzzle as a bar in it.

    A bar grows darker with every improvement step its puzzle is given, and ends where the puzzle
    halts and makes room for the next.

    Args:
        steps: (S, B) integers, how many improvement steps the puzzle in each place had had after
            each improvement step of the batch, as `carry.steps` tells; a 1 is a fresh puzzle.
        n_sup: most steps a puzzle can get; the darkest shade.
        title: one line above the chart.

    Returns:
        The figure; `alt` says how many puzzles came and how long they stayed.

    Raises:
        ValueError: `steps` is not such an array.
    """
    steps, n_sup = np.asarray(steps), int(n_sup)
    whole = np.issubdtype(steps.dtype, np.integer) and steps.ndim == 2 and steps.size
    if not whole or steps.min() < 1 or steps.max() > n_sup:
        raise ValueError(
            f"steps expected whole numbers from 1 to {n_sup} of shape (S, B), got {steps!r}"
        )
    S, B = steps.shape
    if not ((steps[1:] == 1) | (steps[1:] == steps[:-1] + 1)).all():
        raise ValueError("steps expected to count up by one, or begin again at 1; they jump")
    figure, axes = new_figure(height=1.3 + 0.2 * B)
    axes.imshow(
        steps.T, cmap=_SHADES, vmin=1, vmax=n_sup, aspect="auto", interpolation="nearest",
        extent=(0, S, B - 0.5, -0.5),
    )  # fmt: skip
    stays = []
    for place in range(B):
        begins = np.flatnonzero((steps[:, place] == 1) | (np.arange(S) == 0))
        ends = np.append(begins[1:], S)
        stays += [Rectangle((begin, place - 0.5), end - begin, 1) for begin, end in
                  zip(begins, ends, strict=True)]  # fmt: skip
        for end in ends[(ends - begins > 1) & (ends < S)]:  # who is still there has no last step
            last = steps[end - 1, place]
            axes.text(
                end - 0.3, place, str(last), ha="right", va="center", fontsize=7.5,
                color=PAPER if last > n_sup / 2 else INK,
            )  # fmt: skip
    axes.add_collection(PatchCollection(stays, facecolor="none", edgecolor=PAPER, linewidth=2.4))
    axes.set(
        xlim=(0, S), ylim=(B - 0.5, -0.5), xlabel="improvement steps of the batch", ylabel="seat"
    )
    axes.set_yticks([0, B - 1], labels=["1", str(B)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    axes.yaxis.label.set_color(FAINT_INK)
    write_title(axes, title)
    write_note(figure, "A bar is one puzzle; the number at its end, the steps it had when it left.")
    fresh = (steps[1:] == 1).sum()
    opening = "" if title is None else f"{title}. "
    figure.alt = (
        f"{opening}{B} seats over {S} improvement steps. {fresh} fresh puzzles came in; "
        f"the longest stay was {steps.max()} improvement steps."
    )
    return figure
