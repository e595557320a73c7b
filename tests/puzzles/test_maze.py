"""Mazes are uniform trees, with loops or without, and small trees are listed without a gap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.stats import chisquare

from tests.puzzles.by_hand import STEPS, assert_equal, graph
from trm_lib.puzzles import (
    Mazes,
    all_trees,
    check_marks,
    check_walls,
    generate_mazes,
    maze_distances,
    mazes_from_keys,
    passages,
    steps_to,
)

KEYS = st.integers(0, 2**64 - 1)


RNG = np.random.default_rng(0)
TWO = generate_mazes(3, 2, RNG).walls


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def openings(walls: np.ndarray) -> np.ndarray:
    return passages(walls).sum(axis=(1, 2, 3)) // 2


def n_spanning_trees(joined: np.ndarray) -> int:
    """How many spanning trees a graph has, by the matrix-tree theorem."""
    laplacian = np.diag(joined.sum(axis=0)) - joined.astype(int)
    return round(np.linalg.det(laplacian[1:, 1:]))


# --- drawn


@settings(max_examples=40, deadline=None)
@given(size=st.integers(2, 12), key=KEYS, loops=st.floats(0, 1))
def test_a_tree_joins_all_cells_and_loops_open_the_share_of_walls_asked_for(size, key, loops):
    keys = np.array([key], np.uint64)
    tree, looped = mazes_from_keys(size, keys), mazes_from_keys(size, keys, "loops", loops)
    assert openings(tree.walls) == size**2 - 1
    assert connected_components(graph(tree.walls[0]))[0] == 1
    assert openings(looped.walls) == size**2 - 1 + round(loops * (size - 1) ** 2)
    assert not (looped.walls & ~tree.walls).any(), "no wall is added"


def test_every_3x3_tree_is_equally_likely(rng):
    mazes = generate_mazes(3, 192 * 250, rng)
    _, counts = np.unique(mazes.walls.reshape(len(mazes), -1), axis=0, return_counts=True)
    assert len(counts) == 192
    assert chisquare(counts).pvalue > 0.001


def test_every_wall_is_opened_equally_often_by_loops(rng):
    assert (openings(generate_mazes(2, 100, rng, "loops", 1.0).walls) == 4).all()
    walls = generate_mazes(3, 192 * 250, rng, "loops", 0.25).walls
    layouts, counts = np.unique(walls, axis=0, return_counts=True)
    # a connected graph of 9 openings comes from each spanning tree it holds
    n_trees = np.array([n_spanning_trees(graph(layout)) for layout in layouts])
    assert chisquare(counts, n_trees * counts.sum() / n_trees.sum()).pvalue > 0.001


def test_a_maze_depends_on_its_key_alone():
    keys = np.arange(40, dtype=np.uint64)
    options = ("loops", 0.3, "random", "random")
    together = mazes_from_keys(6, keys, *options)
    for i in (0, 17, 39):
        assert_equal(mazes_from_keys(6, keys[i : i + 1], *options), together[i])
    for layout, opened in (("tree", 35), ("loops", 35 + 2), ("open", 60)):
        assert mazes_from_keys(6, keys[:0], layout).walls.shape == (0, 6, 6)
        assert (openings(mazes_from_keys(6, keys, layout).walls) == opened).all()


@pytest.mark.parametrize("start", ["fixed", "random"])
@pytest.mark.parametrize("goal", ["fixed", "random"])
def test_places_are_uniform_and_never_equal(start, goal, rng):
    mazes = generate_mazes(3, 30_000, rng, "open", start=start, goal=goal)
    _, counts = np.unique(mazes.start * 9 + mazes.goal, return_counts=True)
    expected = {("fixed", "fixed"): 1, ("random", "random"): 72}.get((start, goal), 8)
    assert len(counts) == expected
    assert expected == 1 or chisquare(counts).pvalue > 0.001
    assert (mazes.start != mazes.goal).all()


def test_mazes_can_be_selected_and_a_cell_has_its_neighbours(rng):
    assert steps_to(3)[[0, 4]].tolist() == [[0, 1, 3, 0], [1, 5, 7, 3]]
    mazes = generate_mazes(4, 5, rng, start="random", goal="random")
    assert (len(mazes), mazes.grid) == (5, (4, 4))
    for index in (3, -1, slice(1, 3), np.array([4, 0])):
        part = mazes[index]
        np.testing.assert_array_equal(part.walls, mazes.walls[index].reshape(-1, 4, 4))
    np.testing.assert_array_equal(mazes[-1].goal, mazes.goal[-1:])


# --- listed


@pytest.mark.parametrize(("size", "expected"), [(2, 4), (3, 192), (4, 100_352)])
def test_every_tree_is_listed_once_and_in_order(size, expected):
    trees = check_walls(all_trees(size))
    assert trees.shape == (expected, size, size)
    assert trees.dtype == np.uint8
    assert expected == n_spanning_trees(graph(generate_mazes(size, 1, rng=np.random.default_rng(0),
                                                             layout="open").walls[0]))  # fmt: skip
    rows = [tuple(row) for row in trees.reshape(expected, -1).tolist()]
    assert rows == sorted(set(rows))
    assert (openings(trees) == size**2 - 1).all()
    assert (maze_distances(trees, np.zeros(expected, np.int64)) >= 0).all()
    assert all_trees(size) is trees
    with pytest.raises(ValueError, match="read-only"):
        trees[0] = 0


# --- refused


def test_a_broken_wall_is_named():
    good = mazes_from_keys(3, np.array([5], np.uint64)).walls
    for row, column in np.ndindex(3, 3):
        for direction, step in enumerate(STEPS):
            bad = good.copy()
            bad[0, row, column] ^= 1 << direction
            at_fault = {(row, column), (row + step[0], column + step[1])}
            with pytest.raises(ValueError, match="close the border, and set a wall") as refused:
                check_walls(bad)
            assert any(
                f"walls: maze 0, row {r + 1}, column {c + 1} has" in str(refused.value)
                for r, c in at_fault
            )
    for bad in (good[0], good.astype(float), good * 0 + 16, np.zeros((1, 1, 1), np.uint8)):
        with pytest.raises(ValueError, match="walls: expected"):
            check_walls(bad)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: generate_mazes(1, 2, RNG), "size expected a whole number from 2 to 128, got 1"),
        (lambda: generate_mazes(3, 0, RNG), "count expected a whole number >= 1, got 0"),
        (lambda: generate_mazes(3, 2, 0), "expected rng to be a NumPy Generator"),
        (lambda: generate_mazes(3, 2, RNG, "maze"), "layout expected one of .*, got 'maze'"),
        (lambda: generate_mazes(3, 2, RNG, loops=0.5), 'loops is for layout="loops"'),
        (lambda: generate_mazes(3, 2, RNG, "loops", 1.5), "a share from 0 to 1, got 1.5"),
        (lambda: generate_mazes(3, 2, RNG, goal=None), "goal expected one of .* got None"),
        (lambda: Mazes(TWO, [0, 8], [8, 8]), "maze 1 starts on its goal, cell 8"),
        (lambda: Mazes(TWO, [0, 9], [8, 8]), r"start expected \(2,\) integers from 0 to 8, .*0, 9"),
        (lambda: Mazes(TWO, [0], [8, 8]), r"start expected \(2,\) integers .*, one cell a maze"),
        (lambda: check_marks(np.zeros((1, 3, 3), bool), 3), r"marks: expected bool .* \(1, 3, 3\)"),
        (lambda: check_marks(np.zeros((3, 3)), 3, "label"), "label: expected .* got float64"),
        (lambda: all_trees(5), "size expected a whole number from 2 to 4, got 5"),
    ],
)
def test_what_is_no_maze_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
