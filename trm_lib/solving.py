"""Give a puzzle to a trained model, and check what it says by the exact rules.

Axes: K steps, n rows and columns, P cells of a path.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from trm_lib import puzzles
from trm_lib.evaluation import answers_by_k, think
from trm_lib.models import BoardConfig, BoardNet, load_model
from trm_lib.puzzles import Mazes

__all__ = ["SolvedMaze", "SolvedSudoku", "shipped_model", "solve", "weights_folder"]

K_STEPS, K_STEPS_A_ROW = 16, 20
SHIPPED: dict[int | str, str] = {
    4: "sudoku4.safetensors",
    6: "sudoku6.safetensors",
    "maze": "maze_paths.safetensors",
}
"""Weight files: of the Sudoku models by size of the board, and of the one for mazes."""


def solve(
    puzzle: str | ArrayLike | Mazes, k_steps: int | None = None, model: BoardNet | None = None
) -> SolvedSudoku | SolvedMaze:
    """Let a trained network think about a Sudoku or a maze for K steps, and check each answer.

        >>> solve("1...|..3.|.4..|...2").is_right
        True

    Args:
        puzzle: a Sudoku with exactly one solution: text such as "1...|..3.|.4..|...2", or an
            (N, N) array, 0 = empty. Or a maze of n x n cells, n from 2 to 128, with a way from
            start to goal: text that `trm_lib.puzzles.parse_maze` reads, a picture
            (2 n + 1, 2 n + 1, 3) as `maze_picture` paints, (n, n) tokens as `maze_tokens` makes,
            or `Mazes` that hold one.
        k_steps: K, how many improvement steps to think; 16 for a Sudoku, at most 20 n for a maze
            if not given. On a maze, thinking ends when the marked cells are a way.
        model: for a Sudoku, a model over (N, N) boards with N + 1 tokens; for a maze, one over
            boards of any size with 48 tokens and 2 answers, 1 for a cell on the shortest path.
            By default the one that is shipped.

    Raises:
        ValueError: the puzzle is malformed or breaks the rules, a Sudoku has no solution or
            several, a maze has no way (the message names the row, cell, line or pixel), no model
            is shipped for a Sudoku of this size, `model` is not one for such boards, or K < 1.
    """
    maze = _read_maze(puzzle)
    if maze is None:
        return _solve_sudoku(puzzle, k_steps, model)
    return _solve_maze(maze, k_steps, model)


@dataclass(frozen=True, eq=False, kw_only=True)
class Solved:
    """Answers of a model to one puzzle, judged by the exact rules.

    Attributes:
        steps: (K, n, n), the answer after each improvement step.
        right: (K,) bool, which of these are right.
    """

    steps: np.ndarray = field(repr=False)
    right: np.ndarray = field(repr=False)

    @property
    def is_right(self) -> bool:
        """Whether `answer` is proved right."""
        return bool(self.right.any())

    @property
    def k(self) -> int:
        """The step `answer` was taken from, counted from 1."""
        return int(self.right.argmax()) + 1 if self.is_right else len(self.steps)

    @property
    def answer(self) -> np.ndarray:
        """The first that is right, or the last if none is, (n, n)."""
        return self.steps[self.k - 1]


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedSudoku(Solved):
    """Answers to a Sudoku, (K, N, N) int8, right if the rules accept them as the one solution.

    Attributes:
        puzzle: (N, N) int8, 0 = empty.
    """

    puzzle: np.ndarray

    def __str__(self) -> str:
        right = f"right, proved by the rules at K = {self.k}"
        wrong = f"wrong: no answer up to K = {self.k} obeys the rules"
        return f"{puzzles.sudoku_text(self.answer)}  ({right if self.is_right else wrong})"


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedMaze(Solved):
    """Marked cells of a maze, (K, n, n) bool, right if they are a way from start to goal.

    Marks are a way if they leave no choice, and none is left over (`trm_lib.puzzles.marked_way`):
    no search does the model's work. Where several paths are shortest, the marks are a way too if
    they are exactly the cells of all of these, as in the labels that such models learn.

    Attributes:
        maze: the one maze.
        path: (P,) int64 cell numbers from start to goal; None if `answer` is no way.
        shortest: steps of a shortest path, by breadth-first search.
    """

    maze: Mazes = field(repr=False)
    path: np.ndarray | None
    shortest: int

    @property
    def is_shortest(self) -> bool:
        """Whether `path` takes no more steps than `shortest`."""
        return self.path is not None and len(self.path) - 1 == self.shortest

    def __str__(self) -> str:
        marks = self.answer
        if self.path is None:
            told = f"no path: up to K = {self.k} the marked cells are not a way from start to goal"
        else:
            marks = np.isin(np.arange(marks.size), self.path).reshape(marks.shape)
            taken = len(self.path) - 1
            told = f"a path of {taken} step{'s' * (taken > 1)}"
            if self.is_shortest:
                told += f", proved the shortest by breadth-first search, at K = {self.k}"
            else:
                told += f" at K = {self.k}; the shortest takes {self.shortest}"
        drawn = puzzles.maze_text(self.maze.walls[0], self.maze.start[0], self.maze.goal[0], marks)
        return f"{drawn}\n{told}"


def shipped_model(puzzle: int | Literal["maze"]) -> BoardNet:
    """The model that `solve` uses for N x N Sudoku, given N, or for mazes of any size."""
    if puzzle not in SHIPPED:
        asked = f"{puzzle}x{puzzle} Sudoku" if isinstance(puzzle, int) else repr(puzzle)
        raise ValueError(
            f"no model is shipped for {asked}, only for 4x4 and 6x6 Sudoku and 'maze': train one "
            "with trm_lib.training.fit and pass it as model="
        )
    return load_model(weights_folder() / SHIPPED[puzzle])


def weights_folder() -> Path:
    """Where shipped weights lie: inside an installed package, or in the book's folder."""
    library = Path(__file__).parent
    installed = library / "weights"
    return installed if installed.is_dir() else library.parent / "book" / "weights"


