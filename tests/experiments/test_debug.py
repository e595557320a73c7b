"""python -m trm_lib debug: every recipe has a task, and one page says what is wrong with it."""

from dataclasses import dataclass, replace

import pytest

from book.recipes.basic_trm import Learner
from trm_lib.__main__ import main
from trm_lib.experiments import RECORDED, Recipe, debug_recipe, find_recipes, load_result
from trm_lib.experiments.results import result_path
from trm_lib.tasks import PolicyTask, PuzzleTask

RECIPES = {recipe.name: recipe for recipe in find_recipes()}


def shortened(recipe, **training):
    """The recipe with less training."""
    config = recipe.config
    if isinstance(config, Learner):
        return replace(
            recipe, config=replace(config, training=replace(config.training, **training))
        )
    learner = replace(config.learner, training=replace(config.learner.training, **training))
    return replace(recipe, config=replace(config, learner=learner))


def test_every_experiment_of_the_book_describes_its_task():
    some = [n for n in RECIPES if n.startswith(("basic_trm/", "maze4/", "carry/", "shaping/"))]
    kinds = {name: type(RECIPES[name].task(RECIPES[name].config)) for name in some}
    assert set(kinds.values()) == {PuzzleTask, PolicyTask}
    assert all(recipe.task for recipe in RECIPES.values())


def test_a_task_changes_no_stored_setting():
    for recipe in RECIPES.values():
        if result_path(RECORDED, recipe.name).is_file():
            assert recipe.describes(load_result(recipe.name).config), recipe.name


def test_a_policy_recipe_is_trained_and_probed():
    recipe = shortened(RECIPES["rl_adaptation/script_vector_1"], n_updates=3)
    findings = debug_recipe(recipe, progress=False)
    faults = {finding.fault for finding in findings}
    assert {"one and only task", "success and failure praised alike"} <= faults
    names = [finding.name for finding in findings]
    assert {"learning", "certainty", "first choices"} <= set(names)


def test_a_puzzle_recipe_is_trained_and_probed():
    recipe = shortened(RECIPES["basic_trm/no_mixing"], n_batches=3, n_sup=2)
    faults = {finding.fault for finding in debug_recipe(recipe, progress=False)}
    assert "cells never meet" in faults


def test_the_command_prints_one_page_and_says_whether_it_found_a_fault(monkeypatch, capsys):
    recipe = shortened(RECIPES["rl_adaptation/script_vector_1"], n_updates=1)
    monkeypatch.setattr("trm_lib.experiments.find_recipes", lambda *_: [recipe])
    assert main(["debug", recipe.name]) == 1
    printed = capsys.readouterr().out
    assert "FAULT  one and only task" in printed
    assert "Do:" in printed


def test_an_experiment_of_several_recipes_is_asked_for_one(capsys):
    assert main(["debug", "shaping"]) == 2
    assert "debug expected one recipe" in capsys.readouterr().err


@dataclass(frozen=True)
class Coin:
    sides: int = 2


def test_a_recipe_without_a_task_says_so():
    with pytest.raises(ValueError, match="coins/fair expected a task to debug, has none"):
        debug_recipe(Recipe("coins/fair", "guessing", Coin(), lambda *args: {}))
