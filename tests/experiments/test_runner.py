"""The runner over seeds: resumes, keeps provenance, repeats itself, and never mixes configs."""

import json
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest

from trm_lib.experiments import (
    RECORDED,
    Recipe,
    find_recipes,
    load_result,
    provenance,
    run_recipe,
    verify,
)
from trm_lib.experiments.results import compact_json, result_path
from trm_lib.models import TRMConfig

RECIPES = {recipe.name: recipe for recipe in find_recipes()}


@dataclass(frozen=True)
class Draws:
    count: int = 3
    sides: tuple[int, ...] = (6, 8)


def draw(config, seed, checkpoint):
    rng = np.random.default_rng(seed)
    return {"value": rng.random(config.count).tolist()}


RECIPE = Recipe("test/draws", "random numbers", Draws(), draw)


def test_every_seed_is_measured_and_kept_with_where_it_came_from(tmp_path):
    result = run_recipe(RECIPE, range(3), tmp_path, jobs=1)
    again = load_result("test/draws", tmp_path)
    assert again == result
    assert again.config == {"count": 3, "sides": [6, 8]}
    expected = [np.random.default_rng(seed).random(3) for seed in range(3)]
    np.testing.assert_array_equal(again.measured("value"), expected)
    for run in again.seeds.values():
        assert run["provenance"].keys() == provenance().keys()
        assert run["seconds"] >= 0


def test_processes_give_the_same_numbers_as_one(tmp_path):
    one = run_recipe(RECIPE, range(4), tmp_path / "one", jobs=1)
    two = run_recipe(RECIPE, range(4), tmp_path / "two", jobs=2)
    np.testing.assert_array_equal(one.measured("value"), two.measured("value"))


def test_a_killed_run_keeps_its_seeds_and_runs_only_the_rest(tmp_path):
    def dies_at_two(config, seed, checkpoint):
        if seed == 2:
            raise KeyboardInterrupt
        return draw(config, seed, checkpoint)

    with pytest.raises(KeyboardInterrupt):
        run_recipe(replace(RECIPE, run=dies_at_two), range(4), tmp_path, jobs=1)
    assert sorted(load_result(RECIPE.name, tmp_path).seeds) == [0, 1]

    seen = []

    def watched(config, seed, checkpoint):
        seen.append(seed)
        return draw(config, seed, checkpoint)

    run_recipe(replace(RECIPE, run=watched), range(4), tmp_path, jobs=1)
    assert seen == [2, 3]


def test_another_config_is_refused_and_nothing_is_overwritten(tmp_path):
    run_recipe(RECIPE, range(1), tmp_path, jobs=1)
    before = (tmp_path / "test/draws.json").read_bytes()
    with pytest.raises(ValueError, match=r"another config \(it differs in count\)"):
        run_recipe(replace(RECIPE, config=Draws(count=4)), range(1), tmp_path, jobs=1)
    assert (tmp_path / "test/draws.json").read_bytes() == before


def test_a_config_of_the_base_class_is_another_config():
    """Settings name no class: those of a BoardConfig are no TRMConfig all at its defaults."""
    one_pass = RECIPES["sudoku_rl/one_pass"]
    learner = one_pass.config.learner
    core = TRMConfig(**asdict(learner.policy.core))
    learner = replace(learner, policy=replace(learner.policy, core=core))
    trm = replace(one_pass, config=replace(one_pass.config, learner=learner))
    assert trm.describes(trm.settings())
    assert "learner.policy.core.n_latent" in trm.differences(one_pass.settings())
    assert not one_pass.describes(trm.settings())
    learnt_later = trm.settings()
    del learnt_later["learner"]["policy"]["core"]["explore"]
    assert trm.describes(learnt_later)


def test_recorded_results_are_of_the_recipes_as_they_are():
    recorded = [name for name in RECIPES if result_path(RECORDED, name).is_file()]
    assert len(recorded) > 100
    for name in recorded:
        assert RECIPES[name].differences(load_result(name).config) == [], name


def test_verify_repeats_a_seed_and_names_what_differs(tmp_path):
    result = run_recipe(RECIPE, range(2), tmp_path, jobs=1)
    assert verify(RECIPE, result, seed=1) == []
    result.seeds[1]["measured"]["value"][2] += 0.25
    assert verify(RECIPE, result, seed=1) == ["value: differs by up to 0.25"]
    assert verify(RECIPE, result, seed=1, tolerance=0.3) == []
    with pytest.raises(ValueError, match=r"holds seeds \[0, 1\], not 7"):
        verify(RECIPE, result, seed=7)


