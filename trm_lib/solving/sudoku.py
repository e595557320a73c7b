"""Give a Sudoku to a trained model, and check what it says by the rules.

Axes: K steps, N size of the board.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.evaluation import answers_by_k
from trm_lib.models import BoardConfig, BoardNet
from trm_lib.puzzles import check_sudoku, is_solution, parse_sudoku, solve_exactly, sudoku_text
from trm_lib.solving.shipped import shipped_model
from trm_lib.solving.solved import Solved

K_STEPS = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedSudoku(Solved):
    """What the model answered, step by step, and what the rules say of it.

    Attributes:
        puzzle: (N, N) int8, 0 = empty.
        steps: (K, N, N) int8, the answer after each improvement step.
        right: (K,) bool, which of these the rules accept: full, every clue kept, no digit twice.
        answer: (N, N) int8, the first step the rules accept, or the last step if none.
        is_right: whether `answer` is proved right. The puzzle has one solution, so an answer that
            obeys the rules is that solution.
        k: the step `answer` was taken from, counted from 1.
    """

    puzzle: np.ndarray

    def __str__(self) -> str:
        verdict = (
            f"right, proved by the rules at K = {self.k}"
            if self.is_right
            else f"wrong: no answer up to K = {self.k} obeys the rules"
        )
        return f"{sudoku_text(self.answer)}  ({verdict})"


def solve_sudoku(
    puzzle: str | ArrayLike, k_steps: int | None = None, model: BoardNet | None = None
) -> SolvedSudoku:
    """What `trm_lib.solve` does with a Sudoku; arguments and errors as there."""
    board = parse_sudoku(puzzle)
    check_sudoku(board)
    model = shipped_model(len(board)) if model is None else model
    _require_fitting(model, len(board))
    _require_one_solution(board)
    k_steps = K_STEPS if k_steps is None else k_steps
    steps = answers_by_k(model, board[None], k_steps)[:, 0].astype(np.int8)
    right = is_solution(np.broadcast_to(board, steps.shape), steps)
    return SolvedSudoku(puzzle=board, steps=steps, right=right)


def _require_fitting(model: BoardNet, size: int) -> None:
    config = getattr(model, "config", None)
    fits = isinstance(config, BoardConfig) and config.vocab_size == size + 1
    if not fits or len(config.grid) != 2:
        raise ValueError(
            f"model expected a TRM or FeedForward over boards of rows and columns with "
            f"vocab_size={size + 1}, got {config if config is not None else type(model).__name__}"
        )


def _require_one_solution(board: np.ndarray) -> None:
    exact = solve_exactly(board)
    if exact.n_solutions == 0:
        raise ValueError(
            "expected a puzzle with one solution, got one with none: the clues keep the rules but "
            "contradict each other; correct a clue"
        )
    if exact.n_solutions > 1:
        raise ValueError(f"expected a puzzle with one solution, got several: {_open_cell(board)}")


def _open_cell(board: np.ndarray) -> str:
    """Name the first empty cell that two solutions fill differently, and the two digits."""
    first = solve_exactly(board).solution
    for row, column in np.argwhere(board == 0):
        for digit in range(1, len(board) + 1):
            trial = board.copy()
            trial[row, column] = digit
            if digit != first[row, column] and solve_exactly(trial).n_solutions > 0:
                return (
                    f"row {row + 1}, column {column + 1} can hold {first[row, column]} or {digit}; "
                    f"add a clue"
                )
    raise AssertionError("a puzzle with several solutions differs somewhere")
