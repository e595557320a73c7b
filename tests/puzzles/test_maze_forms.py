"""Tokens, pictures and texts say everything about a maze, and are read back; others are refused."""

import textwrap

import numpy as np
import pytest
from hypothesis import given, settings

from tests.puzzles.by_hand import assert_equal, maze_picture, painted, some_mazes, walls_of
from trm_lib.puzzles import (
    CELL_TOKENS,
    PIXEL_TOKENS,
    Mazes,
    generate_mazes,
    maze_labels,
    maze_text,
    maze_tokens,
    parse_maze,
    pixel_labels,
    pixel_tokens,
    read_maze_picture,
    read_maze_tokens,
    shortest_path_cells,
)

BLACK, WHITE, GREEN, RED = COLOURS = (0, 0, 0), (255, 255, 255), (0, 255, 0), (255, 0, 0)
DRAWN = """\
+---+---+
| S     |
+   +---+
|     G |
+---+---+"""
BLOCKS = """\
#####
#S..#
#.###
#..G#
#####"""
MAZE = Mazes(np.array([[[9, 7], [12, 7]]]), np.array([0]), np.array([3]))


def all_2x2() -> Mazes:
    """Every 2x2 maze, those in pieces too: 16 layouts with 12 pairs of start and goal."""
    layouts = [walls_of(2, bits >> np.arange(4) & 1 == 1) for bits in range(16)]
    start, goal = np.argwhere(~np.eye(4, dtype=bool)).T
    return Mazes(np.repeat(layouts, 12, axis=0), np.tile(start, 16), np.tile(goal, 16))


def text_of(maze: Mazes) -> str:
    return maze_text(maze.walls[0], maze.start[0], maze.goal[0])


def blocks_of(maze: Mazes, blank: str) -> str:
    return "\n".join("".join(f"#{blank}SG"[pixel] for pixel in row) for row in painted(maze))


def assert_read_back(mazes: Mazes, n_texts: int = 1) -> None:
    tokens, pixels, picture = maze_tokens(mazes), pixel_tokens(mazes), maze_picture(mazes)
    assert (tokens.dtype, pixels.dtype, picture.dtype) == (np.int64, np.int64, np.uint8)
    assert_equal(read_maze_tokens(tokens), mazes)
    np.testing.assert_array_equal(np.array(COLOURS)[pixels], picture)
    for maze in (mazes[i] for i in range(min(len(mazes), n_texts))):
        assert_equal(read_maze_picture(maze_picture(maze)[0]), maze)
        assert_equal(parse_maze(text_of(maze)), maze)
        assert_equal(parse_maze(blocks_of(maze, ".")), maze)
        assert_equal(parse_maze(blocks_of(maze, " ")), maze)


@settings(deadline=None, max_examples=50)
@given(some_mazes)
def test_every_form_is_made_as_defined_and_read_back(mazes):
    assert_read_back(mazes)
    tokens, picture = maze_tokens(mazes), maze_picture(mazes)
    assert 0 <= tokens.min() <= tokens.max() < CELL_TOKENS
    np.testing.assert_array_equal(tokens % 16, mazes.walls)
    for i, pixels in enumerate(pixel_tokens(mazes)):
        np.testing.assert_array_equal(pixels, painted(mazes[i]))
        assert pixels.max() < PIXEL_TOKENS
    for form in (tokens[0], tokens[0].astype(np.int8), tokens[0].tolist()):
        assert_equal(read_maze_tokens(form), mazes[:1])
    seen = np.dstack([picture[0], np.full(picture[0].shape[:2], 255, np.uint8)])  # with opacity
    larger = picture[0].repeat(3, axis=0).repeat(3, axis=1)
    framed = np.pad(picture[0].repeat(2, axis=0).repeat(2, axis=1), ((1, 1), (1, 1), (0, 0)))
    forms = [picture[0], picture[0].tolist(), picture[0] / 255, seen, larger, framed]
    for form in (*forms, np.moveaxis(framed, 2, 0), pixel_tokens(mazes)[0]):
        assert_equal(read_maze_picture(form), mazes[:1])


