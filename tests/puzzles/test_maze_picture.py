"""Pictures of mazes: painted as defined, read back, and refused with the pixel that is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from trm_lib.puzzles.maze import Mazes, generate_mazes, mazes_from_keys, shortest_path_cells
from trm_lib.puzzles.maze_text import label_picture, maze_picture, read_maze_picture

BLACK, WHITE, GREEN, RED = (0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)
some_mazes = st.builds(
    lambda size, keys, loops: mazes_from_keys(
        size, np.array(keys, np.uint64), "loops", loops, "random", "random"
    ),
    st.integers(2, 9),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3),
    st.floats(0, 1),
)


def all_2x2() -> Mazes:
    """Every 2x2 maze, those in pieces too: 16 layouts with 12 pairs of start and goal."""
    walls, start, goal = [], [], []
    for bits in range(16):
        top, bottom, left, right = (bits >> place & 1 for place in range(4))
        layout = [[9 + 2 * top + 4 * left, 3 + 8 * top + 4 * right]]
        layout += [[12 + 2 * bottom + left, 6 + 8 * bottom + right]]
        for one in range(4):
            for other in set(range(4)) - {one}:
                walls.append(layout)
                start.append(one)
                goal.append(other)
    return Mazes(np.array(walls), np.array(start), np.array(goal))


def painted(mazes: Mazes) -> np.ndarray:
    """The picture, painted pixel by pixel."""
    n = mazes.size
    picture = np.zeros((len(mazes), 2 * n + 1, 2 * n + 1, 3), np.uint8)
    for maze, walls in enumerate(mazes.walls):
        for cell in range(n * n):
            row, column = divmod(cell, n)
            colour = WHITE
            if cell == mazes.start[maze]:
                colour = GREEN
            if cell == mazes.goal[maze]:
                colour = RED
            picture[maze, 2 * row + 1, 2 * column + 1] = colour
            for bit, (down, right) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)]):
                if not walls[row, column] >> bit & 1:
                    picture[maze, 2 * row + 1 + down, 2 * column + 1 + right] = WHITE
    return picture


def assert_equal(one: Mazes, other: Mazes) -> None:
    np.testing.assert_array_equal(one.walls, other.walls)
    np.testing.assert_array_equal(one.start, other.start)
    np.testing.assert_array_equal(one.goal, other.goal)


@settings(deadline=None, max_examples=50)
@given(some_mazes)
def test_pictures_are_painted_as_defined_and_read_back(mazes: Mazes) -> None:
    picture = maze_picture(mazes)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, painted(mazes))
    assert_equal(read_maze_picture(picture), mazes)
    assert_equal(read_maze_picture(picture[0]), mazes[:1])


def test_all_2x2_mazes_come_back() -> None:
    mazes = all_2x2()
    picture = maze_picture(mazes)
    assert len(np.unique(picture.reshape(192, -1), axis=0)) == 192
    np.testing.assert_array_equal(picture, painted(mazes))
    assert_equal(read_maze_picture(picture.astype(np.int64)), mazes)


def test_a_maze_called_59x59_has_30x30_cells() -> None:
    mazes = generate_mazes(30, 2, np.random.default_rng(0))
    picture = maze_picture(mazes)
    assert picture[:, 1:-1, 1:-1].shape == (2, 59, 59, 3)
    assert (picture[:, [0, -1]] == 0).all()
    assert (picture[:, :, [0, -1]] == 0).all()


def test_the_largest_maze_comes_back() -> None:
    mazes = generate_mazes(128, 1, np.random.default_rng(0), start="random", goal="random")
    assert_equal(read_maze_picture(maze_picture(mazes)), mazes)


def test_no_mazes_are_no_pictures() -> None:
    none = all_2x2()[:0]
    assert maze_picture(none).shape == (0, 5, 5, 3)
    assert len(read_maze_picture(maze_picture(none))) == 0


# --- labels


def pixels_of_shortest_paths(picture: np.ndarray) -> np.ndarray:
    """Which pixels of one picture (P, P, 3) lie on a shortest path, by SciPy, pixel by pixel."""
    side = len(picture)
    free = picture.any(axis=2)
    number = np.arange(side * side).reshape(side, side)
    across, down = free[:, :-1] & free[:, 1:], free[:-1] & free[1:]
    here = np.concatenate([number[:, :-1][across], number[:-1][down]])
    there = np.concatenate([number[:, 1:][across], number[1:][down]])
    graph = coo_array((np.ones(len(here)), (here, there)), shape=(side * side,) * 2).tocsr()
    ends = [int(np.flatnonzero((picture == c).all(axis=2))[0]) for c in (GREEN, RED)]
    distances = shortest_path(graph, directed=False, unweighted=True, indices=ends)
    on_path = distances.sum(axis=0) == distances[0, ends[1]]
    return on_path.reshape(side, side)


@settings(deadline=None, max_examples=50)
@given(some_mazes)
def test_shortest_paths_are_marked_pixel_by_pixel(mazes: Mazes) -> None:
    marked = label_picture(shortest_path_cells(mazes), mazes.walls)
    for maze, picture in enumerate(maze_picture(mazes)):
        np.testing.assert_array_equal(marked[maze], pixels_of_shortest_paths(picture))


def test_in_a_tree_the_marked_pixels_are_one_path() -> None:
    mazes = generate_mazes(8, 50, np.random.default_rng(0), start="random", goal="random")
    label = shortest_path_cells(mazes)
    marked = label_picture(label, mazes.walls)
    np.testing.assert_array_equal(marked.sum(axis=(1, 2)), 2 * label.sum(axis=(1, 2)) - 1)


def test_any_label_marks_its_cells_and_the_openings_between_two() -> None:
    rng = np.random.default_rng(0)
    mazes = generate_mazes(6, 20, rng, "loops", 0.5)
    label = rng.random((20, 6, 6)) < 0.6
    marked = label_picture(label, mazes.walls)
    for maze, row, column in np.ndindex(20, 6, 6):
        assert marked[maze, 2 * row + 1, 2 * column + 1] == label[maze, row, column]
        for bit, (down, right) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)]):
            if mazes.walls[maze, row, column] >> bit & 1:
                expected = False
            else:
                expected = label[maze, row, column] and label[maze, row + down, column + right]
            assert marked[maze, 2 * row + 1 + down, 2 * column + 1 + right] == expected
    assert not marked[:, ::2, ::2].any()


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (np.zeros((1, 3, 3), bool), r"label: expected bool of shape \(1, 2, 2\).* \(1, 3, 3\)"),
        (np.zeros((1, 2, 2), np.uint8), r"label: expected bool of shape .* got uint8"),
    ],
)
def test_labels_that_do_not_fit_are_refused(label: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_picture(label, all_2x2().walls[:1])


# --- refusals


def with_pixel(row: int, column: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Two pictures of the open 2x2 maze from cell 0 to cell 3; in the second, one pixel differs."""
    open_maze = all_2x2().walls[:1]
    picture = maze_picture(Mazes(open_maze, np.array([0]), np.array([3])))
    picture = np.concatenate([picture, picture]).astype(np.int16)
    picture[1, row - 1, column - 1] = colour
    return picture


