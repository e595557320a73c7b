"""Summaries over seeds against SciPy, and against what can be counted by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import trim_mean

from trm_lib.viz import bootstrap_interval, interquartile_mean, moving_average


@pytest.mark.parametrize("seeds", [*range(1, 13), 16, 20, 101])
def test_interquartile_mean_is_scipys_trimmed_mean(seeds):
    values = np.random.default_rng(seeds).normal(size=(seeds, 3, 2))
    np.testing.assert_allclose(interquartile_mean(values), trim_mean(values, 0.25, axis=0))


def test_interquartile_mean_of_eight_by_hand():
    assert interquartile_mean(np.array([9, -100, 1, 2, 3, 4, 100, 0])) == (1 + 2 + 3 + 4) / 4


def test_interquartile_mean_of_ten_by_hand():
    # a quarter of ten is 2.5: two are dropped at each end, 0 and 1, 50 and 90
    assert interquartile_mean(np.array([90, 4, 0, 6, 2, 50, 3, 1, 5, 7])) == 27 / 6


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    half=st.integers(0, 14),
)
def test_moving_average_is_the_mean_of_the_neighbours_there_are(values, half):
    half = min(half, (len(values) - 1) // 2)
    expected = [np.mean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]
    np.testing.assert_allclose(moving_average(values, 2 * half + 1), expected, atol=1e-9)


def test_moving_average_smooths_each_seed_by_itself():
    values = np.random.default_rng(0).normal(size=(4, 3, 20))
    smooth = moving_average(values, 5)
    np.testing.assert_array_equal(smooth[2, 1], moving_average(values[2, 1], 5))


@pytest.mark.parametrize("window", [0, 2, -1, 11])
def test_moving_average_refuses_a_window_without_a_centre_or_too_long(window):
    with pytest.raises(ValueError, match=f"odd number from 1 to the 10 steps there are.*{window}"):
        moving_average(np.zeros(10), window)


def test_bootstrap_ends_are_the_quantiles_of_all_resamples_counted():
    values = np.array([0.0, 1.0, 5.0, 7.0])
    every = [interquartile_mean(values[list(draw)]) for draw in product(range(4), repeat=4)]
    low, high = bootstrap_interval(values, level=0.8, resamples=200_000)
    # A quantile of a few hundred distinct values: the sampled one lies within one value of it.
    steps = np.unique(np.round(every, 12))
    for end, share in ((low, 0.1), (high, 0.9)):
        exact = np.searchsorted(steps, np.quantile(every, share) - 1e-9)
        near = steps[max(0, exact - 1) : exact + 2]
        assert near[0] <= end <= near[-1]


def test_bootstrap_is_repeatable_pointwise_and_independent_of_how_it_is_cut(monkeypatch):
    values = np.random.default_rng(1).normal(size=(6, 2, 25))
    low, high = bootstrap_interval(values, resamples=300)
    assert low.shape == high.shape == (2, 25)
    monkeypatch.setattr("trm_lib.statistics._BLOCK", 300 * 6 * 7)
    np.testing.assert_array_equal(bootstrap_interval(values, resamples=300), (low, high))
    alone = bootstrap_interval(values[:, 1, 3], resamples=300)
    np.testing.assert_array_equal(alone, (low[1, 3], high[1, 3]))
    assert not np.array_equal(bootstrap_interval(values, resamples=300, seed=1)[0], low)


def test_bootstrap_covers_the_true_value_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    runs = rng.normal(size=(20, 1000))  # 20 seeds of 1,000 experiments whose true value is 0
    low, high = bootstrap_interval(runs)
    assert 0.85 < np.mean((low <= 0) & (high >= 0)) < 0.97


def test_bootstrap_needs_two_seeds():
    with pytest.raises(ValueError, match="at least two of them, got 1"):
        bootstrap_interval(np.zeros((1, 5)))


@pytest.mark.parametrize("summary", [interquartile_mean, bootstrap_interval])
def test_no_seeds_and_failed_seeds_are_refused(summary):
    with pytest.raises(ValueError, match="one seed or more, got"):
        summary(np.array([]))
    with pytest.raises(ValueError, match="got 1 NaN"):
        summary(np.array([0.5, np.nan]))
