"""Layouts are named alike exactly when one is a turn of the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.puzzles.by_hand import walls_of
from trm_lib.puzzles import all_trees, layout_class
from trm_lib.puzzles.maze_layouts import wall_pixels


def copies(walls: np.ndarray) -> set[bytes]:
    """The walls of one layout as a picture, in its eight turns."""
    picture = wall_pixels(walls[None])[0]
    return {np.rot90(p, k).tobytes() for p in (picture, picture.T) for k in range(4)}


def test_names_are_the_same_everywhere():
    sizes, rng = (2, 5, 9), np.random.default_rng(0)
    names = [layout_class(walls_of(n, rng.random(2 * n * (n - 1)) < 0.5)[None]) for n in sizes]
    expected = [1988111358474182198, 2374052418633496516, 2831267139762960196]
    assert np.concatenate(names).tolist() == expected


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 6), st.data())
def test_classes_are_equal_exactly_for_turned_copies(size, data):
    one = data.draw(arrays(bool, 2 * size * (size - 1)))
    other = one.copy()
    other[data.draw(st.permutations(range(len(one))))[: data.draw(st.integers(0, 2))]] ^= True
    one, other = walls_of(size, one), walls_of(size, other)
    named = layout_class(np.stack([one, other]))
    assert (named[0] == named[1]) == bool(copies(one) & copies(other))


@pytest.mark.parametrize(("size", "expected"), [(2, 1), (3, 28), (4, 12_600)])
def test_classes_of_trees_are_as_many_as_burnside_counts(size, expected):
    trees = all_trees(size)
    pictures = wall_pixels(trees)
    fixed = sum(
        int((np.rot90(images, k, axes=(1, 2)) == pictures).all(axis=(1, 2)).sum())
        for images in (pictures, pictures.swapaxes(1, 2))
        for k in range(4)
    )
    assert fixed == 8 * expected
    assert len(np.unique(layout_class(trees))) == expected


def test_no_mazes_have_no_names_and_what_is_no_maze_is_refused():
    assert layout_class(np.zeros((0, 3, 3), np.uint8)).shape == (0,)
    with pytest.raises(ValueError, match="close the border"):
        layout_class(np.zeros((1, 3, 3), np.uint8))
