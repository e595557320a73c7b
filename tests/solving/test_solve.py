"""`solve` reads every form, believes only what the rules accept, and refuses what is no puzzle."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.puzzles.by_hand import maze_picture
from tests.solving.scripted import CONFIG, RING, Scripted, marked
from trm_lib import SolvedMaze, SolvedSudoku, puzzles, solve
from trm_lib.models import (
    TRM,
    BoardConfig,
    FeedForward,
    Looped,
    LoopedConfig,
    StepOutput,
    TRMConfig,
)
from trm_lib.solving import SHIPPED, shipped_model

PUZZLE = "1...|..3.|.4..|...2"
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
READS = {"vocab_size": 48, "grid": (5, 5)}
TREE_WAY = [0, 3, 6, 7, 4, 1, 2, 5, 8]
ROUND_THE_RING = [0, 3, 6, 7, 8, 5, 2]
TIES = RING.replace("G", " ").replace("|           |", "|         G |")
OPEN = """
#######
#S....#
#.#.#.#
#.....#
#.#.#.#
#....G#
#######"""
TOKENS, PICTURE = (
    puzzles.maze_tokens(puzzles.parse_maze(TREE))[0],
    maze_picture(puzzles.parse_maze(TREE))[0],
)
IN_PIECES = puzzles.Mazes(np.full((1, 3, 3), 15), np.array([0]), np.array([3]))


def solved_with(maze, *marks, k_steps=None) -> SolvedMaze:
    return solve(maze, k_steps, Scripted(*(marked(cells) for cells in marks)))


# --- Sudoku


def test_the_shipped_model_solves_the_example_of_the_readme():
    solved = solve(PUZZLE)
    assert isinstance(solved, SolvedSudoku)
    assert solved.is_right
    assert (solved.answer == puzzles.solve_exactly(solved.puzzle).solution).all()
    assert solved.steps.shape == (16, 4, 4)
    assert (solved.answer == solved.steps[solved.k - 1]).all()
    assert not solved.right[: solved.k - 1].any()
    assert f"right, proved by the rules at K = {solved.k}" in str(solved)
    board = [[1, 0, 0, 0], [0, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 2]]
    for form in (PUZZLE.replace("|", ""), board, np.array(board, np.uint8), torch.tensor(board)):
        assert (solve(form).steps == solved.steps).all()


@pytest.mark.parametrize("starts", [1, 2, 5])
def test_a_thought_that_is_wrong_is_begun_again_from_another_state(starts, monkeypatch):
    answer = puzzles.solve_exactly(solve(PUZZLE).puzzle).solution
    drawn = []

    def answers(model, boards, k_steps, generator):
        if generator is not None:
            drawn.append(torch.rand((), generator=generator).item())
        said = np.zeros((k_steps, 1, 4, 4), np.int64)
        said[2] = answer * (len(drawn) == 2)  # right at K = 3 of the third thought
        return said

    monkeypatch.setattr("trm_lib.solving.answers_by_k", answers)
    solved = solve(PUZZLE, 4, starts=starts)
    assert solved.starts == min(starts, 3)
    assert solved.is_right == (starts == 5)
    assert len(set(drawn)) == len(drawn) == solved.starts - 1
    said = {1: "obeys the rules)", 2: "rules in 2 thoughts)", 5: "rules at K = 3, thought 3)"}
    assert str(solved).endswith(said[starts])
    with pytest.raises(ValueError, match="starts expected a whole number >= 1"):
        solve(PUZZLE, starts=0)


def test_the_shipped_9x9_network_begins_at_random_and_a_given_one_does_not(monkeypatch):
    began = []

    def answers(model, boards, k_steps, generator):
        began.append(generator is not None)
        return np.zeros((k_steps, 1, 9, 9), np.int64)

    monkeypatch.setattr("trm_lib.solving.answers_by_k", answers)
    puzzle = puzzles.generate_sudoku(9, 1, np.random.default_rng(0))[0][0]
    solve(puzzle, 1, starts=2)
    solve(puzzle, 1, model=shipped_model(9), starts=2)
    assert began == [True, True, False, True]


# --- mazes


@pytest.mark.parametrize(
    "form",
    [
        TREE,
        BLOCKS,
        BLOCKS.replace(".", " ") + "\n\n",
        puzzles.parse_maze(TREE),
        TOKENS,
        TOKENS.tolist(),
        torch.from_numpy(TOKENS),
        PICTURE,
        PICTURE.tolist(),
    ],
)
def test_every_form_is_the_same_maze_to_the_model(form):
    model = Scripted(marked(TREE_WAY))
    solved = solve(form, model=model)
    assert isinstance(solved, SolvedMaze)
    np.testing.assert_array_equal(model.inputs.numpy()[0], TOKENS)
    np.testing.assert_array_equal(puzzles.maze_tokens(solved.maze)[0], TOKENS)
    assert list(solved.path) == TREE_WAY


