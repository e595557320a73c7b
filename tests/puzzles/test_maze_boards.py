"""Tokens and pictures say everything about a maze, labels mark its path; others are refused."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.puzzles.by_hand import assert_equal, painted, some_mazes, walls_of
from trm_lib.puzzles import (
    CELL_TOKENS,
    PIXEL_TOKENS,
    Mazes,
    generate_mazes,
    maze_labels,
    maze_picture,
    maze_tokens,
    pixel_labels,
    pixel_tokens,
    read_maze_picture,
    read_maze_tokens,
    shortest_path_cells,
)

BLACK, WHITE, GREEN, RED = COLOURS = (0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)


def all_2x2() -> Mazes:
    """Every 2x2 maze, those in pieces too: 16 layouts with 12 pairs of start and goal."""
    layouts = [walls_of(2, bits >> np.arange(4) & 1 == 1) for bits in range(16)]
    start, goal = np.argwhere(~np.eye(4, dtype=bool)).T
    return Mazes(np.repeat(layouts, 12, axis=0), np.tile(start, 16), np.tile(goal, 16))


def assert_read_back(mazes: Mazes) -> None:
    tokens, pixels, picture = maze_tokens(mazes), pixel_tokens(mazes), maze_picture(mazes)
    assert (tokens.dtype, pixels.dtype, picture.dtype) == (np.int64, np.int64, np.uint8)
    assert_equal(read_maze_tokens(tokens), mazes)
    assert_equal(read_maze_picture(picture), mazes)
    np.testing.assert_array_equal(np.array(COLOURS)[pixels], picture)


@settings(deadline=None, max_examples=50)
@given(some_mazes)
def test_tokens_and_pictures_are_made_as_defined_and_read_back(mazes):
    assert_read_back(mazes)
    tokens = maze_tokens(mazes)
    assert 0 <= tokens.min() <= tokens.max() < CELL_TOKENS
    np.testing.assert_array_equal(tokens % 16, mazes.walls)
    for i, pixels in enumerate(pixel_tokens(mazes)):
        np.testing.assert_array_equal(pixels, painted(mazes[i]))
        assert pixels.max() < PIXEL_TOKENS
    for form in (tokens[0], tokens[0].astype(np.int8), tokens[0].tolist()):
        assert_equal(read_maze_tokens(form), mazes[:1])
    for form in (maze_picture(mazes)[0], maze_picture(mazes)[0].tolist()):
        assert_equal(read_maze_picture(form), mazes[:1])


def test_every_smallest_maze_the_largest_and_none_are_read_back():
    assert len(np.unique(maze_picture(all_2x2()).reshape(192, -1), axis=0)) == 192
    for mazes in (all_2x2(), generate_mazes(128, 1, np.random.default_rng(0)), all_2x2()[:0]):
        assert_read_back(mazes)


def test_a_maze_called_59x59_has_30x30_cells():
    picture = maze_picture(generate_mazes(30, 2, np.random.default_rng(0)))
    assert picture[:, 1:-1, 1:-1].shape == (2, 59, 59, 3)
    assert (picture[:, [0, -1]] == 0).all()
    assert (picture[:, :, [0, -1]] == 0).all()


@settings(deadline=None, max_examples=40)
@given(some_mazes)
def test_pixel_labels_are_every_shortest_path_over_free_pixels(mazes):
    for i, labels in enumerate(pixel_labels(mazes)):
        pixels = pixel_tokens(mazes)[i]
        distances = []
        for end in (2, 3):  # a wave over free pixels from the start, and one from the goal
            steps, reached = np.full(pixels.shape, -1), pixels == end
            while (reached & (steps < 0)).any():
                steps[reached & (steps < 0)] = steps.max() + 1
                padded = np.pad(reached, 1)
                beside = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
                reached |= beside & (pixels > 0)
            distances.append(steps)
        there, back = distances
        on_path = (there >= 0) & (there + back == there[pixels == 3])
        np.testing.assert_array_equal(labels == 1, on_path)
        np.testing.assert_array_equal(labels[1::2, 1::2], maze_labels(mazes)[i])
    assert (pixel_labels(mazes).dtype, maze_labels(mazes).dtype) == (np.int64, np.int64)
    np.testing.assert_array_equal(maze_labels(mazes) == 1, shortest_path_cells(mazes))


# --- refused


OPEN = np.array([[25, 3], [12, 38]])  # 2 x 2 cells without walls inside, from 0 to 3


def with_token(row: int, column: int, token: int) -> np.ndarray:
    """Two open mazes; in the second, one token differs."""
    tokens = np.stack([OPEN, OPEN])
    tokens[1, row - 1, column - 1] = token
    return tokens


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (with_token(1, 2, 48), "maze 1 holds 48 in row 1, column 2, expected 0 to 47: a cell's to"),
        (with_token(1, 1, 9), "maze 1: expected one start, got 0: add 16 to the token of one cell"),
        (with_token(1, 2, 19), "maze 1: expected one start, got 2"),
        (with_token(2, 2, 6), "maze 1: expected one goal, got 0: add 32 to the token of one cell"),
        (with_token(1, 2, 2), "maze 1 has an open border at the top: close it"),
        (with_token(1, 2, 7), "in maze 1, row 1, column 2 and its neighbour below disagree"),
        (
            OPEN[None, None],
            r"expected shape \(B, n, n\) or \(n, n\).* got \(1, 1, 2, 2\): pass one",
        ),
        (OPEN[:1], r"got \(1, 2\): .*as many rows as columns"),
        (np.zeros((129, 129), int), r"n from 2 to 128, got \(129, 129\)"),
        (OPEN + 0.0, "expected integers 0 to 47, got float64: a cell's token is its wall bits"),
    ],
)
def test_what_are_no_tokens_of_a_maze_is_refused(tokens, message):
    with pytest.raises(ValueError, match=f"^tokens: .*{message}"):
        read_maze_tokens(tokens)


@pytest.mark.parametrize(
    ("place", "colour", "message"),
    [
        ((2, 3), (0, 0, 255), r"row 2, column 3 is \(0, 0, 255\), expected black, white, green"),
        ((3, 3), WHITE, r"row 3, column 3 is \(255, 255, 255\), expected black: .*corner of cells"),
        ((1, 2), WHITE, "row 1, column 2 .* expected black: a border"),
        ((3, 4), GREEN, r"row 3, column 4 is \(0, 255, 0\), expected black or white: it lies betw"),
        ((2, 4), BLACK, r"row 2, column 4 is \(0, 0, 0\), expected not black: it is a cell"),
        ((2, 2), WHITE, "expected one green pixel, the start, got 0: paint one cell"),
        ((4, 2), RED, "expected one red pixel, the goal, got 2"),
    ],
)
def test_wrong_pixels_are_named(place, colour, message):
    """Two pictures of the open maze; in the second, one pixel differs."""
    picture = np.concatenate([maze_picture(read_maze_tokens(OPEN))] * 2).astype(np.int16)
    picture[1, place[0] - 1, place[1] - 1] = colour
    with pytest.raises(ValueError, match=f"^picture 1: .*{message}"):
        read_maze_picture(picture)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((5, 5), np.uint8), r"expected shape .* got \(5, 5\): put colours last"),
        (np.zeros((5, 7, 3), np.uint8), r"got \(1, 5, 7, 3\).* square pictures"),
        (np.zeros((6, 6, 3), np.uint8), r"expected P = 2 n \+ 1 .* got 6: keep the border"),
        (np.zeros((259, 259, 3), np.uint8), r"expected P = 2 n \+ 1 .* got 259"),
        (np.zeros((5, 5, 3)), r"expected integers 0 to 255, got float64: .*255 \* picture"),
    ],
)
def test_what_is_no_picture_is_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        read_maze_picture(picture)