def test_words_and_ragged_lists_are_verified_too(tmp_path):
    def says(config, seed, checkpoint):
        return {"best": "recursion", "lengths": [[1, 2], [3]]}

    recipe = replace(RECIPE, run=says)
    result = run_recipe(recipe, [0], tmp_path, jobs=1)
    assert verify(recipe, result, seed=0) == []
    result.seeds[0]["measured"]["best"] = "same_block"
    assert verify(recipe, result, seed=0) == ["best: stored 'same_block', now 'recursion'"]


def test_times_may_differ(tmp_path):
    def timed(config, seed, checkpoint):
        return draw(config, seed, checkpoint) | {
            "training_seconds": np.random.default_rng().random()
        }

    recipe = replace(RECIPE, run=timed)
    assert verify(recipe, run_recipe(recipe, range(1), tmp_path, jobs=1), seed=0) == []


def test_what_not_every_seed_measured_is_refused_by_name(tmp_path):
    result = run_recipe(RECIPE, range(2), tmp_path, jobs=1)
    result.seeds[1]["measured"]["extra"] = 1
    assert result.quantities() == {"value"}
    with pytest.raises(ValueError, match="every seed to have measured 'extra', got value"):
        result.measured("extra")


def test_not_a_number_is_not_agreement(tmp_path):
    result = run_recipe(RECIPE, range(1), tmp_path, jobs=1)
    result.seeds[0]["measured"]["value"][1] = float("nan")
    assert verify(RECIPE, result, seed=0) != []
    with pytest.raises(ValueError, match="tolerance expected a number >= 0, got nan"):
        verify(RECIPE, result, seed=0, tolerance=float("nan"))


def test_two_runs_into_one_folder_keep_each_others_seeds(tmp_path):
    def other_run_finishes_meanwhile(config, seed, checkpoint):
        run_recipe(RECIPE, [7], tmp_path, jobs=1)
        return draw(config, seed, checkpoint)

    result = run_recipe(replace(RECIPE, run=other_run_finishes_meanwhile), [1], tmp_path, jobs=1)
    assert sorted(result.seeds) == sorted(load_result(RECIPE.name, tmp_path).seeds) == [1, 7]


def test_a_folder_that_cannot_be_written_is_found_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    ran = []
    with pytest.raises(OSError, match="file"):
        run_recipe(
            replace(RECIPE, run=lambda *arguments: ran.append(arguments)),
            [0],
            tmp_path / "file",
            jobs=1,
        )
    assert ran == []


@pytest.mark.parametrize(("seeds", "jobs"), [([1.5], 1), ([-1], 1), ([0], 0)])
def test_wrong_seeds_and_jobs_say_what_was_expected(seeds, jobs, tmp_path):
    with pytest.raises(ValueError, match="expected a whole number >= "):
        run_recipe(RECIPE, seeds, tmp_path, jobs)


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c | {"recipe": "test/other"},
        lambda c: c | {"config": None},
        lambda c: c | {"seeds": {}},
        lambda c: c | {"seeds": {"0": None}},
        lambda c: c | {"seeds": {"zero": c["seeds"]["0"]}},
    ],
)
def test_files_that_are_not_whole_results_are_refused(damage, tmp_path):
    run_recipe(RECIPE, range(1), tmp_path, jobs=1)
    path = tmp_path / "test/draws.json"
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(ValueError, match="not a whole result of test/draws"):
        load_result("test/draws", tmp_path)


def test_damaged_and_missing_results_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m trm_lib run test/draws"):
        load_result("test/draws", tmp_path)
    run_recipe(RECIPE, range(1), tmp_path, jobs=1)
    path = tmp_path / "test/draws.json"
    path.write_text(path.read_text()[:-40])
    with pytest.raises(ValueError, match="delete it and run the recipe again"):
        load_result("test/draws", tmp_path)


def test_recipes_are_found_by_name_or_by_experiment():
    assert [r.name for r in find_recipes("basic_trm/recursion")] == ["basic_trm/recursion"]
    assert len(find_recipes("basic_trm")) == 9
    with pytest.raises(ValueError, match="no recipe is called 'basic'.*basic_trm"):
        find_recipes("basic")


def test_compact_json_is_json_with_a_list_on_a_line():
    content = {"a": {"b": [1, 2, [3, 4]], "c": "text"}, "d": {}}
    written = compact_json(content)
    assert json.loads(written) == content
    assert '  "b": [1, 2, [3, 4]],' in written.splitlines()