def test_every_smallest_maze_the_largest_and_none_are_read_back():
    assert len(np.unique(maze_picture(all_2x2()).reshape(192, -1), axis=0)) == 192
    assert_read_back(all_2x2(), 192)
    for mazes in (generate_mazes(128, 1, np.random.default_rng(0)), all_2x2()[:0]):
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


# --- texts


def test_the_text_of_the_docstring():
    assert text_of(MAZE) == DRAWN
    assert blocks_of(MAZE, ".") == BLOCKS
    marks = np.array([[True, False], [True, True]])  # stars, but for the cells of the letters
    starred = ["+---+---+", "| S     |", "+   +---+", "| *   G |", "+---+---+"]
    assert maze_text(MAZE.walls[0], 0, 3, marks).split("\n") == starred
    arrived = maze_text(MAZE.walls[0], 3, 3)
    assert arrived.split("\n")[1::2] == ["|       |", "|     SG|"]


@pytest.mark.parametrize("text", [DRAWN, BLOCKS, BLOCKS.replace(".", " ")])
def test_margins_are_passed_over(text):
    for form in (
        f"\n\n{text}\n\n",
        textwrap.indent(text, "    "),
        f"\n{textwrap.indent(text, '  ')}\n  ",
        text.replace("\n", "  \n") + "\t",
        text.replace("\n", "\r\n"),
    ):
        assert_equal(parse_maze(form), MAZE)


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
        (with_token(1, 2, 48), "expected integers 0 to 47, got int64 .* 48.: a cell's token is"),
        (with_token(1, 1, 9), "maze 1: expected one start, got 0: add 16 to the token of one cell"),
        (with_token(2, 2, 6), "maze 1: expected a goal, got 0: add 32 to the token of one cell"),
        (with_token(1, 2, 7), "maze 1, row 2, column 2 has 6, expected 7: close the border"),
        (OPEN[None, None], r"expected shape \(B, n, m\) .* got \(1, 1, 2, 2\)"),
        (np.zeros((129, 129), int), r"n and m from 2 to 128, got \(1, 129, 129\)"),
        (OPEN + 0.0, "expected integers 0 to 47, got float64"),
    ],
)
def test_what_are_no_tokens_of_a_maze_is_refused(tokens, message):
    with pytest.raises(ValueError, match=f"^tokens: .*{message}"):
        read_maze_tokens(tokens)


@pytest.mark.parametrize(
    ("place", "colour", "message"),
    [
        ((2, 3), (0, 0, 255), r"row 2, column 3 is \(0, 0, 255\): expected black, white, green or"),
        (
            (3, 3),
            WHITE,
            r"row 3, column 3 is \(255, 255, 255\): expected a wall, as in every corner",
        ),
        ((1, 2), WHITE, r"row 1, column 2 .*: expected a wall, for the border is closed"),
        ((3, 4), GREEN, r"row 3, column 4 is \(0, 255, 0\): expected a wall or an opening"),
        ((2, 4), BLACK, r"row 2, column 4 is \(0, 0, 0\): expected an open cell"),
        ((2, 2), WHITE, "expected one start and a goal, got 0 and 1: mark"),
        ((4, 2), GREEN, "expected one start and a goal, got 2 and 1"),
    ],
)
def test_wrong_pixels_are_named(place, colour, message):
    picture = maze_picture(read_maze_tokens(OPEN))[0].astype(np.int16)
    picture[place[0] - 1, place[1] - 1] = colour
    with pytest.raises(ValueError, match=message):
        read_maze_picture(picture)


