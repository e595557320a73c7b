"""Mazes are uniform trees, with loops or without, and the wave finds exact distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path
from scipy.stats import chisquare

from trm_lib.puzzles.maze import (
    Mazes,
    check_walls,
    distance_table,
    generate_mazes,
    maze_distances,
    mazes_from_keys,
    passages,
    shortest_path_cells,
    steps_to,
)

KEYS = st.integers(0, 2**64 - 1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def graph(walls: np.ndarray) -> coo_array:
    """The cells of one maze and the openings between them, read bit by bit."""
    size = len(walls)
    edges = []
    for row in range(size):
        for column in range(size):
            for bit, (down, right) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)]):
                if not walls[row, column] >> bit & 1:
                    edges.append((row * size + column, (row + down) * size + column + right))
    here, there = np.array(edges).T
    return coo_array((np.ones(len(here)), (here, there)), shape=(size**2, size**2))


def openings(walls: np.ndarray) -> np.ndarray:
    return passages(walls).sum(axis=(1, 2, 3)) // 2


@settings(max_examples=40, deadline=None)
@given(size=st.integers(2, 12), key=KEYS)
def test_a_tree_joins_all_cells_with_no_opening_to_spare(size: int, key: int) -> None:
    walls = mazes_from_keys(size, np.array([key], np.uint64)).walls
    assert openings(walls) == size**2 - 1
    assert connected_components(graph(walls[0]))[0] == 1


@settings(max_examples=30, deadline=None)
@given(size=st.integers(2, 8), key=KEYS, loops=st.floats(0, 1))
def test_loops_open_the_share_of_walls_asked_for(size: int, key: int, loops: float) -> None:
    keys = np.array([key], np.uint64)
    tree = mazes_from_keys(size, keys)
    looped = mazes_from_keys(size, keys, "loops", loops)
    assert openings(looped.walls) == size**2 - 1 + round(loops * (size - 1) ** 2)
    assert not (looped.walls & ~tree.walls).any(), "no wall is added"


def test_every_3x3_tree_is_equally_likely(rng: np.random.Generator) -> None:
    mazes = generate_mazes(3, 192 * 250, rng)
    _, counts = np.unique(mazes.walls.reshape(len(mazes), -1), axis=0, return_counts=True)
    assert len(counts) == 192
    assert chisquare(counts).pvalue > 0.001


def test_every_wall_is_opened_equally_often_by_loops(rng: np.random.Generator) -> None:
    mazes = generate_mazes(2, 40_000, rng, "loops", 1.0)
    assert (openings(mazes.walls) == 4).all()
    trees = generate_mazes(3, 192 * 250, rng, "loops", 0.25)
    _, counts = np.unique(trees.walls.reshape(len(trees), -1), axis=0, return_counts=True)
    # a connected graph of 9 openings comes from each spanning tree it holds, so divide by these
    layouts = np.unique(trees.walls, axis=0)
    n_trees = np.array([kirchhoff(walls) for walls in layouts])
    assert chisquare(counts, n_trees * counts.sum() / n_trees.sum()).pvalue > 0.001


def kirchhoff(walls: np.ndarray) -> int:
    """Count the spanning trees inside a maze by the matrix-tree theorem."""
    adjacency = graph(walls).toarray()
    laplacian = np.diag(adjacency.sum(axis=0)) - adjacency
    return round(np.linalg.det(laplacian[1:, 1:]))


def test_a_maze_depends_on_its_key_alone() -> None:
    keys = np.arange(40, dtype=np.uint64)
    options = ("loops", 0.3, "random", "random")
    together = mazes_from_keys(6, keys, *options)
    for i in (0, 17, 39):
        alone = mazes_from_keys(6, keys[i : i + 1], *options)
        for name in ("walls", "start", "goal"):
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[i])


def test_open_mazes_have_walls_round_them_only(rng: np.random.Generator) -> None:
    mazes = generate_mazes(5, 2, rng, "open")
    assert (openings(mazes.walls) == 2 * 5 * 4).all()
    assert (mazes.start == 0).all()
    assert (mazes.goal == 24).all()


@pytest.mark.parametrize("start", ["fixed", "random"])
@pytest.mark.parametrize("goal", ["fixed", "random"])
def test_places_are_uniform_and_never_equal(
    start: str, goal: str, rng: np.random.Generator
) -> None:
    mazes = generate_mazes(3, 30_000, rng, "open", start=start, goal=goal)
    _, counts = np.unique(mazes.start * 9 + mazes.goal, return_counts=True)
    expected = {("fixed", "fixed"): 1, ("random", "random"): 72}.get((start, goal), 8)
    assert len(counts) == expected
    assert expected == 1 or chisquare(counts).pvalue > 0.001
    assert (mazes.start != mazes.goal).all()


@settings(max_examples=30, deadline=None)
@given(size=st.integers(2, 9), key=KEYS, loops=st.floats(0, 1))
def test_distances_are_those_of_scipy(size: int, key: int, loops: float) -> None:
    walls = mazes_from_keys(size, np.array([key], np.uint64), "loops", loops).walls
    expected = shortest_path(graph(walls[0]).tocsr(), unweighted=True)
    np.testing.assert_array_equal(distance_table(walls)[0], expected)
    source = key % size**2
    there = maze_distances(walls, np.array([source]))
    np.testing.assert_array_equal(there.reshape(-1), expected[source])


def test_cells_that_no_path_reaches_have_distance_minus_one() -> None:
    walls = np.full((1, 2, 2), 15, np.uint8)
    np.testing.assert_array_equal(maze_distances(walls, np.array([3])), [[[-1, -1], [-1, 0]]])
    with pytest.raises(ValueError, match="maze 0 has no path"):
        shortest_path_cells(Mazes(walls, np.array([0]), np.array([3])))


@settings(max_examples=40, deadline=None)
@given(size=st.integers(2, 9), key=KEYS, loops=st.floats(0, 1))
def test_the_label_is_every_shortest_path(size: int, key: int, loops: float) -> None:
    keys = np.array([key], np.uint64)
    mazes = mazes_from_keys(size, keys, "loops", loops, "random", "random")
    label = shortest_path_cells(mazes)[0].reshape(-1)
    between = shortest_path(graph(mazes.walls[0]).tocsr(), unweighted=True)
    start, goal = int(mazes.start[0]), int(mazes.goal[0])
    cells = {start}  # walk all shortest paths, one step nearer to the goal at a time
    seen = set(cells)
    open_ways = graph(mazes.walls[0]).toarray()
    while cells:
        cells = {
            int(there)
            for here in cells
            for there in np.flatnonzero(open_ways[here])
            if between[there, goal] == between[here, goal] - 1
        }
        seen |= cells
    assert set(np.flatnonzero(label).tolist()) == seen
    if loops == 0:
        assert label.sum() == between[start, goal] + 1


def test_a_large_maze_can_be_made(rng: np.random.Generator) -> None:
    mazes = generate_mazes(101, 1, rng)
    assert openings(mazes.walls) == 101**2 - 1
    label = shortest_path_cells(mazes)
    assert label[0, 0, 0]
    assert label[0, 100, 100]


def test_neighbours_of_a_cell() -> None:
    np.testing.assert_array_equal(steps_to(3)[4], [1, 5, 7, 3])
    np.testing.assert_array_equal(steps_to(3)[0], [0, 1, 3, 0])


def test_mazes_can_be_selected(rng: np.random.Generator) -> None:
    mazes = generate_mazes(4, 5, rng, start="random", goal="random")
    assert len(mazes) == 5
    assert mazes.size == 4
    for index in (3, -1, slice(1, 3), np.array([4, 0])):
        part = mazes[index]
        expected = mazes.walls[index].reshape(-1, 4, 4)
        np.testing.assert_array_equal(part.walls, expected)
    np.testing.assert_array_equal(mazes[-1].goal, mazes.goal[-1:])


def test_a_broken_wall_is_named() -> None:
    good = mazes_from_keys(3, np.array([5], np.uint64)).walls
    for row, column, bit, words in (
        (0, 1, 1, "open border at the top"),
        (2, 2, 2, "open border at the right"),
        (1, 1, 2, "disagree on the wall"),
    ):
        bad = good.copy()
        bad[0, row, column] ^= bit
        with pytest.raises(ValueError, match=words):
            check_walls(bad)
    for bad in (good[0], good.astype(float), good * 0 + 16, np.zeros((1, 1, 1), np.uint8)):
        with pytest.raises(ValueError, match="walls: expected"):
            check_walls(bad)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 1}, "size expected a whole number from 2 to 128, got 1"),
        ({"size": 129}, "got 129"),
        ({"size": 3.0}, "got 3.0"),
        ({"count": 0}, "count expected a whole number >= 1, got 0"),
        ({"rng": 0}, "expected rng to be a NumPy Generator"),
        ({"layout": "maze"}, "layout expected one of tree, loops, open, got 'maze'"),
        ({"loops": 0.5}, 'loops is for layout="loops"'),
        ({"layout": "loops", "loops": 1.5}, "loops expected 0 to 1, got 1.5"),
        ({"start": "middle"}, "start expected one of fixed, random"),
        ({"goal": None}, "goal expected one of fixed, random, got None"),
    ],
)
def test_bad_options_are_refused(options: dict, words: str) -> None:
    given = {"size": 3, "count": 2, "rng": np.random.default_rng(0)} | options
    with pytest.raises(ValueError, match=words):
        generate_mazes(**given)


@pytest.mark.parametrize(
    ("start", "goal", "words"),
    [
        ([0, 8], [8, 8], "maze 1 starts on its goal, cell 8"),
        ([0, 9], [8, 8], "start: maze 1 has cell 9, expected 0 to 8"),
        ([0.0, 1.0], [8, 8], "start: expected"),
        ([0], [8, 8], "start: expected"),
    ],
)
def test_wrong_places_are_refused(start: list, goal: list, words: str) -> None:
    walls = generate_mazes(3, 2, np.random.default_rng(0)).walls
    with pytest.raises(ValueError, match=words):
        Mazes(walls, np.array(start), np.array(goal))
