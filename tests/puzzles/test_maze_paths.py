"""Distances and labels against SciPy; ways against their definition; dead ends as by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

from book.recipes.thinking_longer import filling_rounds
from tests.puzzles.by_hand import graph, some_mazes
from trm_lib.puzzles import (
    Mazes,
    generate_mazes,
    marked_way,
    maze_distances,
    parse_maze,
    passages,
    shortest_path_cells,
    shortest_way,
    steps_to,
)

IN_PIECES = Mazes(np.full((1, 2, 2), 15), np.array([0]), np.array([3]))


def several(size=6, count=20, layout="tree"):
    rng = np.random.default_rng(0)
    return generate_mazes(size, count, rng, layout, start="random", goal="random")


def between(maze):
    """The steps between any two cells, by SciPy."""
    return shortest_path(coo_array(graph(maze.walls[0]).astype(float)).tocsr(), unweighted=True)


# --- distances


@settings(max_examples=30, deadline=None)
@given(some_mazes)
def test_distances_and_shortest_ways_are_those_of_scipy(mazes):
    for maze in (mazes[i] for i in range(len(mazes))):
        cells, expected = np.arange(maze.walls[0].size), between(maze)
        found = maze_distances(np.repeat(maze.walls, len(cells), axis=0), cells)
        np.testing.assert_array_equal(found.reshape(len(cells), -1), expected)
        way, joined = shortest_way(maze), graph(maze.walls[0])
        assert way.dtype == np.int64
        assert (way[0], way[-1]) == (maze.start[0], maze.goal[0])
        assert joined[way[:-1], way[1:]].all()
        assert len(way) - 1 == expected[way[0], way[-1]]


@settings(max_examples=40, deadline=None)
@given(some_mazes)
def test_the_label_is_every_shortest_path(mazes):
    maze = mazes[0]
    steps, joined = between(maze), graph(maze.walls[0])
    start, goal = int(maze.start[0]), int(maze.goal[0])
    cells = seen = {start}  # walk all shortest paths, one step nearer to the goal at a time
    while cells:
        cells = {
            int(there)
            for here in cells
            for there in np.flatnonzero(joined[here])
            if steps[there, goal] == steps[here, goal] - 1
        }
        seen = seen | cells
    label = shortest_path_cells(maze)[0]
    assert set(np.flatnonzero(label).tolist()) == seen
    if joined.sum() == 2 * (maze.walls[0].size - 1):  # a tree
        assert label.sum() == steps[start, goal] + 1


# --- ways


def is_a_way(maze: Mazes, marks: np.ndarray) -> bool:
    """One piece; start and goal have one marked neighbour, all other marked cells two."""
    cells = np.flatnonzero(marks)
    start, goal = maze.start[0], maze.goal[0]
    if start not in cells or goal not in cells:
        return False
    inside = graph(maze.walls[0])[np.ix_(cells, cells)]
    expected = np.where((cells == start) | (cells == goal), 1, 2)
    return (inside.sum(1) == expected).all() and connected_components(inside)[0] == 1


@pytest.mark.parametrize("loops", [0.0, 0.3, 0.6, 1.0])
def test_marks_are_a_way_where_the_definition_says_so(loops):
    mazes = generate_mazes(
        3, 4, np.random.default_rng(0), "loops", loops, start="random", goal="random"
    )
    found = 0
    for maze in (mazes[i] for i in range(4)):
        joined = graph(maze.walls[0])
        for bits in range(512):
            marks = (bits >> np.arange(9) & 1 == 1).reshape(3, 3)
            way = marked_way(maze, marks)
            assert (way is not None) == is_a_way(maze, marks)
            if way is not None:
                found += 1
                assert (way[0], way[-1]) == (maze.start[0], maze.goal[0])
                assert sorted(way) == list(np.flatnonzero(marks))
                assert joined[way[:-1], way[1:]].all()
    assert found >= 4


@pytest.mark.parametrize("size", [2, 5, 128])
def test_in_a_tree_the_label_is_the_way(size):
    maze = several(size, 1)
    way = marked_way(maze, shortest_path_cells(maze)[0])
    np.testing.assert_array_equal(way, shortest_way(maze))


# --- dead ends


def filled_by_hand(maze):
    """The rounds of one maze, cell by cell."""
    is_open, ahead = passages(maze.walls).reshape(-1, 4), steps_to(maze.grid)
    left, rounds, now = set(range(maze.walls[0].size)), np.zeros(maze.walls[0].size, int), 0
    while True:
        now += 1
        dead = [
            cell
            for cell in left - {int(maze.start[0]), int(maze.goal[0])}
            if sum(int(there) in left for there in ahead[cell][is_open[cell]]) <= 1
        ]
        if not dead:
            return rounds.reshape(maze.grid)
        rounds[dead] = now
        left -= set(dead)


@pytest.mark.parametrize("layout", ["tree", "loops"])
def test_dead_ends_are_filled_as_by_hand_and_leave_the_shortest_paths(layout):
    some = several(layout=layout)
    rounds, path = filling_rounds(some), shortest_path_cells(some)
    expected = np.stack([filled_by_hand(some[i]) for i in range(len(some))])
    assert expected.max() > 3
    np.testing.assert_array_equal(rounds, expected)
    assert ((rounds == 0) >= path).all()
    assert ((rounds == 0) > path).any() == (layout == "loops")


def test_a_corridor_is_eaten_from_its_tip_and_a_shut_in_cell_at_once_which_no_path_reaches():
    maze = parse_maze(
        """
        +---+---+---+
        | S   G     |
        +---+---+   +
        |           |
        +   +---+---+
        |           |
        +---+---+---+
        """
    )
    np.testing.assert_array_equal(filling_rounds(maze)[0], [[0, 0, 7], [4, 5, 6], [3, 2, 1]])
    np.testing.assert_array_equal(filling_rounds(IN_PIECES)[0], [[0, 1], [1, 0]])
    np.testing.assert_array_equal(maze_distances(IN_PIECES.walls, [3])[0], [[-1, -1], [-1, 0]])
    assert filling_rounds(maze[:0]).shape == (0, 3, 3)


# --- refused


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: maze_distances(IN_PIECES.walls, [4]),
            r"source expected \(1,\) integers from 0",
        ),
        (lambda: shortest_path_cells(IN_PIECES), "maze 0 has no path from its start to its goal"),
        (lambda: shortest_way(IN_PIECES), "expected a way from start to goal"),
        (lambda: shortest_way(several(3, 2)), "expected one maze, got 2: pass them one at a time"),
        (lambda: marked_way(IN_PIECES, np.eye(3) > 0), r"marks: expected bool of shape \(2, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
