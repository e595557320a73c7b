"""Pixels for `rgb_array`: walls dark exactly where they are, digits readable where they stand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trm_lib.puzzles import generate_mazes
from trm_lib.viz import maze_pixels, sudoku_pixels

DARK, PAPER, SHADE = (0x22, 0x22, 0x22), (255, 255, 255), (0xE6, 0xE8, 0xEB)
BLUE, GREEN, ORANGE = (0, 0x72, 0xB2), (0, 0x7A, 0x5A), (0xE6, 0x9F, 0)


def is_colour(pixels, colour):
    return (pixels == colour).all(axis=-1)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 12),
    st.sampled_from(["tree", "loops", "open"]),
    st.integers(8, 40),
    st.integers(0, 2**32),
)
def test_pixels_are_dark_exactly_where_walls_are(size, layout, cell, seed):
    maze = generate_mazes(size, 1, np.random.default_rng(seed), layout=layout)
    walls, thick = maze.walls[0], max(2, cell // 8)
    pixels = maze_pixels(walls, maze.start[0], maze.goal[0], agent=1, cell=cell)
    assert pixels.shape == (size * cell + thick, size * cell + thick, 3)
    assert pixels.dtype == np.uint8
    expected = np.zeros(pixels.shape[:2], bool)
    for (r, c), bits in np.ndenumerate(walls):
        square = expected[r * cell :, c * cell :][: cell + thick, : cell + thick]
        square[:thick] |= bits & 1 > 0
        square[:, -thick:] |= bits & 2 > 0
        square[-thick:] |= bits & 4 > 0
        square[:, :thick] |= bits & 8 > 0
    np.testing.assert_array_equal(is_colour(pixels, DARK), expected)


@pytest.mark.parametrize("cell", [8, 33])
def test_start_goal_and_agent_are_in_their_cells_and_nowhere_else(cell):
    walls = generate_mazes(4, 1, np.random.default_rng(0)).walls[0]
    pixels = maze_pixels(walls, start=1, goal=11, agent=np.int64(6), cell=cell)
    thick = max(2, cell // 8)
    for at, colour in ((1, SHADE), (11, GREEN), (6, BLUE)):
        rows, columns = np.nonzero(is_colour(pixels, colour))
        row, column = divmod(at, 4)
        assert set((rows - thick) // cell) == {row}
        assert set((columns - thick) // cell) == {column}
        assert rows.min() + rows.max() == 2 * row * cell + cell + thick - 1  # in the middle
    assert not is_colour(maze_pixels(walls, 1, 11), BLUE).any()
    for agent, colour in ((1, SHADE), (11, GREEN)):  # who stands there hides neither
        both = maze_pixels(walls, 1, 11, agent, cell=16)
        assert is_colour(both, colour).sum() > 30
        assert is_colour(both, BLUE).sum() > 30


@pytest.mark.parametrize("cell", [12, 41])
@pytest.mark.parametrize(("size", "rows", "columns"), [(4, 2, 2), (6, 2, 3), (9, 3, 3)])
def test_sudoku_lines_are_thick_around_boxes_and_thin_between_cells(size, rows, columns, cell):
    pixels = sudoku_pixels(np.zeros((size, size), int), cell=cell)
    assert pixels.shape == (size * cell + 3, size * cell + 3, 3)
    for every, along in ((rows, pixels[:, 3 + cell // 2]), (columns, pixels[3 + cell // 2])):
        dark = is_colour(along, DARK)
        grey = ~dark & ~is_colour(along, PAPER)
        for i in range(size + 1):
            box = i % every == 0
            assert dark[i * cell : i * cell + 3].tolist() == [box] * 3
            assert grey[i * cell : i * cell + 3].tolist() == [False, not box, False]
        assert dark.sum() == 3 * (size // every + 1)
        assert grey.sum() == size + 1 - (size // every + 1)


@pytest.mark.parametrize("cell", [12, 31])
def test_digits_are_nine_shapes_black_for_clues_and_blue_for_others(cell):
    board = np.arange(81).reshape(9, 9) // 9 + 1  # row r holds digit r + 1
    clues = np.where(np.arange(9) < 4, board, 0)
    pixels = sudoku_pixels(board, clues, cell=cell)
    shapes = []
    for (r, c), digit in np.ndenumerate(board):
        inside = pixels[r * cell + 3 : (r + 1) * cell, c * cell + 3 : (c + 1) * cell]
        ground, ink = (SHADE, (0, 0, 0)) if c < 4 else (PAPER, BLUE)
        shape = is_colour(inside, ink)
        assert (shape | is_colour(inside, ground)).all()
        assert not shape[[0, -1]].any()
        assert not shape[:, [0, -1]].any()
        shapes.append((int(digit), shape.tobytes()))
    assert len(set(shapes)) == len({shape for _, shape in shapes}) == 9


def printed(digit):
    """A digit of Matplotlib's font as (7, 5) shares of ink."""
    figure = Figure(figsize=(1, 1), dpi=280)
    figure.text(0.5, 0.5, str(digit), size=50, ha="center", va="center", family="DejaVu Sans")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ink = np.asarray(canvas.buffer_rgba())[..., 0] < 128
    ink = ink[np.ix_(ink.any(axis=1), ink.any(axis=0))]
    return np.array(
        [[box.mean() for box in np.array_split(row, 5, axis=1)] for row in np.array_split(ink, 7)]
    )


