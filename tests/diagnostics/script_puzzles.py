"""The data of three scripts that the book audits, rebuilt in a few lines.

Source: github.com/acharyaanusha/Tiny-Recursive-Model at dcc30d9 (experiments/) and 23987a4
(trm_core/trm.py).
"""

from collections import deque

import numpy as np

from trm_lib.training import PuzzleData

FREE, WALL, START, GOAL = range(4)


def obstacles(count, rng, size=8):
    """simple_maze_comparison.py: obstacles that never touch the border, corner to corner."""
    boards = np.full((count, size, size), FREE)
    for board in boards:
        places = rng.integers(1, size - 1, (rng.integers(5, 15), 2))
        board[tuple(places.T)] = WALL
    return with_paths(boards, (0, 0), (size - 1, size - 1))


def rooms(count, rng, size=10):
    """maze_comparison.py: ways between odd rows and columns, a goal at (8, 8)."""
    boards = np.full((count, size, size), WALL)
    for board in boards:
        board[1, 1], stack = FREE, [(1, 1)]
        while stack:
            y, x = stack[-1]
            ways = [
                (dy, dx)
                for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
                if 0 < y + 2 * dy < size - 1
                and 0 < x + 2 * dx < size - 1
                and board[y + 2 * dy, x + 2 * dx] == WALL
            ]
            if not ways:
                stack.pop()
                continue
            dy, dx = ways[rng.integers(len(ways))]
            board[y + dy, x + dx] = board[y + 2 * dy, x + 2 * dx] = FREE
            stack.append((y + 2 * dy, x + 2 * dx))
    return with_paths(boards, (1, 1), (size - 2, size - 2))


def with_paths(boards, start, goal):
    """Boards with start and goal, and as labels the path that tries right, then down, first."""
    boards[:, *start], boards[:, *goal] = START, GOAL
    labels = np.zeros_like(boards)
    for board, label in zip(boards, labels, strict=True):
        came_from, queue = {start: None}, deque([start])
        while queue and goal not in came_from:
            y, x = queue.popleft()
            for cell in ((y, x + 1), (y + 1, x), (y, x - 1), (y - 1, x)):
                inside = min(cell) >= 0 and max(cell) < len(board)
                if inside and cell not in came_from and board[cell] != WALL:
                    came_from[cell] = (y, x)
                    queue.append(cell)
        cell = goal if goal in came_from else None
        while cell is not None:
            label[cell], cell = 1, came_from[cell]
    return PuzzleData(boards, labels)


def toy(count, rng, length=16, classes=10):
    """trm.py: a cell's label is its number plus its position, modulo ten.

    There the number is the rounded sum of 32 normal ones; here it is a token.
    """
    tokens = rng.integers(classes, size=(count, length))
    return PuzzleData(tokens, (tokens + np.arange(length)) % classes)
