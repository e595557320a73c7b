"""What seeds say, against SciPy, worked examples, and everything there is to count."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_lib.statistics import (
    Estimate,
    bootstrap_interval,
    compare,
    interquartile_mean,
    moving_average,
)


def test_interquartile_mean_by_hand():
    assert interquartile_mean(np.array([9, -100, 1, 2, 3, 4, 100, 0])) == (1 + 2 + 3 + 4) / 4
    # a quarter of ten is 2.5: two are dropped at each end, 0 and 1, 50 and 90
    assert interquartile_mean(np.array([90, 4, 0, 6, 2, 50, 3, 1, 5, 7])) == 27 / 6


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), half=st.integers(0, 14))
def test_moving_average_is_the_mean_of_the_neighbours_there_are(values, half):
    half = min(half, (len(values) - 1) // 2)
    expected = [np.mean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]
    np.testing.assert_allclose(moving_average(values, 2 * half + 1), expected, atol=1e-9)
    both = moving_average(np.stack([values, values[::-1]]), 2 * half + 1)  # each seed by itself
    np.testing.assert_allclose(both[0], expected, atol=1e-9)


@pytest.fixture
def drawn(monkeypatch):
    """Sets how many resamples are drawn, and the level of the interval."""

    def draw(resamples, level=0.95):
        monkeypatch.setattr("trm_lib.statistics._RESAMPLES", resamples)
        monkeypatch.setattr("trm_lib.statistics._LEVEL", level)

    return draw


def test_bootstrap_ends_are_the_quantiles_of_all_resamples_counted(drawn):
    values = np.array([0.0, 1.0, 5.0, 7.0])
    every = [interquartile_mean(values[list(draw)]) for draw in product(range(4), repeat=4)]
    drawn(200_000, 0.8)
    low, high = bootstrap_interval(values)
    # A quantile of a few hundred distinct values: the sampled one lies within one value of it.
    steps = np.unique(np.round(every, 12))
    for end, share in ((low, 0.1), (high, 0.9)):
        exact = np.searchsorted(steps, np.quantile(every, share) - 1e-9)
        near = steps[max(0, exact - 1) : exact + 2]
        assert near[0] <= end <= near[-1]


def test_bootstrap_is_repeatable_pointwise_and_independent_of_how_it_is_cut(drawn, monkeypatch):
    values = np.random.default_rng(1).normal(size=(6, 2, 25))
    drawn(300)
    low, high = bootstrap_interval(values)
    assert low.shape == high.shape == (2, 25)
    monkeypatch.setattr("trm_lib.statistics._BLOCK", 300 * 6 * 7)
    np.testing.assert_array_equal(bootstrap_interval(values), (low, high))
    alone = bootstrap_interval(values[:, 1, 3])
    np.testing.assert_array_equal(alone, (low[1, 3], high[1, 3]))


def test_bootstrap_covers_the_true_value_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    runs = rng.normal(size=(20, 1000))  # 20 seeds of 1,000 experiments whose true value is 0
    low, high = bootstrap_interval(runs)
    assert 0.85 < np.mean((low <= 0) & (high >= 0)) < 0.97


def counted(a, b):
    """The definition: the share of pairs in which a is above b, ties half."""
    return np.mean([(x > y) + 0.5 * (x == y) for x, y in product(a, b)])


@pytest.mark.parametrize(("a", "b"), [([1, 2, 3], [2, 3, 4]), ([0, 4, 9], [1, 4])])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_probability_of_improvement_and_its_interval_are_counted(a, b, level, drawn):
    """Stratified: every resample of a with every resample of b, 27 * 27 or 27 * 4 of them."""
    draws_a, draws_b = list(product(a, repeat=len(a))), list(product(b, repeat=len(b)))
    every = np.array([counted(x, y) for x in draws_a for y in draws_b])
    drawn(100_000, level)
    found = compare(a, b).improvement
    assert found.value == pytest.approx(counted(a, b), abs=1e-14)
    for end, share in ((found.low, (1 - level) / 2), (found.high, (1 + level) / 2)):
        # sampling moves the share below an end by less than 1%: 6 standard deviations
        assert np.mean(every < end - 1e-9) < share + 0.01
        assert np.mean(every < end + 1e-9) > share - 0.01


def test_a_comparison_says_both_middles_the_probability_and_the_winner():
    a, b = np.arange(8) / 100 + 0.9, np.arange(8) / 100
    found = compare(a, b, names=("TRM", "MLP"))
    assert found.a == Estimate(interquartile_mean(a), *bootstrap_interval(a))
    assert found.a.value == pytest.approx((0.92 + 0.93 + 0.94 + 0.95) / 4)
    assert found.b == Estimate(interquartile_mean(b), *bootstrap_interval(b))
    assert found.improvement == Estimate(1, 1, 1)
    assert found.p_value == pytest.approx(2 / 12_870)  # two of the (16 choose 8) ways to share
    assert found.winner == "TRM"
    assert found.difference.value == pytest.approx(0.9)
    assert 0.8 < found.difference.low < 0.9 < found.difference.high < 1
    assert str(found) == (
        f"TRM scores higher: TRM 0.935 [{found.a.low:.4g}, {found.a.high:.4g}], MLP 0.035 "
        f"[{found.b.low:.4g}, {found.b.high:.4g}]\n  difference {found.difference}, "
        f"P(TRM higher) 1 [1, 1], p = 0.00016"
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.arange(10), np.arange(10) + 1),  # intervals overlap, and the probability's holds 0.5
        (np.full(10, 0.5), np.full(10, 0.5)),
        ([0.9, 0.91, 0.92], [0.1, 0.11, 0.12]),  # apart, but by chance in 2 of 20 cases
    ],
)
def test_no_winner_where_the_seeds_cannot_tell(a, b):
    found = compare(a, b)
    assert found.winner is None
    assert str(found).startswith("no winner: ")


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_of_equal_learners_one_wins_in_at_most_one_case_of_twenty(seeds):
    """If two learners are equal, every way to share the scores out between them is as likely."""
    scores = np.arange(2 * seeds) ** 2
    ways = list(combinations(range(2 * seeds), seeds))
    wins = [compare(scores[list(way)], np.delete(scores, way)).winner is not None for way in ways]
    assert np.mean(wins) <= 0.05
    assert any(wins) == (seeds >= 4)  # with three a learner, 2 of 20 are too many


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: moving_average(np.zeros(10), 2), "odd number from 1 to the 10 steps .* got 2"),
        (lambda: interquartile_mean(np.array([])), r"1 seeds or more, got shape \(0,\)"),
        (lambda: bootstrap_interval(np.zeros((1, 5))), r"2 seeds or more, got shape \(1, 5\)"),
        (lambda: compare([[1, 2]], [1, 2], ("TRM", "MLP")), r"scores of TRM .* shape \(1, 2\)"),
        (lambda: compare([1, np.inf], [1, 2]), "scores of a expected finite numbers"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
