"""The eight turns: a group, seen in the pictures of the mazes, that keeps every distance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from trm_lib.puzzles.maze import (
    Mazes,
    generate_mazes,
    maze_distances,
    mazes_from_keys,
    shortest_path_cells,
)
from trm_lib.puzzles.maze_symmetry import augment_mazes, turn_cells, turn_mazes, turn_walls
from trm_lib.puzzles.maze_text import maze_picture

some_mazes = st.builds(
    lambda size, keys, loops: mazes_from_keys(
        size, np.array(keys, np.uint64), "loops", loops, "random", "random"
    ),
    st.integers(2, 9),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
    st.floats(0, 1),
)


def turned(array: np.ndarray, turn: int) -> np.ndarray:
    """The turn as NumPy makes it with a picture or a board, (B, n, n, ...)."""
    array = array[:, :, ::-1] if turn >= 4 else array
    return np.rot90(array, -(turn % 4), axes=(1, 2))


def after(first: int, second: int) -> int:
    """The turn that does the work of two, in closed form.

    A turn makes direction d into s d + t, with s = -1 for a mirror image.
    """
    quarters = -first if second >= 4 else first
    mirrored = (first >= 4) ^ (second >= 4)
    return 4 * mirrored + (quarters + second) % 4


@pytest.fixture(scope="module")
def lopsided() -> Mazes:
    """A maze whose eight copies all differ, (1)."""
    mazes = generate_mazes(5, 1, np.random.default_rng(0), start="random", goal="random")
    assert len({copy(mazes, turn).walls.tobytes() for turn in range(8)}) == 8
    return mazes


def copy(mazes: Mazes, turn: int) -> Mazes:
    return turn_mazes(mazes, np.full(len(mazes), turn))


def assert_equal(one: Mazes, other: Mazes) -> None:
    np.testing.assert_array_equal(one.walls, other.walls)
    np.testing.assert_array_equal(one.start, other.start)
    np.testing.assert_array_equal(one.goal, other.goal)


@settings(deadline=None, max_examples=60)
@given(some_mazes, st.integers(0, 7))
def test_turned_mazes_look_like_turned_pictures(mazes: Mazes, turn: int) -> None:
    np.testing.assert_array_equal(
        maze_picture(copy(mazes, turn)), turned(maze_picture(mazes), turn)
    )


@settings(deadline=None, max_examples=60)
@given(some_mazes, st.data())
def test_distances_and_paths_turn_along(mazes: Mazes, data: st.DataObject) -> None:
    turns = np.array(data.draw(st.lists(st.integers(0, 7), min_size=4, max_size=4)))[: len(mazes)]
    moved = turn_mazes(mazes, turns)
    np.testing.assert_array_equal(
        maze_distances(moved.walls, moved.start),
        turn_cells(maze_distances(mazes.walls, mazes.start), turns),
    )
    label = turn_cells(shortest_path_cells(mazes), turns)
    assert label.dtype == bool
    np.testing.assert_array_equal(shortest_path_cells(moved), label)


@pytest.mark.parametrize("first", range(8))
@pytest.mark.parametrize("second", range(8))
def test_two_turns_are_the_turn_of_the_table(lopsided: Mazes, first: int, second: int) -> None:
    assert_equal(copy(copy(lopsided, first), second), copy(lopsided, after(first, second)))


def test_the_table_is_that_of_a_group() -> None:
    table = np.array([[after(first, second) for second in range(8)] for first in range(8)])
    np.testing.assert_array_equal(table[0], np.arange(8))
    np.testing.assert_array_equal(table[:, 0], np.arange(8))
    np.testing.assert_array_equal(np.sort(table, axis=0), np.tile(np.arange(8)[:, None], 8))
    np.testing.assert_array_equal(np.sort(table, axis=1), np.tile(np.arange(8), (8, 1)))
    # (a b) c = a (b c): axes are a, b, c
    np.testing.assert_array_equal(table[table], table[:, table])
    undone_by = (table == 0).argmax(axis=1)
    np.testing.assert_array_equal(undone_by, [0, 3, 2, 1, 4, 5, 6, 7])


def test_each_maze_of_a_batch_has_its_own_turn() -> None:
    mazes = generate_mazes(4, 8, np.random.default_rng(1), goal="random")
    together = turn_mazes(mazes, np.arange(8))
    for turn in range(8):
        assert_equal(together[turn], copy(mazes[turn], turn))


def test_cells_are_moved_as_the_docstring_says() -> None:
    cells = np.array([[[1, 2], [3, 4]]])
    expected = [  # read row by row
        [1, 2, 3, 4],  # as it was
        [3, 1, 4, 2],  # a quarter clockwise
        [4, 3, 2, 1],
        [2, 4, 1, 3],
        [2, 1, 4, 3],  # left and right swapped
        [4, 2, 3, 1],  # reflected in one diagonal
        [3, 4, 1, 2],  # top and bottom swapped
        [1, 3, 2, 4],  # transposed
    ]
    for turn, row in enumerate(expected):
        assert turn_cells(cells, np.array([turn])).ravel().tolist() == row


def test_augmenting_draws_every_turn_equally_often(lopsided: Mazes) -> None:
    many = lopsided[np.zeros(8000, np.int64)]
    drawn = augment_mazes(many, np.random.default_rng(2))
    kinds, counts = np.unique(
        np.column_stack([drawn.walls.reshape(8000, -1), drawn.start, drawn.goal]),
        axis=0,
        return_counts=True,
    )
    assert len(kinds) == 8
    assert chisquare(counts).pvalue > 0.001


def test_the_arguments_are_left_as_they_are(lopsided: Mazes) -> None:
    before = lopsided.walls.copy()
    copy(lopsided, 0).walls[:] = 0
    turn_cells(lopsided.walls, np.array([0]))[:] = 0
    np.testing.assert_array_equal(lopsided.walls, before)


def test_no_mazes_are_turned_into_none() -> None:
    none = generate_mazes(3, 1, np.random.default_rng(0))[:0]
    assert len(augment_mazes(none, np.random.default_rng(0))) == 0


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (np.array([8]), "turns: expected 0 to 7, got 8"),
        (np.array([-1]), "turns: expected 0 to 7, got -1"),
        (np.array([0, 0]), r"turns: expected \(1,\) integers, one a maze, .* shape \(2,\)"),
        (3, r"turns: expected \(1,\) integers, one a maze"),
        (np.array([1.0]), r"turns: expected \(1,\) integers, one a maze, got float64"),
    ],
)
def test_wrong_turns_are_refused(lopsided: Mazes, turns: np.ndarray, message: str) -> None:
    for call in (
        lambda: turn_mazes(lopsided, turns),
        lambda: turn_walls(lopsided.walls, turns),
        lambda: turn_cells(lopsided.walls, turns),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_other_wrong_arguments_are_refused(lopsided: Mazes) -> None:
    with pytest.raises(ValueError, match=r"cells: expected shape \(B, n, n\), got \(5, 5\)"):
        turn_cells(lopsided.walls[0], np.array([1]))
    with pytest.raises(ValueError, match="disagree on the wall between them"):
        turn_walls(lopsided.walls ^ np.eye(5, k=1, dtype=np.uint8) * 8, np.array([1]))
    with pytest.raises(ValueError, match="expected rng to be a NumPy Generator, got 0"):
        augment_mazes(lopsided, 0)
