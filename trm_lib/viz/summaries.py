"""What a chart says of several seeds: smoothing, the interquartile mean, and its interval.

Axes: R seeds (runs), S steps.
"""

import numpy as np
from scipy.stats import bootstrap, trim_mean

_BLOCK = 4_000_000  # numbers held at once while resampling


def moving_average(values: np.ndarray, window: int) -> np.ndarray:
    """Averages each value with its neighbours on both sides.

    Near the ends, where neighbours are missing, it averages those there are.

    Args:
        values: shape (..., S).
        window: how many values are averaged; odd, so that the average is centred.

    Returns:
        Smoothed values, same shape.

    Raises:
        ValueError: if `window` is even, below 1 or above S.
    """
    values = np.asarray(values, dtype=float)
    steps = values.shape[-1]
    if window % 2 == 0 or not 1 <= window <= steps:
        raise ValueError(
            f"window must be an odd number from 1 to the {steps} steps there are, got {window}."
        )
    kernel = np.ones(window)
    present = np.convolve(np.ones(steps), kernel, mode="same")
    rows = [np.convolve(row, kernel, mode="same") for row in values.reshape(-1, steps)]
    return np.reshape(rows, values.shape) / present


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """Returns the mean of the middle half over seeds, which one lucky run cannot move.

    The lowest and the highest quarter are dropped; of R seeds, floor(R / 4) at each end. With
    fewer than four seeds it is the mean.

    Args:
        values: shape (R, ...).

    Returns:
        Shape (...).

    Raises:
        ValueError: if there is no seed, or a value is NaN.

    Source:
        Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
        NeurIPS 2021, who take SciPy's trimmed mean too.
    """
    return trim_mean(_by_seed(values), 0.25, axis=0)


def bootstrap_interval(
    values: np.ndarray, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a percentile bootstrap interval of the interquartile mean over seeds.

    Whole seeds are drawn with replacement, so that steps of one run stay together; the interval
    itself is pointwise. With few seeds it is too narrow: it knows only the runs it saw.

    Args:
        values: shape (R, ...), R >= 2.
        level: probability that the interval aims at, in (0, 1).
        resamples: how many times the seeds are drawn anew.
        seed: of the generator that draws them.

    Returns:
        Lower and upper ends, each of shape (...).

    Raises:
        ValueError: if there are fewer than two seeds, or a value is NaN.
    """
    values = _by_seed(values)
    seeds = len(values)
    if seeds < 2:
        raise ValueError(f"an interval over seeds needs at least two of them, got {seeds}.")
    result = bootstrap(
        (values,),
        lambda drawn, axis: trim_mean(drawn, 0.25, axis=axis),
        n_resamples=resamples,
        batch=max(1, _BLOCK // values.size),
        confidence_level=level,
        method="percentile",
        axis=0,
        rng=np.random.default_rng(seed),
    )
    return result.confidence_interval.low, result.confidence_interval.high


def _by_seed(values: np.ndarray) -> np.ndarray:
    """Checks that there is a seed, and that every seed has a value."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(f"values must have shape (seeds, ...), one seed or more, got {values!r}.")
    if np.isnan(values).any():
        raise ValueError(
            f"values must be numbers, got {np.isnan(values).sum()} NaN: find out why a seed failed."
        )
    return values
