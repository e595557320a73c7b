"""Sudoku and mazes: rules, exact solvers, generators, symmetries and splits. NumPy only."""

from trm_lib.puzzles.maze import (
    Mazes,
    distance_table,
    generate_mazes,
    maze_distances,
    shortest_path_cells,
)
from trm_lib.puzzles.maze_paths import (
    filling_rounds,
    marked_way,
    maze_labels,
    maze_tokens,
    pixel_labels,
    pixel_tokens,
    read_maze_tokens,
    shortest_way,
)
from trm_lib.puzzles.maze_symmetry import (
    all_trees,
    augment_mazes,
    layout_class,
    layout_key,
    turn_cells,
    turn_mazes,
)
from trm_lib.puzzles.maze_text import (
    label_picture,
    maze_picture,
    maze_text,
    parse_maze,
    read_maze_picture,
)
from trm_lib.puzzles.splits import Split, split_by_class, split_by_hash
from trm_lib.puzzles.sudoku import (
    box_shape,
    check_sudoku,
    is_solution,
    parse_sudoku,
    sudoku_text,
    units,
)
from trm_lib.puzzles.sudoku_generator import (
    all_grids_4x4,
    augment_with_clues,
    generate_sudoku,
    minimal_sudokus_4x4,
    sudokus_4x4,
    unique_masks_4x4,
)
from trm_lib.puzzles.sudoku_solver import ExactResult, count_solutions, solve_exactly
from trm_lib.puzzles.sudoku_symmetry import (
    augment_sudoku,
    canonical_sudoku,
    class_key,
    random_symmetries,
    symmetries,
)

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
