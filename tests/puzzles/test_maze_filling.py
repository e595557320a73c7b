"""Dead-end filling: round by round, as by hand, and what is left in trees and with loops."""

import numpy as np
import pytest

from trm_lib.puzzles import filling_rounds, generate_mazes, parse_maze, shortest_path_cells
from trm_lib.puzzles.maze import passages, steps_to


def mazes(size=6, count=20, layout="tree"):
    return generate_mazes(size, count, np.random.default_rng(0), layout, start="random",
                          goal="random")  # fmt: skip


def by_hand(maze):
    """The rounds of one maze, cell by cell."""
    is_open, ahead = passages(maze.walls).reshape(-1, 4), steps_to(maze.size)
    left, rounds, now = set(range(maze.size**2)), np.zeros(maze.size**2, int), 0
    while True:
        now += 1
        dead = [
            cell
            for cell in left - {int(maze.start[0]), int(maze.goal[0])}
            if sum(int(there) in left for there in ahead[cell][is_open[cell]]) <= 1
        ]
        if not dead:
            return rounds.reshape(maze.size, maze.size)
        rounds[dead] = now
        left -= set(dead)


@pytest.mark.parametrize("layout", ["tree", "loops"])
def test_every_cell_is_given_up_in_the_round_found_by_hand(layout):
    some = mazes(layout=layout)
    expected = np.stack([by_hand(some[i : i + 1]) for i in range(len(some))])
    assert expected.max() > 3
    np.testing.assert_array_equal(filling_rounds(some), expected)


def test_in_a_tree_the_path_is_left_and_with_loops_every_shortest_path_at_least():
    np.testing.assert_array_equal(filling_rounds(mazes()) == 0, shortest_path_cells(mazes()))
    looping = mazes(layout="loops")
    left, path = filling_rounds(looping) == 0, shortest_path_cells(looping)
    assert (left >= path).all()
    assert (left > path).any()


def test_a_corridor_is_eaten_from_its_tip():
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


def test_a_cell_that_is_shut_in_is_a_dead_end_and_no_mazes_have_no_rounds():
    some = mazes(3, 1)
    some.walls[:] = 15
    rounds = filling_rounds(some)
    assert rounds.max() == 1
    assert (rounds == 0).sum() == len({int(some.start[0]), int(some.goal[0])})
    assert filling_rounds(some[:0]).shape == (0, 3, 3)
