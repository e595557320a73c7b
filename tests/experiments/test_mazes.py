"""The experiments with mazes and Sudokus by trial and error: fair, disjoint, and repeatable."""

from dataclasses import replace

import numpy as np
import pytest

from book.recipes import sudoku_rl, unseen_mazes
from trm_lib.envs import optimal_maze_policy
from trm_lib.evaluation import play_each
from trm_lib.experiments import find_recipes, load_result, verify
from trm_lib.models import count_parameters
from trm_lib.puzzles import class_key, layout_class
from trm_lib.tasks import PolicyLearner

RECIPES = {recipe.name: recipe for recipe in find_recipes()}


@pytest.mark.parametrize("size", [4, 5])
def test_no_layout_is_on_two_sides_however_it_is_turned(size):
    classes = [
        set(layout_class(walls).tolist()) for walls in unseen_mazes.tree_layouts(size).values()
    ]
    assert all(classes)
    assert sum(map(len, classes)) == len(set.union(*classes))


@pytest.mark.parametrize("empties", [8, 12])
def test_no_sudoku_class_is_on_two_sides(empties):
    classes = [set(class_key(p).tolist()) for p in sudoku_rl.puzzles_with(empties).values()]
    assert all(classes)
    assert sum(map(len, classes)) == len(set.union(*classes))


@pytest.mark.parametrize(
    ("rivals", "first"),
    [
        (
            [s for shapes in unseen_mazes.SHAPES.values() for s in shapes.values()],
            unseen_mazes.trm(4),
        ),
        (list(sudoku_rl.LEARNERS.values()), sudoku_rl.LEARNERS["trm"]),
    ],
    ids=["mazes", "sudoku"],
)
def test_rivals_have_as_many_parameters_within_a_tenth(rivals, first):
    ours = count_parameters(first.new_policy(0))
    for rival in rivals:
        assert count_parameters(rival.new_policy(0)) == pytest.approx(ours, rel=0.1)


def test_cases_can_be_solved_and_are_drawn_evenly():
    some = unseen_mazes.cases(unseen_mazes.tree_layouts(4)["test"], 4000, seed=1)

    def make(count):
        import gymnasium as gym

        return gym.make_vec("trm/Maze-v0", count, size=4)

    assert play_each(make, some, optimal_maze_policy).success.all()
    for places in (some.start, some.goal):
        counts = np.bincount(places, minlength=16)
        assert abs(counts - 250).max() < 5 * 250**0.5


def small(learner: PolicyLearner, total_steps: int) -> PolicyLearner:
    training = replace(learner.training, total_steps=total_steps, num_steps=4, n_epochs=1)
    return replace(learner, training=training, num_envs=8)


def test_a_run_says_what_a_table_needs(monkeypatch, tmp_path):
    monkeypatch.setattr(unseen_mazes, "FEW", 8)
    monkeypatch.setattr(unseen_mazes, "MANY", 16)
    learner = small(unseen_mazes.hierarchical(1), 64)
    first, again = (unseen_mazes.run4(learner, 0, tmp_path / f"{i}.safetensors") for i in range(2))
    times = {key for key in first if key.endswith("seconds")}
    assert {k: v for k, v in first.items() if k not in times} == {
        k: v for k, v in again.items() if k not in times
    }
    assert len(first["test_success_by_k"]) == len(first["flops_by_k"]) == 4
    assert first["flops_by_k"][1] == pytest.approx(2 * first["flops_by_k"][0], rel=0.01)
    assert len(first["size7_success_by_k"]) == 16
    assert first["steps"] == 64
    assert first["watched_steps"][-1] == 64


def test_a_sudoku_run_says_what_a_table_needs(monkeypatch):
    monkeypatch.setattr(sudoku_rl, "FEW", 8)
    monkeypatch.setattr(sudoku_rl, "MANY", 300)
    task = sudoku_rl.Filler(small(sudoku_rl.LEARNERS["one_pass"], 64))
    measured = sudoku_rl.run(task, 0, None)
    assert len(measured["test_success_by_k"]) == 1
    assert measured["random_legal_success"] == pytest.approx(0.45, abs=0.12)


def test_the_recorded_perceptron_is_found_again():
    """Seed 0 from its start, seconds; other hardware may round a few mazes differently."""
    recipe = RECIPES["maze4/mlp"]
    stored = load_result(recipe.name)
    assert verify(recipe, stored, seed=0, tolerance=0.05) == []