@pytest.mark.parametrize("size", [2, 9, 30, 128])
def test_mazes_of_any_size_are_read_and_solved(size):
    maze = puzzles.generate_mazes(size, 1, np.random.default_rng(0), start="random")
    label = puzzles.shortest_path_cells(maze)[0]
    for form in (maze, puzzles.maze_tokens(maze)[0], maze_picture(maze)[0]):
        solved = solve(form, 3, Scripted(~label, label))
        assert (solved.k, solved.is_shortest) == (2, True)
        np.testing.assert_array_equal(solved.path, puzzles.shortest_way(maze))
    asked = solve(maze, 1, Looped(CONFIG))  # a network for 5x5 cells
    assert asked.steps.shape[1:] == asked.answer.shape == (size, size)


def test_thinking_ends_at_the_first_marks_that_are_a_way():
    model = Scripted(marked([]), marked([0, 3]), marked(TREE_WAY), marked([4]))
    solved = solve(TREE, model=model)
    assert model.asked == solved.k == len(solved.steps) == 3
    assert list(solved.right) == [False, False, True]
    np.testing.assert_array_equal(solved.steps.sum((1, 2)), [0, 2, 9])
    np.testing.assert_array_equal(solved.answer, solved.steps[2])
    assert solved.path.dtype == np.int64
    assert list(solved.path) == TREE_WAY
    assert (solved.is_right, solved.shortest, solved.is_shortest) == (True, 8, True)


@pytest.mark.parametrize(("k_steps", "thought"), [(7, 7), (None, 22), (100, 22)])
def test_without_a_way_thinking_goes_on_until_the_marks_rest(k_steps, thought):
    model = Scripted(marked([0, 3]), marked([8]))
    solved = solve(TREE, k_steps, model)
    assert model.asked == solved.k == len(solved.steps) == thought
    assert not solved.right.any()
    assert (solved.is_right, solved.is_shortest, solved.path) == (False, False, None)
    assert solved.shortest == 8
    np.testing.assert_array_equal(solved.answer, marked([8]))


@pytest.mark.parametrize(
    ("maze", "cells", "path"),
    [
        (TREE, [0, 3, 6, 4, 1, 2, 5, 8], None),  # a gap
        (RING, [0, 3, 4, 5, 2], None),  # through walls
        (RING, [0, 1, 2, 3, 5, 6, 7, 8], None),  # two ways, one of them longer
        (OPEN, range(8), None),
        (RING, ROUND_THE_RING, 6),  # a way, but not the shortest
        (RING, [0, 1, 2], 2),
        (TIES, [0, 1, 2, 5, 8], 4),  # one of two ties
        (TIES, [0, 1, 2, 5, 8, 3, 6, 7], 4),  # both: the label
        (OPEN, [0, 1, 4, 5, 8], 4),
        (OPEN, range(9), 4),  # all cells of an open maze lie on a shortest path
    ],
)
def test_marks_are_believed_where_they_are_a_way(maze, cells, path):
    solved = solved_with(maze, cells, k_steps=2)
    if path is None:
        assert (solved.is_right, solved.path) == (False, None)
        return
    assert len(solved.path) - 1 == path
    assert (solved.is_right, solved.is_shortest) == (True, path == solved.shortest)
    assert (solved.path[0], solved.path[-1]) == (solved.maze.start[0], solved.maze.goal[0])
    assert solved.answer.flat[solved.path].all()
    assert str(solved).count("*") == path - 1  # one path is printed
    assert ("proved the shortest" in str(solved)) is solved.is_shortest


