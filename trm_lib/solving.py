"""What every solved puzzle has: the answers step by step, and which of them are right.

Axes: K steps, n rows and columns.

The trained models that come with the library.

Give a Sudoku to a trained model, and check what it says by the rules.

Axes: K steps, N size of the board.

Give a maze to a trained model, and check whether the cells it marks are a way to the goal.

Axes: K steps, n rows and columns, P cells of a path.

Give a puzzle to a trained model, and check what it says by the exact rules.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.evaluation import answers_by_k
from trm_lib.evaluation.thinking import think
from trm_lib.models import BoardConfig, BoardNet, load_model
from trm_lib.puzzles import (
    CELL_TOKENS,
    Mazes,
    check_sudoku,
    is_solution,
    marked_way,
    maze_distances,
    maze_text,
    maze_tokens,
    parse_maze,
    parse_sudoku,
    read_maze_picture,
    read_maze_tokens,
    shortest_path_cells,
    shortest_way,
    solve_exactly,
    sudoku_text,
)

__all__ = ["SolvedMaze", "SolvedSudoku", "shipped_model", "solve", "weights_folder"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Solved:
    """Answers of a model to one puzzle, judged by the exact rules.

    Attributes:
        steps: (K, n, n), the answer after each improvement step.
        right: (K,) bool, which of these are right.
        answer: (n, n), the first that is right, or the last if none is.
        is_right: whether `answer` is right.
        k: the step `answer` was taken from, counted from 1.
    """

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


SHIPPED: dict[int | str, str] = {
    4: "sudoku4.safetensors",
    6: "sudoku6.safetensors",
    "maze": "maze_paths.safetensors",
}
"""Weight files: of the Sudoku models by size of the board, and of the one for mazes."""


def shipped_model(puzzle: int | Literal["maze"]) -> BoardNet:
    """The model that `solve` uses.

    Args:
        puzzle: N for N x N Sudoku, or "maze", for mazes of any size.

    Raises:
        ValueError: there is none for this.
    """
    if puzzle not in SHIPPED:
        asked = f"{puzzle}x{puzzle} Sudoku" if isinstance(puzzle, int) else repr(puzzle)
        raise ValueError(
            f"no model is shipped for {asked}, only for 4x4 and 6x6 Sudoku and 'maze': train one "
            f"with trm_lib.training.fit and pass it as model="
        )
    return load_model(weights_folder() / SHIPPED[puzzle])


def weights_folder() -> Path:
    """Where shipped weights lie: inside an installed package, or in the book's folder."""
    library = Path(__file__).parent
    installed = library / "weights"
    return installed if installed.is_dir() else library.parent / "book" / "weights"


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


K_STEPS_A_ROW = 20


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedMaze(Solved):
    """Which cells the model marked, step by step, and whether they are a way to the goal.

    Marks are a way if they leave no choice from the start to the goal, and none is left over
    (`trm_lib.puzzles.marked_way`): no search does the model's work. Where several paths are
    shortest, the marks are a way too if they are exactly the cells of all of these, as in the
    labels that such models learn.

    Attributes:
        maze: the one maze.
        steps: (K, n, n) bool, the cells marked after each improvement step. The first marks that
            are a way end it.
        right: (K,) bool, which of these are a way.
        answer: (n, n) bool, the marks that are a way, or the last ones.
        is_right: whether `answer` is a way, be it the shortest or not.
        k: the step `answer` was taken from, counted from 1.
        path: (P,) int64 cell numbers from start to goal; None if `answer` is no way.
        shortest: steps of a shortest path, by breadth-first search.
        is_shortest: whether `path` takes no more steps than that.
    """

    maze: Mazes = field(repr=False)
    path: np.ndarray | None
    shortest: int

    @property
    def is_shortest(self) -> bool:
        return self.path is not None and len(self.path) - 1 == self.shortest

    def __str__(self) -> str:
        marks = self.answer
        if self.path is not None:
            marks = np.isin(np.arange(marks.size), self.path).reshape(marks.shape)
        drawn = maze_text(self.maze.walls[0], self.maze.start[0], self.maze.goal[0], marks)
        return f"{drawn}\n{self._verdict()}"

    def _verdict(self) -> str:
        if self.path is None:
            return f"no path: up to K = {self.k} the marked cells are not a way from start to goal"
        taken = len(self.path) - 1
        found = f"a path of {taken} step{'s' * (taken > 1)}"
        if self.is_shortest:
            return f"{found}, proved the shortest by breadth-first search, at K = {self.k}"
        return f"{found} at K = {self.k}; the shortest takes {self.shortest}"


