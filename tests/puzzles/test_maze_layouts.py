"""Layouts are named apart, turned copies alike, splits keep both, and the lists are complete."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trm_lib.puzzles.maze import check_walls, generate_mazes, maze_distances
from trm_lib.puzzles.maze_symmetry import all_trees, layout_class, layout_key
from trm_lib.puzzles.maze_text import walls_from_pixels
from trm_lib.puzzles.splits import split_by_class, split_by_hash

MASK = (1 << 64) - 1


def walls_of(size: int, closed: np.ndarray) -> np.ndarray:
    """Walls (n, n) of a layout given as one bool for each wall inside, (2 n (n - 1),).

    Those to the right come first, row by row, then those below.
    """
    walls = np.zeros((size, size), np.uint8)
    walls[0] |= 1
    walls[:, -1] |= 2
    walls[-1] |= 4
    walls[:, 0] |= 8
    right = closed[: size * (size - 1)].reshape(size, size - 1)
    below = closed[size * (size - 1) :].reshape(size - 1, size)
    walls[:, :-1] |= right * np.uint8(2)
    walls[:, 1:] |= right * np.uint8(8)
    walls[:-1] |= below * np.uint8(4)
    walls[1:] |= below * np.uint8(1)
    return walls


def mix(value: int) -> int:
    """SplitMix64's output function in Python's own integers."""
    value = value + 0x9E3779B97F4A7C15 & MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def turned_copies(walls: np.ndarray) -> list[np.ndarray]:
    """The eight turns of one layout, each as a picture of its walls, by NumPy's own turns."""
    size = len(walls)
    picture = np.ones((2 * size + 1, 2 * size + 1), bool)
    for row in range(size):
        for column in range(size):
            picture[2 * row + 1, 2 * column + 1] = False
            for bit, (down, right) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)]):
                wall = walls[row, column] >> bit & 1
                picture[2 * row + 1 + down, 2 * column + 1 + right] = wall
    return [np.rot90(image, k) for image in (picture, picture.T) for k in range(4)]


def names_of_copies(walls: np.ndarray) -> set[bytes]:
    return {picture.tobytes() for picture in turned_copies(walls)}


def kirchhoff(size: int) -> int:
    """How many spanning trees the grid has, by the determinant of its Laplacian."""
    line = np.diag(np.full(size, 2.0)) - np.eye(size, k=1) - np.eye(size, k=-1)
    line[0, 0] = line[-1, -1] = 1
    laplacian = np.kron(line, np.eye(size)) + np.kron(np.eye(size), line)
    return round(np.linalg.det(laplacian[1:, 1:]))


def joined(size: int, openings: tuple[int, ...]) -> bool:
    """Whether these walls, opened, join all cells; numbered as in ``walls_of``."""
    n_right = size * (size - 1)
    part = list(range(size * size))
    for wall in openings:
        if wall < n_right:
            here = wall // (size - 1) * size + wall % (size - 1)
            there = here + 1
        else:
            here, there = wall - n_right, wall - n_right + size
        old, new = part[here], part[there]
        part = [new if one == old else one for one in part]
    return len(set(part)) == 1


# --- keys


@settings(deadline=None)
@given(st.integers(2, 6), st.data())
def test_keys_are_equal_exactly_for_equal_layouts(size: int, data: st.DataObject) -> None:
    layouts = arrays(bool, 2 * size * (size - 1))
    one, other = data.draw(layouts), data.draw(layouts)
    keys = layout_key(np.stack([walls_of(size, one), walls_of(size, other), walls_of(size, one)]))
    assert keys[0] == keys[2]
    assert (keys[0] == keys[1]) == np.array_equal(one, other)


@pytest.mark.parametrize("size", [2, 3])
def test_no_two_of_all_small_layouts_share_a_key(size: int) -> None:
    n_walls = 2 * size * (size - 1)
    every = np.arange(1 << n_walls)[:, None] >> np.arange(n_walls) & 1
    walls = np.stack([walls_of(size, closed.astype(bool)) for closed in every])
    assert len(np.unique(layout_key(walls))) == 1 << n_walls


@pytest.mark.parametrize("size", [2, 6, 7, 9, 20])
def test_every_wall_counts(size: int) -> None:
    n_walls = 2 * size * (size - 1)
    closed = np.random.default_rng(size).random(n_walls) < 0.5
    changed = closed ^ np.eye(n_walls + 1, n_walls, dtype=bool)  # the last row changes nothing
    keys = layout_key(np.stack([walls_of(size, row) for row in changed]))
    assert len(np.unique(keys)) == n_walls + 1


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 12), st.data())
def test_keys_are_those_of_exact_integer_arithmetic(size: int, data: st.DataObject) -> None:
    closed = data.draw(arrays(bool, 2 * size * (size - 1)))
    number = sum(1 << place for place, bit in enumerate(closed.tolist()) if bit)
    key = mix(size)
    for start in range(0, len(closed), 64):
        key = mix(key ^ (number >> start & MASK))
    keys = layout_key(walls_of(size, closed)[None])
    assert keys.dtype == np.uint64
    assert keys.tolist() == [key]


def test_sizes_have_keys_of_their_own() -> None:
    keys = [layout_key(walls_of(n, np.zeros(2 * n * (n - 1), bool))[None])[0] for n in range(2, 40)]
    assert len(set(keys)) == len(keys)


def test_no_mazes_have_no_keys() -> None:
    none = np.zeros((0, 3, 3), np.uint8)
    assert layout_key(none).shape == layout_class(none).shape == (0,)


@pytest.mark.parametrize("function", [layout_key, layout_class])
def test_what_is_no_maze_is_refused(function) -> None:
    with pytest.raises(ValueError, match="has an open border at the top"):
        function(np.zeros((1, 3, 3), np.uint8))


