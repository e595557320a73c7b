"""Canonical forms and class keys: against the definition, the known counts, and symmetry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trm_lib.puzzles import (
    all_grids_4x4,
    augment_sudoku,
    canonical_sudoku,
    class_key,
    generate_sudoku,
    minimal_sudokus_4x4,
    parse_sudoku,
    symmetries,
    unique_masks_4x4,
)
from trm_lib.puzzles.sudoku_generator import masked_grids
from trm_lib.puzzles.sudoku_symmetry import symmetry_hash

boards = st.sampled_from([4, 6, 9]).flatmap(
    lambda n: arrays(np.int8, (n, n), elements=st.integers(-n, n).map(lambda d: max(d, 0)))
)


def one_of_each_class(keys):
    return np.unique(keys, return_index=True)[1]


@pytest.fixture(scope="module")
def puzzles_of_both_grids():
    """Every puzzle of one grid of each class: (91428, 4, 4), a representative of every class."""
    grids = one_of_each_class(class_key(all_grids_4x4()))
    pairs = np.argwhere(unique_masks_4x4()[grids])
    pairs[:, 0] = grids[pairs[:, 0]]
    return masked_grids(pairs)[0]


def test_two_classes_of_grids():
    _, counts = np.unique(class_key(all_grids_4x4()), return_counts=True)
    assert sorted(counts.tolist()) == [96, 192]


def test_36_classes_of_minimal_puzzles(minimal_keys):
    puzzles, _ = minimal_sudokus_4x4()
    clues = (puzzles > 0).sum(axis=(1, 2))
    assert np.bincount(clues[one_of_each_class(minimal_keys)]).tolist()[4:] == [13, 22, 1]


def test_4710_classes_of_puzzles_and_their_symmetry_hashes(puzzles_of_both_grids):
    exact, hashed = class_key(puzzles_of_both_grids), symmetry_hash(puzzles_of_both_grids)
    assert len(np.unique(exact)) == 4_710
    assert len(np.unique(np.stack([exact, hashed], axis=1), axis=0)) == 4_710  # one hash a class
    assert len(np.unique(hashed)) == 4_657  # the docstring's number


@pytest.mark.parametrize("size", [4, 6])
def test_canonical_form_against_its_definition(size):
    rng = np.random.default_rng(size)
    puzzles = rng.integers(-size, size + 1, size=(6, size, size)).clip(0)
    for puzzle, canonical in zip(puzzles, canonical_sudoku(puzzles), strict=True):
        readings = []
        for row in puzzle.reshape(-1)[symmetries(size)].tolist():
            names = {0: 0}
            readings.append([names.setdefault(digit, len(names)) for digit in row])
        assert canonical.reshape(-1).tolist() == min(readings)


@settings(deadline=None, max_examples=60)
@given(boards, st.integers(0, 2**32 - 1))
def test_keys_and_forms_ignore_symmetry(board, seed):
    copies = np.repeat(board[None], 5, axis=0)
    turned, _ = augment_sudoku(copies, copies, np.random.default_rng(seed))
    assert len(np.unique(class_key(np.concatenate([turned, copies[:1]])))) == 1
    assert len(np.unique(symmetry_hash(np.concatenate([turned, copies[:1]])))) == 1
    if len(board) < 9:
        assert len(np.unique(canonical_sudoku(turned), axis=0)) == 1
        canonical = canonical_sudoku(copies[:1])
        np.testing.assert_array_equal(canonical_sudoku(turned[:1]), canonical)
        np.testing.assert_array_equal(canonical_sudoku(canonical), canonical)


def test_9x9_keys_tell_puzzles_apart():
    puzzles, _ = generate_sudoku(9, 60, np.random.default_rng(0), 40)
    fewer = puzzles.copy().reshape(60, 81)
    for board in fewer:  # close relatives: one clue less
        board[np.flatnonzero(board)[0]] = 0
    keys = class_key(np.concatenate([puzzles, fewer.reshape(60, 9, 9)]))
    assert len(np.unique(keys)) == 120


def test_keys_of_a_large_batch_do_not_depend_on_the_batch():
    puzzles, _ = generate_sudoku(9, 3, np.random.default_rng(0), 50)
    many = np.tile(puzzles, (2000, 1, 1))  # more than one chunk
    np.testing.assert_array_equal(class_key(many), np.tile(class_key(puzzles), 2000))


def test_keys_are_the_same_everywhere():
    key = {
        4: class_key(parse_sudoku("1...|..3.|.4..|...2")[None])[0],
        6: class_key(parse_sudoku("1.....|...2..|......|..3...|.....4|5.....")[None])[0],
        9: class_key(parse_sudoku("1........" * 2 + "." * 54 + "...456789")[None])[0],
    }
    assert key == {4: 9329681949887050420, 6: 8447684860597482708, 9: 6333191273447302986}


@pytest.mark.parametrize("function", [canonical_sudoku, class_key, symmetry_hash])
def test_batches_of_boards_are_wanted(function):
    assert len(function(np.zeros((0, 4, 4), dtype=int))) == 0
    with pytest.raises(ValueError, match=r"shape \(B, N, N\), got \(4, 4\): add a batch axis"):
        function(np.zeros((4, 4), dtype=int))
    with pytest.raises(ValueError, match="puzzles: expected digits 0 to 4"):
        function(np.full((1, 4, 4), 5))


def test_no_canonical_form_for_9x9():
    with pytest.raises(ValueError, match="use class_key"):
        canonical_sudoku(np.zeros((1, 9, 9), dtype=int))
