"""Mazes: every wall drawn where it is, cells told apart without colour, and said in words."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.viz.conftest import Page, part
from trm_lib.puzzles import generate_mazes
from trm_lib.viz import maze_svg

# +---+---+---+
# | 0   1   2 |
# +   +   +   +
# | 3   4 | 5 |
# +   +---+   +
# | 6   7   8 |
# +---+---+---+
WALLS = np.array([[9, 1, 3], [8, 6, 10], [12, 5, 6]])
OPEN = generate_mazes(5, 1, np.random.default_rng(0), layout="open").walls[0]


def path(svg, name):
    """The data of one named path of the drawing."""
    [data] = re.findall(rf'<path d="([^"]*)"[^>]*data-part="{name}"', svg)
    return data


def drawn_walls(svg, size):
    """The bits that the strokes of a drawing stand for, and how often each edge is drawn."""
    walls = np.zeros((size + 2, size + 2), int)  # a frame of cells outside
    edges = []
    for x, y, way, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path(svg, "walls")):
        for i in range(int(length)):
            c, r = int(x) + i * (way == "h") + 1, int(y) + i * (way == "v") + 1
            edges.append((r, c, way))
            walls[r, c] |= 1 if way == "h" else 8
            walls[(r - 1, c) if way == "h" else (r, c - 1)] |= 4 if way == "h" else 2
    assert len(edges) == len(set(edges)), "an edge is drawn twice"
    return walls[1:-1, 1:-1]


def shaded(svg, name, size):
    """The cells under the strokes of one shade."""
    mask = np.zeros((size, size), bool)
    if f'data-part="{name}-cells"' in svg:
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", path(svg, f"{name}-cells")):
            mask[int(y), int(x) : int(x) + int(length)] = True
    return mask


def dots(svg, name, cell, size):
    """The cells that hold a dot, a hollow dot or a cross, by where its middle is."""
    places = re.findall(r'<circle cx="([^"]+)" cy="([^"]+)"', svg and part(svg, name))
    mask = np.zeros((size, size), bool)
    for x, y in places:
        mask[int(float(y) // cell), int(float(x) // cell)] = True
    assert mask.sum() == len(places)
    return mask


def crosses(svg, cell, size):
    mask = np.zeros((size, size), bool)
    for x, y, d in re.findall(r"M([\d.]+) ([\d.]+)l([\d.]+)", path(svg, "wrong")):
        mask[int((float(y) + float(d) / 2) // cell), int((float(x) + float(d) / 2) // cell)] = True
    return mask


@settings(deadline=None)
@given(st.integers(2, 40), st.sampled_from(["tree", "loops", "open"]), st.integers(0, 2**32))
def test_every_wall_is_drawn_once_and_where_it_is(size, layout, seed):
    walls = generate_mazes(size, 1, np.random.default_rng(seed), layout=layout).walls[0]
    np.testing.assert_array_equal(drawn_walls(maze_svg(walls).svg, size), walls)


@pytest.mark.parametrize(("cell", "small"), [(40, False), (15, False), (8, True)])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_right_wrong_and_missed_cells_differ_in_shape_or_shade(cell, small, seed):
    rng = np.random.default_rng(seed)
    cells, label = rng.integers(2, size=(2, 5, 5)).astype(bool)
    svg = maze_svg(OPEN, 0, 24, cells, label, agent=7, cell=cell).svg
    right, wrong, missed = cells & label, cells & ~label, label & ~cells
    np.testing.assert_array_equal(shaded(svg, "right", 5), right)
    np.testing.assert_array_equal(shaded(svg, "wrong", 5), wrong)
    np.testing.assert_array_equal(shaded(svg, "missed", 5), missed & small)
    if not small:
        np.testing.assert_array_equal(dots(svg, "right", cell, 5), right)
        np.testing.assert_array_equal(dots(svg, "missed", cell, 5), missed)
        np.testing.assert_array_equal(crosses(svg, cell, 5), wrong)


def test_small_shades_and_the_paper_are_far_apart_in_grey():
    cells = np.zeros((5, 5), bool)
    cells[0], label = True, cells.copy()
    label[0, 0] = label[1] = True
    svg = maze_svg(OPEN, cells=cells, label=label, cell=8).svg
    greys = [1.0]
    for name in ("right-cells", "wrong-cells", "missed-cells", "walls"):
        [colour] = re.findall(rf'stroke="#(\w+)"[^>]*data-part="{name}"', svg)
        greys.append(np.dot(list(bytes.fromhex(colour)), [0.2126, 0.7152, 0.0722]) / 255)
    assert np.diff(sorted(greys)).min() > 0.12


def test_start_goal_and_agent_stand_in_their_cells():
    svg = maze_svg(WALLS, start=1, goal=6, agent=5, cell=40).svg
    assert re.search(r'<circle cx="60" cy="20" [^>]*data-part="start"', svg)
    assert re.search(r'<rect x="8" y="88" width="24" height="24" [^>]*data-part="goal"', svg)
    assert re.search(r'<circle cx="100" cy="60" [^>]*data-part="agent"', svg)
    assert re.findall(r'<text x="(\w+)" [^>]*>(\w)<', svg) == [("60", "S"), ("20", "G")]
    assert "<text" not in maze_svg(WALLS, 1, 6, cell=16).svg  # no room for letters
    assert ">S<" not in maze_svg(WALLS, 1, 6, agent=1).svg  # the agent stands on it
    assert ">G<" not in maze_svg(WALLS, 1, 6, agent=6).svg


def test_the_trail_is_the_walk():
    trail = [0, 1, 1, 2, 5, np.int64(8), 5]
    assert path(maze_svg(WALLS, trail=trail).svg, "trail") == "M0 0h1h1v1v1v-1"
    assert path(maze_svg(WALLS, trail=[4, 3, 0]).svg, "trail") == "M1 1h-1v-1"
    assert 'data-part="trail"' not in maze_svg(WALLS, trail=[3]).svg


def test_words_say_what_is_in_the_picture():
    cells = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0]], bool)
    label = np.array([[1, 1, 1], [0, 0, 1], [0, 0, 1]], bool)
    assert maze_svg(WALLS, 0, 8, cells, label, 3, [0, 3, 3], title="After K = 2").alt == (
        "After K = 2. 3 by 3 maze. Start at row 1, column 1. Goal at row 3, column 3. "
        "Agent at row 2, column 1. Cells visited: 2. "
        "Cells marked: 4, 2 right and 2 wrong. Cells missed: 3."
    )
    assert maze_svg(WALLS, cells=cells).alt == "3 by 3 maze. Cells marked: 4."


@pytest.mark.parametrize(("size", "side"), [(2, 112), (5, 280), (30, 450), (128, 640)])
def test_a_maze_fits_a_page(size, side):
    walls = generate_mazes(size, 1, np.random.default_rng(0)).walls[0]
    [(svg, _)] = Page(maze_svg(walls).svg).all("svg")
    assert svg["viewbox"] == f"0 0 {side + 10} {side + 10}"


def test_the_largest_maze_is_a_small_file():
    rng = np.random.default_rng(0)
    mazes = generate_mazes(128, 1, rng)
    cells, label = rng.integers(2, size=(2, 128, 128)).astype(bool)  # the worst of models
    picture = maze_svg(mazes.walls[0], mazes.start[0], mazes.goal[0], cells, label)
    assert len(picture.svg) < 200_000
    np.testing.assert_array_equal(drawn_walls(picture.svg, 128), mazes.walls[0])


def arrows(svg, name):
    """Where the arrows of one kind point from: cell (row, column) to (right, down) of each."""
    found = {}
    if f'data-part="{name}"' in svg:
        strokes = re.findall(r"M(\S+) (\S+)L(\S+) (\S+?)(?=M|$)", path(svg, name))
        for x, y, end_x, end_y in (tuple(map(float, stroke)) for stroke in strokes[::3]):
            found[int(y), int(x)] = (np.sign(round(end_x - x, 3)), np.sign(round(end_y - y, 3)))
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_every_move_is_an_arrow_from_its_cell_and_those_into_walls_differ(seed):
    rng = np.random.default_rng(seed)
    walls = generate_mazes(5, 1, rng).walls[0]
    moves = rng.integers(-1, 4, size=(5, 5))
    svg = maze_svg(walls, 0, 24, agent=7, moves=moves).svg
    drawn = {False: arrows(svg, "moves"), True: arrows(svg, "bumps")}
    assert len(drawn[False]) + len(drawn[True]) == (moves >= 0).sum()
    for (r, c), move in np.ndenumerate(moves):
        if move >= 0:
            way = ((0, -1), (1, 0), (0, 1), (-1, 0))[move]
            assert drawn[bool(walls[r, c] >> move & 1)][r, c] == way


def test_arrows_are_told_in_words_and_need_room():
    moves = np.array([[1, 1, 2], [-1, 1, 0], [-1, -1, -1]])
    assert maze_svg(WALLS, moves=moves).alt == "3 by 3 maze. Arrows: 5, 1 into walls."
    assert 'data-part="moves"' not in maze_svg(WALLS, moves=moves, cell=10).svg
