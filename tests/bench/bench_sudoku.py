"""Speed of the Sudoku room on one thread: ``python tests/bench/bench_sudoku.py``.

Each row gives the rate, and its ratio to a plain way of doing the same, timed in this process.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trm_lib.puzzles import (
    augment_sudoku,
    class_key,
    generate_sudoku,
    minimal_sudokus_4x4,
    parse_sudoku,
    solve_exactly,
    units,
)

INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."


def rate(work: Callable[[], object], items: int, seconds: float = 1.0) -> float:
    """Return items a second: the best of repetitions that fill the given time."""
    best, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
    return items / best


def plain_search(board: np.ndarray, limit: int = 2) -> int:
    """Count solutions cell by cell, in order, with sets and no deduction."""
    size = len(board)
    of_cell = [[g for g, unit in enumerate(units(size)) if c in unit] for c in range(size * size)]
    used = [set() for _ in units(size)]
    flat = board.reshape(-1).tolist()
    for cell, digit in enumerate(flat):
        for group in of_cell[cell] if digit else ():
            used[group].add(digit)

    def fill(cell: int, found: int) -> int:
        if cell == len(flat):
            return found + 1
        if flat[cell]:
            return fill(cell + 1, found)
        a, b, c = (used[group] for group in of_cell[cell])
        for digit in range(1, size + 1):
            if found < limit and not (digit in a or digit in b or digit in c):
                for group in (a, b, c):
                    group.add(digit)
                found = fill(cell + 1, found)
                for group in (a, b, c):
                    group.remove(digit)
        return found

    return fill(0, 0)


def plain_removal(solution: np.ndarray, clues: int, rng: np.random.Generator) -> np.ndarray:
    """Take clues away while a full count of the solutions still says one."""
    board = solution.copy()
    for row, column in rng.permutation(np.argwhere(board)):
        if (board > 0).sum() == clues:
            break
        digit, board[row, column] = board[row, column], 0
        if solve_exactly(board).n_solutions > 1:
            board[row, column] = digit
    return board


def plain_augment(puzzles: np.ndarray, solutions: np.ndarray, rng: np.random.Generator) -> list:
    """Turn 4x4 boards one at a time."""
    turned = []
    for boards in zip(puzzles, solutions, strict=True):
        blocks = [2 * b + rng.permutation(2) for b in rng.permutation(2)]
        stacks = [2 * b + rng.permutation(2) for b in rng.permutation(2)]
        index = np.ix_(np.concatenate(blocks), np.concatenate(stacks))
        names = np.concatenate([[0], 1 + rng.permutation(4)])
        flip = rng.random() < 0.5
        turned.append([names[b[index].T if flip else b[index]] for b in boards])
    return turned


def row(label: str, fast: float, plain: float | None = None, bar: float | None = None) -> None:
    """Print one line of the table."""
    ratio = f"{fast / plain:8.1f} x plain" if plain else " " * 16
    wanted = f"  bar {bar:,.0f}: {'met' if fast >= bar else 'MISSED'}" if bar else ""
    print(f"{label:<42}{fast:>12,.0f} /s {ratio}{wanted}")


def main() -> None:
    """Measure and print every row."""
    rng = np.random.default_rng(0)
    before = time.perf_counter()
    puzzles, solutions = minimal_sudokus_4x4()
    print(f"all 85,632 minimal 4x4 puzzles, from nothing: {time.perf_counter() - before:.2f} s")

    fast = rate(lambda: generate_sudoku(4, 1000, rng), 1000)
    plain = rate(lambda: [plain_removal(s, 0, rng) for s in solutions[:50]], 50)
    row("generate 4x4, minimal", fast, plain, bar=5_000)
    row("generate 6x6, minimal", rate(lambda: generate_sudoku(6, 20, rng), 20))
    easy, grids = generate_sudoku(9, 20, rng, 28)
    fast = rate(lambda: generate_sudoku(9, 20, rng, 28), 20, seconds=2)
    plain = rate(lambda: [plain_removal(s, 28, rng) for s in grids[:5]], 5)
    row("generate 9x9, 28 clues", fast, plain, bar=10)
    row("generate 9x9, minimal", rate(lambda: generate_sudoku(9, 10, rng), 10))

    batch = puzzles[:256], solutions[:256]
    row(
        "augment 4x4, batch 256 (bar: < 1 ms)",
        rate(lambda: augment_sudoku(*batch, rng), 256),
        rate(lambda: plain_augment(*batch, rng), 256),
        bar=256_000,
    )
    row("augment 9x9, batch 20", rate(lambda: augment_sudoku(easy, grids, rng), 20))

    fast = rate(lambda: [solve_exactly(p) for p in puzzles[:200]], 200)
    row("solve 4x4, minimal", fast, rate(lambda: [plain_search(p) for p in puzzles[:200]], 200))
    fast = rate(lambda: [solve_exactly(p) for p in easy], 20)
    row("solve 9x9, 28 clues", fast, rate(lambda: [plain_search(p) for p in easy], 20))
    hard = parse_sudoku(INKALA)
    fast = rate(lambda: solve_exactly(hard), 1)
    row("solve 9x9, Inkala 2012", fast, rate(lambda: plain_search(hard), 1))

    row("class key 4x4", rate(lambda: class_key(puzzles[:2000]), 2000))
    six, _ = generate_sudoku(6, 50, rng)
    row("class key 6x6", rate(lambda: class_key(six), 50))
    row("class key 9x9", rate(lambda: class_key(easy), 20))


if __name__ == "__main__":
    main()
