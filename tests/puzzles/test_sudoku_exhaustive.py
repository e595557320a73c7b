"""The 4x4 tables against the known counts and the solver."""

import numpy as np
import pytest

from trm_lib.puzzles import (
    all_grids_4x4,
    is_solution,
    minimal_sudokus_4x4,
    solve_exactly,
    sudokus_4x4,
    unique_masks_4x4,
)
from trm_lib.puzzles.sudoku_generator import masked_grids, pack_masks


def test_288_grids_in_order():
    grids = all_grids_4x4()
    assert grids.shape == (288, 4, 4)
    assert is_solution(np.zeros_like(grids), grids).all()
    rows = [tuple(row) for row in grids.reshape(288, 16).tolist()]
    assert rows == sorted(set(rows))


def test_13_579_680_puzzles_have_one_solution():
    assert unique_masks_4x4().shape == (288, 65536)
    assert unique_masks_4x4().sum() == 13_579_680


def test_85_632_minimal_puzzles_by_number_of_clues():
    puzzles, solutions = minimal_sudokus_4x4()
    assert np.bincount((puzzles > 0).sum(axis=(1, 2))).tolist() == [0] * 4 + [25728, 58368, 1536]
    assert is_solution(puzzles, solutions).all()
    assert len(np.unique(puzzles, axis=0)) == 85_632


def test_tables_agree_with_the_solver():
    rng = np.random.default_rng(0)
    pairs = np.stack([rng.integers(288, size=400), rng.integers(65536, size=400)], axis=1)
    puzzles, solutions = masked_grids(pairs)
    np.testing.assert_array_equal(pack_masks(puzzles.reshape(400, 16) > 0), pairs[:, 1])
    for (grid, mask), puzzle, solution in zip(pairs, puzzles, solutions, strict=True):
        result = solve_exactly(puzzle)
        assert unique_masks_4x4()[grid, mask] == (result.n_solutions == 1)
        assert is_solution(puzzle, solution)


def test_no_clue_of_a_minimal_puzzle_can_go():
    puzzles, solutions = minimal_sudokus_4x4()
    for puzzle, solution in zip(puzzles[::1000], solutions[::1000], strict=True):
        np.testing.assert_array_equal(solve_exactly(puzzle).solution, solution)
        for row, column in np.argwhere(puzzle):
            weaker = puzzle.copy()
            weaker[row, column] = 0
            assert solve_exactly(weaker).n_solutions == 2


def test_puzzles_by_number_of_clues_make_up_all():
    counts = [len(sudokus_4x4(clues)) for clues in range(4, 17)]
    assert sum(counts) == 13_579_680
    assert counts[0] == 25_728  # with 4 clues all are minimal
    assert counts[-1] == 288
    grid, mask = sudokus_4x4(7).T
    assert unique_masks_4x4()[grid, mask].all()
    assert {int(m).bit_count() for m in mask} == {7}


@pytest.mark.parametrize("clues", [3, 17])
def test_impossible_numbers_of_clues(clues):
    with pytest.raises(ValueError, match=f"has 4 to 16 clues, got clues={clues}"):
        sudokus_4x4(clues)


def test_results_may_be_changed_without_harm():
    for boards in (all_grids_4x4(), *minimal_sudokus_4x4()):
        boards[:] = 0
    assert all_grids_4x4().min() == 1
    assert minimal_sudokus_4x4()[1].min() == 1
    assert not unique_masks_4x4().flags.writeable
