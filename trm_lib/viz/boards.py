"""Sudoku boards as SVG that reads on any page, in grey, and aloud.

Axes: N rows and columns of a board. Digits run from 1 to N; 0 is an empty cell.

A checked Sudoku board: what is given, what is wrong, and how to say it in words.

Axes: N rows and columns of a board. Digits run from 1 to N; 0 is an empty cell.

A film strip of a model thinking: its board after each step, side by side.

The persistent carry as a picture: who sits in the batch, for how long, and who follows.

Axes: S improvement steps, B places in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from trm_lib.viz.style import (
    FAINT_INK,
    INK,
    PAPER,
    BookFigure,
    SVGPicture,
    check_text,
    new_figure,
    write_note,
    write_title,
)

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
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


BOX_SHAPES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}  # rows and columns of one box


@dataclass(frozen=True)
class SudokuState:
    """A checked board with everything that is drawn of it, arrays of shape (N, N).

    Attributes:
        board: digits, 0 where a cell is empty.
        given: whether a cell is a clue.
        wrong: whether a digit is known to be wrong.
        judged: whether the solution is known.
        confidence: numbers in [0, 1], or None.
    """

    board: np.ndarray
    given: np.ndarray
    wrong: np.ndarray
    judged: bool
    confidence: np.ndarray | None


def sudoku_state(
    board: np.ndarray,
    clues: np.ndarray | None = None,
    solution: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
) -> SudokuState:
    """Checks the arrays of a board and works out which digits are wrong.

    Args and Raises: as in `sudoku_svg`.
    """
    board = np.asarray(board)
    if board.ndim != 2 or board.shape[0] != board.shape[1] or len(board) not in BOX_SHAPES:
        raise ValueError(
            f"board must have shape (4, 4), (6, 6) or (9, 9), got {board.shape}; "
            "reshape a flat board of N * N cells to (N, N)."
        )
    board = _digits("board", board, board.shape, lowest=0)
    given = np.zeros(board.shape, dtype=bool)
    wrong = np.zeros(board.shape, dtype=bool)
    if clues is not None:
        clues = _digits("clues", clues, board.shape, lowest=0)
        given = clues > 0
        wrong |= given & (board > 0) & (board != clues)
    if solution is not None:
        solution = _digits("solution", solution, board.shape, lowest=1)
        wrong |= (board > 0) & (board != solution)
    if confidence is not None:
        confidence = np.asarray(confidence, dtype=float)
        if confidence.shape != board.shape:
            raise ValueError(
                f"confidence must have the board's shape {board.shape}, got {confidence.shape}."
            )
        if not np.all((confidence >= 0) & (confidence <= 1)):
            raise ValueError(
                f"confidence must lie in [0, 1], got {confidence.min():g} to "
                f"{confidence.max():g}; pass probabilities, not logits."
            )
    return SudokuState(board, given, wrong, solution is not None, confidence)


def _digits(what: str, array: np.ndarray, shape: tuple[int, ...], lowest: int) -> np.ndarray:
    """Returns an array of digits from `lowest` to N, or says why it is not one."""
    array = np.asarray(array)
    if array.shape != shape:
        raise ValueError(f"{what} must have the board's shape {shape}, got {array.shape}.")
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{what} must hold digits as integers, got dtype {array.dtype}; "
            "turn logits into digits with argmax, and a mask of clues with mask * board."
        )
    if array.min() < lowest or array.max() > len(array):
        raise ValueError(
            f"{what} must hold digits from {lowest} to {len(array)}, "
            f"got {array.min()} to {array.max()}."
        )
    return array


def score(state: SudokuState) -> str:
    """Says how many of the answers, the cells that are not clues, are right."""
    answers = ~state.given
    right = answers & (state.board > 0) & ~state.wrong
    return f"{right.sum()} of {answers.sum()} right"


def describe(state: SudokuState) -> str:
    """Says what a board shows: how many answers are right, then each row."""
    size = len(state.board)
    words = [f"{size} by {size} Sudoku with {state.given.sum()} clues."]
    if state.judged:
        words.append(f"Answers: {score(state)}.")
    for r, row in enumerate(state.board):
        cells = [
            f"{digit or 'empty'}{' wrong' if state.wrong[r, c] else ''}"
            for c, digit in enumerate(row)
        ]
        words.append(f"Row {r + 1}: {', '.join(cells)}.")
    return " ".join(words)


_LAYOUT = {4: (4, 34), 6: (3, 31), 9: (3, 25)}  # N: most boards in a row, pixels a cell
_GAP = 26
_WORDS = 48  # room for two lines under each board


def thinking_strip(
    boards: np.ndarray,
    clues: np.ndarray,
    solution: np.ndarray,
    labels: Sequence[str] | None = None,
) -> SVGPicture:
    """Draws a model's boards in the order of its steps, in as few even rows as fit a page.

    Under each board stand its label and how many of the answers are right.

    Args:
        boards: digits after each step, shape (S, N, N), from 0 (empty) to N.
        clues: the puzzle, shape (N, N), 0 where nothing was given.
        solution: the solved board, shape (N, N), from 1 to N.
        labels: one a step; "K = 1", "K = 2" ... by default.

    Returns:
        One drawing, the same text at every run.

    Raises:
        ValueError: if a shape or a value is not as above, or if the labels are not S texts.
    """
    boards = np.asarray(boards)
    if boards.ndim != 3 or len(boards) == 0 or boards.shape[-1] not in BOX_SHAPES:
        raise ValueError(
            "boards must have shape (S, N, N) with S >= 1 and N = 4, 6 or 9, "
            f"got {boards.shape}; pass one board as board[None]."
        )
    labels = [f"K = {k + 1}" for k in range(len(boards))] if labels is None else list(labels)
    if len(labels) != len(boards):
        raise ValueError(f"{len(boards)} boards need as many labels, got {len(labels)}.")
    for label in labels:
        check_text("each label", label)
    states = [sudoku_state(board, clues, solution) for board in boards]
    most, cell = _LAYOUT[boards.shape[-1]]
    rows = -(-len(boards) // most)
    columns = -(-len(boards) // rows)
    side = boards.shape[-1] * cell
    parts = []
    for i, (state, label) in enumerate(zip(states, labels, strict=True)):
        x = _GAP / 2 + (i % columns) * (side + _GAP)
        y = 8 + (i // columns) * (side + _WORDS + 8)
        parts.append(f'<g transform="translate({x:g} {y:g})">')
        parts += board_elements(state, cell)
        parts += _words_under(state, label, side)
        parts.append("</g>")
    alt = " ".join(f"{label}: {score(state)}." for state, label in zip(states, labels, strict=True))
    alt = f"A model solving a Sudoku in {len(boards)} steps. {alt} At the end: "
    alt += describe(states[-1])
    width = columns * (side + _GAP)
    height = 8 + rows * (side + _WORDS + 8)
    return SVGPicture(svg_element(width, height, alt, parts), alt)


def _words_under(state: SudokuState, label: str, side: float) -> list[str]:
    middle = f'x="{side / 2:g}" text-anchor="middle"'
    return [
        f'<text {middle} y="{side + 22:g}" font-size="16" font-weight="700" fill="{INK}">'
        f"{escape(label)}</text>",
        f'<text {middle} y="{side + 41:g}" font-size="14" fill="{FAINT_INK}">{score(state)}</text>',
    ]


_SHADES = LinearSegmentedColormap.from_list("steps", ["#dcebf5", "#0072B2"])


def carry_chart(steps: np.ndarray, n_sup: int, title: str | None = None) -> BookFigure:
    """Draws each place of a batch as a row, and each stay of a puzzle as a bar in it.

    A bar grows darker with every improvement step its puzzle is given, and ends where the puzzle
    halts and makes room for the next.

    Args:
        steps: (S, B) integers, how many improvement steps the puzzle in each place had had after
            each improvement step of the batch, as `carry.steps` tells; a 1 is a fresh puzzle.
        n_sup: most steps a puzzle can get; the darkest shade.
        title: one line above the chart.

    Returns:
        The figure; `alt` says how many puzzles came and how long they stayed.

    Raises:
        ValueError: `steps` is not such an array.
    """
    steps, n_sup = np.asarray(steps), int(n_sup)
    whole = np.issubdtype(steps.dtype, np.integer) and steps.ndim == 2 and steps.size
    if not whole or steps.min() < 1 or steps.max() > n_sup:
        raise ValueError(
            f"steps expected whole numbers from 1 to {n_sup} of shape (S, B), got {steps!r}"
        )
    S, B = steps.shape
    if not ((steps[1:] == 1) | (steps[1:] == steps[:-1] + 1)).all():
        raise ValueError("steps expected to count up by one, or begin again at 1; they jump")
    figure, axes = new_figure(height=1.3 + 0.2 * B)
    axes.imshow(
        steps.T, cmap=_SHADES, vmin=1, vmax=n_sup, aspect="auto", interpolation="nearest",
        extent=(0, S, B - 0.5, -0.5),
    )  # fmt: skip
    stays = []
    for place in range(B):
        begins = np.flatnonzero((steps[:, place] == 1) | (np.arange(S) == 0))
        ends = np.append(begins[1:], S)
        stays += [Rectangle((begin, place - 0.5), end - begin, 1) for begin, end in
                  zip(begins, ends, strict=True)]  # fmt: skip
        for end in ends[(ends - begins > 1) & (ends < S)]:  # who is still there has no last step
            last = steps[end - 1, place]
            axes.text(
                end - 0.3, place, str(last), ha="right", va="center", fontsize=7.5,
                color=PAPER if last > n_sup / 2 else INK,
            )  # fmt: skip
    axes.add_collection(PatchCollection(stays, facecolor="none", edgecolor=PAPER, linewidth=2.4))
    axes.set(
        xlim=(0, S), ylim=(B - 0.5, -0.5), xlabel="improvement steps of the batch", ylabel="seat"
    )
    axes.set_yticks([0, B - 1], labels=["1", str(B)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    axes.yaxis.label.set_color(FAINT_INK)
    write_title(axes, title)
    write_note(figure, "A bar is one puzzle; the number at its end, the steps it had when it left.")
    fresh = (steps[1:] == 1).sum()
    opening = "" if title is None else f"{title}. "
    figure.alt = (
        f"{opening}{B} seats over {S} improvement steps. {fresh} fresh puzzles came in; "
        f"the longest stay was {steps.max()} improvement steps."
    )
    return figure
