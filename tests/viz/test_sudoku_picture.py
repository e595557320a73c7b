"""Sudoku boards: what is drawn, told apart without colour, and said in words."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.viz.conftest import Page, part
from trm_lib.viz import sudoku_svg

SOLUTION = np.array([[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]])
CLUES = SOLUTION * np.eye(4, dtype=int)


def test_clues_are_bold_answers_are_not_and_empty_cells_hold_a_dot():
    board = SOLUTION.copy()
    board[0, 3] = board[2, 0] = 0
    svg = sudoku_svg(board, CLUES, SOLUTION).svg
    texts = re.findall(r"<text [^>]*>", part(svg, "digits"))
    assert len(texts) == 14
    assert sum('font-weight="700"' in text for text in texts) == 4
    assert svg.count("<circle") == 2
    assert svg.count('fill="#E6E8EB"') == 4  # shaded cells


@given(st.lists(st.integers(0, 4), min_size=16, max_size=16))
def test_digits_stand_in_their_cells_and_exactly_the_wrong_ones_are_struck_through(cells):
    board = np.reshape(cells, (4, 4))
    svg = sudoku_svg(board, solution=SOLUTION, cell=40).svg
    drawn, wrong = np.zeros((2, 4, 4), int)
    for x, y, digit in re.findall(r'<text x="(\S+)" y="(\S+)" [^>]*>(\d)<', part(svg, "digits")):
        drawn[int(float(y)) // 40, int(float(x)) // 40] = digit
    for x, y in re.findall(r'<line x1="([^"]+)" y1="([^"]+)"', part(svg, "wrong")):
        wrong[int(float(y)) // 40, int(float(x)) // 40] += 1
    np.testing.assert_array_equal(drawn, board)
    np.testing.assert_array_equal(wrong, (board > 0) & (board != SOLUTION))


def test_an_overwritten_clue_is_wrong_even_without_the_solution():
    board = SOLUTION.copy()
    board[1, 1] = 3
    assert part(sudoku_svg(board, CLUES).svg, "wrong").count("<line") == 1
    assert part(sudoku_svg(board).svg, "wrong").count("<line") == 0


@pytest.mark.parametrize(
    ("size", "horizontal", "vertical"),
    [
        (4, [0, 72, 144], [0, 72, 144]),
        (6, [0, 72, 144, 216], [0, 108, 216]),
        (9, [0, 108, 216, 324], [0, 108, 216, 324]),
    ],
)
def test_boxes_have_their_shape(size, horizontal, vertical):
    svg = sudoku_svg(np.zeros((size, size), dtype=int), cell=36).svg
    [path] = re.findall(r'<path d="([^"]+)"[^>]*data-part="box-lines"', svg)
    assert [int(y) for y in re.findall(r"M0 (\d+)H", path)] == horizontal
    assert [int(x) for x in re.findall(r"M(\d+) 0V", path)] == vertical


def test_a_cell_without_a_sure_digit_shows_its_candidates_and_a_clue_never_does():
    belief = np.zeros((4, 4, 4))
    np.put_along_axis(belief, SOLUTION[..., None] - 1, 0.95, axis=-1)
    belief[1], belief[2] = 0.25, [0.6, 0.02, 0, 0]
    wrong = np.where((np.arange(4)[:, None] == 1) & (CLUES == 0), 5 - SOLUTION, SOLUTION)
    picture = sudoku_svg(wrong, CLUES, SOLUTION, belief, cell=50)
    small = part(picture.svg, "candidates")
    rows = [int((CLUES[row] == 0).sum()) for row in (1, 2)]
    assert small.count("<text") == rows[0] * 4 + rows[1]
    assert part(picture.svg, "digits").count("<text") == 16 - sum(rows)
    assert small.count('opacity="0.44"') == rows[0] * 4  # a quarter of the way to black
    assert "wrong" not in picture.alt
    assert picture.alt.count("empty") == sum(rows)


def test_words_say_what_is_on_the_board_and_a_title_is_no_markup():
    board, title = SOLUTION.copy(), '"><script>K = 2</script>'
    board[0] = [1, 4, 0, 4]
    picture = sudoku_svg(board, CLUES, SOLUTION, title=title)
    assert picture.alt == (
        f"{title}. 4 by 4 Sudoku with 4 clues. Answers: 10 of 12 right. "
        "Row 1: 1, 4 wrong, empty, 4. Row 2: 3, 4, 1, 2. Row 3: 2, 1, 4, 3. Row 4: 4, 3, 2, 1."
    )
    page = Page(picture.svg)
    [(svg, _)] = page.all("svg")
    assert (svg["role"], svg["aria-label"]) == ("img", picture.alt)
    assert page.all("text")[0][1] == title
    assert not page.all("script")


def test_a_picture_is_as_wide_as_its_title_and_the_board_stays_in_the_middle():
    svg = sudoku_svg(SOLUTION, title="Four clues, one solution").svg
    width = float(re.search(r'viewBox="0 0 (\S+) 178"', svg)[1])
    assert 203 < width < 215  # Chromium writes the title in 203 pixels
    assert f'<text x="{width / 2:g}" y="19"' in svg
    assert f"translate({(width - 144) / 2:g} 30)" in svg


def test_drawings_scale_and_bring_no_ids(tmp_path):
    first = sudoku_svg(SOLUTION, CLUES, SOLUTION)
    assert Page(first.svg).ids() == []
    [(svg, _)] = Page(first.svg).all("svg")
    assert svg["viewbox"] == "0 0 152 152"
    assert "max-width:100%" in svg["style"]
    first.save(tmp_path / "board.svg")
    assert (tmp_path / "board.svg").read_text(encoding="utf-8") == first.svg + "\n"
