"""What seeds say: the middle of one learner's, its interval, and whether two learners differ.

Every score is one number a seed. Axes: R seeds (runs) of one learner, S steps of a run.

Source:
    Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
    NeurIPS 2021: interquartile mean, bootstrap over seeds, probability of improvement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import PermutationMethod, bootstrap, mannwhitneyu, trim_mean

_BLOCK = 4_000_000  # numbers held at once while resampling
_SHUFFLES = 20_000  # of the seeds' labels: all there are, up to 8 seeds a learner
_LEVEL = 0.95  # of every interval
_RESAMPLES = 2000  # how many times the seeds are drawn anew


def check_scores(values: np.ndarray, name: str, least: int, curves: bool = False) -> np.ndarray:
    """The finite scores, (R,) or with `curves` (R, ...), of `least` seeds or more."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 0 or (values.ndim > 1 and not curves) or len(values) < least:
        raise ValueError(
            f"{name} expected shape (seeds{', ...' if curves else ','}), {least} seeds or more, "
            f"got shape {values.shape}: run more seeds, or pick one score a seed"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{name} expected finite numbers, got {values}: find out why a seed failed; leaving "
            "it out would flatter the learner"
        )
    return values


def moving_average(values: np.ndarray, window: int) -> np.ndarray:
    """Average each value with its neighbours on both sides; near the ends, with those there are.

    Args:
        values: shape (..., S); so are the smoothed ones.
        window: how many values are averaged; odd, from 1 to S.
    """
    values = np.asarray(values, dtype=float)
    steps = values.shape[-1]
    if window % 2 == 0 or not 1 <= window <= steps:
        raise ValueError(
            f"window must be an odd number from 1 to the {steps} steps there are, got {window}."
        )
    kernel = np.ones(window)
    present = np.convolve(np.ones(steps), kernel, mode="same")
    return np.apply_along_axis(np.convolve, -1, values, kernel, mode="same") / present


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half over seeds, which one lucky run cannot move: (R, ...) -> (...).

    The lowest and the highest quarter are dropped; of R seeds, floor(R / 4) at each end. With
    fewer than four seeds it is the mean.
    """
    return _middle(check_scores(values, "values", 1, curves=True))


def bootstrap_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A 95% bootstrap interval of the interquartile mean over seeds, (R, ...): its ends, (...).

    Whole seeds are drawn with replacement, 2,000 times by a generator of seed 0; steps of one run
    stay together, and the interval is pointwise. With few seeds it is too narrow: it knows only
    the runs it saw.
    """
    return _interval(_middle, check_scores(values, "values", 2, curves=True))


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class Comparison:
    """What two learners' seeds say about which of them scores higher; `print` it."""

    names: tuple[str, str]  #: what the learners are called, a then b
    a: Estimate  #: interquartile mean of a's seeds, with its 95% bootstrap interval
    b: Estimate
    difference: Estimate  #: of the two means, a minus b
    improvement: Estimate  #: probability that a seed of a scores above one of b, ties half
    p_value: float  #: Mann-Whitney, two-sided: how often equal learners look at least so different

    @property
    def winner(self) -> str | None:
        """The learner that scores higher, or None where these seeds cannot tell.

        The intervals of the two means must lie apart, and that of the probability of improvement on
        the same side of 0.5. A bootstrap knows only the seeds it saw, and with two or three a
        learner, equal ones often fall apart by chance; so the test must reject at 5% too.
        """
        if self.p_value > 1 - _LEVEL:
            return None
        if self.a.low > self.b.high and self.improvement.low > 0.5:
            return self.names[0]
        if self.b.low > self.a.high and self.improvement.high < 0.5:
            return self.names[1]
        return None

    def __str__(self) -> str:
        a, b = self.names
        verdict = "no winner" if self.winner is None else f"{self.winner} scores higher"
        return (
            f"{verdict}: {a} {self.a}, {b} {self.b}\n  difference {self.difference}, "
            f"P({a} higher) {self.improvement}, p = {self.p_value:.2g}"
        )


def compare(a: np.ndarray, b: np.ndarray, names: tuple[str, str] = ("a", "b")) -> Comparison:
    """Compare two learners by their seeds; all draws are repeatable.

    Args:
        a, b: finite scores of the two learners, shapes (R_a,) and (R_b,), R >= 2; higher is better.
        names: what to call them.
    """
    a, b = (
        check_scores(own, f"scores of {name}", 2) for own, name in zip((a, b), names, strict=True)
    )
    shuffled = PermutationMethod(n_resamples=_SHUFFLES, rng=np.random.default_rng(0))
    return Comparison(
        tuple(names),
        _estimate(_middle, a),
        _estimate(_middle, b),
        _estimate(_difference, a, b),
        _estimate(_share_of_pairs, a, b),
        float(mannwhitneyu(a, b, method=shuffled).pvalue),
    )


def _estimate(statistic: Callable, *learners: np.ndarray) -> Estimate:
    """A statistic of learners' seeds (R,), with its interval."""
    return Estimate(*map(float, (statistic(*learners), *_interval(statistic, *learners))))


def _interval(statistic: Callable, *learners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of a percentile interval; the seeds of each learner are drawn by themselves."""
    return bootstrap(
        learners,
        statistic,
        n_resamples=_RESAMPLES,
        batch=max(1, _BLOCK // max(values.size for values in learners)),
        confidence_level=_LEVEL,
        method="percentile",
        axis=0,
        rng=np.random.default_rng(0),
    ).confidence_interval


_middle = partial(trim_mean, proportiontocut=0.25)  # the interquartile mean


def _difference(a: np.ndarray, b: np.ndarray, axis: int = 0) -> np.ndarray:
    """Of the interquartile means."""
    return _middle(a, axis=axis) - _middle(b, axis=axis)


def _share_of_pairs(a: np.ndarray, b: np.ndarray, axis: int = 0) -> np.ndarray:
    """The Mann-Whitney U over the number of pairs: the share in which a is larger, ties half."""
    # "asymptotic" is about the p-value, which is not used here, and is the cheapest.
    larger = mannwhitneyu(a, b, axis=axis, method="asymptotic").statistic
    return larger / (a.shape[axis] * b.shape[axis])
