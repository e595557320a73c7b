"""A film strip of a model thinking: its board after each step, side by side."""

from collections.abc import Sequence
from html import escape

import numpy as np

from trm_lib.viz.board_state import BOX_SHAPES, SudokuState, describe, score, sudoku_state
from trm_lib.viz.boards import FAINT_INK, INK, board_elements, svg_element
from trm_lib.viz.markup import check_text
from trm_lib.viz.picture import SVGPicture

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
