"""Sudoku boards as SVG that reads on any page, in grey, and aloud; and the frame of every board.

Axes: N rows and columns of a board. Digits run from 1 to N; 0 is an empty cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from trm_lib.puzzles import box_shape, check_boards
from trm_lib.viz import style
from trm_lib.viz.style import SVGPicture

_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
SURE = 0.9  # belief from which on a cell shows one digit
_WIDEST = FontProperties(family="DejaVu Sans", weight="bold")  # a title's, of all usual fonts


def sudoku_svg(
    board: np.ndarray,
    clues: np.ndarray | None = None,
    solution: np.ndarray | None = None,
    belief: np.ndarray | None = None,
    title: str | None = None,
    cell: float = 36,
) -> SVGPicture:
    """Draw a Sudoku board; its text alternative reads it row by row.

    Clues are bold on a shaded cell; answers plain; wrong digits struck through, so that no
    colour is needed to find them; empty cells hold a small dot.

    Args:
        board: digits, shape (N, N) with N = 4, 6 or 9.
        clues: the puzzle as it was given, same shape, 0 where nothing was given.
        solution: the solved board, same shape. With it, digits that differ are marked wrong; a
            digit that overwrites a clue is marked wrong without it.
        belief: the model's in each digit 1 to N, shape (N, N, N), in [0, 1]. Cells without a clue
            in which none reaches `SURE` show small digits instead, dark where belief is strong.
        title: one line to write above the board.
        cell: side of a cell in pixels.

    Raises:
        ValueError: a shape or a value is not as above.
    """
    sudoku = _known(board, clues, solution, belief)
    return framed(sudoku.elements(cell), (len(board) * cell,) * 2, 4, title, sudoku.words())


@dataclass(frozen=True)
class _Sudoku:
    """A checked board and what is known of it, arrays (N, N); `judged` by its solution or not.

    `belief` is (N, N, N), or None; cells that are `torn` show it.
    """

    board: np.ndarray
    given: np.ndarray
    wrong: np.ndarray
    judged: bool
    belief: np.ndarray | None
    torn: np.ndarray

    def score(self) -> str:
        """How many of the answers, the cells that are not clues, are right."""
        right = ~self.given & (self.board > 0) & ~self.wrong & ~self.torn
        return f"{right.sum()} of {(~self.given).sum()} right"

    def words(self) -> str:
        """What the board shows: how many answers are right, then each row."""
        size = len(self.board)
        words = [f"{size} by {size} Sudoku with {self.given.sum()} clues."]
        if self.judged:
            words.append(f"Answers: {self.score()}.")
        for r, row in enumerate(self.board):
            cells = [
                f"{digit or 'empty'}{' wrong' if self.wrong[r, c] else ''}"
                for c, digit in enumerate(np.where(self.torn[r], 0, row))
            ]
            words.append(f"Row {r + 1}: {', '.join(cells)}.")
        return " ".join(words)

    def elements(self, cell: float) -> list[str]:
        """The SVG elements of the board, its upper left corner at (0, 0)."""
        size = len(self.board)
        fills, strokes, small, marks = [], [], [], []
        for r, c in np.ndindex(size, size):
            x, y = c * cell, r * cell
            if self.wrong[r, c] or self.given[r, c]:
                fill = style.WRONG_CELL if self.wrong[r, c] else style.SHADE
                fills.append(
                    f'<rect x="{x:g}" y="{y:g}" width="{cell:g}" height="{cell:g}" fill="{fill}"/>'
                )
            if self.wrong[r, c]:
                near, far = 0.06 * cell, 0.94 * cell
                strokes.append(
                    f'<line x1="{x + near:g}" y1="{y + far:g}" x2="{x + far:g}" y2="{y + near:g}"/>'
                )
            if self.torn[r, c]:
                small += _candidates(x, y, cell, self.belief[r, c])
            else:
                marks.append(self._mark(x, y, cell, (r, c)))
        wide, middle = f'stroke-width="{max(1.5, cell / 18):.4g}"', 'text-anchor="middle"'
        return [
            *fills,
            *group(f'stroke="{style.WRONG}" {wide} data-part="wrong"', strokes),
            *(group(f'fill="{style.INK}" {middle} data-part="candidates"', small) if small else ()),
            _grid(size, cell, 1, 1, style.LINE, 1, "cell-lines"),
            _grid(size, cell, *box_shape(size), style.INK, max(2, cell / 15), "box-lines"),
            *group(f'font-size="{0.56 * cell:g}" {middle} data-part="digits"', marks),
        ]

    def _mark(self, x: float, y: float, cell: float, at: tuple[int, int]) -> str:
        """A digit, or the dot of an empty cell."""
        middle = x + cell / 2
        if self.board[at] == 0:
            dot = f'cx="{middle:g}" cy="{y + cell / 2:g}" r="{0.055 * cell:g}"'
            return f'<circle {dot} fill="{style.FAINT_INK}"/>'
        look = f'fill="{style.RIGHT}"'
        if self.given[at]:
            look = f'font-weight="700" fill="{style.INK}"'
        if self.wrong[at]:  # the halo keeps the digit legible on its stroke
            look = f'fill="{style.WRONG_DIGIT}" stroke="{style.WRONG_CELL}" '
            look += f'stroke-width="{cell / 12:.4g}" paint-order="stroke"'
        return f'<text x="{middle:g}" y="{y + 0.7 * cell:g}" {look}>{self.board[at]}</text>'


def _known(
    board: np.ndarray,
    clues: np.ndarray | None,
    solution: np.ndarray | None,
    belief: np.ndarray | None = None,
) -> _Sudoku:
    """A checked board with the digits that are known to be wrong."""
    board = check_boards(board, "board")
    if board.ndim != 2:
        raise ValueError(f"board must have shape (N, N), got {board.shape}; draw one at a time.")
    given = wrong = np.zeros(board.shape, bool)
    if clues is not None:
        clues = check_boards(of_shape("clues", clues, board), "clues")
        given = clues > 0
        wrong = given & (board > 0) & (board != clues)
    if solution is not None:
        solution = check_boards(of_shape("solution", solution, board), "solution")
        wrong = wrong | (board > 0) & (board != solution)
    torn = np.zeros(board.shape, bool)
    if belief is not None:
        belief = of_shape("belief", belief, np.empty((*board.shape, len(board))))
        if not np.all((belief >= 0) & (belief <= 1)):
            raise ValueError("belief must lie in [0, 1]: pass probabilities, not logits.")
        torn = ~given & (belief.max(axis=-1) < SURE)
    return _Sudoku(board, given, wrong & ~torn, solution is not None, belief, torn)


def of_shape(name: str, array: np.ndarray, board: np.ndarray) -> np.ndarray:
    """An array shaped as the board it belongs to, or an error that says so."""
    array = np.asarray(array)
    if array.shape != board.shape:
        raise ValueError(f"{name} must have shape {board.shape} as the board, got {array.shape}.")
    return array


def framed(
    parts: list[str], sides: tuple[float, float], margin: float, title: str | None, words: str
) -> SVGPicture:
    """A board of `sides`, height and width, with a margin all round, its title, and its words."""
    height, width = (side + 2 * margin for side in sides)
    head, heading = 0, []
    if title is not None:
        drawn = TextPath((0, 0), style.literal(title), size=15, prop=_WIDEST).get_extents().width
        head, width = 26, max(width, math.ceil(drawn) + 2 * margin)
        heading = [
            f'<text x="{width / 2:g}" y="19" font-size="15" font-weight="600" '
            f'text-anchor="middle" fill="{style.INK}">{escape(title)}</text>'
        ]
        words = f"{title}. {words}"
    left = (width - sides[1]) / 2
    board = group(f'transform="translate({left:g} {head + margin})"', parts)
    return on_paper(heading + board, width, height + head, words)


def group(look: str, parts: list[str]) -> list[str]:
    """Elements that look alike, or are moved together."""
    return [f"<g {look}>", *parts, "</g>"]


def stroke(data: str, colour: str, width: str, part: str, look: str, transform: str = "") -> str:
    """A path that is not filled."""
    return (
        f'<path d="{data}" {transform}fill="none" stroke="{colour}" stroke-width="{width}" '
        f'{look} data-part="{part}"/>'
    )


def _grid(
    size: int, cell: float, rows: int, columns: int, colour: str, width: float, part: str
) -> str:
    """Lines after every `rows` rows and every `columns` columns, borders included."""
    side = size * cell
    path = "".join(f"M0 {r * cell:g}H{side:g}" for r in range(0, size + 1, rows))
    path += "".join(f"M{c * cell:g} 0V{side:g}" for c in range(0, size + 1, columns))
    return stroke(path, colour, f"{width:g}", part, 'stroke-linecap="square"')


def _candidates(x: float, y: float, cell: float, belief: np.ndarray) -> list[str]:
    """Digits that are believed in, small and in rows, each as dark as the belief (N,) in it."""
    wide = math.isqrt(len(belief) - 1) + 1
    each, drawn = cell / wide, []
    for digit, strong in enumerate(belief, start=1):
        if strong >= 0.03:
            row, column = divmod(digit - 1, wide)
            at = f'x="{x + (column + 0.5) * each:.4g}" y="{y + (row + 0.8) * each:.4g}"'
            look = f'font-size="{0.78 * each:.3g}" opacity="{0.25 + 0.75 * strong:.2g}"'
            drawn.append(f"<text {at} {look}>{digit}</text>")
    return drawn


def on_paper(parts: list[str], width: float, height: float, alt: str) -> SVGPicture:
    """Parts in an `<svg>` on white paper that shrinks with its container."""
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" style="max-width:100%;height:auto" '
        f'font-family="{_FONT}" role="img" aria-label="{escape(alt)}">',
        f'<rect width="{width:g}" height="{height:g}" rx="6" fill="{style.PAPER}"/>',
        *parts,
        "</svg>",
    ]
    return SVGPicture("\n".join(svg), alt)