def read_maze(puzzle: str | ArrayLike | Mazes) -> Mazes | None:
    """Read a maze in any form that `trm_lib.solve` takes.

    Returns:
        A batch of one; or None if this is no maze, but a Sudoku or nothing known.

    Raises:
        ValueError: it is a malformed maze, or several.
    """
    if isinstance(puzzle, str):
        return parse_maze(puzzle) if puzzle.lstrip()[:1] in ("+", "#") else None
    mazes = puzzle if isinstance(puzzle, Mazes) else _read_array(puzzle)
    if mazes is not None and len(mazes) != 1:
        raise ValueError(f"expected one maze, got {len(mazes)}: pass them one at a time, mazes[i]")
    return mazes


def solve_maze(
    maze: Mazes, k_steps: int | None = None, model: BoardNet | None = None
) -> SolvedMaze:
    """What `trm_lib.solve` does with a maze; arguments and errors as there."""
    one_shortest = shortest_way(maze)  # refuses a maze without a way
    shortest = int(maze_distances(maze.walls, maze.start).flat[maze.goal[0]])
    model = shipped_model("maze") if model is None else model
    _require_fitting_maze(model, maze.size)
    k_steps = K_STEPS_A_ROW * maze.size if k_steps is None else k_steps
    on_shortest, steps, path = shortest_path_cells(maze)[0], [], None
    with closing(think(model, maze_tokens(maze), k_steps)) as thoughts:
        for _, _, said in thoughts:
            marks = said.logits[0].argmax(-1).cpu().numpy() == 1
            steps.append(marks)
            path = one_shortest if (marks == on_shortest).all() else marked_way(maze, marks)
            if path is not None:
                break
    right = np.zeros(len(steps), bool)
    right[-1] = path is not None
    return SolvedMaze(maze=maze, steps=np.array(steps), right=right, path=path, shortest=shortest)


def _read_array(puzzle: ArrayLike) -> Mazes | None:
    if hasattr(puzzle, "detach"):  # a tensor, which may be part of a graph of gradients
        puzzle = puzzle.detach()
    try:
        array = np.asarray(puzzle)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.ndim >= 3 and array.shape[-1] == 3:  # colours
        return read_maze_picture(array)
    if array.ndim == 2 and array.dtype.kind in "iuf" and (array >= 16).any():  # start or goal
        return read_maze_tokens(array)
    return None


def _require_fitting_maze(model: BoardNet, size: int) -> None:
    config = getattr(model, "config", None)
    fits = isinstance(config, BoardConfig) and config.vocab_size == CELL_TOKENS
    if not fits or config.n_answers != 2 or len(config.grid) != 2:
        raise ValueError(
            f"model expected a network over boards of rows and columns with vocab_size="
            f"{CELL_TOKENS} and n_answers=2, got "
            f"{config if config is not None else type(model).__name__}"
        )
    if config.bound and config.grid != (size, size):
        raise ValueError(
            f"model expected one that reads {size}x{size} cells, got one that has learnt its cells "
            f"by their places on {config.grid[0]}x{config.grid[1]}: use mixing='conv' for mazes of "
            f"any size"
        )


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
    maze = read_maze(puzzle)
    if maze is None:
        return solve_sudoku(puzzle, k_steps, model)
    return solve_maze(maze, k_steps, model)
