"""What people paste, as files in `tests/field`: what each is read as, or how it is refused."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_lib import solve
from trm_lib.puzzles import Mazes, check_walls, game_of, maze_text, parse_sudoku, sudoku_text
from trm_lib.solving import read_puzzle

FIELD = Path(__file__).parents[1] / "field"
FOUR = "1...|..3.|.4..|...2"
NINE = "53..7....|6..195...|.98....6.|8...6...3|4..8.3..1|7...2...6|.6....28.|...419..5|....8..79"
PLAIN = """
+---+---+---+
| S     |   |
+   +   +   +
|   |       |
+   +---+   +
|       | G |
+---+---+---+"""
DRAWN = {
    "S_E_inside": PLAIN, "X_O_B_E": PLAIN, "arrow_start": PLAIN, "crlf": PLAIN, "ok_block": PLAIN,
    "dots_and_spaces": PLAIN, "ones_zeros": PLAIN, "size_header": PLAIN,
    "two_goals": PLAIN.replace("|   |\n+   +   +", "| G |\n+   +   +"),
    "blocks_full": "+---+---+\n| S     |\n+   +---+\n|     G |\n+---+---+",
    "maze_markdown_fence": "+---+---+\n| S     |\n+   +---+\n|     G |\n+---+---+",
    "unreachable": "+---+---+\n| S | G |\n+   +   +\n|   |   |\n+---+---+",
    "rectangular_drawn": (FIELD / "mazes/rectangular_drawn.txt").read_text(),
    "micromouse_o_posts": (FIELD / "mazes/micromouse_o_posts.txt").read_text().replace("o", "+"),
    "drawn_openings": """
