"""The recipes of chapter 01 compare what they say they compare."""

from dataclasses import replace

import numpy as np
import pytest

from book.recipes.basic_trm import minimal_sudoku4
from trm_lib.evaluation import answer_flops
from trm_lib.experiments import best_step, find_recipes, load_result, report, verify
from trm_lib.models import count_parameters
from trm_lib.puzzles import class_key

RECIPES = {recipe.name: recipe for recipe in find_recipes()}

RECORDED = "book/results"
COMPARED = [
    recipe
    for recipe in RECIPES.values()
    if recipe.name.startswith(("basic_trm/", "basic_trm_splits/"))
]


def recipe(name):
    return RECIPES[f"basic_trm/{name}"]


def test_no_symmetry_class_is_shared_between_the_parts():
    classes = [set(class_key(part.inputs).tolist()) for part in minimal_sudoku4()]
    assert [len(c) for c in classes] == [24, 6, 6]
    assert len(set.union(*classes)) == 36
    assert sum(map(len, minimal_sudoku4())) == 85_632


def test_other_splits_are_clean_too_and_differ():
    tested = []
    for split_seed in range(1, 4):
        classes = [set(class_key(part.inputs).tolist()) for part in minimal_sudoku4(split_seed)]
        assert len(set.union(*classes)) == sum(map(len, classes)) == 36
        tested.append(frozenset(classes[2]))
    assert len(set(tested)) == 3


def test_rivals_match_the_trm_in_what_their_names_say():
    trm = recipe("recursion").config.build(0)
    same_parameters = recipe("same_parameters").config.build(0)
    same_flops = recipe("same_flops").config.build(0)
    assert count_parameters(same_parameters) == pytest.approx(count_parameters(trm), rel=0.07)
    assert count_parameters(recipe("same_block").config.build(0)) == count_parameters(trm)
    ratio = answer_flops(same_flops, (4, 4)) / answer_flops(trm, (4, 4), k_steps=8)
    assert ratio == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("compared", COMPARED, ids=lambda r: r.name)
def test_every_learner_takes_as_many_optimizer_steps_on_as_large_batches(compared):
    training = compared.config.training
    assert training.n_batches * training.n_sup == 2000
    assert training.batch_size == 128


@pytest.mark.parametrize("compared", COMPARED, ids=lambda r: r.name)
def test_recorded_results_are_the_recipes_and_hold_ten_seeds(compared):
    result = load_result(compared.name)
    assert compared.describes(result.config)
    assert sorted(result.seeds) == list(range(10))
    assert result.measured("parameters")[0] == count_parameters(compared.config.build(0))
    for run in result.seeds.values():
        assert not run["provenance"]["commit"].endswith("dirty")


def test_rates_and_shapes_are_the_best_of_the_tuning_on_validation_puzzles():
    """Each learner runs with the setting whose validation accuracy was highest, none by taste."""
    seeds = {"recursion": 3, "same_block": 3, "same_parameters": 3, "same_flops": 1}
    for family in seeds:
        scores = {}
        for tuned in RECIPES.values():
            if tuned.name.startswith(f"basic_trm_tuning/{family}"):
                measured = load_result(tuned.name).measured("validation_exact_by_k")
                assert len(measured) == seeds[family]
                scores[tuned.name] = measured.mean(0).max()
        used = recipe(family).config
        best = [name for name, score in scores.items() if score == max(scores.values())]
        assert any(
            (RECIPES[name].config.model, RECIPES[name].config.training.lr)
            == (used.model, used.training.lr)
            for name in best
        ), f"{family} runs with {used}, but {best} scored best: {scores}"


def test_a_recorded_seed_can_be_repeated():
    """The cheapest learner, one seed, every number.

    The machine that made it gives the same bits; another may round otherwise, and training
    amplifies that, so the tolerance is wide.
    """
    cheap = recipe("same_block")
    assert verify(cheap, load_result(cheap.name), seed=0, tolerance=0.3) == []


def test_the_report_chooses_k_on_validation_and_gives_every_seed_its_say():
    result = load_result("basic_trm/recursion")
    for seed in result.seeds:
        run = result.seeds[seed]["measured"]
        run["validation_exact_by_k"] = [0.5, 0.9, 0.7]
        run["test_exact_by_k"] = [1.0, seed / 10, 1.0]
    assert best_step(result) == 2
    row = report([result]).splitlines()[2]
    assert "| 45.00 [" in row  # seeds 2 to 7 of 0..9 are the middle: 20% to 70%
    assert "] | 0.00 | 2 |" in row
    assert "| 90.00 |" in row
    assert "Seeds: 10." in report([result])
    one = replace(result, seeds={3: result.seeds[3]})
    assert "| mine | 30.00 | 30.00 | 2 |" in report([one], ["mine"]).splitlines()[2]
    np.testing.assert_allclose(one.measured("test_exact_by_k"), [[1.0, 0.3, 1.0]])
