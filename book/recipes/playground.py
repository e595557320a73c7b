"""The playground's widgets before any script has run: a picture, its words, and where to go on.

A widget's state is what its address holds: the puzzle, and K. Scripts in book/_static take over
from there; tests hold what they answer to what the library answers.
"""

from __future__ import annotations

import re
from html import escape

import numpy as np

from trm_lib import solve
from trm_lib.evaluation import think
from trm_lib.models import load_model
from trm_lib.puzzles import (
    Mazes,
    move_tokens,
    parse_sudoku,
    passages,
    shortest_way,
    sudoku_text,
    walk,
)
from trm_lib.solving import weights_folder
from trm_lib.viz import maze_svg, sudoku_svg


def maze_state(maze: Mazes) -> str:
    """One maze as in the address: size, two cells a hexadecimal digit, start and goal."""
    walls, (rows, columns) = maze.walls[0].flatten() >> 1 & 3, maze.grid  # right and lower wall
    low, high = np.pad(walls, (0, walls.size % 2)).reshape(-1, 2).T
    told = "".join(f"{digit:x}" for digit in low | high << 2)
    return f"{rows}x{columns}.{told}.{maze.start[0]}.{maze.goal[0]}"


def maze_of(state: str) -> Mazes:
    """The maze that `maze_state` wrote, or a script."""
    rows, columns, told, start, goal = re.split(r"[x.]", state)[:5]
    grid = int(rows), int(columns)
    digits = np.array([int(digit, 16) for digit in told])
    walls = np.stack([digits & 3, digits >> 2], axis=1).flatten()[: grid[0] * grid[1]]
    right, below = (walls.reshape(grid) >> bit & 1 for bit in (0, 1))
    above, left = np.roll(below, 1, axis=0), np.roll(right, 1, axis=1)  # the border is all walls
    walls = (above | right << 1 | below << 2 | left << 3).astype(np.uint8)
    return Mazes(walls[None], np.array([int(start)]), np.array([int(goal)]))


def moves_by_k(name: str, maze: Mazes, k_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The best move of each cell, -1 for none, (n, m), and the walk (P,), after K steps.

    Args:
        name: "shortest_ways", whose moves score above 0, or "maze4", a policy, which takes the
            best of the moves that are open.
        maze: one maze.
        k_steps: K.
    """
    model = load_model(weights_folder() / f"{name}.safetensors")
    core = getattr(model, "core", model)
    *_, last = think(core, move_tokens(maze), k_steps)
    scores = last.out.logits[0, ..., :4].double().numpy()
    if name == "maze4":
        scores = np.where(passages(maze.walls)[0], scores - scores.min() + 1, -1)
    moves = np.where((scores > 0).any(-1), scores.argmax(-1), -1)
    moves.flat[maze.goal[0]] = -1
    return moves, walk(maze, scores)


def maze_widget(game: str, state: str, k_steps: int, small: bool = False) -> str:
    """A maze, "maze" or for the "policy", as HTML that is complete before a script has run."""
    maze = maze_of(state)
    moves, way = moves_by_k({"maze": "shortest_ways", "policy": "maze4"}[game], maze, k_steps)
    start, goal = maze.start[0], maze.goal[0]
    picture = maze_svg(maze.walls[0], start, goal, trail=way, moves=moves)
    taken, fewest = len(way) - 1, len(shortest_way(maze)) - 1
    assert (way[-1], taken) == (goal, fewest), "the first answer shown is a right one"
    words = f"From S the arrows lead to G in {taken} steps: right, and no way is shorter."
    return _frame(game, f"{state}&K={k_steps}", picture.svg, f"K = {k_steps}. {words}", small)


def sudoku_widget(puzzle: str, k_steps: int) -> str:
    """A Sudoku, likewise."""
    solved = solve(puzzle, k_steps)
    assert solved.is_right, "the first answer shown is a right one"
    picture = sudoku_svg(solved.answer, solved.puzzle, solved.answer, cell=56)
    state = sudoku_text(parse_sudoku(puzzle)).replace("|", "")
    words = f"K = {k_steps}. Right: the rules accept every row, column and box."
    return _frame("sudoku", f"{state}&K={k_steps}", picture.svg, words)


def _frame(game: str, state: str, svg: str, words: str, small: bool = False) -> str:
    look = " data-small" * small
    return (
        f'<div class="trm-play" data-game="{game}" data-state="{escape(state)}"{look}>\n'
        f'<div class="trm-play-board">{svg}</div>\n<p class="trm-play-says">{words}</p>\n</div>'
    )
