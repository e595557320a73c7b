"""The trained models that come with the library."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from trm_lib.models import BoardNet
from trm_lib.models.weights import load_model

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
    library = Path(__file__).parents[1]
    installed = library / "weights"
    return installed if installed.is_dir() else library.parent / "book" / "weights"
