"""Pixels for `rgb_array`: walls dark exactly where they are, digits told apart where they stand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_lib.puzzles import generate_mazes, pixel_tokens
from trm_lib.viz import maze_pixels, sudoku_pixels

DARK, SHADE = (0x22, 0x22, 0x22), (0xE6, 0xE8, 0xEB)
BLUE, GREEN, ORANGE = (0, 0x72, 0xB2), (0, 0x7A, 0x5A), (0xE6, 0x9F, 0)
NOTHING = np.zeros((4, 4), int)


def is_colour(pixels, colour):
    return (pixels == colour).all(axis=-1)


def cells(pixels, side):
    """The cells of a board, (rows, columns, pixels, pixels, 3)."""
    n = len(pixels) // side
    return pixels.reshape(n, side, n, side, 3).swapaxes(1, 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.sampled_from(["tree", "loops", "open"]), st.integers(0, 2**32))
def test_a_maze_is_dark_where_walls_are_and_shows_who_is_in_it(size, layout, seed):
    rng = np.random.default_rng(seed)
    maze = generate_mazes(size, 1, rng, layout=layout, start="random", goal="random")
    walls, start, goal = maze.walls[0], int(maze.start[0]), int(maze.goal[0])
    for agent in {start, goal, int(rng.integers(size**2))}:
        pixels = maze_pixels(walls, start, goal, agent)
        assert pixels.shape == (16 * size + 8, 16 * size + 8, 3)
        squares = cells(pixels, 8)
        dark = is_colour(squares, DARK)
        np.testing.assert_array_equal(dark.any((2, 3)), pixel_tokens(maze)[0] == 0)
        np.testing.assert_array_equal(dark.all((2, 3)), dark.any((2, 3)))
        for at, colour in ((start, SHADE), (goal, GREEN), (agent, BLUE)):
            row, column = divmod(at, size)  # who stands there hides neither
            there = np.argwhere(is_colour(squares, colour).any((2, 3))).tolist()
            assert there == [[2 * row + 1, 2 * column + 1]]


@pytest.mark.parametrize(("size", "rows", "columns"), [(4, 2, 2), (6, 2, 3), (9, 3, 3)])
def test_sudoku_lines_are_dark_around_boxes_and_pale_between_cells(size, rows, columns):
    pixels = sudoku_pixels(*np.zeros((2, size, size), int))
    assert pixels.shape == (24 * size, 24 * size, 3)
    for every, along in ((rows, pixels[:, 12]), (columns, pixels[12])):
        darkest = [int(along[max(0, 24 * i - 2) : 24 * i + 2].min()) for i in range(size + 1)]
        assert [ink < 100 for ink in darkest] == [i % every == 0 for i in range(size + 1)]
        assert max(darkest) < 230


def test_digits_are_nine_shapes_dark_on_grey_for_clues_and_blue_on_white_for_others():
    board = np.arange(81).reshape(9, 9) // 9 + 1  # row r holds digit r + 1
    clues = np.where(np.arange(9) < 4, board, 0)
    inside = cells(sudoku_pixels(board, clues), 24)[:, :, 3:-3, 3:-3].astype(int)
    for (r, c), _ in np.ndenumerate(board):
        ground = SHADE if c < 4 else (255, 255, 255)
        assert is_colour(inside[r, c, 0], ground).all()  # room above the digit
        red, _, blue = inside[r, c].reshape(-1, 3)[inside[r, c].sum(-1).argmin()]
        assert red < 60
        assert (blue > 100) == (c >= 4)
    shapes = inside[:, 6].reshape(9, -1)
    apart = np.abs(shapes[:, None] - shapes).mean(-1) + 99 * np.eye(9)
    assert apart.min() > 5
    np.testing.assert_array_equal(inside[:, 6], inside[:, 7])


def test_the_marked_cell_alone_is_outlined_and_keeps_its_digit():
    board = np.array([[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]])
    plain, outlined = (sudoku_pixels(board, NOTHING, marked) for marked in (None, (2, 3)))
    r, c = np.nonzero(is_colour(outlined, ORANGE))
    assert set(r) | set(c) <= set(range(46, 96))
    assert r.min() < 50 < 90 < c.max()
    changed = cells((outlined != plain).astype(int), 24)[..., 3:-3, 3:-3, :]
    assert not changed.any()
