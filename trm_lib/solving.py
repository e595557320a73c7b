"""Give a puzzle to a trained model, and check what it says by the exact rules.

Axes: K steps, N size of the board.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.evaluation import answers_by_k
from trm_lib.models import BoardConfig, BoardNet
from trm_lib.models.weights import load_model
from trm_lib.puzzles import check_sudoku, is_solution, parse_sudoku, solve_exactly, sudoku_text

SHIPPED = {4: "sudoku4.safetensors", 6: "sudoku6.safetensors"}
"""Weight file of the shipped Sudoku model, by size of the board."""


@dataclass(frozen=True)
class Solved:
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
    steps: np.ndarray = field(repr=False)
    right: np.ndarray = field(repr=False)

    @property
    def k(self) -> int:
        return int(self.right.argmax()) + 1 if self.is_right else len(self.steps)

    @property
    def is_right(self) -> bool:
        return bool(self.right.any())

    @property
    def answer(self) -> np.ndarray:
        return self.steps[self.k - 1]

    def __str__(self) -> str:
        verdict = (
            f"right, proved by the rules at K = {self.k}"
            if self.is_right
            else f"wrong: no answer up to K = {self.k} obeys the rules"
        )
        return f"{sudoku_text(self.answer)}  ({verdict})"


def solve(puzzle: str | ArrayLike, k_steps: int = 16, model: BoardNet | None = None) -> Solved:
    """Let a trained TRM think about a Sudoku for K steps, and check each answer.

        >>> solve("1...|..3.|.4..|...2").is_right
        True

    Args:
        puzzle: text such as "1...|..3.|.4..|...2" or an (N, N) array, 0 = empty; it must have
            exactly one solution.
        k_steps: K, how many improvement steps to think.
        model: a model over (N, N) boards with N + 1 tokens; by default the one
            shipped for N = 4 or 6.

    Raises:
        ValueError: the puzzle is malformed, breaks the rules, has no solution or several (the
            message names the row or cell), no model is shipped for its size, `model` is not one
            for such boards, or K < 1.
    """
    board = parse_sudoku(puzzle)
    check_sudoku(board)
    model = shipped_model(len(board)) if model is None else model
    _require_fitting(model, len(board))
    _require_one_solution(board)
    steps = answers_by_k(model, board[None], k_steps)[:, 0].astype(np.int8)
    return Solved(board, steps, is_solution(np.broadcast_to(board, steps.shape), steps))


def shipped_model(size: int) -> BoardNet:
    """The Sudoku model that comes with the library for N x N boards.

    Raises:
        ValueError: there is none of this size.
    """
    if size not in SHIPPED:
        raise ValueError(
            f"no model is shipped for {size}x{size} Sudoku, only for {sorted(SHIPPED)}: train "
            f"one with trm_lib.training.fit and pass it as model="
        )
    return load_model(weights_folder() / SHIPPED[size])


def weights_folder() -> Path:
    """Where shipped weights lie: inside an installed package, or in the book's folder."""
    installed = Path(__file__).parent / "weights"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "book" / "weights"


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
