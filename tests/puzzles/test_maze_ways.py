"""Ways through a maze: against the definition, on every set of marks, and against SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

from trm_lib.puzzles import (
    Mazes,
    generate_mazes,
    marked_way,
    parse_maze,
    shortest_path_cells,
    shortest_way,
)
from trm_lib.puzzles.maze import mazes_from_keys

RING = """
+---+---+---+
| S       G |
+   +---+   +
|   |   |   |
+   +---+   +
|           |
+---+---+---+"""
"""The cell in the middle is closed: 0 1 2 is the shortest way, 0 3 6 7 8 5 2 the other."""


def graph(maze: Mazes) -> np.ndarray:
    """Which cells one can walk between in one step, (L, L) bool, wall by wall."""
    n = maze.size
    table = np.zeros((n * n, n * n), bool)
    for cell in range(n * n):
        row, column = divmod(cell, n)
        if not maze.walls[0, row, column] >> 1 & 1:
            table[cell, cell + 1] = table[cell + 1, cell] = True
        if not maze.walls[0, row, column] >> 2 & 1:
            table[cell, cell + n] = table[cell + n, cell] = True
    return table


def marked(cells, size: int = 3) -> np.ndarray:
    return np.isin(np.arange(size * size), list(cells)).reshape(size, size)


def is_a_way(maze: Mazes, marks: np.ndarray) -> bool:
    """One piece; start and goal have one marked neighbour, all other marked cells two."""
    cells = np.flatnonzero(marks)
    start, goal = maze.start[0], maze.goal[0]
    if start not in cells or goal not in cells:
        return False
    inside = graph(maze)[np.ix_(cells, cells)]
    expected = np.where((cells == start) | (cells == goal), 1, 2)
    return (inside.sum(1) == expected).all() and connected_components(inside)[0] == 1


@pytest.mark.parametrize("loops", [0.0, 0.3, 0.6, 1.0])
def test_marks_are_a_way_where_the_definition_says_so(loops):
    mazes = generate_mazes(
        3, 6, np.random.default_rng(0), "loops", loops, start="random", goal="random"
    )
    found = 0
    for maze in (mazes[i] for i in range(6)):
        joined = graph(maze)
        for bits in range(512):
            marks = (bits >> np.arange(9) & 1 == 1).reshape(3, 3)
            way = marked_way(maze, marks)
            assert (way is not None) == is_a_way(maze, marks)
            if way is not None:
                found += 1
                assert (way[0], way[-1]) == (maze.start[0], maze.goal[0])
                assert sorted(way) == list(np.flatnonzero(marks))
                assert joined[way[:-1], way[1:]].all()
    assert found >= 6


def test_both_ways_round_a_ring_are_ways_and_nothing_else_is():
    maze = parse_maze(RING)
    assert list(marked_way(maze, marked([0, 1, 2]))) == [0, 1, 2]
    assert list(marked_way(maze, marked([0, 3, 6, 7, 8, 5, 2]))) == [0, 3, 6, 7, 8, 5, 2]
    wrong = {
        "nothing": [],
        "all": range(9),
        "the ring": [0, 1, 2, 3, 5, 6, 7, 8],
        "a gap": [0, 3, 6, 8, 5, 2],
        "no start": [1, 2],
        "no goal": [0, 1],
        "the start alone": [0],
        "start and goal alone": [0, 2],
        "a spur at the start": [0, 1, 2, 3],
        "a spur at the goal": [0, 1, 2, 5],
        "an island": [0, 1, 2, 7],
        "a cell behind walls": [0, 1, 2, 4],
    }
    for what, cells in wrong.items():
        assert marked_way(maze, marked(cells)) is None, what


def test_walls_are_not_walked_through():
    """The cells 0, 3 and 4 touch, and so do 4, 1 and 2, but walls stand between."""
    maze = parse_maze(RING)
    assert marked_way(maze, marked([0, 3, 4, 5, 2])) is None


def test_in_a_tree_the_label_is_the_way_and_every_other_marking_by_one_cell_is_none():
    trees = generate_mazes(5, 20, np.random.default_rng(1), start="random", goal="random")
    for maze, label in zip((trees[i] for i in range(20)), shortest_path_cells(trees), strict=True):
        np.testing.assert_array_equal(marked_way(maze, label), shortest_way(maze))
        for cell in range(25):
            marks = label.copy()
            marks.flat[cell] ^= True
            assert marked_way(maze, marks) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 9), st.integers(0, 2**64 - 1), st.floats(0, 1))
def test_a_shortest_way_has_as_many_steps_as_scipy_counts(size, key, loops):
    maze = mazes_from_keys(size, np.array([key], np.uint64), "loops", loops, "random", "random")
    way, joined = shortest_way(maze), graph(maze)
    assert way.dtype == np.int64
    assert (way[0], way[-1]) == (maze.start[0], maze.goal[0])
    assert joined[way[:-1], way[1:]].all()
    steps = shortest_path(coo_array(joined.astype(float)), unweighted=True, indices=way[0])
    assert len(way) - 1 == steps[way[-1]]


def test_the_largest_maze_is_walked():
    maze = generate_mazes(128, 1, np.random.default_rng(0))
    way = marked_way(maze, shortest_path_cells(maze)[0])
    np.testing.assert_array_equal(way, shortest_way(maze))


def test_what_does_not_fit_is_refused():
    maze = parse_maze(RING)
    for marks in (np.zeros((1, 3, 3), bool), np.zeros((4, 4), bool), np.zeros((3, 3), int)):
        with pytest.raises(ValueError, match=r"marks: expected bool of shape \(3, 3\).*got"):
            marked_way(maze, marks)
    two = generate_mazes(3, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="expected one maze, got 2: pass them one at a time"):
        marked_way(two, marked([0]))
    with pytest.raises(ValueError, match="expected one maze, got 2"):
        shortest_way(two)
    cut_off = Mazes(np.full((1, 2, 2), 15), np.array([0]), np.array([3]))
    with pytest.raises(
        ValueError, match=r"way from its start to its goal, got one with none: open"
    ):
        shortest_way(cut_off)
