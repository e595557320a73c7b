"""What is shipped: the best seed by validation, trained again, with that seed's numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from book.recipes import ship, thinking_longer
from book.recipes.thinking_longer import LOOP, TRAINING, Student, trained
from trm_lib import solve
from trm_lib.experiments import Result, find_recipes, load_result
from trm_lib.models import load_model, read_card
from trm_lib.puzzles import generate_mazes

RECIPES = {recipe.name: recipe for recipe in find_recipes()}

BRIEF = replace(TRAINING, n_batches=3, batch_size=16, n_sup=4, due=2, eval_every=1)
STUDENT = Student(LOOP, BRIEF, closely=True)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book whose result holds three seeds, of which seed 1 is the best by validation."""
    recipe = replace(RECIPES["easy_to_hard/looped"], config=STUDENT)
    monkeypatch.setattr(thinking_longer, "WATCHED", {3: (20, 4), 4: (20, 4)})
    monkeypatch.setattr(ship, "find_recipes", lambda name: [recipe])
    monkeypatch.setattr(ship, "recorded", lambda r: load_result(r.name, tmp_path / "results"))
    seeds = {}
    for seed, validation in enumerate([0.5, 0.7, 0.6]):
        measured = {"validation_exact": validation}
        for layout in ("tree", "loops"):
            for size in thinking_longer.BY_K:
                measured[f"{layout}_{size}_exact_by_k"] = [0.0, size / 100 + seed / 1000]
        measured |= {f"tree_{n}_exact": 1 - (seed + n) / 1000 for n in thinking_longer.AT_REST}
        seeds[seed] = {"measured": measured, "seconds": 1.0, "provenance": {}}
    (tmp_path / "results" / "easy_to_hard").mkdir(parents=True)
    Result(recipe.name, recipe.about, recipe.settings(), seeds).save(tmp_path / "results")
    return tmp_path


def test_the_network_for_mazes_is_the_best_seed_with_its_numbers(book):
    path = book / "maze_paths.safetensors"
    card = ship.ship_maze_paths(path)
    assert read_card(path) == card
    assert card["result"] == "book/results/easy_to_hard/looped.json, seed 1"
    exact = card["exact on test mazes, as recorded"]
    assert exact["tree, 7 x 7 cells, K = 80"] == pytest.approx(0.071)
    assert exact["loops, 30 x 30 cells, K = 240"] == pytest.approx(0.301)
    assert exact["tree, 101 x 101 cells, answer at rest"] == pytest.approx(0.898)
    assert len(exact) == 12
    network, history, _ = trained(STUDENT, 1)
    torch.testing.assert_close(load_model(path).state_dict(), network.state_dict())
    best = max(a[0] for a in history.eval_success)
    assert card["exact on the mazes that chose these weights"] == best
    assert card["parameters"] == 9056
    assert card["training"]["n_batches"] == 3
    maze = generate_mazes(6, 1, np.random.default_rng(0))
    assert solve(maze, 2, load_model(path)).steps.shape == (2, 6, 6)
