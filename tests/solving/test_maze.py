"""Mazes are read in every form, and marks are believed only where they are a way to the goal."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.solving.scripted import CONFIG, Scripted, marked
from trm_lib import SolvedMaze, solve
from trm_lib.models import TRM, BoardConfig, FeedForward, Looped, TRMConfig, read_card
from trm_lib.puzzles import (
    Mazes,
    all_trees,
    generate_mazes,
    maze_labels,
    maze_picture,
    maze_text,
    maze_tokens,
    parse_maze,
    shortest_path_cells,
    shortest_way,
)
from trm_lib.solving import SHIPPED, weights_folder
from trm_lib.training import PuzzleData, SupervisedConfig, fit

TREE = """
+---+---+---+
| S |       |
+   +   +   +
|   |   |   |
+   +   +   +
|       | G |
+---+---+---+"""
BLOCKS = """
#######
#S#...#
#.#.#.#
#.#.#.#
#.#.#.#
#...#G#
#######"""
TREE_WAY = [0, 3, 6, 7, 4, 1, 2, 5, 8]
RING = """
+---+---+---+
| S       G |
+   +---+   +
|   |   |   |
+   +---+   +
|           |
+---+---+---+"""
TIES = RING.replace("G", " ").replace("|           |", "|         G |")
OPEN = """
#######
#S....#
#.#.#.#
#.....#
#.#.#.#
#....G#
#######"""
ROUND_THE_RING = [0, 3, 6, 7, 8, 5, 2]


def one_maze(size, layout="tree", seed=0):
    return generate_mazes(size, 1, np.random.default_rng(seed), layout, start="random")


def solved_with(maze, *marks, k_steps=None) -> SolvedMaze:
    return solve(maze, k_steps, Scripted(*(marked(cells) for cells in marks)))


# --- forms


@pytest.mark.parametrize(
    "form",
    [
        TREE,
        BLOCKS,
        BLOCKS.replace(".", " ") + "\n\n",
        parse_maze(TREE),
        maze_tokens(parse_maze(TREE))[0],
        maze_tokens(parse_maze(TREE))[0].astype(np.uint8),
        maze_tokens(parse_maze(TREE))[0].tolist(),
        torch.from_numpy(maze_tokens(parse_maze(TREE))[0]),
        maze_picture(parse_maze(TREE))[0],
        maze_picture(parse_maze(TREE)),
        maze_picture(parse_maze(TREE))[0].tolist(),
    ],
)
def test_every_form_is_the_same_maze_to_the_model(form):
    model = Scripted(marked(TREE_WAY))
    solved = solve(form, model=model)
    assert isinstance(solved, SolvedMaze)
    np.testing.assert_array_equal(model.inputs.numpy(), maze_tokens(parse_maze(TREE)))
    np.testing.assert_array_equal(maze_tokens(solved.maze), maze_tokens(parse_maze(TREE)))
    assert list(solved.path) == TREE_WAY


@pytest.mark.parametrize("size", [2, 4, 6, 9, 30, 128])
def test_mazes_of_any_size_are_read_and_solved(size):
    maze = one_maze(size)
    label = shortest_path_cells(maze)[0]
    for form in (maze, maze_tokens(maze)[0], maze_picture(maze)[0]):
        solved = solve(form, 3, Scripted(~label, label))
        assert (solved.k, solved.is_shortest) == (2, True)
        np.testing.assert_array_equal(solved.path, shortest_way(maze))


# --- the judgement


def test_thinking_ends_at_the_first_marks_that_are_a_way():
    model = Scripted(marked([]), marked([0, 3]), marked(TREE_WAY), marked([4]))
    solved = solve(TREE, model=model)
    assert model.asked == solved.k == len(solved.steps) == 3
    assert list(solved.right) == [False, False, True]
    np.testing.assert_array_equal(solved.steps.sum((1, 2)), [0, 2, 9])
    np.testing.assert_array_equal(solved.answer, solved.steps[2])
    assert solved.is_right
    assert solved.path.dtype == np.int64
    assert list(solved.path) == TREE_WAY
    assert (solved.shortest, solved.is_shortest) == (8, True)