def test_every_printed_digit_is_most_like_our_own_drawing_of_it():
    board = np.tile(np.arange(1, 10), (9, 1))
    ink = is_colour(sudoku_pixels(board, cell=12), BLUE)
    ours = [ink[4:11, 12 * i + 5 : 12 * i + 10] for i in range(9)]
    assert sum(shape.sum() for shape in ours) * 9 == ink.sum()
    for digit in range(1, 10):
        model = printed(digit).ravel()
        likeness = [np.corrcoef(shape.ravel(), model)[0, 1] for shape in ours]
        assert np.argmax(likeness) + 1 == digit


@pytest.mark.parametrize("marked", [(0, 0), (3, 1), np.array([2, 3])])
def test_the_marked_cell_alone_is_outlined_and_keeps_its_digit(marked):
    board = np.array([[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]])
    plain, outlined = sudoku_pixels(board), sudoku_pixels(board, marked=marked)
    r, c = marked
    expected = np.zeros(plain.shape[:2], bool)
    expected[24 * r : 24 * r + 27, 24 * c : 24 * c + 27] = True
    expected[24 * r + 3 : 24 * r + 24, 24 * c + 3 : 24 * c + 24] = False
    np.testing.assert_array_equal(is_colour(outlined, ORANGE), expected)
    np.testing.assert_array_equal(outlined[~expected], plain[~expected])


@pytest.mark.parametrize(
    ("paint", "arguments", "message"),
    [
        (maze_pixels, {"start": 99}, "start: expected a cell from 0 to 8, got 99"),
        (maze_pixels, {"goal": 0}, "start and goal must be two cells, got 0 for both"),
        (maze_pixels, {"walls": np.zeros((3, 3), np.uint8)}, "open border"),
        (maze_pixels, {"cell": 7}, "cell expected a whole number >= 8, got 7"),
        (sudoku_pixels, {"board": np.zeros((5, 5), int)}, r"got \(5, 5\)"),
        (sudoku_pixels, {"clues": np.full((4, 4), 5)}, "clues: expected digits 0 to 4"),
        (sudoku_pixels, {"cell": 11}, "cell expected a whole number >= 12, got 11"),
        (sudoku_pixels, {"marked": (1.0, 2.0)}, "integers from 0 to 3"),
        (sudoku_pixels, {"marked": (0, 4)}, r"integers from 0 to 3, got \(0, 4\)"),
    ],
)
def test_errors_say_what_was_expected(paint, arguments, message):
    walls = generate_mazes(3, 1, np.random.default_rng(0)).walls[0]
    usual = {"walls": walls, "start": 0, "goal": 8}
    if paint is sudoku_pixels:
        usual = {"board": np.zeros((4, 4), int)}
    with pytest.raises(ValueError, match=message):
        paint(**usual | arguments)
