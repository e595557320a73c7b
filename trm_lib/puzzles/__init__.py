"""The puzzles: Sudoku's rules, exact solvers, generators, symmetries, and splits. NumPy only."""

from trm_lib.puzzles.splits import Split, split_by_class, split_by_hash
from trm_lib.puzzles.sudoku_classes import canonical_sudoku, class_key
from trm_lib.puzzles.sudoku_exhaustive import (
    all_grids_4x4,
    minimal_sudokus_4x4,
    sudokus_4x4,
    unique_masks_4x4,
)
from trm_lib.puzzles.sudoku_format import parse_sudoku, sudoku_text
from trm_lib.puzzles.sudoku_generator import generate_sudoku
from trm_lib.puzzles.sudoku_geometry import box_shape, units
from trm_lib.puzzles.sudoku_rules import check_sudoku, is_solution
from trm_lib.puzzles.sudoku_solver import ExactResult, count_solutions, solve_exactly
from trm_lib.puzzles.sudoku_symmetry import augment_sudoku, random_symmetries, symmetries

__all__ = [
    "ExactResult",
    "Split",
    "all_grids_4x4",
    "augment_sudoku",
    "box_shape",
    "canonical_sudoku",
    "check_sudoku",
    "class_key",
    "count_solutions",
    "generate_sudoku",
    "is_solution",
    "minimal_sudokus_4x4",
    "parse_sudoku",
    "random_symmetries",
    "solve_exactly",
    "split_by_class",
    "split_by_hash",
    "sudoku_text",
    "sudokus_4x4",
    "symmetries",
    "unique_masks_4x4",
    "units",
]
