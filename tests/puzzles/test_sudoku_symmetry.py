"""The symmetry groups: right size, closed, rule-preserving; augmentation covers them evenly."""

import numpy as np
import pytest
from scipy.stats import chisquare

from trm_lib.puzzles import (
    all_grids_4x4,
    augment_sudoku,
    class_key,
    generate_sudoku,
    is_solution,
    random_symmetries,
    solve_exactly,
    symmetries,
    units,
)


def as_rows(table):
    return {tuple(row) for row in table.tolist()}


@pytest.mark.parametrize(("size", "order"), [(4, 128), (6, 3456)])
def test_groups_have_the_known_order_and_are_closed(size, order):
    group = symmetries(size)
    rows = as_rows(group)
    assert len(rows) == len(group) == order
    assert group[0].tolist() == list(range(size * size))
    for index in np.random.default_rng(0).integers(order, size=20):
        assert as_rows(group[:, group[index]]) == rows


def test_4x4_group_is_all_there_is():
    # Count, one cell after the other, the permutations that keep "shares a unit with". None that
    # keeps the units is missed, so the group cannot be larger than what is found here.
    shares = np.zeros((16, 16), dtype=bool)
    for unit in units(4):
        shares[np.ix_(unit, unit)] = True

    def extend(images):
        cell = len(images)
        if cell == 16:
            return 1
        return sum(
            extend([*images, image])
            for image in range(16)
            if image not in images and (shares[image, images] == shares[cell, :cell]).all()
        )

    assert extend([]) == len(symmetries(4))


@pytest.mark.parametrize("size", [4, 6, 9])
def test_units_go_to_units(size):
    every_unit = as_rows(np.sort(units(size), axis=1))
    for permutation in random_symmetries(size, 50, np.random.default_rng(size)):
        assert as_rows(np.sort(permutation[units(size)], axis=1)) == every_unit


@pytest.mark.parametrize("size", [4, 6])
def test_random_symmetries_are_uniform_over_the_group(size):
    numbers = {tuple(row): i for i, row in enumerate(symmetries(size).tolist())}
    draws = random_symmetries(size, 20 * len(numbers), np.random.default_rng(size))
    counts = np.bincount([numbers[tuple(row)] for row in draws.tolist()], minlength=len(numbers))
    assert chisquare(counts).pvalue > 0.001


def test_random_9x9_symmetries_reach_every_row_order_and_the_transpose():
    draws = random_symmetries(9, 40_000, np.random.default_rng(9)).reshape(-1, 9, 9)
    turned = draws[:, 0, 1] // 9 != draws[:, 0, 0] // 9  # row 1 was a column
    assert 0.48 < turned.mean() < 0.52
    assert len(np.unique(draws[~turned][:, :, 0] // 9, axis=0)) == 1296
    assert len(np.unique(draws[~turned][:, 0, :] % 9, axis=0)) == 1296


def test_9x9_group_is_not_listed():
    with pytest.raises(ValueError, match=r"too many to list: draw some with random_symmetries"):
        symmetries(9)


def test_augmentation_covers_both_classes_of_grids_evenly():
    grids = all_grids_4x4()
    numbers = {grid.tobytes(): i for i, grid in enumerate(grids)}
    orbits = []
    for start in (0, 1):
        copies = np.repeat(grids[start : start + 1], 20_000, axis=0)
        turned, again = augment_sudoku(copies, copies, np.random.default_rng(start))
        np.testing.assert_array_equal(turned, again)  # puzzle and solution turn together
        counts = np.bincount([numbers[grid.tobytes()] for grid in turned], minlength=288)
        assert chisquare(counts[counts > 0]).pvalue > 0.001
        orbits.append(set(np.flatnonzero(counts)))
    assert sorted(map(len, orbits)) == [96, 192]
    assert not orbits[0] & orbits[1]


@pytest.mark.parametrize("size", [4, 6, 9])
def test_augmentation_keeps_class_clues_and_the_unique_solution(size):
    rng = np.random.default_rng(size)
    puzzles, solutions = generate_sudoku(size, 20, rng)
    before = puzzles.copy(), solutions.copy()
    turned, answers = augment_sudoku(puzzles, solutions, rng)
    np.testing.assert_array_equal(puzzles, before[0])
    np.testing.assert_array_equal(solutions, before[1])
    assert is_solution(turned, answers).all()
    np.testing.assert_array_equal((turned > 0).sum((1, 2)), (puzzles > 0).sum((1, 2)))
    np.testing.assert_array_equal(class_key(turned), class_key(puzzles))
    assert all(solve_exactly(puzzle).n_solutions == 1 for puzzle in turned)
    assert (turned != puzzles).any(axis=(1, 2)).all()


def test_augmentation_depends_on_the_generator_alone():
    puzzles, solutions = generate_sudoku(4, 50, np.random.default_rng(0))
    first = augment_sudoku(puzzles, solutions, np.random.default_rng(1))
    np.testing.assert_array_equal(
        first, augment_sudoku(puzzles, solutions, np.random.default_rng(1))
    )
    assert (first[0] != augment_sudoku(puzzles, solutions, np.random.default_rng(2))[0]).any()


@pytest.mark.parametrize(
    ("puzzles", "solutions", "message"),
    [
        (np.zeros((2, 4, 4), int), np.zeros((3, 4, 4), int), r"one shape \(B, N, N\), got \(2, 4"),
        (np.zeros((4, 4), int), np.zeros((4, 4), int), r"one shape \(B, N, N\), got \(4, 4\)"),
        (np.zeros((2, 4, 4), int), np.full((2, 4, 4), -100), "solutions: expected digits 0 to 4"),
        (np.zeros((2, 4, 4)), np.zeros((2, 4, 4), int), "puzzles: expected integers"),
        (np.zeros((2, 16), int), np.zeros((2, 16), int), r"puzzles: expected shape \(\.\.\., N, N"),
    ],
)
def test_augmentation_refuses_what_are_not_batches_of_boards(puzzles, solutions, message):
    with pytest.raises(ValueError, match=message):
        augment_sudoku(puzzles, solutions, np.random.default_rng(0))