@pytest.mark.parametrize(("k_steps", "thought"), [(7, 7), (None, 60)])
def test_without_a_way_thinking_goes_on_to_the_last_step(k_steps, thought):
    model = Scripted(marked([0, 3]), marked([8]))
    solved = solve(TREE, k_steps, model)
    assert model.asked == solved.k == len(solved.steps) == thought
    assert not solved.right.any()
    assert not solved.is_right
    assert not solved.is_shortest
    assert solved.path is None
    assert solved.shortest == 8
    np.testing.assert_array_equal(solved.answer, marked([8]))


@pytest.mark.parametrize(
    ("maze", "cells"),
    [
        (TREE, [0, 3, 6, 4, 1, 2, 5, 8]),  # a gap
        (RING, [0, 1, 2, 5]),  # a spur that leads nowhere
        (RING, [0, 1, 2, 7]),  # an island
        (RING, [0, 1, 2, 4]),  # a cell behind walls
        (RING, [0, 3, 4, 5, 2]),  # through walls
        (RING, [0, 1, 2, 3, 5, 6, 7, 8]),  # two ways, one of them longer
        (RING, [3, 6, 7, 8, 5]),  # without start and goal
        (RING, range(9)),
        (TIES, range(9)),
        (OPEN, range(8)),
    ],
)
def test_marks_that_are_no_way_are_not_believed(maze, cells):
    solved = solved_with(maze, cells, k_steps=2)
    assert not solved.is_right
    assert solved.path is None


def test_a_longer_way_is_right_but_not_the_shortest():
    solved = solved_with(RING, [0, 3], ROUND_THE_RING)
    assert solved.is_right
    assert list(solved.path) == ROUND_THE_RING
    assert (len(solved.path) - 1, solved.shortest) == (6, 2)
    assert not solved.is_shortest
    assert str(solved).endswith("\na path of 6 steps at K = 2; the shortest takes 2")


@pytest.mark.parametrize(
    ("maze", "cells", "steps"),
    [
        (RING, [0, 1, 2], 2),
        (TIES, [0, 1, 2, 5, 8], 4),  # one of two ties
        (TIES, [0, 3, 6, 7, 8], 4),
        (TIES, [0, 1, 2, 5, 8, 3, 6, 7], 4),  # both: the label
        (OPEN, [0, 1, 4, 5, 8], 4),
        (OPEN, range(9), 4),  # all cells of an open maze lie on a shortest path
    ],
)
def test_one_shortest_path_or_all_of_them_is_proved(maze, cells, steps):
    solved = solved_with(maze, cells)
    assert solved.is_right
    assert solved.is_shortest
    assert len(solved.path) - 1 == solved.shortest == steps
    assert (solved.path[0], solved.path[-1]) == (solved.maze.start[0], solved.maze.goal[0])
    assert solved.answer.flat[solved.path].all()


def test_labels_of_mazes_with_loops_are_believed():
    mazes = generate_mazes(6, 30, np.random.default_rng(0), "loops", 0.4, "random", "random")
    ties = 0
    for i, label in enumerate(shortest_path_cells(mazes)):
        solved = solve(mazes[i], 1, Scripted(label))
        assert solved.is_shortest
        ties += label.sum() > len(solved.path)
    assert ties > 5


# --- what is printed


def test_it_prints_the_path_and_the_proof():
    assert str(solved_with(TREE, [], TREE_WAY)) == (
        "+---+---+---+\n"
        "| S | *   * |\n"
        "+   +   +   +\n"
        "| * | * | * |\n"
        "+   +   +   +\n"
        "| *   * | G |\n"
        "+---+---+---+\n"
        "a path of 8 steps, proved the shortest by breadth-first search, at K = 2"
    )


