"""Generated Sudokus are unique, minimal where promised, and uniform on 4x4, which is all listed."""

import numpy as np
import pytest
from scipy.stats import chisquare

from trm_lib.puzzles import (
    all_grids_4x4,
    augment_with_clues,
    class_key,
    generate_hard_sudoku,
    generate_sudoku,
    is_solution,
    masked_grids,
    minimal_sudokus_4x4,
    solve_exactly,
    sudokus_4x4,
    unique_masks_4x4,
)
from trm_lib.puzzles.sudoku_generator import TURNS


def assert_minimal(puzzles, solutions):
    """One solution each, and more of them as soon as any clue goes."""
    for puzzle, solution in zip(puzzles, solutions, strict=True):
        exact = solve_exactly(puzzle)
        np.testing.assert_array_equal(exact.solution, solution)
        assert exact.n_solutions == 1
        for row, column in np.argwhere(puzzle):
            weaker = puzzle.copy()
            weaker[row, column] = 0
            assert solve_exactly(weaker).n_solutions == 2


# --- drawn


@pytest.mark.parametrize(
    ("size", "clues", "count"),
    [(4, 4, 30), (4, 8, 30), (4, 16, 5), (6, 12, 20), (6, 35, 5), (9, 28, 15), (16, 160, 2),
     (25, 450, 1),
     (4, "minimal", 30), (6, "minimal", 20), (9, "minimal", 5)],
)  # fmt: skip
def test_exact_number_of_clues_and_one_solution_or_none_to_lose(size, clues, count):
    puzzles, solutions = generate_sudoku(size, count, np.random.default_rng(0), clues)
    assert puzzles.shape == solutions.shape == (count, size, size)
    assert puzzles.dtype == solutions.dtype == np.int8
    assert is_solution(puzzles, solutions).all()
    if clues == "minimal":
        assert_minimal(puzzles, solutions)
    else:
        assert ((puzzles > 0).sum(axis=(1, 2)) == clues).all()
        assert all(solve_exactly(puzzle).n_solutions == 1 for puzzle in puzzles)


def test_4x4_is_uniform_over_all_puzzles():
    every = masked_grids(sudokus_4x4(4))[0]
    drawn, _ = generate_sudoku(4, 10 * len(every), np.random.default_rng(0), 4)
    counts = np.unique(np.concatenate([every, drawn]), axis=0, return_counts=True)[1] - 1
    assert len(counts) == len(every)
    assert chisquare(counts).pvalue > 0.001


def test_hard_puzzles_are_minimal_guessed_at_and_of_classes_of_their_own():
    puzzles, solutions, rated = generate_hard_sudoku(4, np.random.default_rng(0), 4, each=2)
    assert_minimal(puzzles, solutions)
    assert (rated >= 4).all()
    assert all(
        solve_exactly(puzzle).backtracks <= TURNS * r
        for puzzle, r in zip(puzzles, rated, strict=True)
    )
    assert len(set(class_key(puzzles).tolist())) == 4
    assert len({solution.tobytes() for solution in solutions}) >= 2
    again = generate_hard_sudoku(4, np.random.default_rng(0), 4, each=2)
    for a, b in zip(again, (puzzles, solutions, rated), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="backtracks expected"):
        generate_hard_sudoku(1, np.random.default_rng(0), 0)


@pytest.mark.parametrize("size", [6, 9])
def test_every_digit_is_as_likely_in_every_cell(size):
    _, solutions = generate_sudoku(size, 300, np.random.default_rng(0), size * size - 1)
    for row in range(size):
        counts = np.bincount(solutions[:, row, 0], minlength=size + 1)[1:]
        assert chisquare(counts).pvalue > 1e-4
    assert len(np.unique(solutions, axis=0)) == 300


def test_given_answers_are_right_and_uniform_in_half_of_the_puzzles():
    puzzles, solutions = (boards[:2000] for boards in minimal_sudokus_4x4())
    given, answers = augment_with_clues(puzzles, solutions, np.random.default_rng(0))
    assert is_solution(given, answers).all()
    more = (given > 0).sum((1, 2)) - (puzzles > 0).sum((1, 2))
    assert (more >= 0).all()
    assert 0.45 < (more == 0).mean() < 0.6  # half, and those with a share of nearly none
    assert more.max() == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 5}, "expected a board size of 4, 6, 9, 16 or 25, got 5"),
        ({"count": 0}, "count expected a whole number >= 1, got 0"),
        ({"rng": 0}, "got 0: pass np.random.default_rng"),
        ({"clues": 3}, 'clues .or "minimal". expected a whole number from 4 to 16, got 3'),
        ({"size": 6, "clues": 7}, "from 8 to 36, got 7"),
        ({"clues": "easy"}, "got 'easy'"),
        ({"clues": True}, "got True"),
        ({"size": 9, "clues": 17}, r"no 9x9 Sudoku with 17 clues.*ask for 2\d clues or"),
    ],
)
def test_impossible_wishes(arguments, message):
    with pytest.raises(ValueError, match=message):
        generate_sudoku(**{"size": 4, "count": 1, "rng": np.random.default_rng(0)} | arguments)


# --- every 4x4


def test_the_tables_cannot_be_changed():
    for table in (all_grids_4x4(), unique_masks_4x4(), sudokus_4x4("minimal")):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 0


def test_13_579_680_puzzles_have_one_solution_and_make_up_those_of_every_number_of_clues():
    assert unique_masks_4x4().shape == (288, 65536)
    assert unique_masks_4x4().sum() == 13_579_680
    counts = [len(sudokus_4x4(clues)) for clues in range(4, 17)]
    assert sum(counts) == 13_579_680
    assert counts[0] == 25_728  # with 4 clues all are minimal
    assert counts[-1] == 288
    grid, mask = sudokus_4x4(7).T
    assert unique_masks_4x4()[grid, mask].all()
    assert {int(m).bit_count() for m in mask} == {7}
    for clues in (3, 17):
        with pytest.raises(ValueError, match=f"from 4 to 16, got {clues}"):
            sudokus_4x4(clues)


def test_85_632_minimal_puzzles_in_36_classes_by_number_of_clues():
    puzzles, solutions = minimal_sudokus_4x4()
    clues = (puzzles > 0).sum(axis=(1, 2))
    assert np.bincount(clues).tolist() == [0] * 4 + [25728, 58368, 1536]
    assert is_solution(puzzles, solutions).all()
    assert len(np.unique(puzzles, axis=0)) == 85_632
    assert_minimal(puzzles[::1000], solutions[::1000])
    keys = class_key(puzzles)
    first = np.unique(keys, return_index=True)[1]
    assert np.bincount(clues[first]).tolist()[4:] == [13, 22, 1]


def test_tables_agree_with_the_solver():
    rng = np.random.default_rng(0)
    pairs = np.stack([rng.integers(288, size=400), rng.integers(65536, size=400)], axis=1)
    puzzles, solutions = masked_grids(pairs)
    masks = ((puzzles.reshape(400, 16) > 0) << np.arange(16)).sum(axis=1)
    np.testing.assert_array_equal(masks, pairs[:, 1])
    assert is_solution(puzzles, solutions).all()
    for (grid, mask), puzzle in zip(pairs, puzzles, strict=True):
        assert unique_masks_4x4()[grid, mask] == (solve_exactly(puzzle).n_solutions == 1)
