"""Tokens say everything about a maze, and labels mark its path."""

import numpy as np
import pytest

from trm_lib.puzzles import generate_mazes, maze_picture
from trm_lib.puzzles.maze_distances import maze_distances
from trm_lib.puzzles.maze_tokens import (
    CELL_TOKENS,
    PIXEL_TOKENS,
    maze_labels,
    maze_tokens,
    pixel_labels,
    pixel_tokens,
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