def test_of_ties_it_prints_one_path():
    solved = solved_with(OPEN, range(9))
    drawn, verdict = str(solved).rsplit("\n", 1)
    assert drawn.count("*") == 3
    assert verdict.startswith("a path of 4 steps, proved the shortest")


def test_it_prints_the_last_marks_where_they_are_no_way():
    drawn, verdict = str(solved_with(TREE, [0, 3, 4], k_steps=100)).rsplit("\n", 1)
    assert drawn == maze_text(parse_maze(TREE).walls[0], 0, 8, marked([3, 4]))
    assert verdict == "no path: up to K = 100 the marked cells are not a way from start to goal"


def test_one_step_is_one_step():
    solved = solve("#####\n#S.G#\n###.#\n#...#\n#####", 1, Scripted(marked([0, 1], 2)))
    assert "\na path of 1 step, proved the shortest" in str(solved)


# --- refusals


def no_way(size=3):
    return Mazes(np.full((1, size, size), 15), np.array([0]), np.array([3]))


def changed_picture():
    picture = maze_picture(parse_maze(TREE))[0].copy()
    picture[0, 0] = (0, 0, 255)
    return picture


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        (
            no_way(),
            "expected a maze with a way from its start to its goal, got one with none: open a wall",
        ),
        (maze_picture(no_way())[0], "a way from its start to its goal, got one with none"),
        (maze_tokens(no_way(4))[0], "a way from its start to its goal, got one with none"),
        (TREE.replace("S", " "), "the maze has no start: mark its cell with 'S'"),
        (TREE.replace("|   |   |   |", "|   |   |"), "line 5 ends in column 9, expected 13"),
        (BLOCKS.replace("G", "x"), "line 7, column 6 holds 'x'"),
        ("+", "the maze of lines 1 to 1 has 0 rows and 0 columns of cells, expected"),
        (changed_picture(), r"picture 0: the pixel in row 1, column 1 is \(0, 0, 255\)"),
        (maze_picture(parse_maze(TREE))[0] / 255.0, "picture: expected integers 0 to 255"),
        (maze_tokens(parse_maze(TREE))[0] & ~32, "maze 0: expected one goal, got 0: add 32"),
        (maze_tokens(parse_maze(TREE))[0] & ~16, "maze 0: expected one start, got 0: add 16"),
        (maze_tokens(parse_maze(TREE))[0] + 64, "maze 0 holds .* in row 1, column 1, expected 0 t"),
        (maze_tokens(parse_maze(TREE))[0] / 1.0, "tokens: expected integers 0 to 47, got float64"),
        (maze_tokens(parse_maze(TREE))[0, :2], r"tokens: expected shape .* got \(2, 3\)"),
        (generate_mazes(3, 2, np.random.default_rng(0)), "expected one maze, got 2: pass them one"),
        (generate_mazes(3, 2, np.random.default_rng(0))[:0], "expected one maze, got 0"),
        (maze_picture(generate_mazes(3, 2, np.random.default_rng(0))), "expected one maze, got 2"),
    ],
)
def test_what_is_no_maze_with_a_way_is_refused_before_thinking(puzzle, message):
    model = Scripted(marked(TREE_WAY))
    with pytest.raises(ValueError, match=message):
        solve(puzzle, model=model)
    assert model.asked == 0


@pytest.mark.parametrize("puzzle", ["", "maze", [[1, 2], [3]], [["S", "G"]], np.zeros((5, 5)), 3])
def test_what_is_neither_maze_nor_sudoku_is_refused(puzzle):
    with pytest.raises(ValueError, match="expected"):
        solve(puzzle, model=Scripted(marked(TREE_WAY)))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("a model", "model expected a network .* vocab_size=48 and n_answers=2, got str"),
        (torch.nn.Linear(4, 4), "got Linear"),
        (Looped(replace(CONFIG, vocab_size=47)), "got LoopedConfig.*vocab_size=47"),
        (Looped(replace(CONFIG, n_answers=None)), "n_answers=2, got .*n_answers=None"),
        (Looped(replace(CONFIG, n_answers=3)), "n_answers=2, got .*n_answers=3"),
        (Looped(replace(CONFIG, grid=(9,), mixing="none")), r"rows and columns.*grid=\(9,\)"),
        (
            Looped(replace(CONFIG, mixing="mlp")),
            "reads 3x3 cells, got .* places on 5x5: use mixing",
        ),
        (Looped(replace(CONFIG, positions="learned")), "reads 3x3 cells, got one .* on 5x5"),
    ],
)
def test_models_for_other_boards_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        solve(TREE, model=model)


