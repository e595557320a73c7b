"""The rules: clashes are named exactly; solutions are told from everything else."""

import numpy as np
import pytest

from trm_lib.puzzles import (
    all_grids_4x4,
    box_shape,
    check_sudoku,
    is_solution,
    parse_sudoku,
    units,
)

GRID_6 = parse_sudoku("123456|456123|231564|564231|312645|645312")


def test_boxes_are_two_rows_by_three_columns_on_6x6():
    assert [box_shape(n) for n in (4, 6, 9)] == [(2, 2), (2, 3), (3, 3)]
    assert units(6)[12].tolist() == [0, 1, 2, 6, 7, 8]
    assert units(6)[13].tolist() == [3, 4, 5, 9, 10, 11]
    check_sudoku("1.....|......|.1....|......|......|......")  # would clash in a box of 3 rows
    with pytest.raises(ValueError, match="box 1"):
        check_sudoku("..1...|1.....|......|......|......|......")


@pytest.mark.parametrize("size", [4, 6, 9])
def test_every_cell_lies_in_three_units(size):
    assert np.bincount(units(size).reshape(-1)).tolist() == [3] * size * size


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="expected a board size of 4, 6 or 9, got 5"):
        box_shape(5)


@pytest.mark.parametrize(
    ("board", "message"),
    [
        ("....|3..3|....|....", "digit 3 stands twice in row 2: columns 1 and 4; empty or change"),
        (".2..|....|....|.2..", "digit 2 stands twice in column 2: rows 1 and 4"),
        ("....|....|...4|..4.", "twice in box 4: row 3, column 4 and row 4, column 3"),
        ("....|..x.|....|....", "row 2, column 3 holds 'x'"),
    ],
)
def test_check_names_the_clash(board, message):
    with pytest.raises(ValueError, match=message):
        check_sudoku(board)


def test_check_agrees_with_is_solution_on_every_pair_of_cells():
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
    every = np.concatenate(
        [np.repeat(bands, 576, axis=0), np.tile(bands, (576, 1, 1))], axis=1
    )  # (331776, 4, 4): every board of four full rows
    solved = is_solution(np.zeros_like(every), every)
    np.testing.assert_array_equal(every[solved], all_grids_4x4())


def test_is_solution_wants_the_clues_kept():
    grids = all_grids_4x4()
    puzzle = np.zeros((4, 4), dtype=np.int8)
    puzzle[0, 0] = 1
    solved = is_solution(np.broadcast_to(puzzle, grids.shape), grids)
    np.testing.assert_array_equal(solved, grids[:, 0, 0] == 1)
    assert solved.sum() == 288 // 4


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_is_solution_on_other_shapes_and_dtypes(dtype):
    grid_9 = np.array([[(3 * r + r // 3 + c) % 9 + 1 for c in range(9)] for r in range(9)])
    for grid in (GRID_6, grid_9):
        assert is_solution(np.zeros_like(grid), grid.astype(dtype))
        wrong = grid.copy()
        wrong[0, :2] = wrong[0, 1::-1]  # rows and boxes stay right, two columns do not
        batch = np.stack([grid, wrong])[None]  # (1, 2, N, N)
        assert is_solution(np.zeros_like(batch), batch.astype(dtype)).tolist() == [[True, False]]


@pytest.mark.parametrize("wrong", [0, 5, -1, -100, 33, 65])
def test_is_solution_judges_any_integer(wrong):
    answer = all_grids_4x4()[0].astype(np.int64)
    answer[answer == 1] = wrong
    assert not is_solution(np.zeros((4, 4), dtype=int), answer)


def test_is_solution_refuses_mismatched_arrays():
    grids = all_grids_4x4()
    with pytest.raises(ValueError, match=r"answers of shape \(288, 4, 4\).* got \(4, 4\)"):
        is_solution(grids, grids[0])
    with pytest.raises(ValueError, match="expected integer answers, got dtype float64: take the"):
        is_solution(grids, grids.astype(float))
    with pytest.raises(ValueError, match=r"puzzles: expected shape .* got \(288, 16\)"):
        is_solution(grids.reshape(288, 16), grids.reshape(288, 16))
