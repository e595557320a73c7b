"""What every picture refuses, and what it then says was expected."""

import numpy as np
import pytest

from trm_lib.viz import (
    accuracy_by_k,
    k_slider,
    learning_curves,
    lines,
    maze_svg,
    seed_dots,
    sudoku_svg,
)

X = np.arange(5.0)
NAN = np.where(X == 3, np.nan, X)
BOARD = np.array([[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]])
CLUES = BOARD * np.eye(4, dtype=int)
WALLS = np.array([[9, 1, 3], [8, 6, 10], [12, 5, 6]])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: learning_curves({}, "x", "y"), "1 to 7 names, got 0"),
        (lambda: learning_curves({"a": (X, X[1:])}, "x", "y"), r"got \(5,\) and \(4,\)"),
        (lambda: learning_curves({"a": (X[::-1], X)}, "x", "y"), "x of 'a' must increase"),
        (lambda: learning_curves({"a": (X, NAN)}, "x", "y"), "'a' has 1 values in y"),
        (lambda: accuracy_by_k(X + 1, {"a": 70 + X}, "y"), "divide percentages by 100"),
        (lambda: seed_dots({}, "x"), "at least one group"),
        (lambda: seed_dots({"a": np.ones((2, 2))}, "x"), r"'a' expected shape \(seeds,\)"),
        (lambda: lines({"a": NAN}, "x", "y"), "'a' has 1 values in y"),
        (lambda: k_slider([]), "at least one frame"),
        (lambda: k_slider(["a", "b"], captions=["one"]), "captions for 2 frames, got 1"),
        (lambda: k_slider(["a"], values=[1, 2]), "values for 1 frames, got 2"),
        (lambda: k_slider(["a", "b"], start=2), "from 0 to 1, got 2"),
        (lambda: k_slider(["a", 3.5]), "K = 2 must be HTML text.*got float"),
        (lambda: maze_svg(WALLS[None]), r"got \(1, 3, 3\): draw walls\[0\]"),
        (lambda: maze_svg(WALLS, goal=(2, 2)), r"goal expected a whole number .*got \(2, 2\)"),
        (lambda: maze_svg(WALLS, moves=np.zeros(9, int)), r"moves must have shape \(3, 3\)"),
        (lambda: sudoku_svg(BOARD[None]), "draw one at a time"),
        (lambda: sudoku_svg(BOARD, CLUES[:3]), r"clues must have shape \(4, 4\)"),
        (lambda: sudoku_svg(BOARD, belief=np.full((4, 4, 4), 2.0)), "probabilities, not logits"),
        (lambda: sudoku_svg(BOARD, belief=np.ones(16)), r"belief must .*\(16,\)"),
    ],
)  # fmt: skip
def test_errors_say_what_was_expected(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
