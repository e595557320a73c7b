"""Give a puzzle to a trained model, and check what it says by the exact rules.

Axes: K steps, n rows and m columns (of a Sudoku N and N), P cells of a path.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import closing
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike

from trm_lib import puzzles
from trm_lib.checks import whole
from trm_lib.evaluation import answers_by_k, think
from trm_lib.models import BoardConfig, BoardNet, load_model
from trm_lib.puzzles import Mazes

__all__ = [
    "SolvedMaze", "SolvedSudoku", "read_puzzle", "shipped_model", "solve", "weights_folder"
]  # fmt: skip

K_STEPS, K_STEPS_A_ROW, K_REST = 16, 20, 20
THOUGHTS = {False: (K_STEPS, 1), True: (64, 16)}  # by whether the model reads any size
SQUARES = puzzles.SQUARE_PATH
SHIPPED: dict[int | str, str] = {
    4: "sudoku4.safetensors",
    6: "sudoku6.safetensors",
    9: "candidates.safetensors",
    "maze": "shortest_ways.safetensors",
}
"""Weight files: of the Sudoku models by size of the board, and of the one for mazes."""

Puzzle = str | bytes | Path | ArrayLike | Mazes


def solve(
    puzzle: Puzzle,
    k_steps: int | None = None,
    model: BoardNet | None = None,
    starts: int | None = None,
) -> SolvedSudoku | SolvedMaze:
    """Let a trained network think about a Sudoku or a maze for K steps, and check each answer.

        >>> solve("1...|..3.|.4..|...2").is_right
        True

    Args:
        puzzle: a Sudoku with exactly one solution, or a maze with a way from its start to a goal:
            text that `trm_lib.puzzles.parse_sudoku` or `parse_maze` reads, the name of a file with
            it, or the file's bytes; for a Sudoku an (N, N) array, 0 = empty; for a maze a PNG file
            or a picture as `read_maze_picture` takes, (n, m) tokens as `maze_tokens` makes, or
            `Mazes` that hold one.
        k_steps: K, how many improvement steps to think at most; if not given, 16 for a Sudoku
            (64 for one of 9x9 or larger), and for a maze as many as it has cells. On a maze,
            thinking ends when a way is found, or when nothing that the model says has changed for
            20 steps.
        model: for a Sudoku, a model over (N, N) boards with N + 1 tokens, or with
            mixing="constraints", which reads every size; for a maze, one over
            boards of any size with 32 tokens and 4 answers, above 0 for moves on a shortest way
            (see `move_tokens`), or with 48 tokens and 2 answers, 1 for a cell on the shortest path;
            or one that `load_official` gives, whose mazes are squares: every character is a wall
            or a cell. By default the one that is shipped: for Sudoku of 4x4, 6x6 and 9x9, and
            for mazes of any size, with loops or without.
        starts: how often at most the model begins to think about a Sudoku: the first time from its
            own initial state (the shipped one for 9x9 was trained without), then from random ones,
            until the rules accept an answer. By default 16 from 9x9 on, once for smaller boards.

    Raises:
        ValueError: the puzzle is malformed or breaks the rules, a Sudoku has no solution or
            several, a maze has no way (the message names the row, cell, line or pixel), no model
            is shipped for a Sudoku of this size, `model` is not one for such boards, or K < 1.
    """
    squares = getattr(getattr(model, "config", None), "vocab_size", None) == 6
    read = read_puzzle(puzzle, squares)
    if isinstance(read, Mazes):
        return _solve_maze(read, k_steps, model)
    return _solve_sudoku(read, k_steps, model, starts)


@dataclass(frozen=True, eq=False, kw_only=True)
class Solved:
    """Answers of a model to one puzzle, judged by the exact rules.

    Attributes:
        steps: (K, n, m), the answer after each improvement step.
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
        """The first that is right, or the last if none is, (n, m)."""
        return self.steps[self.k - 1]


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedSudoku(Solved):
    """Answers to a Sudoku, (K, N, N) int8, right if the rules accept them as the one solution.

    Attributes:
        puzzle: (N, N) int8, 0 = empty.
        starts: how often the model began to think; `steps` are of the last thought.
    """

    puzzle: np.ndarray
    starts: int = 1

    def __str__(self) -> str:
        verdict, times = f"wrong: no answer up to K = {self.k} obeys the rules", ""
        if self.is_right:
            verdict = f"right, proved by the rules at K = {self.k}"
        if self.starts > 1:
            times = f", thought {self.starts}" if self.is_right else f" in {self.starts} thoughts"
        return f"{puzzles.sudoku_text(self.answer)}  ({verdict}{times})"


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedMaze(Solved):
    """Marked cells of a maze, (K, n, m) bool, right if they are a way from start to a goal.

    From a network that says moves, they are the cells walked over. From one that marks cells, they
    are a way if they leave no choice, and none is left over (`trm_lib.puzzles.marked_way`): no
    search does the model's work. Where several paths are shortest, marks are a way too if they are
    exactly the cells of all of these, as in the labels that such models learn.

    Attributes:
        maze: the one maze.
        path: (P,) int64 cell numbers from start to goal; None if `answer` is no way.
        shortest: steps of a shortest path, by breadth-first search.
        ties: whether several paths are shortest.
        rests: whether thinking ended because what the model says had not changed for 20 steps.
    """

    maze: Mazes = field(repr=False)
    path: np.ndarray | None
    shortest: int
    ties: bool = False
    rests: bool = False

    @property
    def is_shortest(self) -> bool:
        """Whether `path` takes no more steps than `shortest`."""
        return self.path is not None and len(self.path) - 1 == self.shortest

    def __str__(self) -> str:
        marks = self.answer
        if self.path is None:
            told = f"no path: up to K = {self.k} the marked cells are not a way from start to goal"
            told += f"; nothing has changed since K = {self.k - K_REST}" * self.rests
        else:
            marks = np.isin(np.arange(marks.size), self.path).reshape(marks.shape)
            taken = len(self.path) - 1
            told = f"a path of {taken} step{'s' * (taken > 1)}"
            if self.is_shortest:
                few = "one of several as short, " * self.ties
                told += f", {few}proved the shortest by breadth-first search, at K = {self.k}"
            else:
                told += f" at K = {self.k}; the shortest takes {self.shortest}"
        drawn = puzzles.maze_text(self.maze.walls[0], self.maze.start[0], self.maze.goals[0], marks)
        return f"{drawn}\n{told}"


