"""Reading and writing boards: every accepted form, and every refusal with the cell it names."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trm_lib.puzzles import parse_sudoku, sudoku_text

BOARD = np.array([[1, 0, 0, 0], [0, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 2]], dtype=np.int8)
TEXT = "1...|..3.|.4..|...2"

boards = st.sampled_from([4, 6, 9]).flatmap(
    lambda n: arrays(np.int8, (n, n), elements=st.integers(0, n))
)


@settings(deadline=None)
@given(boards)
def test_text_and_board_are_inverse(board):
    text = sudoku_text(board)
    np.testing.assert_array_equal(parse_sudoku(text), board)
    np.testing.assert_array_equal(parse_sudoku(text.replace("|", "").replace(".", "0")), board)


@pytest.mark.parametrize(
    "form",
    [
        TEXT,
        "1000|0030|0400|0002",
        "1___\n__3_\n_4__\n___2\n",
        "  1... ..3. .4.. ...2 ",
        "1.....3..4.....2",
        "1 . . . | . . 3 . | . 4 . . | . . . 2",
        BOARD.tolist(),
        tuple(map(tuple, BOARD.tolist())),
        TEXT.split("|"),
        list(BOARD),
        torch.tensor(BOARD),
        torch.tensor(BOARD, dtype=torch.float32, requires_grad=True),
        BOARD.astype(np.uint8),
        BOARD.astype(np.float32),
        BOARD.astype(object),
    ],
)
def test_every_form_reads_the_same_board(form):
    board = parse_sudoku(form)
    np.testing.assert_array_equal(board, BOARD)
    assert board.dtype == np.int8


def test_board_is_a_copy():
    board = parse_sudoku(BOARD)
    board[0, 0] = 2
    assert BOARD[0, 0] == 1


def test_text_of_the_board():
    assert sudoku_text(BOARD) == TEXT


def with_cell(value, dtype):
    board = BOARD.astype(dtype)
    board[1, 2] = value
    return board


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        ("", "expected 16, 36 or 81 symbols .* got 0: write every cell"),
        ("1" * 15, "expected 16, 36 or 81 symbols .* got 15"),
        ("1" * 25, "expected 16, 36 or 81 symbols .* got 25"),
        ("12|34|..|..|12", "expected 4, 6 or 9 rows, got 5"),
        ("1...|..3|.4..|...2", r"row 2 has 3 cells, expected 4 .*write every cell"),
        ("1...|..x.|.4..|...2", "row 2, column 3 holds 'x': expected a digit 1 to 4"),
        ("1...|..²3|.4..|...2", "row 2, column 3 holds '²'"),
        ("1...|..5.|.4..|...2", "row 2, column 3 holds 5: expected a digit 1 to 4"),
        ([[1, 0, 0, 0], [0, 3, 0], [0] * 4, [0] * 4], "row 2 has 3 cells, expected 4"),
        ([[1, 2], [2, 1]], "expected 4, 6 or 9 rows, got 2"),
        ([], r"expected 4, 6 or 9 rows, got 0"),
        (["1...", "..3", ".4..", "...2"], "row 2 has 3 cells, expected 4"),
        (["1...", "..x.", ".4..", "...2"], "row 2, column 3 holds 'x'"),
        ([[1, 0, 0, 0], "..3.", [0] * 4, [0] * 4], "got a list that NumPy cannot read: write"),
        ([[1, [2], 0, 0], *[[0] * 4] * 3], "got a list that NumPy cannot read"),
        (torch.tensor(BOARD).bfloat16(), "got a Tensor that NumPy cannot read: .* dense integer"),
        (torch.tensor(BOARD).to_sparse(), "got a Tensor that NumPy cannot read"),
        (torch.tensor(BOARD).to("meta"), "got a Tensor that NumPy cannot read"),
        (BOARD[None], r"expected one board of shape .* got shape \(1, 4, 4\): pass one board"),
        (BOARD.reshape(-1), r"got shape \(16,\)"),
        (7, r"got shape \(\)"),
        (np.zeros((4, 6), dtype=int), r"got shape \(4, 6\)"),
        (with_cell(-1, int), "row 2, column 3 holds -1: expected a digit 1 to 4"),
        (with_cell(5, int), "row 2, column 3 holds 5"),
        (with_cell(5, float), "row 2, column 3 holds 5"),
        (with_cell(2.5, float), "row 2, column 3 holds 2.5: .*correct that cell"),
        (with_cell(np.nan, float), "row 2, column 3 holds nan"),
        (with_cell(np.inf, float), "row 2, column 3 holds inf"),
        (with_cell(None, object), "row 2, column 3 holds None"),
        (with_cell(True, object), "row 2, column 3 holds True"),
        (BOARD.astype(bool), "row 1, column 1 holds True"),
        (BOARD.astype(str), "row 1, column 1 holds '1'"),
        (BOARD.astype(complex), "row 1, column 1 holds"),
    ],
)
def test_refusals_say_where_and_what(puzzle, message):
    with pytest.raises(ValueError, match=message):
        parse_sudoku(puzzle)


@pytest.mark.parametrize(
    ("board", "message"),
    [
        (BOARD[None], r"expected one board of shape \(N, N\), got shape \(1, 4, 4\)"),
        (BOARD[:2], r"board: expected shape .* got \(2, 4\)"),
        (BOARD.astype(float), "board: expected integers, got dtype float64"),
        (BOARD + 3, r"board: expected digits 0 to 4 .* from 3 to 7"),
    ],
)
def test_text_refuses_what_is_not_one_board(board, message):
    with pytest.raises(ValueError, match=message):
        sudoku_text(board)
