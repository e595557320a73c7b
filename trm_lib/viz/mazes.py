"""Mazes as SVG that reads on any page, in grey, and aloud.

Axes: n rows and m columns of a maze, 2 to 128; its cells are numbered row by row. Bit d of a cell's
walls is its wall in direction d: 0 up, 1 right, 2 down, 3 left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trm_lib.checks import whole
from trm_lib.puzzles import check_marks, check_walls
from trm_lib.viz import style
from trm_lib.viz.boards import framed, group, of_shape, stroke
from trm_lib.viz.style import SVGPicture

_SMALL = 14  # pixels a cell: below it, colour and shade alone tell cells apart
_LETTERS = 20  # pixels a cell: from here on, start and goal carry a letter
_SQUARE = 'stroke-linecap="square"'
_ROUND = 'stroke-linecap="round" stroke-linejoin="round"'


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
    """Draw one maze; its text alternative gives the size, the places from 1, and the counts.

    The start is an open ring with an S, the goal a filled square with a G, the agent a disc.
    Marked cells are shaded and hold a filled dot, or a cross if they are wrong; cells that were
    missed hold a hollow dot. Moves are arrows, and those into a wall end in a bar. Cells below 14
    pixels have no room for that: right ones are of a middle tone, wrong ones dark, missed ones
    pale. Below 10 pixels, start, goal and agent are larger than their cells, and can be found.

    Args:
        walls: shape (n, m), integers from 0 to 15.
        start, goal, agent: cell numbers; the agent is who stands in the maze.
        cells: whether a cell is marked as part of the answer, shape (n, m), bool.
        label: whether it should be, same shape, bool. With it, wrong and missed cells differ.
        trail: cell numbers visited so far, in order; drawn as a line.
        moves: directions in which somebody would go from each cell, shape (n, m); -1: no arrow.
        title: one line to write above the maze.
        cell: side of a cell in pixels. By default 56 for n = 5 and below, and less for more cells:
            the maze is then 280 pixels wide for n = 5, 640 for n = 128.

    Raises:
        ValueError: a shape or a cell number is not as above, or walls are not those of a maze.
    """
    walls = np.asarray(walls)
    if walls.ndim != 2:
        raise ValueError(f"walls must be (n, m), got {walls.shape}: draw walls[0] of a batch.")
    (walls,), grid = check_walls(walls[None]), walls.shape
    places = {"start": start, "goal": goal, "agent": agent}
    for name, at in places.items():
        places[name] = None if at is None else whole(at, name, 0, walls.size - 1)
    marked = np.zeros(walls.shape, bool) if cells is None else check_marks(cells, grid, "cells")
    due = marked if label is None else check_marks(label, grid, "label")
    if cell is None:
        cell = round(56 * min(1, 5 / max(grid)) ** 0.75)
    trail = () if trail is None else tuple(map(int, trail))
    moves = np.full(walls.shape, -1) if moves is None else of_shape("moves", moves, walls)
    maze = _Maze(walls, places, marked, due, trail, moves, cell)
    words = maze.words(cells is not None, label is not None)
    return framed(maze.elements(), (grid[0] * cell, grid[1] * cell), 5, title, words)


@dataclass(frozen=True)
class _Maze:
    """A checked maze and what is known of it, arrays of shape (n, m)."""

    walls: np.ndarray  # bits, one a direction
    places: dict[str, int | None]  # cell numbers of "start", "goal" and "agent"
    marked: np.ndarray  # whether a cell is marked as part of the answer
    due: np.ndarray  # whether it should be
    trail: tuple[int, ...]  # cell numbers, in the order of the visits
    moves: np.ndarray  # directions, -1 where there is none
    cell: float  # pixels from one wall to the next

    @property
    def bumps(self) -> np.ndarray:
        """Whether the move of a cell runs into a wall, (n, m) bool."""
        return (self.moves >= 0) & (self.walls >> self.moves.clip(min=0) & 1 > 0)

    def words(self, answered: bool, judged: bool) -> str:
        """What the picture shows; rows and columns are counted from 1."""
        n, m = self.walls.shape
        words = [f"{n} by {m} maze."]
        for name, at in self.places.items():
            if at is not None:
                row, column = at // m + 1, at % m + 1
                words.append(f"{name.capitalize()} at row {row}, column {column}.")
        if self.trail:
            words.append(f"Cells visited: {len(set(self.trail))}.")
        if (self.moves >= 0).any():
            words.append(f"Arrows: {(self.moves >= 0).sum()}, {self.bumps.sum()} into walls.")
        marked = f"Cells marked: {self.marked.sum()}"
        if judged:
            right, wrong = (self.marked & self.due).sum(), (self.marked & ~self.due).sum()
            words.append(f"{marked}, {right} right and {wrong} wrong.")
            words.append(f"Cells missed: {(self.due & ~self.marked).sum()}.")
        elif answered:
            words.append(f"{marked}.")
        return " ".join(words)

    def elements(self) -> list[str]:
        """The SVG elements of the maze, its upper left corner at (0, 0)."""
        parts, (n, m), roomy = self._shades(), self.walls.shape, self.cell >= _SMALL
        if roomy:
            cells = [f"M0 {i}h{m}" * (i < n) + f"M{i} 0v{n}" * (i < m) for i in range(1, max(n, m))]
            lines = "".join(cells)
            parts.append(self._path(lines, style.FAINT_LINE, 1 / self.cell, "cell-lines"))
            parts += self._marks()
        if len(self.trail) > 1:
            parts.append(self._trail())
        parts.append(
            self._path(self._wall_lines(), style.INK, max(1.5 / self.cell, 1 / 14), "walls")
        )
        if roomy and (self.moves >= 0).any():
            parts += self._arrows()
        return parts + self._figures()

    def _path(
        self, data: str, colour: str, width: float, part: str, look: str = _SQUARE, shift: str = ""
    ) -> str:
        """A stroke; its data, `width` and `shift` are in units of a cell."""
        transform = f'transform="scale({self.cell:g}){shift}" '
        return stroke(data, colour, f"{width:.4g}", part, look, transform)

    def _wall_lines(self) -> str:
        """Every wall once, as the data of a path; walls in line are one stroke."""
        walls = self.walls
        flat = np.vstack([walls & 1, walls[-1:] & 4]).astype(bool)  # above row 0, 1 ... n
        upright = np.hstack([walls & 8, walls[:, -1:] & 2]).astype(bool)  # left of column 0 ... n
        path = "".join(f"M{first} {line}h{length}" for line, first, length in _runs(flat))
        return path + "".join(
            f"M{line} {first}v{length}" for line, first, length in _runs(upright.T)
        )

    def _shades(self) -> list[str]:
        """The ground of marked cells; of missed ones too where they hold no dot."""
        colours = (
            style.SMALL_CELLS if self.cell < _SMALL else (style.RIGHT_CELL, style.WRONG_CELL, None)
        )
        masks = self.marked & self.due, self.marked & ~self.due, self.due & ~self.marked
        parts, look = [], 'shape-rendering="crispEdges"'
        for name, mask, colour in zip(("right", "wrong", "missed"), masks, colours, strict=True):
            if colour and mask.any():
                rows = "".join(f"M{first} {row}h{length}" for row, first, length in _runs(mask))
                parts.append(self._path(rows, colour, 1, f"{name}-cells", look, "translate(0 .5)"))
        return parts

    def _marks(self) -> list[str]:
        """A dot, a cross or a hollow dot; in a corner where somebody or something stands."""
        cell, dots, crosses, rings = self.cell, [], [], []
        for r, c in np.argwhere(self.marked | self.due).tolist():
            busy = self._busy(r, c)
            x, y = (c + (0.83 if busy else 0.5)) * cell, (r + (0.83 if busy else 0.5)) * cell
            radius = (0.08 if busy else 0.13) * cell
            if not self.due[r, c]:
                x, y, d = x - radius, y - radius, 2 * radius
                crosses.append(f"M{x:.4g} {y:.4g}l{d:.4g} {d:.4g}m0 {-d:.4g}l{-d:.4g} {d:.4g}")
            else:
                dot = f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{radius:.4g}"/>'
                (dots if self.marked[r, c] else rings).append(dot)
        hollow = f'stroke-width="{max(1.2, cell / 20):.4g}" data-part="missed"'
        return [
            *group(f'fill="{style.RIGHT}" data-part="right"', dots),
            *group(f'fill="{style.PAPER}" stroke="{style.FAINT_INK}" {hollow}', rings),
            f'<path d="{"".join(crosses)}" stroke="{style.WRONG}" stroke-linecap="round" '
            f'stroke-width="{max(1.5, cell / 12):.4g}" data-part="wrong"/>',
        ]

    def _arrows(self) -> list[str]:
        """An arrow a move, a bar where it meets a wall; short where somebody stands."""
        paths, bumps = {False: "", True: ""}, self.bumps
        for r, c in np.argwhere(self.moves >= 0).tolist():
            right, down = ((0, -1), (1, 0), (0, 1), (-1, 0))[self.moves[r, c]]
            bump = bool(bumps[r, c])
            first, last = (0.37, 0.48) if self._busy(r, c) else (-0.22, 0.22)
            back = last if bump else last - 0.12  # where the two strokes of the head begin
            end_x, end_y = c + 0.5 + last * right, r + 0.5 + last * down
            for along, across in ((first, 0), (back, -0.12), (back, 0.12)):
                x = c + 0.5 + along * right - across * down
                y = r + 0.5 + along * down + across * right
                paths[bump] += f"M{x:.4g} {y:.4g}L{end_x:.4g} {end_y:.4g}"
        width = max(1.2 / self.cell, 0.045)
        looks = {False: (style.FAINT_INK, "moves"), True: (style.WRONG, "bumps")}
        return [
            self._path(path, looks[bump][0], width, looks[bump][1], _ROUND)
            for bump, path in paths.items()
            if path
        ]

    def _trail(self) -> str:
        """One line through the middles of the cells visited."""
        m = self.walls.shape[1]
        steps = [f"M{self.trail[0] % m} {self.trail[0] // m}"]
        for here, there in pairwise(self.trail):
            move = there - here
            if move:
                steps.append(f"h{move}" if abs(move) == 1 else f"v{move // m}")
        look, width = f'{_ROUND} opacity=".55"', max(1.5 / self.cell, 0.1)
        return self._path("".join(steps), style.AGENT, width, "trail", look, "translate(.5 .5)")

    def _figures(self) -> list[str]:
        """The start, the goal and the agent, each a shape of its own."""
        cell, m, parts = self.cell, self.walls.shape[1], []
        R = max(0.3 * cell, 5)
        looks = {  # the colours of its ground and its outline, and how wide the outline is
            "start": (style.PAPER, style.INK, f' stroke-width="{max(1.5, cell / 20):.4g}"'),
            "goal": (style.GOAL, style.PAPER, ""),
            "agent": (style.AGENT, style.PAPER, f' stroke-width="{max(1, cell / 28):.4g}"'),
        }
        for part, at in self.places.items():
            if at is None:
                continue
            ground, outline, width = looks[part]
            look = f'fill="{ground}" stroke="{outline}"{width} data-part="{part}"/>'
            x, y = (at % m + 0.5) * cell, (at // m + 0.5) * cell
            if part == "goal":
                side = f'width="{2 * R:g}" height="{2 * R:g}" rx="{R / 5:.4g}"'
                parts.append(f'<rect x="{x - R:g}" y="{y - R:g}" {side} {look}')
            else:
                radius = R if part == "start" else 0.75 * R
                parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" {look}')
            if part != "agent" and cell >= _LETTERS and at != self.places["agent"]:
                where = f'y="{y + 0.133 * cell:g}" font-size="{0.37 * cell:g}" font-weight="700"'
                parts.append(
                    f'<text x="{x:g}" {where} text-anchor="middle" fill="{outline}">'
                    f"{part[0].upper()}</text>"
                )
        return parts

    def _busy(self, row: int, column: int) -> bool:
        """Whether somebody or something stands in a cell."""
        return row * self.walls.shape[1] + column in self.places.values()


def _runs(mask: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """The row, first column and length of each unbroken run of True in a row."""
    change = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(change == 1)
    lengths = np.nonzero(change == -1)[1] - first
    return zip(rows.tolist(), first.tolist(), lengths.tolist(), strict=True)
