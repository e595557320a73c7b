"""The fast mode's price is measured on one learner, and is within what seeds do to each other."""

from dataclasses import replace

from book.recipes.fast_mode import both
from trm_lib.experiments import load_result, scores
from trm_lib.statistics import compare


def test_the_two_differ_in_the_mode_alone():
    plain, fast = (recipe.config for recipe in both())
    assert plain == replace(fast, training=replace(fast.training, fast=False))
    assert fast.training.fast


def test_recorded_seeds_find_no_difference():
    plain, fast = (load_result(recipe.name) for recipe in both())
    assert sorted(plain.seeds) == sorted(fast.seeds) == list(range(5))
    comparison = compare(scores(fast).test, scores(plain).test, ("fast", "float32"))
    assert comparison.a.value >= comparison.b.low
    assert comparison.winner is None