def shipped_model(puzzle: int | Literal["maze"]) -> BoardNet:
    """The model that `solve` uses for N x N Sudoku, given N, or for mazes of any size."""
    if puzzle not in SHIPPED:
        asked = f"{puzzle}x{puzzle} Sudoku" if isinstance(puzzle, int) else repr(puzzle)
        raise ValueError(f"a model is shipped for each of {list(SHIPPED)}, got {asked}")
    return load_model(weights_folder() / SHIPPED[puzzle])


def weights_folder() -> Path:
    """Where shipped weights lie: inside an installed package, or in the book's folder."""
    library = Path(__file__).parent
    installed = library / "weights"
    return installed if installed.is_dir() else library.parent / "book" / "weights"


def _solve_sudoku(
    board: np.ndarray, k_steps: int | None, model: BoardNet | None, starts: int | None
) -> SolvedSudoku:
    puzzles.check_sudoku(board)
    size = len(board)
    own = model is not None or size < 9  # the shipped one for 9x9 was trained from random states
    model = shipped_model(size) if model is None else model
    ways: dict[tuple[int, int], Any] = {(size + 1, size + 1): 0, (size + 2, size + 2): 1}
    any_size = getattr(getattr(model, "config", None), "candidates", False)
    if any_size:
        ways = {(model.config.vocab_size, model.config.vocab_size): 0}
    shift = _choose(model, ways)  # official models say 1 for empty
    boards, (k_default, n_default) = _as_grid(model, board) + shift, THOUGHTS[any_size]
    k_steps = k_default if k_steps is None else whole(k_steps, "k_steps (K)", 1)
    starts = n_default if starts is None else whole(starts, "starts", 1)
    exact = puzzles.solve_exactly(board)
    if exact.n_solutions != 1:
        told = "none: the clues contradict each other; correct a clue"
        if exact.n_solutions > 1:
            told = f"several: {_open_cell(board, exact.solution)}; add a clue"
        raise ValueError(f"expected a puzzle with one solution, got {told}")
    generator = torch.Generator().manual_seed(0)
    for start in range(starts):
        answers = answers_by_k(model, boards, k_steps, None if own and not start else generator)
        steps = (answers - shift).clip(0).reshape(k_steps, size, size).astype(np.int8)
        right = puzzles.is_solution(np.broadcast_to(board, steps.shape), steps)
        if right.any():
            break
    return SolvedSudoku(puzzle=board, steps=steps, right=right, starts=start + 1)


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


def read_puzzle(puzzle: Puzzle, squares: bool = False) -> Mazes | np.ndarray:
    """Read whatever `solve` takes: `Mazes`, or a Sudoku (N, N) int8.

    Args:
        puzzle: as for `solve`.
        squares: whether every character or number of a maze is a cell, a wall or open, as in the
            mazes of the official code (1 wall, 2 open, 3 start, 4 goal).

    Raises:
        ValueError: as for `solve`.
    """
    name = "the text"
    if isinstance(puzzle, list | tuple) and puzzle and all(isinstance(row, str) for row in puzzle):
        puzzle = "\n".join(puzzle)
    if isinstance(puzzle, str | Path) and os.path.isfile(puzzle):
        name, puzzle = str(puzzle), Path(puzzle).read_bytes()
    elif isinstance(puzzle, Path) or (
        isinstance(puzzle, str)
        and re.fullmatch(r"\S*([A-Za-z])(?!\1)[A-Za-z]\S*", puzzle)  # in no puzzle
    ):
        raise ValueError(f"expected a puzzle, or a file with one, found no file {str(puzzle)!r}")
    if isinstance(puzzle, bytes):
        puzzle = _decoded(puzzle, name)
    if isinstance(puzzle, Mazes):
        return puzzle
    if isinstance(puzzle, str):
        if puzzles.game_of(puzzle) == "Sudoku":
            return puzzles.parse_sudoku(puzzle)
        return puzzles.parse_squares(puzzle) if squares else puzzles.parse_maze(puzzle)
    try:
        array = puzzles.as_array(puzzle)
    except (TypeError, ValueError, RuntimeError):
        return puzzles.parse_sudoku(puzzle)  # which says what is wrong
    if squares and array.ndim in (1, 2) and isqrt(array.size) > 9:
        return puzzles.maze_from_squares(
            array if array.ndim == 2 else array.reshape(isqrt(array.size), -1)
        )
    if (
        array.ndim == 2
        and array.dtype.kind in "iuf"
        and (array >= 16).any()
        and (array < 128).all()
    ):
        return puzzles.read_maze_tokens(array)
    channels = array.ndim == 3 and {array.shape[0], array.shape[2]} & {1, 3, 4} and len(array) > 1
    if channels or _is_picture(array):
        return puzzles.read_maze_picture(array)
    return puzzles.parse_sudoku(puzzle)


