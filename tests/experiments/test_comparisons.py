"""The comparison is fair: matched sizes, disjoint layouts, everything measured."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from book.recipes.comparisons import CHOSEN, SHAPES, learner
from book.recipes.marked_mazes import LENGTHS, MANY, Learner, MazeTask, maze_data, run
from trm_lib.evaluation import answer_flops
from trm_lib.experiments import find_recipes, recorded
from trm_lib.models import count_parameters
from trm_lib.puzzles import layout_class
from trm_lib.training import SupervisedConfig

RECIPES = {recipe.name: recipe for recipe in find_recipes()}

RECORDED = Path(__file__).resolve().parents[2] / "book" / "results"
OTHERWISE = {"cnn_same_flops", "cnn_script"}  # matched by something else, as their rows say


def size(model):
    return count_parameters(learner(model).build(0))


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - OTHERWISE))
def test_parameters_are_the_trms_within_a_tenth(name):
    for model in SHAPES[name].values():
        assert abs(size(model) / size(SHAPES["trm"]["n2"]) - 1) < 0.1


def test_the_untied_rivals_match_what_they_say():
    trm = learner(SHAPES["trm"]["n2"]).build(0)
    untied = learner(SHAPES["cnn_same_flops"]["30x32"]).build(0)
    assert answer_flops(untied, (8, 8)) / answer_flops(trm, (8, 8), 10) == pytest.approx(1, 0.01)
    assert size(SHAPES["cnn_script"]["10x32"]) == pytest.approx(74_850, rel=0.02)


def test_everybody_takes_as_many_optimizer_steps_on_batches_of_one_size():
    trainings = [learner(m).training for shapes in SHAPES.values() for m in shapes.values()]
    assert {(t.n_batches * t.n_sup, t.batch_size) for t in trainings} == {(3000, 48)}


@pytest.fixture(scope="module")
def small():
    return MazeTask(size=4, count=400)


def test_no_layout_is_in_two_parts(small):
    parts = maze_data(small)
    assert [len(part) for part in parts] == [400, MANY, MANY]
    classes = [set(layout_class((part.inputs % 16).astype(np.uint8)).tolist()) for part in parts]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert not classes[i] & classes[j]


def test_pixels_show_the_same_mazes(small):
    cells, pixels = maze_data(small)[2], maze_data(replace(small, form="pixels"))[2]
    assert pixels.inputs.shape[1:] == replace(small, form="pixels").grid == (9, 9)
    np.testing.assert_array_equal(pixels.labels[:, 1::2, 1::2], cells.labels)


def test_a_short_run_measures_everything(small):
    model = replace(SHAPES["looped"]["1x32"], grid=(4, 4))
    short = SupervisedConfig(n_batches=3, n_sup=2, batch_size=16, eval_every=2)
    found = run(Learner(model, short, 3, small), 0, None)
    assert found["boards"] == [32, 48]
    assert len(found["watched_exact"]) == len(found["watched_seconds"]) == 2
    assert found["epochs_to_95"] == found["to_95_seconds"] == -1
    for name in ("test_exact_by_k", "validation_exact_by_k", "test_cells_by_k", "flops_by_k"):
        assert len(found[name]) == 3
    exact, cells = np.array(found["test_exact_by_k"]), np.array(found["test_cells_by_k"])
    assert (exact <= cells).all()
    by_length = np.array(found["test_exact_by_length_and_k"])
    length = maze_data(small)[2].labels.sum((1, 2))
    counts, _ = np.histogram(length, np.array(LENGTHS) + 0.5)
    assert counts.sum() == len(length)
    np.testing.assert_allclose((counts[:2] @ by_length[:2]) / MANY, exact, atol=1e-9)
    assert (cells > 0.3).all()


@pytest.mark.parametrize("name", sorted(CHOSEN))
def test_chosen_is_what_did_best_on_validation_mazes(name):
    tried = {
        key: recorded(recipe).measured("validation_exact_by_k").max()
        for key, recipe in RECIPES.items()
        if re.fullmatch(rf"maze8_tuning/{name}_(n\d|\d+x\d+)_lr_[\d.]+", key)
    }
    shape, lr = CHOSEN[name]
    assert len(tried) >= 3
    assert tried[f"maze8_tuning/{name}_{shape}_lr_{lr:g}"] == max(tried.values())