def test_a_model_for_mazes_does_not_answer_a_sudoku():
    with pytest.raises(ValueError, match="model expected a TRM or FeedForward.*vocab_size=5"):
        solve("1...|..3.|.4..|...2", model=Scripted(marked(TREE_WAY)))


@pytest.mark.parametrize("k_steps", [0, -3, 1.5, True])
def test_wrong_k_is_refused(k_steps):
    with pytest.raises(ValueError, match=r"k_steps \(K\) expected a whole number >= 1"):
        solve(TREE, k_steps, Scripted(marked(TREE_WAY)))


# --- networks


@pytest.mark.parametrize(
    "model",
    [
        Looped(CONFIG),
        Looped(replace(CONFIG, grid=(3, 3), mixing="mlp")),
        FeedForward(BoardConfig(vocab_size=48, grid=(5, 5), width=4, mixing="conv", n_answers=2)),
        TRM(TRMConfig(vocab_size=48, grid=(5, 5), width=4, mixing="conv", n_answers=2)),
    ],
)
def test_an_untrained_network_is_not_believed_and_left_as_it_was(model):
    model.train()
    solved = solve(TREE, 3, model)
    assert model.training
    assert not solved.is_right
    assert solved.k == 3


@pytest.mark.parametrize("size", [2, 30])
def test_a_network_is_asked_about_mazes_of_any_size(size):
    solved = solve(one_maze(size), 2, Looped(CONFIG))
    assert solved.steps.shape[1:] == solved.answer.shape == (size, size)


def test_a_trained_network_solves_every_perfect_maze_of_2x2_cells():
    start, goal = np.argwhere(~np.eye(4, dtype=bool)).T
    mazes = Mazes(np.repeat(all_trees(2), 12, axis=0), np.tile(start, 4), np.tile(goal, 4))
    model = Looped(replace(CONFIG, width=16, n_layers=1))
    data = PuzzleData(maze_tokens(mazes), maze_labels(mazes))
    config = SupervisedConfig(n_batches=60, batch_size=64, n_sup=4, lr=1e-2, warmup=5)
    fit(model, data, config, progress=False)
    assert len(mazes) == 48
    assert all(solve(mazes[i], 8, model).is_shortest for i in range(48))


def test_a_missing_weight_file_is_named(monkeypatch):
    monkeypatch.setitem(SHIPPED, "maze", "none.safetensors")
    with pytest.raises(FileNotFoundError, match=r"expected a weight file at .*none\.safetensors"):
        solve(TREE)


@pytest.mark.skipif(
    not (weights_folder() / SHIPPED["maze"]).is_file(), reason="the weights are not shipped yet"
)
def test_the_shipped_model_is_the_recorded_seed_and_as_good_on_fresh_mazes():
    from trm_lib.experiments import load_result

    card = read_card(weights_folder() / SHIPPED["maze"])
    runs = load_result("easy_to_hard/looped").seeds
    best = max(sorted(runs), key=lambda seed: runs[seed]["measured"]["validation_exact"])
    measured = runs[best]["measured"]
    assert card["result"].endswith(f"seed {best}")
    assert card["exact on the mazes that chose these weights"] == measured["validation_exact"]
    mazes = generate_mazes(9, 50, np.random.default_rng(987), start="random", goal="random")
    share = np.mean([solve(mazes[i]).is_shortest for i in range(50)])
    assert share >= measured["tree_9_exact_by_k"][-1] - 0.1
