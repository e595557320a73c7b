"""The shipped models are the recorded ones, and as good on fresh puzzles as their cards say."""

import numpy as np
import pytest
import torch

from book.recipes.ship import thinking_picture
from trm_lib import solve
from trm_lib.evaluation import answers_by_k
from trm_lib.experiments import load_result
from trm_lib.models import read_card
from trm_lib.puzzles import generate_mazes, generate_sudoku, minimal_sudokus_4x4
from trm_lib.solving import SHIPPED, shipped_model, weights_folder


def exact_on(size, puzzles, solutions, k_steps):
    draws = torch.Generator().manual_seed(0) if size == 9 else None
    answers = answers_by_k(shipped_model(size), puzzles, k_steps, draws)
    return (answers[-1] == solutions).all((1, 2)).mean()


def test_the_4x4_model_is_as_good_as_its_card_says():
    card = read_card(weights_folder() / SHIPPED[4])
    chosen = np.random.default_rng(0).choice(85_632, 2000, replace=False)
    puzzles, solutions = (boards[chosen] for boards in minimal_sudokus_4x4())
    claimed = card["exact on minimal puzzles of unseen classes"]
    assert exact_on(4, puzzles, solutions, card["K"]) >= claimed - 0.005
    assert card["parameters"] == sum(p.numel() for p in shipped_model(4).parameters())


def test_the_6x6_model_is_the_recorded_seed_and_as_good_on_fresh_puzzles():
    card = read_card(weights_folder() / SHIPPED[6])
    recorded = load_result("sudoku6/mlp")
    assert card["training"] == recorded.config["training"]
    claimed = recorded.measured("test_exact_by_k")[0, card["K"] - 1]
    assert card["exact on minimal puzzles of unseen classes"] == claimed >= 0.98
    fresh = generate_sudoku(6, 600, np.random.default_rng(987))
    assert exact_on(6, *fresh, card["K"]) == pytest.approx(claimed, abs=0.02)


def test_the_network_over_candidates_is_the_recorded_seed_and_as_good_on_fresh_puzzles():
    card = read_card(weights_folder() / SHIPPED[9])
    runs = load_result("hard_sudoku/candidates").seeds
    best = max(sorted(runs), key=lambda seed: runs[seed]["measured"]["validation_exact"])
    assert card["result"].endswith(f"seed {best}")
    claimed = runs[best]["measured"]["minimal_exact_by_k"][-1]
    assert card["exact on test puzzles, as recorded"]["minimal"] == [32, claimed]
    fresh = generate_sudoku(9, 80, np.random.default_rng(987))
    assert exact_on(9, *fresh, 32) >= claimed - 0.1
    for puzzle, solution in zip(*(boards[:5] for boards in fresh), strict=True):
        solved = solve(puzzle, 32, starts=2)
        assert (solved.answer == solution).all() == solved.is_right


def test_the_maze_model_is_the_recorded_seed_and_as_good_on_fresh_mazes():
    card = read_card(weights_folder() / SHIPPED["maze"])
    runs = load_result("shortest_ways/wave").seeds
    best = max(sorted(runs), key=lambda seed: runs[seed]["measured"]["validation_exact"])
    assert card["result"].endswith(f"seed {best}")
    walks = card["walks in the fewest steps on test mazes, as recorded"]
    assert walks["loops_10_30"] == runs[best]["measured"]["loops_10_30_walks"] >= 0.97
    mazes = generate_mazes(20, 20, np.random.default_rng(987), "loops", 0.1, "random", "random")
    share = np.mean([solve(mazes[i]).is_shortest for i in range(20)])
    assert share >= walks["loops_10_30"] - 0.1


def test_the_picture_in_the_readme_is_what_the_model_thinks():
    stored = (weights_folder().parent / "_static" / "thinking.svg").read_text()
    assert thinking_picture().svg.strip() == stored.strip()