def _solve_sudoku(
    puzzle: str | ArrayLike, k_steps: int | None, model: BoardNet | None
) -> SolvedSudoku:
    board = puzzles.parse_sudoku(puzzle)
    puzzles.check_sudoku(board)
    size = len(board)
    model = shipped_model(size) if model is None else model
    _require_fitting(model, size + 1, size + 1)
    exact = puzzles.solve_exactly(board)
    if exact.n_solutions != 1:
        told = "none: the clues contradict each other; correct a clue"
        if exact.n_solutions > 1:
            told = f"several: {_open_cell(board, exact.solution)}; add a clue"
        raise ValueError(f"expected a puzzle with one solution, got {told}")
    k_steps = K_STEPS if k_steps is None else k_steps
    steps = answers_by_k(model, board[None], k_steps)[:, 0].astype(np.int8)
    right = puzzles.is_solution(np.broadcast_to(board, steps.shape), steps)
    return SolvedSudoku(puzzle=board, steps=steps, right=right)


def _open_cell(board: np.ndarray, solution: np.ndarray) -> str:
    """Name the first empty cell that two solutions fill differently, and the two digits."""
    for row, column in np.argwhere(board == 0):
        for digit in range(1, len(board) + 1):
            trial = board.copy()
            trial[row, column] = digit
            if digit != solution[row, column] and puzzles.solve_exactly(trial).n_solutions > 0:
                choice = f"{solution[row, column]} or {digit}"
                return f"row {row + 1}, column {column + 1} can hold {choice}"
    raise AssertionError("a puzzle with several solutions differs somewhere")


def _read_maze(puzzle: str | ArrayLike | Mazes) -> Mazes | None:
    """The maze, in whatever form it came; None if this is none.

    A picture has colours, a board of tokens marks of start or goal; all else is no maze.
    """
    if isinstance(puzzle, Mazes):
        return puzzle
    if isinstance(puzzle, str):
        return puzzles.parse_maze(puzzle) if puzzle.lstrip()[:1] in ("+", "#") else None
    try:
        array = puzzles.as_array(puzzle)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.ndim >= 3 and array.shape[-1] == 3:
        return puzzles.read_maze_picture(array)
    if array.ndim == 2 and array.dtype.kind in "iuf" and (array >= 16).any():
        return puzzles.read_maze_tokens(array)
    return None


def _solve_maze(maze: Mazes, k_steps: int | None, model: BoardNet | None) -> SolvedMaze:
    one_shortest = puzzles.shortest_way(maze)  # refuses several mazes, and one without a way
    model = shipped_model("maze") if model is None else model
    _require_fitting(model, puzzles.CELL_TOKENS, 2)
    k_steps = K_STEPS_A_ROW * maze.size if k_steps is None else k_steps
    on_shortest, steps, path = puzzles.shortest_path_cells(maze)[0], [], None
    with closing(think(model, puzzles.maze_tokens(maze), k_steps)) as thoughts:
        for step in thoughts:
            marks = step.answers[0] == 1
            steps.append(marks)
            path = one_shortest if (marks == on_shortest).all() else puzzles.marked_way(maze, marks)
            if path is not None:
                break
    right = np.zeros(len(steps), bool)
    right[-1] = path is not None
    return SolvedMaze(
        maze=maze, steps=np.array(steps), right=right, path=path, shortest=len(one_shortest) - 1
    )


def _require_fitting(model: BoardNet, vocab_size: int, n_answers: int) -> None:
    """Refuse a model that does not read such tokens or does not answer so; sizes it refuses."""
    config = getattr(model, "config", None)
    if (
        not isinstance(config, BoardConfig)
        or (config.vocab_size, config.n_answers or config.vocab_size) != (vocab_size, n_answers)
        or len(config.grid) != 2
    ):
        raise ValueError(
            f"model expected a network over boards of rows and columns with vocab_size="
            f"{vocab_size} and n_answers={n_answers}, got {config or type(model).__name__}"
        )
