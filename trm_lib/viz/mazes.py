"""A checked maze: its walls, what is marked in it, who walks there, and how to say it in words.

Axes: n rows and columns of a maze, 2 to 128; its cells are numbered row by row. Bit d of a cell's
walls is its wall in direction d: 0 up, 1 right, 2 down, 3 left.

Mazes as SVG that reads on any page, in grey, and aloud.

Axes: n rows and columns of a maze, 2 to 128; its cells are numbered row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from numbers import Integral

import numpy as np

from trm_lib.viz.boards import FAINT_INK, INK, svg_element
from trm_lib.viz.style import COLOURS, PAPER, SVGPicture, check_text

SIZES = range(2, 129)


@dataclass(frozen=True)
class MazeState:
    """A checked maze with everything that is drawn of it, arrays of shape (n, n).

    Attributes:
        walls: bits, one a direction.
        start: cell number, or None.
        goal: cell number, or None.
        marked: whether a cell is marked as part of the answer.
        wrong: whether a cell is marked but should not be.
        missed: whether a cell should be marked but is not.
        answered: whether there is an answer.
        judged: whether the truth is known.
        agent: cell number, or None.
        trail: cell numbers, in the order of the visits.
        moves: directions, -1 where there is none.
    """

    walls: np.ndarray
    start: int | None
    goal: int | None
    marked: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray
    answered: bool
    judged: bool
    agent: int | None
    trail: tuple[int, ...]
    moves: np.ndarray

    @property
    def bumps(self) -> np.ndarray:
        """Whether the move of a cell runs into a wall, (n, n) bool."""
        return (self.moves >= 0) & (self.walls >> self.moves.clip(min=0) & 1 > 0)

    def place(self, cell: int) -> tuple[int, int]:
        """Returns the row and column, from 0, of a cell number."""
        return divmod(cell, len(self.walls))


def maze_state(
    walls: np.ndarray,
    start: int | None = None,
    goal: int | None = None,
    cells: np.ndarray | None = None,
    label: np.ndarray | None = None,
    agent: int | None = None,
    trail: Sequence[int] | None = None,
    moves: np.ndarray | None = None,
) -> MazeState:
    """Checks what is known of a maze and works out which marked cells are wrong.

    Args and Raises: as in `maze_svg`.
    """
    walls = _check_walls(walls)
    start, goal, agent = (
        None if value is None else _check_cell(name, value, len(walls))
        for name, value in (("start", start), ("goal", goal), ("agent", agent))
    )
    if start is not None and start == goal:
        raise ValueError(f"start and goal must be two cells, got {start} for both; move one.")
    if label is not None and cells is None:
        raise ValueError("label judges cells, got no cells; to draw the label, pass it as cells.")
    marked = wrong = missed = np.zeros(walls.shape, dtype=bool)
    if cells is not None:
        marked = _check_mask("cells", cells, walls.shape)
    if label is not None:
        label = _check_mask("label", label, walls.shape)
        wrong, missed = marked & ~label, label & ~marked
    return MazeState(
        walls,
        start,
        goal,
        marked,
        wrong,
        missed,
        cells is not None,
        label is not None,
        agent,
        () if trail is None else _check_trail(trail, walls),
        np.full(walls.shape, -1) if moves is None else _check_moves(moves, walls.shape),
    )


def describe_maze(state: MazeState) -> str:
    """Says what a picture of a maze shows; rows and columns are counted from 1."""
    size = len(state.walls)
    words = [f"{size} by {size} maze."]
    for name, cell in (("Start", state.start), ("Goal", state.goal), ("Agent", state.agent)):
        if cell is not None:
            row, column = state.place(cell)
            words.append(f"{name} at row {row + 1}, column {column + 1}.")
    if state.trail:
        words.append(f"Cells visited: {len(set(state.trail))}.")
    if (state.moves >= 0).any():
        words.append(f"Arrows: {(state.moves >= 0).sum()}, {state.bumps.sum()} into walls.")
    if state.judged:
        right, wrong = (state.marked & ~state.wrong).sum(), state.wrong.sum()
        words.append(f"Cells marked: {state.marked.sum()}, {right} right and {wrong} wrong.")
        words.append(f"Cells missed: {state.missed.sum()}.")
    elif state.answered:
        words.append(f"Cells marked: {state.marked.sum()}.")
    return " ".join(words)


def _check_walls(walls: np.ndarray) -> np.ndarray:
    """Returns (n, n) walls as uint8, or says why they are not those of one maze."""
    walls = np.asarray(walls)
    if walls.ndim != 2 or walls.shape[0] != walls.shape[1] or len(walls) not in SIZES:
        raise ValueError(
            f"walls must have shape (n, n) with n from 2 to 128, got {walls.shape}; "
            "draw one maze of a batch as walls[0]."
        )
    if not np.issubdtype(walls.dtype, np.integer):
        raise ValueError(
            f"walls must be integers, one bit a direction, got dtype {walls.dtype}; "
            "turn four masks into bits with (masks << [0, 1, 2, 3]).sum(-1)."
        )
    if walls.min() < 0 or walls.max() > 15:
        raise ValueError(
            f"walls must lie in 0 to 15, got {walls.min()} to {walls.max()}; use four bits a cell."
        )
    walls = walls.astype(np.uint8)
    up, right, down, left = ((walls >> d & 1).astype(bool) for d in range(4))
    if not (up[0].all() and right[:, -1].all() and down[-1].all() and left[:, 0].all()):
        raise ValueError("walls must close the border all round, got an opening; close it.")
    upright, flat = right[:, :-1] != left[:, 1:], down[:-1] != up[1:]
    for differ, where in ((upright, "to the right"), (flat, "below")):
        if differ.any():
            row, column = np.argwhere(differ)[0]
            raise ValueError(
                "walls must be set in both of their cells, got only one at row "
                f"{row + 1}, column {column + 1} and the cell {where}; set both or none."
            )
    return walls


def _check_cell(name: str, cell: int, size: int) -> int:
    """Returns a cell number as an int, or says why it is not one."""
    whole = isinstance(cell, Integral) and not isinstance(cell, bool)
    if not whole or not 0 <= cell < size * size:
        raise ValueError(
            f"{name} must be a cell number from 0 to {size * size - 1}, got {cell!r}; "
            "row r and column c, both from 0, are cell r * n + c."
        )
    return int(cell)


def _check_mask(name: str, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns an array of bools shaped like the maze, or says why it is not one."""
    mask = np.asarray(mask)
    if mask.shape != shape:
        raise ValueError(
            f"{name} must have the walls' shape {shape}, got {mask.shape}; "
            "reshape a flat array of n * n cells to (n, n)."
        )
    if mask.dtype != bool:
        raise ValueError(
            f"{name} must hold bools, got dtype {mask.dtype}; compare classes with ==."
        )
    return mask