@pytest.mark.parametrize(
    ("place", "colour", "message"),
    [
        ((2, 3), (0, 0, 255), r"row 2, column 3 is \(0, 0, 255\), expected black, white, green"),
        ((2, 3), (1, 1, 1), r"row 2, column 3 is \(1, 1, 1\), expected black, white, green or red"),
        ((2, 3), (-1, 0, 0), r"row 2, column 3 is \(-1, 0, 0\), expected black, white, green"),
        ((3, 3), WHITE, r"row 3, column 3 is \(255, 255, 255\), expected black: .*corner of cells"),
        ((1, 2), WHITE, "row 1, column 2 .* expected black: a border"),
        ((2, 5), WHITE, "row 2, column 5 .* expected black: a border"),
        ((5, 5), RED, r"row 5, column 5 is \(255, 0, 0\), expected black: a border"),
        ((3, 4), GREEN, r"row 3, column 4 is \(0, 255, 0\), expected black or white: it lies betw"),
        ((2, 4), BLACK, r"row 2, column 4 is \(0, 0, 0\), expected not black: it is a cell"),
        ((2, 2), WHITE, "expected one green pixel, the start, got 0: paint one cell"),
        ((4, 2), GREEN, "expected one green pixel, the start, got 2"),
        ((4, 4), WHITE, "expected one red pixel, the goal, got 0"),
        ((4, 2), RED, "expected one red pixel, the goal, got 2"),
    ],
)
def test_wrong_pixels_are_named(place, colour, message) -> None:
    with pytest.raises(ValueError, match=f"^picture 1: .*{message}"):
        read_maze_picture(with_pixel(*place, colour))


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((5, 5), np.uint8), r"expected shape .* got \(5, 5\): put colours last"),
        (np.uint8(0), r"expected shape .* got \(\)"),
        (np.zeros((1, 3, 5, 5), np.uint8), r"expected shape .* got \(1, 3, 5, 5\)"),
        (np.zeros((5, 7, 3), np.uint8), r"got \(1, 5, 7, 3\).* square pictures"),
        (np.zeros((6, 6, 3), np.uint8), r"expected P = 2 n \+ 1 .* got 6: keep the border"),
        (np.zeros((3, 3, 3), np.uint8), r"expected P = 2 n \+ 1 .* got 3"),
        (np.zeros((259, 259, 3), np.uint8), r"expected P = 2 n \+ 1 .* got 259"),
        (np.zeros((0, 0, 3), np.uint8), r"expected P = 2 n \+ 1 .* got 0"),
        (np.zeros((5, 5, 3)), r"expected integers 0 to 255, got float64: .*255 \* picture"),
    ],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_maze_picture(picture)
