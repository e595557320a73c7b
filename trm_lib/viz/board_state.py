"""A checked Sudoku board: what is given, what is wrong, and how to say it in words.

Axes: N rows and columns of a board. Digits run from 1 to N; 0 is an empty cell.
"""

from dataclasses import dataclass

import numpy as np

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
