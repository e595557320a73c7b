"""Generated Sudokus: unique, minimal where promised, of the size asked for, uniform on 4x4."""

import numpy as np
import pytest
from scipy.stats import chisquare

from trm_lib.puzzles import (
    augment_sudoku,
    class_key,
    generate_sudoku,
    is_solution,
    solve_exactly,
    sudokus_4x4,
)
from trm_lib.puzzles.sudoku_generator import masked_grids


@pytest.mark.parametrize(
    ("size", "clues", "count"),
    [(4, 4, 30), (4, 8, 30), (4, 15, 30), (4, 16, 5), (6, 12, 20), (6, 35, 5), (9, 28, 15)],
)
def test_exact_number_of_clues_and_one_solution(size, clues, count):
    puzzles, solutions = generate_sudoku(size, count, np.random.default_rng(0), clues)
    assert puzzles.shape == solutions.shape == (count, size, size)
    assert puzzles.dtype == solutions.dtype == np.int8
    assert ((puzzles > 0).sum(axis=(1, 2)) == clues).all()
    assert is_solution(puzzles, solutions).all()
    assert all(solve_exactly(puzzle).n_solutions == 1 for puzzle in puzzles)


@pytest.mark.parametrize(("size", "count"), [(4, 30), (6, 20), (9, 5)])
def test_minimal_puzzles_can_lose_no_clue(size, count):
    puzzles, solutions = generate_sudoku(size, count, np.random.default_rng(1))
    assert is_solution(puzzles, solutions).all()
    for puzzle in puzzles:
        assert solve_exactly(puzzle).n_solutions == 1
        for row, column in np.argwhere(puzzle):
            weaker = puzzle.copy()
            weaker[row, column] = 0
            assert solve_exactly(weaker).n_solutions == 2


def test_4x4_is_uniform_over_all_puzzles():
    every = masked_grids(sudokus_4x4(4))[0]
    drawn, _ = generate_sudoku(4, 10 * len(every), np.random.default_rng(0), 4)
    counts = np.unique(np.concatenate([every, drawn]), axis=0, return_counts=True)[1] - 1
    assert len(counts) == len(every)
    assert chisquare(counts).pvalue > 0.001


def test_minimal_4x4_is_uniform_over_the_36_classes_by_weight(minimal_keys):
    classes, sizes = np.unique(minimal_keys, return_counts=True)
    drawn, _ = generate_sudoku(4, 20_000, np.random.default_rng(0))
    counts = np.bincount(np.searchsorted(classes, class_key(drawn)), minlength=36)
    assert chisquare(counts, sizes * 20_000 / sizes.sum()).pvalue > 0.001


@pytest.mark.parametrize("size", [6, 9])
def test_every_digit_is_as_likely_in_every_cell(size):
    _, solutions = generate_sudoku(size, 300, np.random.default_rng(0), size * size - 1)
    for row in range(size):
        counts = np.bincount(solutions[:, row, 0], minlength=size + 1)[1:]
        assert chisquare(counts).pvalue > 1e-4
    assert len(np.unique(solutions, axis=0)) == 300


@pytest.mark.parametrize(("size", "clues"), [(4, "minimal"), (4, 9), (6, "minimal"), (9, 35)])
def test_the_generator_decides_alone(size, clues):
    first, again, other = (
        generate_sudoku(size, 5, np.random.default_rng(seed), clues)[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 1, "minimal"), "expected a board size of 4, 6 or 9, got 5"),
        ((4, 0, "minimal"), "expected count >= 1, got 0"),
        ((4, 1.5, "minimal"), "expected count >= 1, got 1.5"),
        ((6, None, "minimal"), "expected count >= 1, got None"),
        ((4, 1, 3), 'expected clues="minimal" or 4 to 16 for a 4x4 Sudoku .* got 3'),
        ((6, 1, 7), "8 to 36 for a 6x6 Sudoku .* got 7"),
        ((9, 1, 16), "17 to 81 for a 9x9 Sudoku .* got 16"),
        ((9, 1, 82), "17 to 81 for a 9x9 Sudoku .* got 82"),
        ((4, 1, "easy"), "got 'easy'"),
        ((4, 1, 5.0), "got 5.0"),
        ((4, 1, True), "got True"),
    ],
)
def test_impossible_wishes(arguments, message):
    size, count, clues = arguments
    with pytest.raises(ValueError, match=message):
        generate_sudoku(size, count, np.random.default_rng(0), clues)


@pytest.mark.parametrize("size", [4, 6])
@pytest.mark.parametrize("rng", [0, None])
def test_a_seed_is_not_a_generator(size, rng):
    with pytest.raises(ValueError, match=f"got {rng}: pass np.random.default_rng"):
        generate_sudoku(size, 1, rng)
    boards = np.zeros((1, size, size), dtype=np.int8)
    with pytest.raises(ValueError, match="expected rng to be a NumPy Generator"):
        augment_sudoku(boards, boards, rng)


def test_gives_up_on_too_few_clues_and_says_what_was_reached():
    with pytest.raises(ValueError, match=r"no 9x9 Sudoku with 17 clues.*ask for 2\d clues or"):
        generate_sudoku(9, 1, np.random.default_rng(0), 17)
