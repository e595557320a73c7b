"""Sudoku and mazes: rules, exact solvers, generators, symmetries and splits. NumPy only.

Whatever is not as a docstring asks is refused with a ValueError that says what was expected, what
came, and what to do.
"""

from trm_lib.puzzles.maze import (
    Layout,
    Mazes,
    Place,
    check_marks,
    check_maze_options,
    generate_mazes,
    mazes_from_keys,
    places_from_keys,
)
from trm_lib.puzzles.maze_boards import (
    CELL_TOKENS,
    MOVE_TOKENS,
    PIXEL_TOKENS,
    SQUARE_PATH,
    maze_from_squares,
    maze_labels,
    maze_tokens,
    move_tokens,
    pixel_labels,
    pixel_tokens,
    read_maze_picture,
    read_maze_tokens,
    square_tokens,
)
from trm_lib.puzzles.maze_layouts import (
    Size,
    all_trees,
    check_walls,
    grid_of,
    layout_class,
    passages,
    steps_to,
    wall_pixels,
    walls_from_pixels,
)
from trm_lib.puzzles.maze_paths import (
    marked_way,
    maze_distances,
    shortest_moves,
    shortest_path_cells,
    shortest_way,
    walk,
)
from trm_lib.puzzles.maze_text import maze_text, parse_maze, parse_squares
from trm_lib.puzzles.reading import game_of
from trm_lib.puzzles.splits import Split, draw_below, mix64, split_by_class, split_by_hash
from trm_lib.puzzles.sudoku import (
    as_array,
    box_shape,
    check_boards,
    check_sudoku,
    is_solution,
    parse_sudoku,
    sudoku_text,
    units,
)
from trm_lib.puzzles.sudoku_generator import (
    FEWEST_CLUES,
    all_grids_4x4,
    augment_with_clues,
    generate_hard_sudoku,
    generate_sudoku,
    masked_grids,
    mean_backtracks,
    minimal_sudokus_4x4,
    sudokus_4x4,
    unique_masks_4x4,
)
from trm_lib.puzzles.sudoku_solver import ExactResult, solve_exactly
from trm_lib.puzzles.sudoku_symmetry import augment_sudoku, class_key

__all__ = [
    "CELL_TOKENS", "FEWEST_CLUES", "MOVE_TOKENS", "PIXEL_TOKENS", "SQUARE_PATH", "ExactResult",
    "Layout", "Mazes", "Place", "Size", "Split", "all_grids_4x4", "all_trees", "as_array",
    "augment_sudoku", "augment_with_clues", "box_shape", "check_boards", "check_marks",
    "check_maze_options", "check_sudoku", "check_walls", "class_key", "draw_below",
    "game_of", "generate_hard_sudoku", "generate_mazes", "generate_sudoku",
    "grid_of", "is_solution", "layout_class", "marked_way", "masked_grids", "maze_distances",
    "maze_from_squares", "maze_labels", "maze_text", "maze_tokens",
    "mazes_from_keys", "mean_backtracks", "minimal_sudokus_4x4", "mix64", "move_tokens",
    "parse_maze", "parse_squares", "parse_sudoku", "passages", "pixel_labels", "pixel_tokens",
    "places_from_keys", "read_maze_picture", "read_maze_tokens", "shortest_moves",
    "shortest_path_cells", "shortest_way", "solve_exactly", "split_by_class", "split_by_hash",
    "square_tokens", "steps_to", "sudoku_text", "sudokus_4x4", "unique_masks_4x4", "units", "walk",
    "wall_pixels", "walls_from_pixels",
]  # fmt: skip