+---+---+---+
| S     |   |
+---+   +   +
|           |
+   +---+---+
|         G |
+---+---+---+""",
    "loop_4x4": (FIELD / "mazes/loop_4x4.txt").read_text(),
    "micromouse_four_goals": (FIELD / "mazes/micromouse_four_goals.txt").read_text(),
}  # fmt: skip
REFUSED = {
    "mazes/boxdraw": "walls of box drawing stand 2 characters and 1 lines apart, expected 4 and 2",
    "mazes/even_size_4": r"are 5 of 6 characters, expected 2 n \+ 1 of 2 m \+ 1",
    "mazes/room_open_corner": "line 3, column 3 holds ' ': expected a wall",
    "mazes/solution_marks": r"line 2, column 3 holds '\+': expected '#', ' ' or a mark",
    "mazes/tabs": "n and m from 2 to 128, got 3 by 7",
    "mazes/thick_walls": "line 3, column 3 holds 'S'",
    "mazes/trailing_cut_right": "line 3, column 9 holds ' ': expected a wall",
    "mazes/two_char_cells": "stand 3 characters apart",
    "mazes/underscore_pipes": "lines of _ and | are not read",
    "mazes/maz_wall_lines": "line 1, column 1 holds '0': expected '\\+'",
    "mazes/no_S_G": "expected one start and a goal, got 0 and 0",
    "mazes/picture": "expected a PNG picture in .*picture.png, got a damaged one",
    "sudoku/4x4_fullwidth": "row 1, column 1 holds '１'",
    "sudoku/4x4_letters": "row 1, column 1 holds 'A'",
    "sudoku/4x4_two": "line 1: row 1 has 4 cells, expected 8",
    "sudoku/8x8": r"expected one board of N x N .* got shape \(8, 8\)",
    "sudoku/9x9_e_for_empty": "line 1: row 1, column 3 holds 'e'",
    "sudoku/9x9_utf16": "expected a puzzle as text in .*9x9_utf16.txt, got other bytes",
}
FILES = sorted(path for path in FIELD.glob("*/*") if path.is_file())
# Those that are no text, and one that is numbers without a wall around, are left out.
TEXTS = [(path.parent.name, path.read_bytes().decode("utf-8-sig")) for path in FILES
         if path.stem not in ("picture", "9x9_utf16", "maz_wall_lines")]  # fmt: skip


def as_text(read: Mazes | np.ndarray) -> str:
    if isinstance(read, Mazes):
        return maze_text(read.walls[0], read.start[0], read.goals[0])
    return sudoku_text(read)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_is_read_as_it_was_meant_or_refused_as_what_it_is(path):
    name = f"{path.parent.name}/{path.stem}"
    for given_as in (path, str(path), path.read_bytes()):
        if name in REFUSED:
            message = REFUSED[name]
            if isinstance(given_as, bytes):
                message = message.replace(f".*{path.name}", "the text")
            with pytest.raises(ValueError, match=message.replace("_ and |", r"_ and \|")):
                read_puzzle(given_as)
        elif path.parent.name == "mazes":
            assert as_text(read_puzzle(given_as)) == DRAWN[path.stem].strip()
        else:
            assert as_text(read_puzzle(given_as)) == (NINE if "9x9" in name else FOUR)


def test_what_is_no_puzzle_is_neither():
    for text in ("", "hello world", "...", "A Sudoku, please", "\n\n"):
        with pytest.raises(ValueError, match="expected a Sudoku, .*, or a maze"):
            game_of(text)


@pytest.mark.parametrize(("frame", "empty"), list(product([False, True], "._0*-?x")))
def test_frames_and_empty_cells_of_every_kind_go_together(frame, empty):
    rows = NINE.replace(".", empty).split("|")
    if frame and empty not in "*-":
        rows = [f"| {' | '.join(' '.join(row[i : i + 3]) for i in (0, 3, 6))} |" for row in rows]
        ruler = "+-------+-------+-------+"
        rows = [ruler, *rows[:3], ruler, *rows[3:6], ruler, *rows[6:], ruler]
    assert sudoku_text(parse_sudoku("\n".join(rows))) == NINE


@pytest.mark.parametrize(
    "text",
    [
        "1,2,,\n3,,,\n,,,\n,,,1",
        "1 , 2 ,,\n3,,, \n,,,\n,,,1",
        "|1|2| | |\n|3| | | |\n| | | | |\n| | | |1|",
        "+---+---+\n|12|  |\n|3 |  |\n+--+--+\n|  |  |\n|  | 1|\n+--+--+",
    ],
)
def test_nothing_stands_for_an_empty_cell_between_commas_bars_and_in_columns(text):
    assert sudoku_text(parse_sudoku(text)) == "12..|3...|....|...1"


def test_what_can_be_read_in_two_ways_is_refused_with_both():
    with pytest.raises(ValueError, match=r"one that may be 1020\|3000\|1000\|0010 or 1200\|3000\|"):
        parse_sudoku("1 2\n3\n1\n  1")


@st.composite
def changed_texts(draw):
    """A text of the field in which a few symbols, lines or words are others."""
    game, text = draw(st.sampled_from(TEXTS))
    pieces = st.sampled_from(
        ["", " ", "\n", "\t", *"0123459.#+-|_*xXSGEeo,;[]1█─│┼", "```\n", "// a\n"]
    )
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(pieces) + text[start + draw(st.integers(0, 2)) :]
    return game, text


@settings(deadline=None, max_examples=2000)
@given(changed_texts())
def test_changed_texts_are_read_as_the_same_game_or_refused(changed):
    game, text = changed
    try:
        read = read_puzzle(text)
    except ValueError:
        return
    assert game == ("mazes" if isinstance(read, Mazes) else "sudoku")
    if isinstance(read, Mazes):
        check_walls(read.walls)
    np.testing.assert_array_equal(as_text(read_puzzle(as_text(read))), as_text(read))


def test_solve_reads_the_file_of_a_name():
    path = FIELD / "sudoku/bom_for_stdin.txt"
    assert solve(str(path)).is_right
    assert solve(path).is_right
    with pytest.raises(ValueError, match="found no file 'no/such/maze.txt'"):
        solve("no/such/maze.txt")


@pytest.mark.parametrize(
    "text",
    [
        "1.....3..4.....2; 2.3; easy",
        "1... ..3. .4.. ...2 # comment",
        "Puzzle 1.....3..4.....2",
        "1;;;\n;;3;\n;4;;\n;;;2",
        "1\t\t\t\n\t\t3\t\n\t4\t\t\n\t\t\t2",
        "1 |   |   |  \n  |   | 3 |  \n  | 4 |   |  \n  |   |   | 2",
        "1   \n  3 \n 4  \n   2",
        "array([[1, 0, 0, 0],\n       [0, 0, 3, 0],\n       [0, 4, 0, 0],\n       [0, 0, 0, 2]])",
        "4x4\n1...\n..3.\n.4..\n...2",
    ],
)
def test_more_ways_to_write_the_same_sudoku(text):
    assert as_text(read_puzzle(text)) == FOUR


@pytest.mark.parametrize(
    "text",
    [
        "1000\n003\n0400\n0002",  # a row too short is not filled up
        "1 2 3 4\n- - 2 -\n- - - -\n- 3 - -\n1 - - -",  # a row of empty cells is no ruler
        "      \n      \n 1 2  \n 2    \n  1   \n 22   ",  # 6x6 with rows of blanks is not 4x4
        "4\n0 0 4 0\n0 0 0 0\n0 0 0 0",  # nor is the size a row
        "001000000000000,1234341221434321",  # a puzzle cut short is not its solution
        "|===\n| | |2 |1\n|2 |1 |2 | \n| | | | \n|2 |1 |2 | \n|2 |2 | |1\n|===",
        "┌─────┐\n│S    │\n├──╴  │\n│G    │\n└─────┘",  # cells five characters wide
        "┌───────┐\n│ S     │\n│       │\n│       │\n├───╴   │\n│   G   │\n│       │\n└───────┘",
        np.array([[[1, 0, 0, 0], [0, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 2]]]),
    ],
)
def test_what_looks_like_another_board_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        read_puzzle(text)


@pytest.mark.parametrize(
    "text",
    [
        "┌───┬───┐\n│ S │   │\n│   ╵   │\n│     G │\n└───────┘",
        "┌─┬─┐\n│S│ │\n│ ╵ │\n│  G│\n└───┘",
        "#####\n#S#.#\n#.#.#\n#..G#\n#####",
        "XXXXX\nXSXoX\nXoXoX\nXooEX\nXXXXX",
        "[\n[1,1,1,1,1],\n[1,S,1,0,1],\n[1,0,1,0,1],\n[1,0,0,G,1],\n[1,1,1,1,1]\n]",
        ["#####", "#S# #", "# # #", "#  G#", "#####"],
    ],
)
def test_more_ways_to_write_the_same_maze(text):
    expected = "+---+---+\n| S |   |\n+   +   +\n|     G |\n+---+---+"
    assert as_text(read_puzzle(text)) == expected
