"""Sudoku and mazes: rules, exact solvers, generators, symmetries and splits. NumPy only."""

from trm_lib.puzzles.maze import Mazes, generate_mazes
from trm_lib.puzzles.maze_distances import distance_table, maze_distances, shortest_path_cells
from trm_lib.puzzles.maze_filling import filling_rounds
from trm_lib.puzzles.maze_format import maze_text, parse_maze
from trm_lib.puzzles.maze_layouts import all_trees, layout_class, layout_key
from trm_lib.puzzles.maze_picture import label_picture, maze_picture, read_maze_picture
from trm_lib.puzzles.maze_symmetry import augment_mazes, turn_cells, turn_mazes
from trm_lib.puzzles.maze_tokens import (
    maze_labels,
    maze_tokens,
    pixel_labels,
    pixel_tokens,
    read_maze_tokens,
)
from trm_lib.puzzles.maze_ways import marked_way, shortest_way
from trm_lib.puzzles.splits import Split, split_by_class, split_by_hash
from trm_lib.puzzles.sudoku_classes import canonical_sudoku, class_key
from trm_lib.puzzles.sudoku_clues import augment_with_clues
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
    "Mazes",
    "Split",
    "all_grids_4x4",
    "all_trees",
    "augment_mazes",
    "augment_sudoku",
    "augment_with_clues",
    "box_shape",
    "canonical_sudoku",
    "check_sudoku",
    "class_key",
    "count_solutions",
    "distance_table",
    "filling_rounds",
    "generate_mazes",
    "generate_sudoku",
    "is_solution",
    "label_picture",
    "layout_class",
    "layout_key",
    "marked_way",
    "maze_distances",
    "maze_labels",
    "maze_picture",
    "maze_text",
    "maze_tokens",
    "minimal_sudokus_4x4",
    "parse_maze",
    "parse_sudoku",
    "pixel_labels",
    "pixel_tokens",
    "random_symmetries",
    "read_maze_picture",
    "read_maze_tokens",
    "shortest_path_cells",
    "shortest_way",
    "solve_exactly",
    "split_by_class",
    "split_by_hash",
    "sudoku_text",
    "sudokus_4x4",
    "symmetries",
    "turn_cells",
    "turn_mazes",
    "unique_masks_4x4",
    "units",
]