def _decoded(content: bytes, name: str) -> str | np.ndarray:
    """The text in the bytes of a file, or the colours of a PNG picture."""
    if content.startswith(b"\x89PNG"):
        from matplotlib.image import imread  # late: it is slow to load

        try:
            return imread(io.BytesIO(content), format="png")
        except Exception as error:  # whatever a damaged file makes it raise
            raise ValueError(f"expected a PNG picture in {name}, got a damaged one") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(
            f"expected a puzzle as text in {name}, got other bytes: save it as UTF-8 text"
        ) from None


def _is_picture(array: np.ndarray) -> bool:
    """Whether a board of numbers is a maze in grey or in pixel tokens; no Sudoku looks so."""
    if array.ndim != 2 or min(array.shape) < 5 or array.dtype.kind not in "iufb":
        return False
    ring = np.concatenate([array[0], array[-1], array[:, 0], array[:, -1]])
    return bool((array > 36).any() or (not ring.any() and array[1::2, 1::2].all()))


def _solve_maze(maze: Mazes, k_steps: int | None, model: BoardNet | None) -> SolvedMaze:
    one_shortest = puzzles.shortest_way(maze)  # refuses several mazes, and one without a way
    model = shipped_model("maze") if model is None else model
    # which moves are shortest, or the answer that marks a cell on the path
    kinds = {(puzzles.MOVE_TOKENS, 4): "moves", (puzzles.CELL_TOKENS, 2): 1, (6, 6): SQUARES}
    kind = _choose(model, kinds)
    ask = {"moves": puzzles.move_tokens, 1: puzzles.maze_tokens, SQUARES: puzzles.square_tokens}
    if k_steps is None:
        most = {"moves": maze.walls.size + K_REST, SQUARES: K_STEPS}
        k_steps = most.get(kind, K_STEPS_A_ROW * max(maze.grid))
    on_shortest, goals = puzzles.shortest_path_cells(maze)[0], maze.goals[0]
    steps, path, rest, before = [], None, 0, None
    with closing(think(model, _as_grid(model, ask[kind](maze)[0]), k_steps)) as thoughts:
        for step in thoughts:
            if kind == "moves":
                scores = step.out.logits[0].cpu().numpy()
                said, way = scores > 0, puzzles.walk(maze, scores)
                marks = np.isin(np.arange(maze.walls.size), way).reshape(maze.grid)
                path = way if way[-1] in goals else None
            else:
                said = marks = step.answers.reshape(maze.grid) == kind
                if kind == SQUARES:  # start and goal keep their own marks
                    marks.flat[[maze.start[0], *goals]] = True
                is_label = (marks == on_shortest).all()
                path = one_shortest if is_label else puzzles.marked_way(maze, marks)
            steps.append(marks)
            rest = rest + 1 if before is not None and (said == before).all() else 0
            before = said
            if path is not None or rest >= K_REST:
                break
    right = np.zeros(len(steps), bool)
    right[-1] = path is not None
    n_shortest = int(on_shortest.sum())
    return SolvedMaze(
        maze=maze, steps=np.array(steps), right=right, path=path, shortest=len(one_shortest) - 1,
        ties=n_shortest > len(one_shortest), rests=rest >= K_REST,
    )  # fmt: skip


def _choose(model: BoardNet, ways: dict[tuple[int, int], Any]) -> Any:
    """What belongs to the tokens and answers of a model; ValueError if it is for other boards."""
    config = getattr(model, "config", None)
    if isinstance(config, BoardConfig):
        way = ways.get((config.vocab_size, config.n_answers or config.vocab_size))
        if way is not None:
            return way
    known = " or ".join(f"vocab_size={v} and n_answers={a}" for v, a in ways)
    raise ValueError(
        f"model expected a network over boards with {known}, got "
        f"{config if isinstance(config, BoardConfig) else type(model).__name__}"
    )


def _as_grid(model: BoardNet, board: np.ndarray) -> np.ndarray:
    """A batch of one board, its cells in a row for a model that reads them so."""
    flat = model.config.grid == (board.size,)
    return board.reshape(1, -1) if flat else board[None]
