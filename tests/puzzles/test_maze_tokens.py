"""Tokens say everything about a maze, and labels mark its path."""

import numpy as np
import pytest

from trm_lib.puzzles import Mazes, generate_mazes, maze_picture
from trm_lib.puzzles.maze import maze_distances
from trm_lib.puzzles.maze_paths import (
    CELL_TOKENS,
    PIXEL_TOKENS,
    maze_labels,
    maze_tokens,
    pixel_labels,
    pixel_tokens,
    read_maze_tokens,
)


@pytest.fixture(params=["tree", "loops"])
def mazes(request):
    rng = np.random.default_rng(0)
    return generate_mazes(5, 50, rng, request.param, start="random", goal="random")


def test_cell_tokens_can_be_read_back(mazes):
    tokens = maze_tokens(mazes)
    assert tokens.dtype == np.int64
    assert 0 <= tokens.min() <= tokens.max() < CELL_TOKENS
    np.testing.assert_array_equal(tokens % 16, mazes.walls)
    flat = tokens.reshape(len(mazes), -1)
    np.testing.assert_array_equal((flat & 16).argmax(1), mazes.start)
    np.testing.assert_array_equal((flat & 32).argmax(1), mazes.goal)
    assert ((flat >= 16).sum(1) == 2).all()


def test_pixel_tokens_are_the_picture(mazes):
    colours = np.array([(0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)])
    tokens = pixel_tokens(mazes)
    assert len(colours) == PIXEL_TOKENS
    np.testing.assert_array_equal(colours[tokens], maze_picture(mazes))


def test_labels_mark_start_goal_and_as_many_cells_as_the_path_has():
    trees = generate_mazes(6, 50, np.random.default_rng(1), start="random", goal="random")
    each = np.arange(50)
    steps = maze_distances(trees.walls, trees.start).reshape(50, -1)[each, trees.goal]
    cells = maze_labels(trees).reshape(50, -1)
    np.testing.assert_array_equal(cells.sum(1), steps + 1)
    assert (cells[each, trees.start] & cells[each, trees.goal]).all()
    pixels = pixel_labels(trees)
    np.testing.assert_array_equal(pixels.sum((1, 2)), 2 * steps + 1)
    np.testing.assert_array_equal(pixels[:, 1::2, 1::2].reshape(50, -1), cells)
    assert not pixels[pixel_tokens(trees) == 0].any()


def assert_equal(one: Mazes, other: Mazes) -> None:
    for name in ("walls", "start", "goal"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_tokens_are_read_back(mazes):
    tokens = maze_tokens(mazes)
    assert_equal(read_maze_tokens(tokens), mazes)
    assert_equal(read_maze_tokens(tokens.astype(np.int8)), mazes)
    assert_equal(read_maze_tokens(tokens[0]), mazes[:1])
    assert_equal(read_maze_tokens(tokens[0].tolist()), mazes[:1])
    assert len(read_maze_tokens(tokens[:0])) == 0


@pytest.mark.parametrize("size", [2, 128])
def test_the_smallest_and_the_largest_are_read_back(size):
    maze = generate_mazes(size, 1, np.random.default_rng(0))
    assert_equal(read_maze_tokens(maze_tokens(maze)), maze)


OPEN = np.array([[25, 3], [12, 38]])  # 2 x 2 cells without walls inside, from 0 to 3


def changed(row: int, column: int, token: int) -> np.ndarray:
    """Two open mazes; in the second, one token differs."""
    tokens = np.stack([OPEN, OPEN])
    tokens[1, row - 1, column - 1] = token
    return tokens


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (changed(1, 2, 48), "maze 1 holds 48 in row 1, column 2, expected 0 to 47: a cell's token"),
        (changed(2, 1, -1), "maze 1 holds -1 in row 2, column 1, expected 0 to 47"),
        (changed(1, 1, 9), "maze 1: expected one start, got 0: add 16 to the token of one cell"),
        (changed(1, 2, 19), "maze 1: expected one start, got 2"),
        (changed(2, 2, 6), "maze 1: expected one goal, got 0: add 32 to the token of one cell"),
        (changed(1, 2, 35), "maze 1: expected one goal, got 2"),
        (changed(1, 2, 2), "maze 1 has an open border at the top: close it"),
        (changed(1, 2, 7), "in maze 1, row 1, column 2 and its neighbour below disagree"),
        (
            OPEN[None, None],
            r"expected shape \(B, n, n\) or \(n, n\).* got \(1, 1, 2, 2\): pass one",
        ),
        (OPEN[:1], r"got \(1, 2\): .*as many rows as columns"),
        (OPEN[:1, :1], r"got \(1, 1\)"),
        (OPEN[0], r"got \(2,\)"),
        (np.zeros((129, 129), int), r"n from 2 to 128, got \(129, 129\)"),
        (OPEN + 0.0, "expected integers 0 to 47, got float64: a cell's token is its wall bits"),
    ],
)
def test_what_is_no_maze_is_refused(tokens, message):
    assert len(read_maze_tokens(OPEN)) == 1
    with pytest.raises(ValueError, match=f"^tokens: .*{message}"):
        read_maze_tokens(tokens)
