"""The Sudokus of chapter 10: made by the library, told apart by class, and kept in book/puzzles.

python -m book.recipes.sudoku9      makes the file again, in an hour
"""

from functools import cache
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from trm_lib import puzzles
from trm_lib.training import PuzzleData

FILE = Path(__file__).parents[1] / "puzzles" / "sudoku9.npz"
MADE = {"minimal": 26, "hard": 11, "guesses": 80, "relatives": 8}
"""Parts that puzzles are made in: random minimal ones, 500 a part; some of 20 backtracks at the
least, made by climbing, 100 a part, at most four of a grid; those of 500 further minimal ones that
have 5 at the least; more of 20 backtracks, 400 a part, up to forty of a grid."""
PARTS = {
    "training": {"minimal": slice(500, -500), "hard": slice(400, None), "guesses": slice(None),
                 "relatives": slice(None)},
    "validation": {"minimal": slice(500), "hard": slice(200)},
    "test": {"minimal": slice(-500, None), "hard": slice(200, 400)},
}  # fmt: skip
"""Which puzzles are for what."""


def one_part(kind: str, part: int) -> np.ndarray:
    """A part of the 9x9 puzzles of a kind, (B, 81) int8."""
    rng = np.random.default_rng([24, list(MADE).index(kind), part])
    if kind in ("hard", "relatives"):
        count, each = {"hard": (100, 4), "relatives": (400, 40)}[kind]
        made = puzzles.generate_hard_sudoku(count, rng, backtracks=20, each=each)[0]
    else:
        made = puzzles.generate_sudoku(9, 500, rng)[0]
    if kind == "guesses":
        made = made[puzzles.mean_backtracks(made, rng) >= 5]
    return made.reshape(-1, 81)


def make_puzzles() -> None:
    """Make the file again: every part is drawn from its own seed."""
    made = {
        kind: np.concatenate(Parallel(n_jobs=2)(delayed(one_part)(kind, i) for i in range(parts)))
        for kind, parts in MADE.items()
    }
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, **made)


def questions(name: str, kind: str) -> np.ndarray:
    """Puzzles of a kind for training, validation or test, (B, 9, 9) int8."""
    with np.load(FILE) as file:
        return file[kind][PARTS[name][kind]].reshape(-1, 9, 9)


@cache
def part(name: str, kind: str) -> PuzzleData:
    """The same with their solutions, which the exact solver finds."""
    boards = questions(name, kind)
    return PuzzleData(boards, np.stack([puzzles.solve_exactly(b).solution for b in boards]))


@cache
def lessons(shares: tuple[float, ...]) -> PuzzleData:
    """What to train on: so large shares of each kind of puzzles, in the order of `MADE`."""
    parts = []
    for kind, share in zip(MADE, shares, strict=True):
        if share:
            data = part("training", kind)
            parts.append(data[np.arange(round(share * 40_000)) % len(data)])
    boards = zip(*((data.inputs, data.labels) for data in parts), strict=True)
    return PuzzleData(*map(np.concatenate, boards))


@cache
def of_size(size: int, count: int, clues: int | str) -> PuzzleData:
    """Puzzles of another size, the same in every run."""
    rng = np.random.default_rng([24, size])
    return PuzzleData(*puzzles.generate_sudoku(size, count, rng, clues))


FAMOUS = {
    "AI Escargot, 2006":
    "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
    "Easter Monster":
    "1.......2.9.4...5...6...7...5.9.3.......7.......85..4.7.....6...3...9.8...2.....1",
    "Golden Nugget":
    ".......39.....1..5..3.5.8....8.9...6.7...2...1..4.......9.8..5..2....6..4..7.....",
    "Platinum Blonde":
    ".......12........3..23..4....18....5.6..7.8.......9.....85.....9...4.5..47...6...",
    "Inkala, 2010":
    "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97..",
    "Inkala, 2012":
    "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    "17 clues":
    ".......1.4.........2...........5.4.7..8...3....1.9....3..4..2...5.1........8.6...",
    "17 clues, another":
    ".......12....35......6...7.7.....3.....4..8..1...........12.....8.....4..5....6..",
}  # fmt: skip
"""Puzzles that were each called the hardest of their time, and two of the shortest there are."""


@cache
def famous() -> PuzzleData:
    """Those puzzles with their solutions, in the same order."""
    boards = [puzzles.parse_sudoku(text) for text in FAMOUS.values()]
    return PuzzleData(boards, np.stack([puzzles.solve_exactly(b).solution for b in boards]))


SIZES = ((4, 500, "minimal"), (6, 500, "minimal"), (16, 50, 120), (25, 20, 360))
"""Boards of other sizes, how many are asked, and how many clues they have."""


if __name__ == "__main__":
    make_puzzles()
