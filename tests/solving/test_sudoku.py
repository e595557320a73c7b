"""The three-line use: the shipped model answers, the rules judge, bad puzzles are refused."""

import numpy as np
import pytest
import torch

from book.recipes.paper_trm import minimal_sudoku6
from book.recipes.ship import thinking_picture
from trm_lib import SolvedSudoku, solve
from trm_lib.evaluation import answers_by_k
from trm_lib.models import TRM, TRMConfig, load_model, read_card
from trm_lib.puzzles import minimal_sudokus_4x4, solve_exactly
from trm_lib.solving import shipped_model, weights_folder

PUZZLE = "1...|..3.|.4..|...2"
WEIGHTS = weights_folder() / "sudoku4.safetensors"


def test_the_shipped_model_solves_the_example_of_the_readme():
    solved = solve(PUZZLE)
    assert isinstance(solved, SolvedSudoku)
    assert solved.is_right
    assert (solved.answer == solve_exactly(solved.puzzle).solution).all()
    assert solved.steps.shape == (16, 4, 4)
    assert (solved.answer == solved.steps[solved.k - 1]).all()
    assert not solved.right[: solved.k - 1].any()
    assert f"right, proved by the rules at K = {solved.k}" in str(solved)


@pytest.mark.parametrize(
    "puzzle",
    [
        "1.....3..4.....2",
        [[1, 0, 0, 0], [0, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 2]],
        np.array([[1, 0, 0, 0], [0, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 2]], dtype=np.uint8),
        torch.tensor([[1, 0, 0, 0], [0, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 2]]),
    ],
)
def test_text_lists_and_arrays_are_the_same_puzzle(puzzle):
    assert (solve(puzzle).steps == solve(PUZZLE).steps).all()


def test_an_untrained_model_is_not_believed():
    """Being right is checked, not assumed: this model's answers break the rules, and it says so."""
    config = TRMConfig(vocab_size=5, grid=(4, 4), width=8, n_layers=1)
    solved = solve(PUZZLE, k_steps=3, model=TRM(config))
    assert not solved.is_right
    assert solved.k == 3
    assert "wrong: no answer up to K = 3" in str(solved)


def test_the_shipped_model_is_as_good_as_its_card_says():
    card = read_card(WEIGHTS)
    puzzles, solutions = minimal_sudokus_4x4()
    chosen = np.random.default_rng(0).choice(len(puzzles), 2000, replace=False)
    answers = answers_by_k(shipped_model(4), puzzles[chosen], card["K"])
    exact = (answers[-1] == solutions[chosen]).all((1, 2)).mean()
    assert exact >= card["exact on minimal puzzles of unseen classes"] - 0.005
    assert card["parameters"] == sum(p.numel() for p in load_model(WEIGHTS).parameters())


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        ("1...|..3.|.4..", "expected 4, 6 or 9 rows, got 3"),
        ("1...|..x.|.4..|...2", "row 2, column 3 holds 'x'"),
        ("1..1|..3.|.4..|...2", "digit 1 stands twice in row 1: columns 1 and 4"),
        ("12..|..3.|....|..4.", "expected a puzzle with one solution, got one with none"),
        ("1...|....|....|...2", r"got several: row 1, column 2 can hold . or .; add a clue"),
    ],
)
def test_puzzles_that_have_no_single_answer_are_refused(puzzle, message):
    with pytest.raises(ValueError, match=message):
        solve(puzzle)


def test_the_shipped_6x6_model_is_the_recorded_seed_and_as_good_on_fresh_puzzles():
    from trm_lib.experiments import load_result
    from trm_lib.puzzles import class_key, generate_sudoku

    card = read_card(weights_folder() / "sudoku6.safetensors")
    recorded = load_result("sudoku6/mlp")
    assert card["training"] == recorded.config["training"]
    claimed = recorded.measured("test_exact_by_k")[0, card["K"] - 1]
    assert card["exact on minimal puzzles of unseen classes"] == claimed >= 0.98
    puzzles, solutions = generate_sudoku(6, 600, np.random.default_rng(987))
    trained_on = minimal_sudoku6()[0].inputs
    fresh = ~np.isin(class_key(puzzles), class_key(trained_on))
    assert fresh.sum() > 500
    answers = answers_by_k(shipped_model(6), puzzles[fresh], card["K"])
    exact = (answers[-1] == solutions[fresh]).all((1, 2)).mean()
    assert exact == pytest.approx(claimed, abs=0.02)


def test_sizes_without_a_shipped_model_say_so():
    from trm_lib.puzzles import generate_sudoku

    puzzle = generate_sudoku(9, 1, np.random.default_rng(0), clues=60)[0][0]
    with pytest.raises(ValueError, match=r"no model is shipped for 9x9 Sudoku.*pass it as model="):
        solve(puzzle)
    with pytest.raises(ValueError, match=r"no model is shipped for 'chess', only for 4x4 and 6x6"):
        shipped_model("chess")


@pytest.mark.parametrize(
    "model",
    [
        "a model",
        torch.nn.Linear(4, 4),
        TRM(TRMConfig(vocab_size=7, grid=(4, 4), width=8)),
        TRM(TRMConfig(vocab_size=5, grid=(16,), width=8)),
    ],
)
def test_models_for_other_boards_are_refused(model):
    with pytest.raises(ValueError, match="model expected a TRM or FeedForward.*vocab_size=5"):
        solve(PUZZLE, model=model)


@pytest.mark.parametrize("k_steps", [0, -3, 1.5])
def test_wrong_k_is_refused(k_steps):
    with pytest.raises(ValueError, match=r"k_steps \(K\) expected a whole number >= 1"):
        solve(PUZZLE, k_steps=k_steps)


def test_the_picture_in_the_readme_is_what_the_model_thinks():
    stored = (weights_folder().parent / "_static" / "thinking.svg").read_text()
    assert thinking_picture().svg.strip() == stored.strip()
