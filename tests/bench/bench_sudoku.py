"""Speed of the Sudoku room on one thread: ``python tests/bench/bench_sudoku.py``."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.timing import Work, rate, seconds
from trm_lib.puzzles import (
    augment_sudoku,
    class_key,
    generate_sudoku,
    minimal_sudokus_4x4,
    parse_sudoku,
    solve_exactly,
)

INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."


def row(label: str, items: int, work: Work, bar: int = 0) -> None:
    """Time it, and print the line of the table."""
    found = rate(work, items)
    wanted = f"  bar {bar:,}: {'met' if found >= bar else 'MISSED'}" if bar else ""
    print(f"{label:<32}{found:>12,.0f} /s{wanted}")


def main() -> None:
    rng = np.random.default_rng(0)
    spent = seconds(minimal_sudokus_4x4)
    print(f"all 85,632 minimal 4x4 puzzles, from nothing: {spent:.2f} s")
    puzzles, solutions = minimal_sudokus_4x4()
    batch, few = (puzzles[:256], solutions[:256]), puzzles[:200]
    easy, grids = generate_sudoku(9, 20, rng, 28)
    hard, (six, _) = parse_sudoku(INKALA), generate_sudoku(6, 50, rng)

    row("generate 4x4, minimal", 1000, lambda: generate_sudoku(4, 1000, rng), bar=5_000)
    row("generate 6x6, minimal", 20, lambda: generate_sudoku(6, 20, rng))
    row("generate 9x9, 28 clues", 20, lambda: generate_sudoku(9, 20, rng, 28), bar=10)
    row("generate 9x9, minimal", 10, lambda: generate_sudoku(9, 10, rng))
    row("augment 4x4, in less than 1 ms", 256, lambda: augment_sudoku(*batch, rng), bar=256_000)
    row("augment 9x9, batch 20", 20, lambda: augment_sudoku(easy, grids, rng))
    for label, boards in (
        ("4x4, minimal", few), ("9x9, 28 clues", easy), ("9x9, Inkala 2012", [hard]),
    ):  # fmt: skip
        work = lambda boards=boards: [solve_exactly(board) for board in boards]  # noqa: E731
        row(f"solve {label}", len(boards), work)
    for boards in (puzzles[:2000], six, easy):
        size = f"{len(boards[0])}x{len(boards[0])}"
        row(f"class key {size}", len(boards), lambda boards=boards: class_key(boards))


if __name__ == "__main__":
    main()
