"""Give a puzzle to a trained model, and check what it says by the exact rules."""

from __future__ import annotations

from numpy.typing import ArrayLike

from trm_lib.models import BoardNet
from trm_lib.puzzles import Mazes
from trm_lib.solving.maze import SolvedMaze, read_maze, solve_maze
from trm_lib.solving.shipped import shipped_model, weights_folder
from trm_lib.solving.sudoku import SolvedSudoku, solve_sudoku

__all__ = ["SolvedMaze", "SolvedSudoku", "shipped_model", "solve", "weights_folder"]


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
