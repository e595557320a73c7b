"""Tiny Recursive Models: a small library, and the book that runs on it.

    from trm_lib import solve
    print(solve("1...|..3.|.4..|...2"))

The rooms are `puzzles`, `envs`, `models`, `training`, `evaluation`, `solving`, `experiments` and
`viz`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trm_lib.solving import SolvedMaze, SolvedSudoku, solve

__all__ = ["SolvedMaze", "SolvedSudoku", "solve"]
__version__ = "0.1.0"


def __getattr__(name: str):
    """Import torch only for those who ask for it: the puzzles and pictures need only NumPy."""
    if name in __all__:
        from trm_lib import solving

        return getattr(solving, name)
    raise AttributeError(f"module 'trm_lib' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name them all the same, for completion and for the reference."""
    return sorted({*globals(), *__all__})
