"""Splits: whole classes, promised fractions, the same on every run; and the hash they rest on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from trm_lib.puzzles import (
    class_key,
    draw_below,
    minimal_sudokus_4x4,
    mix64,
    split_by_class,
    split_by_hash,
)


def parts(split):
    return [split.train, split.validation, split.test]


def assert_partition_by_class(split, keys):
    np.testing.assert_array_equal(np.sort(np.concatenate(parts(split))), np.arange(len(keys)))
    classes = [set(keys[part].tolist()) for part in parts(split)]
    assert sum(map(len, classes)) == len(set(keys.tolist()))
    assert all((np.diff(part) > 0).all() for part in parts(split))


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 2**64 - 1))
def test_both_splits_keep_classes_whole(keys, seed):
    keys = np.array(keys)
    assert_partition_by_class(split_by_hash(keys, seed=seed), keys)
    if len(set(keys.tolist())) >= 3:
        split = split_by_class(keys, seed=seed)
        assert_partition_by_class(split, keys)
        assert all(len(part) for part in parts(split))


@pytest.mark.parametrize(
    ("classes", "fractions", "expected"),
    [
        (100, (0.8, 0.1, 0.1), [80, 10, 10]),
        (3, (0.8, 0.1, 0.1), [1, 1, 1]),
        (4, (0.01, 0.01, 0.98), [1, 1, 2]),
        (5, (0.98, 0.01, 0.01), [3, 1, 1]),
        (10, (0.2, 0.3, 0.5), [2, 3, 5]),
    ],
)
def test_fractions_are_of_classes(classes, fractions, expected):
    keys = np.repeat(np.arange(classes), 1 + np.arange(classes) % 7)  # of unequal size
    split = split_by_class(keys, fractions)
    assert [len(np.unique(keys[part])) for part in parts(split)] == expected


def test_minimal_4x4_puzzles_split_by_class_whatever_their_order_but_not_their_seed():
    keys = class_key(minimal_sudokus_4x4()[0][::40])
    assert [len(np.unique(keys[part])) for part in parts(split_by_class(keys))] == [29, 3, 4]
    shuffled = np.random.default_rng(0).permutation(len(keys))
    for splitter in (split_by_class, split_by_hash):
        split, again = splitter(keys), splitter(keys[shuffled])
        for part, other in zip(parts(split), parts(again), strict=True):
            np.testing.assert_array_equal(part, np.sort(shuffled[other]))
        tests = {frozenset(keys[splitter(keys, seed=seed).test].tolist()) for seed in range(10)}
        assert len(tests) > 5


def test_the_hash_split_keeps_fractions_on_average_and_sides_for_good():
    keys = np.arange(100_000)
    split = split_by_hash(keys)
    shares = [len(part) / len(keys) for part in parts(split)]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.005)  # five standard errors
    for part, later in zip(parts(split_by_hash(keys[:50])), parts(split), strict=True):
        np.testing.assert_array_equal(part, later[later < 50])


def test_splits_are_the_same_everywhere():
    assert split_by_class(np.arange(12), (0.5, 0.25, 0.25), seed=7).test.tolist() == [0, 6, 11]
    assert split_by_hash(np.arange(12), (0.5, 0.25, 0.25), seed=7).test.tolist() == [6, 11]


@pytest.mark.parametrize("splitter", [split_by_class, split_by_hash])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keys": np.zeros((2, 2), int)}, r"keys expected integers of shape \(count,\), got int64"),
        ({"keys": np.zeros(5)}, r"got float64 of shape \(5,\): pass class_key"),
        ({"fractions": (0.8, 0.2)}, r"fractions expected three .* got \(0.8, 0.2\)"),
        ({"fractions": (0.8, 0.1, float("nan"))}, "three positive numbers with sum 1"),
        ({"fractions": None}, "got None: for example"),
        ({"seed": 1.5}, "seed expected a whole number from 0 to 18446744073709551615, got 1.5"),
    ],
)
def test_refusals(splitter, arguments, message):
    with pytest.raises(ValueError, match=message):
        splitter(**{"keys": np.arange(5)} | arguments)
    with pytest.raises(ValueError, match="at least 3 classes, one for each part, got 2 among 6"):
        split_by_class(np.array([1, 1, 1, 2, 2, 2]))


# --- the hash


def test_stream_of_splitmix64():
    # The first outputs of SplitMix64 from state 0: state k * golden ratio, then the same mixing.
    golden = 0x9E3779B97F4A7C15
    states = np.array([(k * golden) % 2**64 for k in range(3)], dtype=np.uint64)
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert mix64(states).tolist() == expected
    values = np.array([[-1, 0], [1, 2]])  # shape and argument are kept
    assert mix64(values)[0, 0] == mix64(np.uint64(2**64 - 1)) == mix64(np.int8(-1))
    assert values.tolist() == [[-1, 0], [1, 2]]


@pytest.mark.parametrize("limit", [1, 7, 192])
def test_draws_are_uniform_and_streams_independent(limit):
    keys = np.arange(40_000, dtype=np.uint64)
    one, other = draw_below(keys, 0, limit), draw_below(keys, 1, limit)
    assert one.max() < limit
    if limit > 1:
        assert chisquare(np.bincount(one, minlength=limit)).pvalue > 0.001
    if limit == 7:
        pairs = np.bincount(one * 7 + other, minlength=49)
        assert chisquare(pairs).pvalue > 0.001
    np.testing.assert_array_equal(draw_below(keys[5:6], 0, limit), one[5:6])
