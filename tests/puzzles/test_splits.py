"""Splits: whole classes, promised fractions, the same on every run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_lib.puzzles import split_by_class, split_by_hash


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
        (36, (0.8, 0.1, 0.1), [29, 3, 4]),
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


def test_minimal_4x4_puzzles_split_by_class(minimal_keys):
    split = split_by_class(minimal_keys)
    assert_partition_by_class(split, minimal_keys)
    assert [len(np.unique(minimal_keys[part])) for part in parts(split)] == [29, 3, 4]


def test_order_of_items_does_not_matter_and_seed_does(minimal_keys):
    keys = minimal_keys[::100]
    shuffled = np.random.default_rng(0).permutation(len(keys))
    for splitter in (split_by_class, split_by_hash):
        split, again = splitter(keys), splitter(keys[shuffled])
        for part, other in zip(parts(split), parts(again), strict=True):
            np.testing.assert_array_equal(part, np.sort(shuffled[other]))
        tests = {frozenset(keys[splitter(keys, seed=seed).test].tolist()) for seed in range(10)}
        assert len(tests) > 5


def test_a_later_puzzle_falls_on_the_same_side():
    keys = np.arange(2_000)
    early, late = split_by_hash(keys[:50]), split_by_hash(keys)
    for part, later in zip(parts(early), parts(late), strict=True):
        np.testing.assert_array_equal(part, later[later < 50])


def test_hash_split_keeps_fractions_on_average():
    shares = [len(part) / 100_000 for part in parts(split_by_hash(np.arange(100_000)))]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.005)  # five standard errors


def test_splits_are_the_same_everywhere():
    assert split_by_class(np.arange(12), (0.5, 0.25, 0.25), seed=7).test.tolist() == [0, 6, 11]
    assert split_by_hash(np.arange(12), (0.5, 0.25, 0.25), seed=7).test.tolist() == [6, 11]


@pytest.mark.parametrize("splitter", [split_by_class, split_by_hash])
@pytest.mark.parametrize(
    ("keys", "fractions", "message"),
    [
        (np.zeros((2, 2), int), (0.8, 0.1, 0.1), r"shape \(count,\) .* got \(2, 2\) int64"),
        (np.zeros(5), (0.8, 0.1, 0.1), r"integer dtype, got \(5,\) float64: pass class_key"),
        (np.arange(5), (0.8, 0.2), r"three positive fractions .* got \(0.8, 0.2\)"),
        (np.arange(5), (0.8, 0.2, 0.0), "three positive fractions"),
        (np.arange(5), (0.8, 0.1, 0.2), "with sum 1, got"),
        (np.arange(5), (0.8, 0.1, float("nan")), "three positive fractions"),
        (np.arange(5), None, "three positive fractions .* got None: for example"),
        (np.arange(5), 3, "three positive fractions .* got 3: for example"),
        (np.arange(5), "most", "three positive fractions .* got 'most'"),
    ],
)
def test_refusals(splitter, keys, fractions, message):
    with pytest.raises(ValueError, match=message):
        splitter(keys, fractions)


@pytest.mark.parametrize("splitter", [split_by_class, split_by_hash])
@pytest.mark.parametrize("seed", [1.5, None, 2**64, -1, "0"])
def test_seed_is_checked(splitter, seed):
    with pytest.raises(ValueError, match=r"expected an integer seed from 0 to 2\*\*64 - 1, got"):
        splitter(np.arange(5), seed=seed)


def test_three_classes_are_needed():
    with pytest.raises(ValueError, match="at least 3 classes, one for each part, got 2 among 6"):
        split_by_class(np.array([1, 1, 1, 2, 2, 2]))
