"""Sudoku boards as SVG that reads on any page, in grey, and aloud.

Axes: N rows and columns of a board. Digits run from 1 to N; 0 is an empty cell.
"""

from html import escape

import numpy as np

from trm_lib.viz.board_state import BOX_SHAPES, SudokuState, describe, sudoku_state
from trm_lib.viz.markup import check_text
from trm_lib.viz.picture import SVGPicture

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
INK = "#222222"
FAINT_INK = "#595959"
_ANSWER = "#0072B2"
_WRONG = "#D55E00"
_WRONG_DIGIT = "#8A3A00"
_WRONG_CELL = "#FBE6DA"
_CLUE_CELL = "#E6E8EB"
_PAPER = "#ffffff"
_MARGIN = 4  # pixels around the board, room for its outer border


def sudoku_svg(
    board: np.ndarray,
    clues: np.ndarray | None = None,
    solution: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    title: str | None = None,
    cell: float = 36,
) -> SVGPicture:
    """Draws a Sudoku board.

    Clues are bold on a shaded cell; answers plain; wrong digits struck through, so that no
    colour is needed to find them; empty cells hold a small dot.

    Args:
        board: digits, shape (N, N) with N = 4, 6 or 9, from 0 (empty) to N.
        clues: the puzzle as it was given, same shape, 0 where nothing was given.
        solution: the solved board, same shape, from 1 to N. With it, digits that differ are
            marked wrong; a digit that overwrites a clue is marked wrong without it.
        confidence: the model's belief in each cell that is not a clue, same shape, in [0, 1];
            drawn as a bar along the bottom of the cell, as long as the belief is strong.
        title: one line to write above the board.
        cell: side of a cell in pixels, at least 12.

    Returns:
        The drawing, with the board read row by row as its text alternative.

    Raises:
        ValueError: if a shape or a value is not as above.
    """
    state = sudoku_state(board, clues, solution, confidence)
    if title is not None:
        check_text("title", title)
    if not cell >= 12:
        raise ValueError(f"cell must be at least 12 pixels to hold a digit, got {cell}.")
    side = len(state.board) * cell
    head = 0 if title is None else 26
    width, height = side + 2 * _MARGIN, side + 2 * _MARGIN + head
    parts = []
    if title is not None:
        parts.append(
            f'<text x="{width / 2:g}" y="19" font-size="15" font-weight="600" '
            f'text-anchor="middle" fill="{INK}">{escape(title)}</text>'
        )
    parts += [
        f'<g transform="translate({_MARGIN} {head + _MARGIN})">',
        *board_elements(state, cell),
        "</g>",
    ]
    words = describe(state)
    alt = words if title is None else f"{title}. {words}"
    return SVGPicture(svg_element(width, height, alt, parts), alt)


def svg_element(width: float, height: float, alt: str, parts: list[str]) -> str:
    """Wraps drawn parts in an `<svg>` on white paper that shrinks with its container."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" style="max-width:100%;height:auto" '
            f'font-family="{FONT}" role="img" aria-label="{escape(alt)}">',
            f'<rect width="{width:g}" height="{height:g}" rx="6" fill="{_PAPER}"/>',
            *parts,
            "</svg>",
        ]
    )


def board_elements(state: SudokuState, cell: float) -> list[str]:
    """Returns the SVG elements of a board whose upper left corner is at (0, 0)."""
    size = len(state.board)
    rows, columns = BOX_SHAPES[size]
    fills, strokes, bars, marks = [], [], [], []
    for r in range(size):
        for c in range(size):
            x, y = c * cell, r * cell
            if state.wrong[r, c]:
                fills.append(_square(x, y, cell, _WRONG_CELL))
                strokes.append(_diagonal(x, y, cell))
            elif state.given[r, c]:
                fills.append(_square(x, y, cell, _CLUE_CELL))
            if state.confidence is not None and not state.given[r, c]:
                bars.append(_bar(x, y, cell, float(state.confidence[r, c])))
            marks.append(_mark(x, y, cell, state, (r, c)))
    return [
        *fills,
        f'<g stroke="{_WRONG}" stroke-width="{max(1.5, cell / 18):.4g}" data-part="wrong">',
        *strokes,
        "</g>",
        *bars,
        _grid(size, cell, 1, 1, "#9AA0A6", 1, "cell-lines"),
        _grid(size, cell, rows, columns, INK, max(2, cell / 15), "box-lines"),
        f'<g font-size="{0.56 * cell:g}" text-anchor="middle" data-part="digits">',
        *marks,
        "</g>",
    ]


def _square(x: float, y: float, cell: float, fill: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{cell:g}" height="{cell:g}" fill="{fill}"/>'


def _diagonal(x: float, y: float, cell: float) -> str:
    near, far = 0.06 * cell, 0.94 * cell
    return f'<line x1="{x + near:g}" y1="{y + far:g}" x2="{x + far:g}" y2="{y + near:g}"/>'


def _bar(x: float, y: float, cell: float, confidence: float) -> str:
    """A pale rail along the bottom of a cell, dark as far as the confidence reaches."""
    left, top, length = x + 0.12 * cell, y + 0.84 * cell, 0.76 * cell
    rail = f'x="{left:g}" y="{top:g}" height="{0.08 * cell:g}"'
    return (
        f'<rect {rail} width="{length:g}" fill="#D3D7DB"/>'
        f'<rect {rail} width="{length * confidence:.4g}" fill="{FAINT_INK}" '
        'data-part="confidence"/>'
    )


def _mark(x: float, y: float, cell: float, state: SudokuState, at: tuple[int, int]) -> str:
    """A digit, or the dot of an empty cell."""
    middle = x + cell / 2
    if state.board[at] == 0:
        dot = f'cx="{middle:g}" cy="{y + cell / 2:g}" r="{0.055 * cell:g}"'
        return f'<circle {dot} fill="{FAINT_INK}"/>'
    look = f'fill="{_ANSWER}"'
    if state.given[at]:
        look = f'font-weight="700" fill="{INK}"'
    if state.wrong[at]:  # the halo keeps the digit legible on its stroke
        look = (
            f'fill="{_WRONG_DIGIT}" stroke="{_WRONG_CELL}" stroke-width="{cell / 12:.4g}" '
            'paint-order="stroke"'
        )
    base = y + (0.7 if state.confidence is None else 0.66) * cell
    return f'<text x="{middle:g}" y="{base:g}" {look}>{state.board[at]}</text>'


def _grid(
    size: int, cell: float, rows: int, columns: int, colour: str, width: float, part: str
) -> str:
    """Lines after every `rows` rows and every `columns` columns, borders included."""
    side = size * cell
    path = "".join(f"M0 {r * cell:g}H{side:g}" for r in range(0, size + 1, rows))
    path += "".join(f"M{c * cell:g} 0V{side:g}" for c in range(0, size + 1, columns))
    look = f'fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-linecap="square"'
    return f'<path d="{path}" {look} data-part="{part}"/>'
