"""The board: every form is read, clashes are named, solutions are told from everything else."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trm_lib.puzzles import (
    all_grids_4x4,
    box_shape,
    check_sudoku,
    game_of,
    is_solution,
    parse_sudoku,
    sudoku_text,
    units,
)
from trm_lib.puzzles.sudoku_solver import cover, search, to_board

BOARD = np.array([[1, 0, 0, 0], [0, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 2]], dtype=np.int8)
TEXT = "1...|..3.|.4..|...2"
GRID_6 = parse_sudoku("123456|456123|231564|564231|312645|645312")
GRID_9 = np.array([[(3 * r + r // 3 + c) % 9 + 1 for c in range(9)] for r in range(9)])

boards = st.sampled_from([4, 6, 9]).flatmap(
    lambda n: arrays(np.int8, (n, n), elements=st.integers(0, n))
)


# --- reading and writing


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
        "1___\n__3_\n_4__\n___2\n",
        "  1... ..3. .4.. ...2 ",
        "1 . . . | . . 3 . | . 4 . . | . . . 2",
        BOARD.tolist(),
        TEXT.split("|"),
        list(BOARD),
        torch.tensor(BOARD, dtype=torch.float32, requires_grad=True),
        BOARD.astype(object),
    ],
)
def test_every_form_reads_the_same_board_into_a_new_array(form):
    board = parse_sudoku(form)
    np.testing.assert_array_equal(board, BOARD)
    assert board.dtype == np.int8
    assert sudoku_text(board) == TEXT
    board[:] = 0
    np.testing.assert_array_equal(parse_sudoku(form), BOARD)


def with_cell(value, dtype):
    board = BOARD.astype(dtype)
    board[1, 2] = value
    return board


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        ("", "expected N \\* N symbols.* got 0: write every cell"),
        ("12|34|..|..|12", r"row 1 has 2 cells, expected 5 \(as many as there are rows"),
        ("1...|..3|.4..|...2", r"row 2 has 3 cells, expected 4 .*write every cell"),
        ("1...|..x.|.4..|...2", "row 2, column 3 holds 'x': expected a digit 1 to 4"),
        ("1...|..²3|.4..|...2", "row 2, column 3 holds '²'"),
        ("1...|..5.|.4..|...2", "row 2, column 3 holds 5: expected a digit 1 to 4"),
        ([[1, 0, 0, 0], [0, 3, 0], [0] * 4, [0] * 4], "row 2 has 3 cells, expected 4"),
        ([[1, 2], [2, 1]], r"expected one board .* got shape \(2, 2\)"),
        ([[1, 0, 0, 0], "..3.", [0] * 4, [0] * 4], "got a list that NumPy cannot read"),
        (torch.tensor(BOARD).bfloat16(), "got a Tensor that NumPy cannot read"),
        (BOARD[None], r"expected one board of N x N .* got shape \(1, 4, 4\): write every"),
        (with_cell(-1, int), "row 2, column 3 holds -1: expected a digit 1 to 4"),
        (with_cell(2.5, float), "row 2, column 3 holds 2.5"),
        (with_cell(np.nan, float), "row 2, column 3 holds nan"),
        (with_cell(True, object), "row 2, column 3 holds True"),
        (BOARD.astype(str), "row 1, column 1 holds '1'"),
    ],
)
def test_what_is_no_board_is_refused_with_the_cell(puzzle, message):
    with pytest.raises(ValueError, match=message):
        parse_sudoku(puzzle)


@pytest.mark.parametrize("size", [16, 25])
def test_large_boards_are_read_in_letters_numbers_frames_and_one_run(size):
    rng, rules = np.random.default_rng(size), cover(size)
    grid = to_board(rules, search(rules, rules.everything, limit=1, rng=rng)[0])
    board = np.where(rng.random((size, size)) < 0.5, grid, 0)
    text, side = sudoku_text(board), box_shape(size)[0]
    rows = text.split("|")
    ruler = "+".join(["-" * 2 * side] * side)
    boxes = [" | ".join(" ".join(row[i : i + side]) for i in range(0, size, side)) for row in rows]
    framed = [boxes[i : i + side] for i in range(0, size, side)]
    ways = [
        text, "".join(rows), "\n".join(rows), rows, board.tolist(),
        "\n".join(" ".join(f"{digit:2d}" for digit in row) for row in board),
        "\n".join(" ".join(str(digit or ".") for digit in row) for row in board),
        f"\n{ruler}\n".join("\n".join(part) for part in framed),
    ]  # fmt: skip
    if size == 16:
        digits = ".0123456789ABCDEF"
        ways.append("\n".join("".join(digits[digit] for digit in row) for row in board))
    for way in ways:
        np.testing.assert_array_equal(parse_sudoku(way), board)
        assert not isinstance(way, str) or game_of(way) == "Sudoku"
    with pytest.raises(ValueError, match="row 1, column 1 holds 'Q': expected a digit"):
        parse_sudoku("\n".join(["Q" + rows[0][1:], *rows[1:]]))


# --- rules


def test_boxes_are_two_rows_by_three_columns_on_6x6_and_every_cell_lies_in_three_units():
    for size in (4, 6, 9, 16, 25):
        assert np.bincount(units(size).reshape(-1)).tolist() == [3] * size * size
    assert [box_shape(n) for n in (4, 6, 9, 16)] == [(2, 2), (2, 3), (3, 3), (4, 4)]
    assert units(6)[12].tolist() == [0, 1, 2, 6, 7, 8]
    assert units(6)[13].tolist() == [3, 4, 5, 9, 10, 11]
    check_sudoku("1.....|......|.1....|......|......|......")  # would clash in a box of 3 rows
    with pytest.raises(ValueError, match="box 1"):
        check_sudoku("..1...|1.....|......|......|......|......")
    with pytest.raises(ValueError, match="expected a board size of 4, 6, 9, 16 or 25, got 5"):
        box_shape(5)


@pytest.mark.parametrize(
    ("board", "message"),
    [
        (
            "....|3..3|....|....",
            "digit 3 stands twice in row 2: row 2, column 1 and row 2, column 4; empty or change",
        ),
        (".2..|....|....|.2..", "in column 2: row 1, column 2 and row 4, column 2"),
        ("....|....|...4|..4.", "in box 4: row 3, column 4 and row 4, column 3"),
    ],
)
def test_a_clash_is_named(board, message):
    with pytest.raises(ValueError, match=message):
        check_sudoku(board)


def test_the_check_agrees_with_is_solution_on_every_pair_of_cells():
    for grid in all_grids_4x4()[::60]:
        check_sudoku(grid)
        for a in range(16):
            for b in range(a):
                changed = grid.copy().reshape(-1)
                changed[[a, b]] = changed[[b, a]]
                changed = changed.reshape(4, 4)
                if is_solution(np.zeros((4, 4), dtype=int), changed):
                    check_sudoku(changed)
                else:
                    with pytest.raises(ValueError, match="stands twice"):
                        check_sudoku(changed)


def test_is_solution_accepts_exactly_the_288_grids():
    rows = np.indices((4, 4, 4, 4)).reshape(4, -1).T + 1
    rows = rows[[len(set(row)) == 4 for row in rows.tolist()]]
    bands = np.stack([np.repeat(rows, 24, axis=0), np.tile(rows, (24, 1))], axis=1)  # (576, 2, 4)
    every = np.concatenate([np.repeat(bands, 576, axis=0), np.tile(bands, (576, 1, 1))], axis=1)
    solved = is_solution(np.zeros_like(every), every)  # of every board of four full rows
    obeys = np.ones(len(every), bool)
    for unit in units(4):
        obeys &= (np.sort(every.reshape(-1, 16)[:, unit]) == [1, 2, 3, 4]).all(axis=1)
    np.testing.assert_array_equal(solved, obeys)
    assert solved.sum() == 288
    np.testing.assert_array_equal(every[solved], all_grids_4x4())


def test_is_solution_wants_the_clues_kept_and_judges_any_integer():
    for wrong in (0, 5, -1, -100, 33, 65):
        answer = all_grids_4x4()[0].astype(np.int64)
        answer[answer == 1] = wrong
        assert not is_solution(np.zeros((4, 4), dtype=int), answer)
    grids, puzzle = all_grids_4x4(), np.zeros((4, 4), dtype=np.int8)
    puzzle[0, 0] = 1
    solved = is_solution(np.broadcast_to(puzzle, grids.shape), grids)
    np.testing.assert_array_equal(solved, grids[:, 0, 0] == 1)
    assert solved.sum() == 288 // 4
    for puzzles, answers, message in (
        (grids, grids[0], r"answers of shape \(288, 4, 4\).* of shape \(4, 4\)"),
        (grids, grids / 1.0, "expected integer answers .*got float64 .*take the argmax"),
        (grids.reshape(288, 16), grids, r"puzzles: expected shape .* got \(288, 16\)"),
    ):
        with pytest.raises(ValueError, match=message):
            is_solution(puzzles, answers)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_is_solution_on_other_shapes_and_dtypes(dtype):
    for grid in (GRID_6, GRID_9):
        assert is_solution(np.zeros_like(grid), grid.astype(dtype))
        wrong = grid.copy()
        wrong[0, :2] = wrong[0, 1::-1]  # rows and boxes stay right, two columns do not
        batch = np.stack([grid, wrong])[None]  # (1, 2, N, N)
        assert is_solution(np.zeros_like(batch), batch.astype(dtype)).tolist() == [[True, False]]
