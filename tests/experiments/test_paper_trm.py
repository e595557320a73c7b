"""Chapter 04's recipes: matched but for the one change, split by class, recorded in full."""

from dataclasses import replace

import numpy as np
import pytest

from book.recipes import paper_trm
from book.recipes.basic_trm import minimal_sudoku4
from book.recipes.paper_trm import (
    MODEL,
    TRAINING,
    Learner,
    minimal_sudoku6,
    run,
    small,
    sudoku6,
)
from trm_lib.experiments import load_result
from trm_lib.puzzles import class_key, solve_exactly

SMALL = {recipe.name.split("/")[1]: recipe for recipe in small()}


def test_variants_differ_from_the_official_loop_in_one_thing():
    official = SMALL["official"].config
    changes = {
        "no_ema": replace(official, training=replace(TRAINING, ema_decay=0.0)),
        "last_call": replace(official, model=replace(MODEL, gradient="call")),
        "no_exploration": replace(official, model=replace(MODEL, explore=0.0)),
        "adam_atan2": replace(official, training=replace(TRAINING, optimizer="adam_atan2")),
    }
    for name, config in changes.items():
        assert SMALL[name].config == config


def test_the_pseudocodes_loop_takes_as_many_optimizer_steps():
    loop = SMALL["pseudocode"].config
    assert not loop.model.halting
    steps = loop.training.n_batches * loop.training.n_sup
    assert steps == pytest.approx(TRAINING.n_batches, rel=0.01)
    assert loop.training.n_sup == MODEL.n_sup
    changed = {"n_batches": 1000, "n_sup": TRAINING.n_sup, "eval_every": TRAINING.eval_every}
    assert replace(loop.training, **changed) == TRAINING


def test_6x6_puzzles_are_minimal_and_no_class_is_on_two_sides():
    parts = minimal_sudoku6()
    keys = [set(class_key(part.inputs).tolist()) for part in parts]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]
    assert [len(part) > 1900 for part in parts] == [True] * 3
    for puzzle, solution in zip(parts[2].inputs[:20], parts[2].labels[:20], strict=True):
        exact = solve_exactly(puzzle)
        assert exact.n_solutions == 1
        np.testing.assert_array_equal(exact.solution, solution)
        for row, column in np.argwhere(puzzle):
            without = puzzle.copy()
            without[row, column] = 0
            assert solve_exactly(without).n_solutions > 1


@pytest.mark.parametrize("recipe", [*small(), *sudoku6()], ids=lambda recipe: recipe.name)
def test_recorded_results_are_the_recipes(recipe):
    result = load_result(recipe.name)
    assert recipe.describes(result.config)
    assert sorted(result.seeds) == list(range(10))
    for seed in result.seeds.values():
        measured = seed["measured"]
        assert len(measured["test_exact_by_k"]) == 16
        assert ("halted_test_exact" in measured) == recipe.config.model.halting
        assert "dirty" not in seed["provenance"]["commit"]


def test_a_run_measures_what_a_reader_is_told(tmp_path, monkeypatch):
    train, validation, test = minimal_sudoku4()
    fewer = train, validation[::20], test[::20]
    monkeypatch.setattr(paper_trm, "minimal_sudoku4", lambda: fewer)
    short = Learner(MODEL, replace(TRAINING, n_batches=3, eval_every=3))
    measured = run(short, 0, tmp_path / "checkpoint.safetensors")
    again = run(short, 0, tmp_path / "checkpoint.safetensors")  # goes on from the finished state
    assert measured["parameters"] == 1730
    assert measured["halted_test_steps"] == 16.0  # untrained: never sure
    assert measured["training_steps_a_puzzle"] == [0.0]
    assert measured["halted_calibration_error"] < 0.02  # says no, and is wrong
    times = "training_seconds"
    assert {k: v for k, v in measured.items() if k != times} == {
        k: v for k, v in again.items() if k != times
    }