def test_it_prints_the_path_and_the_proof_or_the_last_marks():
    drawn, verdict = str(solved_with(TREE, [], TREE_WAY)).rsplit("\n", 1)
    assert drawn == puzzles.maze_text(
        puzzles.parse_maze(TREE).walls[0], 0, 8, marked(TREE_WAY[1:-1])
    )
    assert verdict == "a path of 8 steps, proved the shortest by breadth-first search, at K = 2"
    assert str(solved_with(RING, [0, 3], ROUND_THE_RING)).endswith(
        "\na path of 6 steps at K = 2; the shortest takes 2"
    )
    drawn, verdict = str(solved_with(TREE, [0, 3, 4], k_steps=100)).rsplit("\n", 1)
    assert drawn == puzzles.maze_text(puzzles.parse_maze(TREE).walls[0], 0, 8, marked([3, 4]))
    told = "no path: up to K = 21 the marked cells are not a way from start to goal"
    assert verdict == f"{told}; nothing has changed since K = 1"
    assert str(solved_with(TREE, [0, 3, 4], k_steps=20)).endswith(told.replace("21", "20"))
    one_step = solve("#####\n#S.G#\n###.#\n#...#\n#####", 1, Scripted(marked([0, 1], 2)))
    assert "\na path of 1 step, proved the shortest" in str(one_step)


@pytest.mark.parametrize(
    ("puzzle", "model"),
    [
        (PUZZLE, TRM(TRMConfig(vocab_size=5, grid=(4, 4), width=8))),
        (TREE, Looped(CONFIG)),
        (TREE, Looped(replace(CONFIG, grid=(3, 3), mixing="mlp"))),
        (TREE, FeedForward(BoardConfig(**READS, width=4, mixing="conv", n_answers=2))),
        (TREE, TRM(TRMConfig(**READS, width=4, mixing="conv", n_answers=2))),
    ],
)
def test_an_untrained_network_is_not_believed_and_left_as_it_was(puzzle, model):
    model.train()
    solved = solve(puzzle, 3, model)
    assert model.training
    assert (solved.is_right, solved.k) == (False, 3)
    assert ("wrong: no answer up to K = 3" if puzzle == PUZZLE else "no path") in str(solved)


class Moves(torch.nn.Module):
    """Answers with these scores of moves, one array (n, m, 4) a step, the last for ever."""

    def __init__(self, *scores):
        super().__init__()
        self.config = LoopedConfig(vocab_size=32, grid=(2, 2), n_answers=4, mixing="conv")
        self.scores, self.inputs = scores, None

    def initial_carry(self, inputs):
        self.inputs = inputs
        return 0

    def forward(self, carry, inputs):
        scores = self.scores[min(carry, len(self.scores) - 1)]
        return carry + 1, StepOutput(torch.tensor(np.array(scores, np.float32))[None])


def test_moves_are_walked_from_the_start_to_a_goal():
    maze = puzzles.parse_maze(RING)
    far = puzzles.maze_distances(maze.walls, maze.goals)
    shortest = 2.0 * puzzles.shortest_moves(maze.walls, far)[0] - 1
    silent = np.full((3, 3, 4), -1.0)
    model = Moves(silent, silent, shortest)
    solved = solve(maze, model=model)
    np.testing.assert_array_equal(model.inputs[0], puzzles.move_tokens(maze)[0])
    assert (solved.k, solved.is_shortest, list(solved.path)) == (3, True, [0, 1, 2])
    np.testing.assert_array_equal(solved.steps.sum((1, 2)), [1, 1, 3])
    into_a_wall = silent.copy()
    into_a_wall[0, 0, 0] = 1
    to_and_fro = silent.copy()
    to_and_fro[0, 0, 1] = to_and_fro[0, 1, 3] = 1
    for scores, walked in ((silent, [0]), (into_a_wall, [0]), (to_and_fro, [0, 1])):
        solved = solve(maze, model=Moves(scores))
        assert (solved.path, solved.rests, solved.k) == (None, True, 21)
        assert np.flatnonzero(solved.answer).tolist() == walked
    several = puzzles.Mazes(maze.walls, np.array([8]), np.array([[0, 6]]))
    scores = puzzles.shortest_moves(maze.walls, puzzles.maze_distances(maze.walls, several.goals))
    assert list(solve(several, model=Moves(2.0 * scores[0] - 1)).path) == [8, 7, 6]


def test_ties_are_told():
    assert "a path of 4 steps, one of several as short, proved" in str(solve(TIES))
    assert "a path of 8 steps, proved" in str(solve(TREE))


@pytest.mark.parametrize("layout", ["tree", "loops", "open"])
@pytest.mark.parametrize("size", [(2, 2), (9, 9), (4, 17), (30, 30)])
def test_the_shipped_model_walks_the_shortest_way_in_mazes_of_every_kind(layout, size):
    mazes = puzzles.generate_mazes(size, 5, np.random.default_rng(7), layout, start="random")
    for i in range(5):
        solved = solve(mazes[i])
        assert solved.is_shortest
        assert solved.k <= solved.shortest + 1  # as soon as news of the goal has come