# --- classes


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 6), st.data())
def test_classes_are_equal_exactly_for_turned_copies(size: int, data: st.DataObject) -> None:
    one = data.draw(arrays(bool, 2 * size * (size - 1)))
    other = one.copy()
    other[data.draw(st.permutations(range(len(one))))[: data.draw(st.integers(0, 2))]] ^= True
    one, other = walls_of(size, one), walls_of(size, other)
    other = walls_from_pixels(np.stack(turned_copies(other)))  # all eight copies
    same = bool(names_of_copies(one) & names_of_copies(other[0]))
    classes = layout_class(np.concatenate([one[None], other]))
    assert len(set(classes[1:])) == 1
    assert (classes[0] == classes[1]) == same


@pytest.mark.parametrize(("size", "expected"), [(2, 1), (3, 28), (4, 12_600)])
def test_classes_are_as_many_as_burnside_counts(size: int, expected: int) -> None:
    trees = all_trees(size)
    closed = np.concatenate(  # (count, walls inside), wall 0 to the right of the first cell
        [
            (trees[:, :, :-1] >> 1 & 1).reshape(len(trees), -1),
            (trees[:, :-1] >> 2 & 1).reshape(len(trees), -1),
        ],
        axis=1,
    )
    labels = np.zeros((2 * size + 1, 2 * size + 1), np.int64)  # the number of each wall's pixel
    n_right = size * (size - 1)
    labels[1::2, 2:-1:2] = np.arange(n_right).reshape(size, size - 1)
    labels[2:-1:2, 1::2] = np.arange(n_right, 2 * n_right).reshape(size - 1, size)
    fixed = 0
    for image in (labels, labels.T):
        for quarters in range(4):
            moved = np.rot90(image, quarters)
            order = np.concatenate([moved[1::2, 2:-1:2].ravel(), moved[2:-1:2, 1::2].ravel()])
            fixed += int((closed[:, order] == closed).all(axis=1).sum())
    assert fixed == 8 * expected
    assert len(np.unique(layout_class(trees))) == expected


# --- splits


def assert_nothing_is_shared(walls: np.ndarray, split) -> None:
    parts = [
        {copy for item in part for copy in names_of_copies(walls[item])}
        for part in (split.train, split.validation, split.test)
    ]
    assert all(parts), "a part is empty"
    for one, other in combinations(parts, 2):
        assert not one & other


@pytest.mark.parametrize("split", [split_by_class, split_by_hash])
def test_splits_by_class_share_no_turned_copy(split) -> None:
    trees = all_trees(3)
    for seed in range(3):
        assert_nothing_is_shared(trees, split(layout_class(trees), (0.5, 0.25, 0.25), seed))
    drawn = generate_mazes(5, 150, np.random.default_rng(0)).walls
    looped = generate_mazes(5, 150, np.random.default_rng(1), "loops", 0.3).walls
    walls = np.concatenate([drawn, looped])
    # the same again, upside down: rows reversed, and up (1) exchanged with down (4)
    flipped = walls[:, ::-1] & 10 | (walls[:, ::-1] & 1) << 2 | (walls[:, ::-1] & 4) >> 2
    walls = np.concatenate([walls, flipped])
    assert_nothing_is_shared(walls, split(layout_class(walls), (0.5, 0.25, 0.25)))


@pytest.mark.parametrize("split", [split_by_class, split_by_hash])
def test_splits_by_key_share_no_layout(split) -> None:
    trees = np.concatenate([all_trees(3), all_trees(3)])  # each twice
    parts = split(layout_key(trees), (0.5, 0.25, 0.25))
    layouts = [
        {trees[item].tobytes() for item in part}
        for part in (parts.train, parts.validation, parts.test)
    ]
    assert all(layouts)
    assert sum(map(len, layouts)) == len(set.union(*layouts)) == 192


# --- all trees


@pytest.mark.parametrize(("size", "expected"), [(2, 4), (3, 192), (4, 100_352)])
def test_every_tree_is_listed_once(size: int, expected: int) -> None:
    trees = all_trees(size)
    assert trees.shape == (expected, size, size)
    assert trees.dtype == np.uint8
    assert expected == kirchhoff(size)
    check_walls(trees)
    assert len(np.unique(trees.reshape(expected, -1), axis=0)) == expected
    n_openings = (trees[..., None] >> np.arange(4) & 1 == 0).sum(axis=(1, 2, 3)) // 2
    assert (n_openings == size**2 - 1).all()
    assert (maze_distances(trees, np.zeros(expected, np.int64)) >= 0).all()


@pytest.mark.parametrize("size", [2, 3])
def test_trees_are_those_found_by_trying_every_set_of_openings(size: int) -> None:
    n_walls = 2 * size * (size - 1)
    found = []
    for openings in combinations(range(n_walls), size**2 - 1):
        if joined(size, openings):
            closed = np.ones(n_walls, bool)
            closed[list(openings)] = False
            found.append(walls_of(size, closed).tolist())
    assert all_trees(size).tolist() == sorted(found)


def test_the_largest_list_is_in_order_too() -> None:
    cells = all_trees(4).reshape(-1, 16).astype(np.uint64)
    number = (cells << np.arange(60, -4, -4, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    assert (number[1:] > number[:-1]).all()


def test_the_list_is_kept_and_cannot_be_changed() -> None:
    assert all_trees(3) is all_trees(3)
    with pytest.raises(ValueError, match="read-only"):
        all_trees(3)[0] = 0


@pytest.mark.parametrize("size", [1, 5, "3", 3.5, True, None])
def test_other_sizes_are_refused(size: object) -> None:
    with pytest.raises(ValueError, match="size expected 2, 3 or 4, got"):
        all_trees(size)
