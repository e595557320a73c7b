"""Chapter 02's recipes: matched but for what their names say, recorded in full."""

from dataclasses import replace

import pytest

from book.recipes.rl_adaptation import BATCH, BOARD, CURE, SCRIPT, VECTOR, chapter, outcomes
from trm_lib.experiments import load_result, verify
from trm_lib.models import BoardPolicy

RECIPES = {recipe.name.split("/")[1]: recipe for recipe in chapter()}


def training(name):
    return RECIPES[name].config.learner.training


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda r: r.name)
def test_names_say_policy_and_batch(recipe):
    _, policy, batch = recipe.name.split("/")[1].split("_")
    learner = recipe.config.learner
    assert learner.policy == {"vector": VECTOR, "board": BOARD}[policy]
    assert learner.num_envs == int(batch)
    assert not learner.training.use_masks


def test_learners_under_the_same_settings_differ_in_the_batch_alone():
    for settings, config, episodes in (("script", SCRIPT, 500), ("cure", CURE, 960)):
        for policy in ("vector", "board"):
            one, many = (training(f"{settings}_{policy}_{batch}") for batch in (1, BATCH))
            assert replace(one, n_updates=1) == replace(many, n_updates=1)
            assert replace(one, n_updates=1) == replace(config, n_updates=1)
            assert one.n_updates == episodes
            assert episodes - BATCH < many.n_updates * BATCH <= episodes


def test_further_learners_differ_in_one_thing():
    script = training("script_vector_16")
    assert training("inside_vector_16") == replace(script, baseline="episode")
    slow = training("slow_vector_1")
    assert slow == replace(training("script_vector_1"), lr=SCRIPT.lr / BATCH)
    assert training("constant_board_16") == replace(training("cure_board_16"), decay=0.0)


def test_an_untrained_policy_does_about_as_well_as_chance():
    drawn = outcomes(BoardPolicy(BOARD), drawn=True)
    assert len(drawn) == 1000
    assert 0.2 < drawn.success.mean() < 0.4
    assert len(outcomes(BoardPolicy(BOARD), drawn=False)) == 1


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda r: r.name)
def test_recorded_results_are_the_recipes_and_hold_ten_seeds(recipe):
    result = load_result(recipe.name)
    assert recipe.describes(result.config)
    assert sorted(result.seeds) == list(range(10))
    assert len({run["provenance"]["commit"] for run in result.seeds.values()}) == 1
    for run in result.seeds.values():
        assert not run["provenance"]["commit"].endswith("dirty")


def test_a_recorded_seed_can_be_repeated():
    """The same bits on the machine that made it; elsewhere other rounding makes other walks."""
    recipe = RECIPES[f"script_board_{BATCH}"]
    differences = verify(recipe, load_result(recipe.name), seed=0, tolerance=0.3)
    walks = ("steps", "training_successes", "drawn_length")
    assert [said for said in differences if not said.startswith(walks)] == []