def _check_moves(moves: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns directions shaped like the maze, or says why they are not that."""
    moves = np.asarray(moves)
    if moves.shape != shape or not np.issubdtype(moves.dtype, np.integer):
        raise ValueError(
            f"moves must be integers of the walls' shape {shape}, got {moves.dtype} of shape "
            f"{moves.shape}; reshape a flat array of n * n cells to (n, n)."
        )
    if moves.min() < -1 or moves.max() > 3:
        raise ValueError(
            f"moves must lie in -1 to 3, got {moves.min()} to {moves.max()}; 0 is up, 1 right, "
            "2 down, 3 left, and -1 no arrow."
        )
    return moves


def _check_trail(trail: Sequence[int], walls: np.ndarray) -> tuple[int, ...]:
    """Returns a trail as ints, or says where it is not one walk through the maze."""
    size = len(walls)
    cells = tuple(_check_cell("each cell of trail", cell, size) for cell in trail)
    bits = {-size: 1, 1: 2, size: 4, -1: 8, 0: 0}  # the wall that a move must not meet
    for here, there in pairwise(cells):
        bit = bits.get(there - here)
        if bit is None or walls[divmod(here, size)] & bit:
            raise ValueError(
                f"trail must stay or walk to an open neighbour, got a move from cell {here} to "
                f"cell {there}; pass the cells of one walk in the order of the visits."
            )
    return cells


AGENT = COLOURS[0]
GOAL = "#007A5A"  # dark enough for a white letter
_RIGHT, _WRONG = COLOURS[:2]
_RIGHT_CELL, _WRONG_CELL = "#D9EBF7", "#FBE6DA"
_SMALL_RIGHT, _SMALL_WRONG, _SMALL_MISSED = "#56A0D3", "#9A3B00", "#F5C542"
_CELL_LINES = "#E3E6E9"
_MARGIN = 5  # pixels around the maze, room for its outer walls
_SMALL = 14  # pixels a cell: below it, colour and shade alone tell cells apart
_LETTERS = 20  # pixels a cell: from here on, start and goal carry a letter


def maze_svg(
    walls: np.ndarray,
    start: int | None = None,
    goal: int | None = None,
    cells: np.ndarray | None = None,
    label: np.ndarray | None = None,
    agent: int | None = None,
    trail: Sequence[int] | None = None,
    moves: np.ndarray | None = None,
    title: str | None = None,
    cell: float | None = None,
) -> SVGPicture:
    """Draws one maze.

    The start is an open ring with an S, the goal a filled square with a G, the agent a disc.
    Marked cells are shaded and hold a filled dot, or a cross if they are wrong; cells that were
    missed hold a hollow dot. Where cells are below 14 pixels there is no room for that: right
    cells are then of a middle tone, wrong ones dark, missed ones pale. Below 10 pixels, start, goal
    and agent are drawn larger than their cells, over the walls, so that they can be found.
    Moves are arrows, and those into a wall end in a bar; cells below 14 pixels show none.

    Args:
        walls: one bit a direction (0 up, 1 right, 2 down, 3 left), shape (n, n) with n from 2 to
            128, integers from 0 to 15. The border is closed, and a wall is set in both its cells.
        start: cell number, from 0 to n * n - 1.
        goal: cell number, another than the start.
        cells: whether a cell is marked as part of the answer, shape (n, n), bool.
        label: whether it should be, same shape, bool. With it, wrong and missed cells differ.
        agent: cell number where somebody stands.
        trail: cell numbers visited so far, in order; drawn as a line.
        moves: where somebody would go from each cell, shape (n, n), integers: 0 up, 1 right,
            2 down, 3 left, -1 for no arrow.
        title: one line to write above the maze.
        cell: side of a cell in pixels, at least 3. By default 56 for n = 5 and below, and less
            for more cells: the maze is then 280 pixels wide for n = 5, 640 for n = 128.

    Returns:
        The drawing. Its text alternative gives the size, the places from 1, and the counts.

    Raises:
        ValueError: if a shape or a value is not as above.
    """
    state = maze_state(walls, start, goal, cells, label, agent, trail, moves)
    if title is not None:
        check_text("title", title)
    if cell is None:
        cell = round(56 * min(1, 5 / len(state.walls)) ** 0.75)
    if not 3 <= cell < np.inf:
        raise ValueError(f"cell must be at least 3 pixels to show its walls, got {cell}.")
    side = len(state.walls) * cell + 2 * _MARGIN
    head = 0 if title is None else 26
    parts = []
    if title is not None:
        parts.append(
            f'<text x="{side / 2:g}" y="19" font-size="15" font-weight="600" '
            f'text-anchor="middle" fill="{INK}">{escape(title)}</text>'
        )
    parts += [
        f'<g transform="translate({_MARGIN} {head + _MARGIN})">',
        *maze_elements(state, cell),
        "</g>",
    ]
    words = describe_maze(state)
    alt = words if title is None else f"{title}. {words}"
    return SVGPicture(svg_element(side, side + head, alt, parts), alt)


def maze_elements(state: MazeState, cell: float) -> list[str]:
    """Returns the SVG elements of a maze whose upper left corner is at (0, 0)."""
    parts = _shades(state, cell)
    if cell >= _SMALL:
        size = len(state.walls)
        lines = "".join(f"M0 {i}h{size}M{i} 0v{size}" for i in range(1, size))
        parts += [_path(lines, cell, _CELL_LINES, 1 / cell, "cell-lines"), *_marks(state, cell)]
    if len(state.trail) > 1:
        parts.append(_trail(state, cell))
    parts.append(_path(_wall_lines(state.walls), cell, INK, max(1.5 / cell, 1 / 14), "walls"))
    if cell >= _SMALL and (state.moves >= 0).any():
        parts += _arrows(state, cell)
    return parts + _figures(state, cell)


def _wall_lines(walls: np.ndarray) -> str:
    """Every wall once, as the data of a path in units of a cell; walls in line are one stroke."""
    flat = np.vstack([walls & 1, walls[-1:] & 4]).astype(bool)  # above row 0, 1 ... n
    upright = np.hstack([walls & 8, walls[:, -1:] & 2]).astype(bool)  # left of column 0, 1 ... n
    path = "".join(f"M{first} {line}h{length}" for line, first, length in _runs(flat))
    return path + "".join(f"M{line} {first}v{length}" for line, first, length in _runs(upright.T))


def _runs(mask: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Gives the row, first column and length of each unbroken run of True in a row."""
    change = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(change == 1)
    lengths = np.nonzero(change == -1)[1] - first
    return zip(rows.tolist(), first.tolist(), lengths.tolist(), strict=True)


def _path(
    data: str, cell: float, colour: str, width: float, part: str, shift: str = "", look: str = ""
) -> str:
    """A stroked path; its data, `width` and `shift` are in units of a cell."""
    look = look or 'stroke-linecap="square"'
    return (
        f'<path d="{data}" transform="scale({cell:g}){shift}" fill="none" stroke="{colour}" '
        f'stroke-width="{width:.4g}" {look} data-part="{part}"/>'
    )


def _shades(state: MazeState, cell: float) -> list[str]:
    """The ground of marked cells; of missed ones too where they hold no dot."""
    colours = _RIGHT_CELL, _WRONG_CELL, None
    if cell < _SMALL:
        colours = _SMALL_RIGHT, _SMALL_WRONG, _SMALL_MISSED
    masks = {"right": state.marked & ~state.wrong, "wrong": state.wrong, "missed": state.missed}
    parts = []
    for (name, mask), colour in zip(masks.items(), colours, strict=True):
        if colour and mask.any():
            rows = "".join(f"M{first} {row}h{length}" for row, first, length in _runs(mask))
            look = 'shape-rendering="crispEdges"'
            parts.append(_path(rows, cell, colour, 1, f"{name}-cells", "translate(0 .5)", look))
    return parts


def _marks(state: MazeState, cell: float) -> list[str]:
    """A dot, a cross or a hollow dot; in a corner where somebody or something stands."""
    taken = {state.start, state.goal, state.agent}
    dots, crosses, rings = [], [], []
    for r, c in np.argwhere(state.marked | state.missed).tolist():
        busy = r * len(state.walls) + c in taken
        x, y = (c + (0.83 if busy else 0.5)) * cell, (r + (0.83 if busy else 0.5)) * cell
        radius = (0.08 if busy else 0.13) * cell
        if state.wrong[r, c]:
            x, y, d = x - radius, y - radius, 2 * radius
            crosses.append(f"M{x:.4g} {y:.4g}l{d:.4g} {d:.4g}m0 {-d:.4g}l{-d:.4g} {d:.4g}")
        else:
            dot = f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{radius:.4g}"/>'
            (rings if state.missed[r, c] else dots).append(dot)
    thin = f'stroke-width="{max(1.2, cell / 20):.4g}"'
    return [
        f'<g fill="{_RIGHT}" data-part="right">',
        *dots,
        "</g>",
        f'<g fill="{PAPER}" stroke="{FAINT_INK}" {thin} data-part="missed">',
        *rings,
        "</g>",
        f'<path d="{"".join(crosses)}" stroke="{_WRONG}" stroke-linecap="round" '
        f'stroke-width="{max(1.5, cell / 12):.4g}" data-part="wrong"/>',
    ]


def _arrows(state: MazeState, cell: float) -> list[str]:
    """An arrow a move, a bar where it meets a wall; short where somebody or something stands."""
    taken = {state.start, state.goal, state.agent}
    paths = {False: "", True: ""}
    for r, c in np.argwhere(state.moves >= 0).tolist():
        right, down = ((0, -1), (1, 0), (0, 1), (-1, 0))[state.moves[r, c]]
        into_wall = bool(state.bumps[r, c])
        first, last = (0.37, 0.48) if r * len(state.walls) + c in taken else (-0.22, 0.22)
        back = last if into_wall else last - 0.12  # where the two strokes of the head begin
        for along, across in ((first, 0), (back, -0.12), (back, 0.12)):
            x, y = (
                c + 0.5 + along * right - across * down,
                r + 0.5 + along * down + across * right,
            )
            end_x, end_y = c + 0.5 + last * right, r + 0.5 + last * down
            paths[into_wall] += f"M{x:.4g} {y:.4g}L{end_x:.4g} {end_y:.4g}"
    width = max(1.2 / cell, 0.045)
    look = 'stroke-linecap="round" stroke-linejoin="round"'
    colours = {False: FAINT_INK, True: _WRONG}
    names = {False: "moves", True: "bumps"}
    return [
        _path(data, cell, colours[bump], width, names[bump], look=look)
        for bump, data in paths.items()
        if data
    ]


def _trail(state: MazeState, cell: float) -> str:
    """One line through the middles of the cells visited."""
    steps = [f"M{state.trail[0] % len(state.walls)} {state.trail[0] // len(state.walls)}"]
    moves = np.diff(state.trail)
    for move in moves[moves != 0].tolist():
        steps.append(f"h{move}" if abs(move) == 1 else f"v{move // len(state.walls)}")
    look = 'stroke-linecap="round" stroke-linejoin="round" opacity=".55"'
    width = max(1.5 / cell, 0.1)
    return _path("".join(steps), cell, AGENT, width, "trail", "translate(.5 .5)", look)


def _figures(state: MazeState, cell: float) -> list[str]:
    """The start, the goal and the agent, each a shape of its own."""
    radius = max(0.3 * cell, 5)
    parts = []
    if state.start is not None:
        x, y = _middle(state, state.start, cell)
        look = f'fill="{PAPER}" stroke="{INK}" stroke-width="{max(1.5, cell / 20):.4g}"'
        parts.append(_disc(x, y, radius, look, "start"))
        if cell >= _LETTERS and state.start != state.agent:
            parts.append(_letter("S", x, y, cell, INK))
    if state.goal is not None:
        x, y = _middle(state, state.goal, cell)
        place = f'x="{x - radius:g}" y="{y - radius:g}"'
        side = f'width="{2 * radius:g}" height="{2 * radius:g}" rx="{radius / 5:.4g}"'
        look = f'fill="{GOAL}" stroke="{PAPER}" data-part="goal"'
        parts.append(f"<rect {place} {side} {look}/>")
        if cell >= _LETTERS and state.goal != state.agent:
            parts.append(_letter("G", x, y, cell, PAPER))
    if state.agent is not None:
        x, y = _middle(state, state.agent, cell)
        look = f'fill="{AGENT}" stroke="{PAPER}" stroke-width="{max(1, cell / 28):.4g}"'
        parts.append(_disc(x, y, 0.75 * radius, look, "agent"))
    return parts


def _middle(state: MazeState, at: int, cell: float) -> tuple[float, float]:
    row, column = state.place(at)
    return (column + 0.5) * cell, (row + 0.5) * cell


def _disc(x: float, y: float, radius: float, look: str, part: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" {look} data-part="{part}"/>'


def _letter(letter: str, x: float, y: float, cell: float, colour: str) -> str:
    look = f'font-size="{0.37 * cell:g}" font-weight="700" text-anchor="middle" fill="{colour}"'
    return f'<text x="{x:g}" y="{y + 0.133 * cell:g}" {look}>{letter}</text>'
