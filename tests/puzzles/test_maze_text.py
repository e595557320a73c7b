"""Mazes as text: both forms, read back, and every refusal with the line and column it names."""

import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.puzzles.by_hand import assert_equal, painted, some_mazes
from trm_lib.puzzles import Mazes, generate_mazes, maze_text, parse_maze

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


def text_of(maze: Mazes) -> str:
    return maze_text(maze.walls[0], maze.start[0], maze.goal[0])


def blocks_of(maze: Mazes, blank: str) -> str:
    return "\n".join("".join(f"#{blank}SG"[pixel] for pixel in row) for row in painted(maze))


@settings(deadline=None, max_examples=60)
@given(some_mazes, st.sampled_from(" ."))
def test_mazes_come_back_from_both_forms(mazes, blank):
    maze = mazes[0]
    assert_equal(parse_maze(text_of(maze)), maze)
    assert_equal(parse_maze(blocks_of(maze, blank)), maze)


def test_a_maze_in_pieces_an_open_one_and_the_largest_come_back():
    rng = np.random.default_rng(0)
    for maze in (
        Mazes(np.full((1, 3, 3), 15), np.array([1]), np.array([0])),
        generate_mazes(3, 1, rng, "open"),
        generate_mazes(128, 1, rng, start="random", goal="random"),
    ):
        assert_equal(parse_maze(text_of(maze)), maze)
        assert_equal(parse_maze(blocks_of(maze, ".")), maze)


def test_the_text_of_the_docstring():
    assert text_of(MAZE) == DRAWN
    assert blocks_of(MAZE, ".") == BLOCKS
    assert_equal(parse_maze(DRAWN), MAZE)
    assert_equal(parse_maze(BLOCKS), MAZE)


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


def test_both_letters_stand_in_one_cell_for_a_walker_who_has_arrived():
    text = maze_text(MAZE.walls[0], 3, 3)
    assert text.split("\n")[3] == "|     SG|"
    assert "S" not in text.replace("SG", "")
    with pytest.raises(ValueError, match="line 4, column 8 holds 'G': expected ' ' "):
        parse_maze(text)


def test_stars_stand_in_marked_cells_but_for_those_of_the_letters():
    marks = np.array([[True, False], [True, True]])
    starred = ["+---+---+", "| S     |", "+   +---+", "| *   G |", "+---+---+"]
    assert maze_text(MAZE.walls[0], 0, 3, marks).split("\n") == starred
    assert maze_text(MAZE.walls[0], 0, 3, np.zeros((2, 2), bool)) == DRAWN


def changed(text: str, line: int, column: int, symbol: str) -> str:
    lines = text.split("\n")
    row = lines[line - 1]
    lines[line - 1] = row[: column - 1] + symbol + row[column:]
    return "\n".join(lines)


def without_line(text: str, line: int) -> str:
    lines = text.split("\n")
    return "\n".join(lines[: line - 1] + lines[line:])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a maze, got blank text: draw one"),
        (None, "expected a maze as text, got a NoneType: pass a string"),
        # missing marks
        (DRAWN.replace("S", " "), "the maze has no start: mark its cell with 'S'"),
        (BLOCKS.replace("G", "."), "the maze has no goal: mark its cell with 'G'"),
        (changed(DRAWN, 2, 7, "S"), "line 2, column 7 holds another 'S': mark one cell with it"),
        # lines and sizes
        (without_line(DRAWN, 1), "line 1, column 1 holds '\\|': expected '\\+', .* or '#'"),
        (DRAWN.replace("| S     |", "| S     "), "line 2 ends in column 3, expected 9 as line 1"),
        (BLOCKS + "#", "line 5 ends in column 6, expected 5 as line 1"),
        (f"\n  {DRAWN}", "line 3 begins left of column 3, where line 2 begins: indent all"),
        (without_line(DRAWN, 5), r"lines 1 to 4 are 4 of 9 characters, expected 2 n \+ 1 of 4 n"),
        ("####\n" * 5, r"are 5 of 4 characters, expected 2 n \+ 1 of 2 n \+ 1 .* in block text"),
        ("+---++\n" * 5, r"5 of 6 characters, .* n x n cells in drawn text, n from 2 to 128"),
        ("#######\n" * 5, "lines 1 to 5 are 5 of 7 characters, expected"),
        ((("#" * 259) + "\n") * 259, "are 259 of 259 characters, .* n from 2 to 128"),
        # symbols
        (
            changed(DRAWN, 2, 3, "x"),
            "line 2, column 3 holds 'x': expected ' ' or 'S' or 'G' .*cell",
        ),
        (changed(DRAWN, 3, 5, " "), r"line 3, column 5 holds ' ': expected '\+' \(a corner\)"),
        (changed(DRAWN, 1, 3, " "), "line 1, column 3 holds ' ': expected '-' .the border"),
        (changed(DRAWN, 3, 3, "."), "line 3, column 3 holds '.': expected '-' or ' ' .a wall or"),
        (changed(DRAWN, 2, 5, "-"), r"line 2, column 5 holds '-': expected '\|' or ' ' \(a wall"),
        (changed(DRAWN, 3, 8, " "), "line 3, column 8 holds ' ': expected '-' .as in the middle"),
        (changed(DRAWN, 2, 4, "."), "line 2, column 4 holds '.': expected ' ' .beside the letter"),
        (changed(BLOCKS, 2, 4, "#"), "line 2, column 4 holds '#': expected ' ' or '.' or 'S' or"),
        (changed(BLOCKS, 3, 3, "."), "line 3, column 3 holds '.': expected '#' .a corner"),
        (textwrap.indent(changed(DRAWN, 2, 3, "x"), "   "), "line 2, column 6 holds 'x'"),
        (f"\n\n{changed(BLOCKS, 3, 3, '.')}", "line 5, column 3 holds '.'"),
    ],
)
def test_refusals_say_where_and_what(text, message):
    with pytest.raises(ValueError, match=message):
        parse_maze(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((MAZE.walls, 0, 3), r"those of one maze, shape \(n, n\), got \(1, 2, 2\): .*walls\[i\]"),
        ((MAZE.walls[0] & 14, 0, 3), "open border at the top"),
        ((MAZE.walls[0], 4, 3), "start: expected a cell from 0 to 3, got 4"),
        ((MAZE.walls[0], 0, -1), "goal: expected a cell from 0 to 3, got -1"),
        ((MAZE.walls[0], 0, 3, np.eye(3) > 0), r"marks: expected bool of shape \(2, 2\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        maze_text(*arguments)