def test_squares_of_the_official_code_are_asked_in_its_tokens():
    text = "##########\nS...######\n##.#######\n##..G#####\n" + "##########\n" * 6
    way = [10, 11, 12, 22, 32, 33, 34]
    answer = np.full((10, 10), 1)
    answer.flat[way] = 5
    config = TRMConfig(vocab_size=6, grid=(100,), width=8)
    model = Scripted(answer.reshape(-1), config=config)
    solved = solve(text, model=model)
    assert list(solved.path) == way
    tokens = model.inputs.reshape(10, 10)
    assert tokens[0].tolist() == [1] * 10
    assert tokens[1, :5].tolist() == [3, 2, 2, 2, 1]
    assert tokens[3, 4] == 4
    with pytest.raises(ValueError, match="maze of squares, open or wall"):
        solve(puzzles.parse_maze(TREE), model=model)


# --- refusals


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        ("1..1|..3.|.4..|...2", "digit 1 stands twice in row 1: row 1, column 1 and row 1, column"),
        ("12..|..3.|....|..4.", "expected a puzzle with one solution, got none"),
        ("1...|....|....|...2", "got several: row 1, column 2 can hold . or .; add a clue"),
        (IN_PIECES, "expected a way from start to goal, got a maze without: open a wall"),
        (TREE.replace("S", " "), "expected one start and a goal, got 0 and 1: mark a cell S"),
        (
            np.where(PICTURE, PICTURE, 1),
            r"picture: .* row 1, column 1 is \(1, 1, 1\): expected black",
        ),
        (TOKENS + 64, "tokens: expected integers 0 to 47, got int64"),
        (puzzles.parse_maze(TREE)[:0], "expected one maze, got 0"),
        (np.stack([PICTURE] * 2), "expected one board"),
        (3, "expected one board"),
    ],
)
def test_what_is_no_puzzle_with_an_answer_is_refused_before_thinking(puzzle, message):
    if isinstance(puzzle, str) and puzzle[:1] in ("", "1"):
        model = TRM(TRMConfig(vocab_size=5, grid=(4, 4), width=8))
    else:
        model = Scripted(marked(TREE_WAY))
    with pytest.raises(ValueError, match=message):
        solve(puzzle, model=model)
    assert getattr(model, "asked", 0) == 0


@pytest.mark.parametrize(
    ("puzzle", "model", "message"),
    [
        (TREE, "a model", "expected a network .* vocab_size=48 and n_answers=2 or .*, got str"),
        (TREE, Looped(replace(CONFIG, vocab_size=47)), "got LoopedConfig.*vocab_size=47"),
        (TREE, Looped(replace(CONFIG, n_answers=None)), "n_answers=2 or .*, got .*n_answers=None"),
        (
            TREE,
            Looped(replace(CONFIG, grid=(8,), mixing="mlp")),
            r"tensor \(B, 8\), got",
        ),
        (TREE, Looped(replace(CONFIG, mixing="mlp")), r"shape \(5, 5\).*got \(3, 3\): use mixing"),
        (TREE, Looped(replace(CONFIG, positions="learned")), r"shape \(5, 5\).*got \(3, 3\)"),
        (PUZZLE, Scripted(marked(TREE_WAY)), "vocab_size=5 and n_answers=5 or .*vocab_size=48"),
        (
            PUZZLE,
            TRM(TRMConfig(vocab_size=5, grid=(15,), width=8)),
            r"tensor \(B, 15\), got .* \(1, 4, 4\)",
        ),
        (PUZZLE, TRM(TRMConfig(vocab_size=5, grid=(6, 6), width=8)), r"\(6, 6\).* got \(4, 4\)"),
    ],
)
def test_models_for_other_boards_are_refused(puzzle, model, message):
    with pytest.raises(ValueError, match=message):
        solve(puzzle, model=model)


@pytest.mark.parametrize("k_steps", [0, -3, 1.5, True])
def test_wrong_k_is_refused(k_steps):
    for puzzle, model in ((PUZZLE, None), (TREE, Scripted(marked(TREE_WAY)))):
        with pytest.raises(ValueError, match=r"k_steps \(K\) expected a whole number >= 1"):
            solve(puzzle, k_steps, model)


def test_what_is_not_shipped_is_said(monkeypatch):
    with pytest.raises(ValueError, match=r"a model is shipped for each of .*got 7x7 Sudoku"):
        shipped_model(7)
    monkeypatch.setitem(SHIPPED, "maze", "none.safetensors")
    with pytest.raises(FileNotFoundError, match=r"expected a weight file at .*none\.safetensors"):
        solve(TREE)