def changed(text: str, line: int, column: int, symbol: str) -> str:
    lines = text.split("\n")
    row = lines[line - 1]
    lines[line - 1] = row[: column - 1] + symbol + row[column:]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a maze, got blank text: draw one"),
        (None, "expected a puzzle as text, got a NoneType: pass a string"),
        # missing marks
        (DRAWN.replace("S", " "), "expected one start and a goal, got 0 and 1: mark a cell S"),
        (BLOCKS.replace("G", "."), "expected one start and a goal, got 1 and 0"),
        (changed(DRAWN, 2, 7, "S"), "expected one start and a goal, got 2 and 1"),
        (DRAWN.replace("G", "A"), "one kind of mark for a start, got A and S: keep one"),
        (maze_text(MAZE.walls[0], 3, 3), "line 4, column 7 holds 'SG': expected ' ' or a mark"),
        # lines and sizes
        (DRAWN.split("\n", 1)[1], "line 1, column 1 holds '\\|': expected '\\+', .* or '#'"),
        (DRAWN.replace("|     G |", "|     G"), r"line 4, column 9 holds ' ': expected a wall"),
        (DRAWN.rsplit("\n", 1)[0], r"lines 1 to 4 are 4 of 9 characters, expected 2 n \+ 1 of 4 m"),
        ("####\n" * 5, r"are 5 of 4 characters, expected 2 n \+ 1 of 2 m \+ 1 "),
        ((("#" * 259) + "\n") * 259, "n and m from 2 to 128, got 259 by 259"),
        ("+--+--+\n|S    |\n+  +--+\n|   G |\n+--+--+", "'\\+' stand 3 characters apart"),
        (" ___\n|S G|\n|___|", "lines of _ and | are not read"),
        # symbols
        (changed(DRAWN, 2, 3, "x"), "expected one kind of mark for a goal, got G and X: keep one"),
        (
            changed(DRAWN, 3, 5, " "),
            r"line 3, column 5 holds ' ': expected a wall, as in every corner",
        ),
        (changed(DRAWN, 1, 3, " "), "line 1, column 2 holds '- -': expected '-', ' ' or a mark"),
        (changed(DRAWN, 3, 8, "?"), r"line 3, column 6 holds '--\?': expected '-', ' '"),
        (changed(DRAWN, 2, 5, "-"), r"line 2, column 5 holds '-': expected '\|'"),
        (changed(DRAWN, 2, 4, "."), "line 2, column 3 holds 'S.': expected ' ' or a mark"),
        (changed(BLOCKS, 2, 4, "#"), "line 2, column 4 holds '#': expected an open cell"),
        (
            changed(BLOCKS, 3, 3, "."),
            "line 3, column 3 holds '.': expected a wall, as in every corner",
        ),
        (changed(BLOCKS, 3, 2, "G"), "line 3, column 2 holds 'G': expected a wall or an opening"),
        (
            changed(BLOCKS, 1, 2, " "),
            "line 1, column 2 holds ' ': expected a wall, for the border is",
        ),
        (textwrap.indent(changed(DRAWN, 4, 3, "!"), "   "), "line 4, column 6 holds '!'"),
        (f"\n\n{changed(BLOCKS, 2, 3, '!')}", "line 4, column 3 holds '!'"),
    ],
)
def test_refusals_of_texts_say_where_and_what(text, message):
    with pytest.raises(ValueError, match=message):
        parse_maze(text)


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (read_maze_picture, (np.zeros((5, 5), np.uint8),), "without rows of walls around"),
        (read_maze_picture, (np.zeros((5, 7, 2), np.uint8),), r"got uint8 of shape \(5, 7, 2\): p"),
        (read_maze_picture, (np.full((5, 5, 3), 2.5),), r"floats 0 to 1, .* got float64 of shape"),
        (maze_text, (MAZE.walls, 0, 3), r"one of a batch as walls\[i\]"),
        (maze_text, (MAZE.walls[0], 4, 3), "start expected a whole number from 0 to 3, got 4"),
        (maze_text, (MAZE.walls[0], 0, 3, np.eye(3) > 0), r"marks: expected bool of shape \(2, 2"),
    ],
)
def test_what_is_no_picture_or_cannot_be_drawn_is_refused(call, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments)
