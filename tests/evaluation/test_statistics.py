"""Comparisons between seeds, against worked examples and against everything there is to count."""

from itertools import combinations, product

import numpy as np
import pytest

from trm_lib.evaluation import compare, probability_of_improvement
from trm_lib.statistics import Estimate, bootstrap_interval, interquartile_mean


def counted(a, b):
    """The definition: the share of pairs in which a is above b, ties half."""
    return np.mean([(x > y) + 0.5 * (x == y) for x, y in product(a, b)])


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1, 2, 3], [2, 3, 4], (1 + 0.5 + 0.5) / 9),  # 3 > 2; 2 = 2 and 3 = 3
        ([1, 2], [2, 2, 2], (3 * 0.5) / 6),
        ([0, 5, 5], [1, 2], 4 / 6),
        ([7, 7, 7], [7, 7], 0.5),
        ([3, 4], [1, 2], 1.0),
        ([1, 2], [3, 4], 0.0),
    ],
)
def test_probability_of_improvement_by_hand(a, b, expected):
    assert probability_of_improvement(a, b).value == pytest.approx(expected, abs=1e-15)
    assert probability_of_improvement(b, a).value == pytest.approx(1 - expected, abs=1e-15)


def test_probability_of_improvement_is_its_definition():
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = rng.integers(6, size=rng.integers(2, 9)), rng.integers(6, size=rng.integers(2, 9))
        assert probability_of_improvement(a, b).value == pytest.approx(counted(a, b), abs=1e-14)


@pytest.mark.parametrize(("a", "b"), [([1, 2, 3], [2, 3, 4]), ([0, 4, 9], [1, 4])])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_its_interval_is_the_quantiles_of_all_resamples_counted(a, b, level):
    """Stratified: every resample of a with every resample of b, 27 * 27 or 27 * 4 of them."""
    draws_a, draws_b = list(product(a, repeat=len(a))), list(product(b, repeat=len(b)))
    every = np.array([counted(x, y) for x in draws_a for y in draws_b])
    found = probability_of_improvement(a, b, level, resamples=100_000)
    for end, share in ((found.low, (1 - level) / 2), (found.high, (1 + level) / 2)):
        # sampling moves the share below an end by less than 1%: 6 standard deviations
        assert np.mean(every < end - 1e-9) < share + 0.01
        assert np.mean(every < end + 1e-9) > share - 0.01


@pytest.mark.parametrize(
    ("a", "b", "point"), [([1, 1], [1, 1], 0.5), ([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0)]
)
def test_the_interval_of_seeds_that_agree_is_a_point(a, b, point):
    assert probability_of_improvement(a, b) == Estimate(point, point, point)


def test_draws_are_repeatable_and_belong_to_their_seed():
    a, b = np.random.default_rng(1).normal(size=(2, 9))
    first = probability_of_improvement(a, b, resamples=50)
    assert first == probability_of_improvement(a, b, resamples=50)
    assert first != probability_of_improvement(a, b, resamples=50, seed=1)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], r"at least two seeds, got shape \(0,\)"),
        ([1.0], r"at least two seeds, got shape \(1,\)"),
        ([[1.0, 2.0]], r"got shape \(1, 2\)"),
        ([1.0, np.nan], "finite numbers"),
        ([1.0, np.inf], "finite numbers"),
    ],
)
def test_scores_that_are_no_seeds_are_refused_by_name(scores, message):
    good = [1.0, 2.0]
    with pytest.raises(ValueError, match=f"scores of b expected .*{message}"):
        probability_of_improvement(good, scores)
    with pytest.raises(ValueError, match=f"scores of TRM expected .*{message}"):
        compare(scores, good, names=("TRM", "MLP"))


@pytest.mark.parametrize(("level", "resamples"), [(0, 10), (1, 10), (95, 10), (0.95, 0)])
def test_wrong_levels_and_resamples_are_refused(level, resamples):
    with pytest.raises(ValueError, match="expected a"):
        probability_of_improvement([1, 2], [1, 2], level, resamples)


def test_a_comparison_says_both_middles_the_probability_and_the_winner():
    a, b = np.arange(8) / 100 + 0.9, np.arange(8) / 100
    found = compare(a, b, names=("TRM", "MLP"))
    assert found.a == Estimate(interquartile_mean(a), *bootstrap_interval(a))
    assert found.a.value == pytest.approx((0.92 + 0.93 + 0.94 + 0.95) / 4)
    assert found.b == Estimate(interquartile_mean(b), *bootstrap_interval(b))
    assert found.improvement == Estimate(1, 1, 1)
    assert found.p_value == pytest.approx(2 / 12_870)  # two of the (16 choose 8) ways to share
    assert found.winner == "TRM"
    assert compare(b, a, names=("MLP", "TRM")).winner == "TRM"
    assert str(found) == (
        f"TRM 0.935 [{found.a.low:.4g}, {found.a.high:.4g}], MLP 0.035 [{found.b.low:.4g}, "
        f"{found.b.high:.4g}]; a seed of TRM scores above one of MLP with probability 1 [1, 1] "
        f"(p = 0.00016): TRM scores higher."
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
    assert str(found).endswith(": no winner.")


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_of_equal_learners_one_wins_in_at_most_one_case_of_twenty(seeds):
    """If two learners are equal, every way to share the scores out between them is as likely."""
    scores = np.arange(2 * seeds) ** 2
    ways = list(combinations(range(2 * seeds), seeds))
    wins = [compare(scores[list(way)], np.delete(scores, way)).winner is not None for way in ways]
    assert np.mean(wins) <= 0.05
    assert any(wins) == (seeds >= 4)  # with three a learner, 2 of 20 are too many
