"""Symmetries keep the rules, augmentation covers them evenly, and class keys ignore them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chisquare

from trm_lib.puzzles import (
    all_grids_4x4,
    augment_sudoku,
    class_key,
    generate_sudoku,
    is_solution,
    masked_grids,
    parse_sudoku,
    solve_exactly,
    unique_masks_4x4,
    units,
)
from trm_lib.puzzles.sudoku_symmetry import (
    canonical_sudoku,
    random_symmetries,
    symmetries,
    symmetry_hash,
)

boards = st.sampled_from([4, 6, 9]).flatmap(
    lambda n: arrays(np.int8, (n, n), elements=st.integers(-n, n).map(lambda d: max(d, 0)))
)

BLANK, RNG = np.zeros((2, 4, 4), int), np.random.default_rng(0)


def as_rows(table):
    return {tuple(row) for row in table.tolist()}


# --- the groups


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


@pytest.mark.parametrize("size", [4, 6])
def test_random_symmetries_are_uniform_over_the_group(size):
    numbers = {tuple(row): i for i, row in enumerate(symmetries(size).tolist())}
    draws = random_symmetries(size, 20 * len(numbers), np.random.default_rng(size))
    counts = np.bincount([numbers[tuple(row)] for row in draws.tolist()], minlength=len(numbers))
    assert chisquare(counts).pvalue > 0.001


def test_random_9x9_symmetries_keep_units_and_reach_every_row_order_and_the_transpose():
    draws = random_symmetries(9, 40_000, np.random.default_rng(9))
    every_unit = as_rows(np.sort(units(9), axis=1))
    assert all(as_rows(np.sort(draw[units(9)], axis=1)) == every_unit for draw in draws[:50])
    draws = draws.reshape(-1, 9, 9)
    turned = draws[:, 0, 1] // 9 != draws[:, 0, 0] // 9  # row 1 was a column
    assert 0.48 < turned.mean() < 0.52
    assert len(np.unique(draws[~turned][:, :, 0] // 9, axis=0)) == 1296
    assert len(np.unique(draws[~turned][:, 0, :] % 9, axis=0)) == 1296


# --- augmentation


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


@pytest.mark.parametrize(
    ("size", "clues"), [(4, "minimal"), (6, "minimal"), (9, "minimal"), (16, 150)]
)
def test_augmentation_keeps_class_clues_and_the_unique_solution(size, clues):
    count = 20 if size < 16 else 2
    puzzles, solutions = generate_sudoku(size, count, np.random.default_rng(size), clues)
    before = puzzles.copy(), solutions.copy()
    turned, answers = augment_sudoku(puzzles, solutions, np.random.default_rng(1))
    np.testing.assert_array_equal((puzzles, solutions), before)
    assert is_solution(turned, answers).all()
    np.testing.assert_array_equal((turned > 0).sum((1, 2)), (puzzles > 0).sum((1, 2)))
    np.testing.assert_array_equal(class_key(turned), class_key(puzzles))
    assert all(solve_exactly(puzzle).n_solutions == 1 for puzzle in turned)
    assert (turned != puzzles).any(axis=(1, 2)).all()
    again, other = (augment_sudoku(puzzles, solutions, np.random.default_rng(s)) for s in (1, 2))
    np.testing.assert_array_equal(again, (turned, answers))
    assert (other[0] != turned).any()


# --- classes


def test_two_classes_of_grids_and_4710_of_puzzles_with_one_hash_each():
    keys = class_key(all_grids_4x4())
    _, grids, counts = np.unique(keys, return_index=True, return_counts=True)
    assert sorted(counts.tolist()) == [96, 192]
    pairs = np.argwhere(unique_masks_4x4()[grids])  # every puzzle of one grid of each class
    pairs[:, 0] = grids[pairs[:, 0]]
    puzzles = masked_grids(pairs)[0]
    exact, hashed = class_key(puzzles), symmetry_hash(puzzles)
    assert len(np.unique(exact)) == 4_710
    assert len(np.unique(np.stack([exact, hashed], axis=1), axis=0)) == 4_710
    assert len(np.unique(hashed)) == 4_657  # the docstring's number


@pytest.mark.parametrize("size", [4, 6])
def test_canonical_form_against_its_definition(size):
    puzzles = np.random.default_rng(size).integers(-size, size + 1, size=(6, size, size)).clip(0)
    for puzzle, canonical in zip(puzzles, canonical_sudoku(puzzles), strict=True):
        readings = []
        for row in puzzle.reshape(-1)[symmetries(size)].tolist():
            names = {0: 0}
            readings.append([names.setdefault(digit, len(names)) for digit in row])
        assert canonical.tolist() == min(readings)


@settings(deadline=None, max_examples=60)
@given(boards, st.integers(0, 2**32 - 1))
def test_keys_and_hashes_ignore_symmetry(board, seed):
    copies = np.repeat(board[None], 5, axis=0)
    turned, _ = augment_sudoku(copies, copies, np.random.default_rng(seed))
    both = np.concatenate([turned, copies[:1]])
    assert len(np.unique(class_key(both))) == len(np.unique(symmetry_hash(both))) == 1


def test_9x9_keys_tell_puzzles_apart_in_batches_of_any_size():
    puzzles, _ = generate_sudoku(9, 60, np.random.default_rng(0), 40)
    fewer = puzzles.copy().reshape(60, 81)
    for board in fewer:  # close relatives: one clue less
        board[np.flatnonzero(board)[0]] = 0
    keys = class_key(np.concatenate([puzzles, fewer.reshape(60, 9, 9)]))
    assert len(np.unique(keys)) == 120
    many = np.tile(puzzles[:3], (2000, 1, 1))  # more than one chunk
    np.testing.assert_array_equal(class_key(many), np.tile(keys[:3], 2000))


def test_keys_are_the_same_everywhere():
    texts = {
        "1...|..3.|.4..|...2": 9329681949887050420,
        "1.....|...2..|......|..3...|.....4|5.....": 8447684860597482708,
        "1........" * 2 + "." * 54 + "...456789": 6333191273447302986,
    }
    assert {text: class_key(parse_sudoku(text)[None])[0] for text in texts} == texts


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: class_key(np.zeros((4, 4), int)),
            r"shape \(B, N, N\), got \(4, 4\): pass a batch",
        ),
        (lambda: class_key(np.full((1, 4, 4), 5)), "puzzles: expected integers 0 to 4"),
        (lambda: augment_sudoku(BLANK, BLANK[:1], RNG), r"one shape \(B, N, N\), got \(2, 4, 4\)"),
        (lambda: augment_sudoku(BLANK, BLANK - 9, RNG), "solutions: expected integers 0 to 4"),
        (lambda: augment_sudoku(BLANK / 1.0, BLANK, RNG), "puzzles: expected integers"),
        (lambda: augment_sudoku(BLANK, BLANK, 0), "expected rng to be a NumPy Generator"),
    ],
)
def test_batches_of_boards_are_wanted(call, message):
    assert len(class_key(BLANK[:0])) == 0
    with pytest.raises(ValueError, match=message):
        call()
