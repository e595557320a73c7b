"""python -m trm_lib solve: what it prints and returns, from an argument, a file and a pipe."""

import io
import subprocess
import sys

import numpy as np
import pytest

import trm_lib
from tests.solving.scripted import RING, Scripted, marked
from trm_lib import solve
from trm_lib.__main__ import main
from trm_lib.puzzles import generate_mazes, maze_text, shortest_path_cells, sudoku_text

PUZZLE = "1...|..3.|.4..|...2"


@pytest.fixture
def answers(monkeypatch):
    """Let the shipped model for mazes give these marks, step by step."""
    return lambda *marks: monkeypatch.setattr(
        "trm_lib.solving.shipped_model", lambda puzzle: Scripted(*marks)
    )


def test_the_steps_of_a_sudoku_are_printed_and_right_is_told_from_wrong(capsys):
    assert main(["solve", PUZZLE]) == 0
    printed, solved = capsys.readouterr().out, solve(PUZZLE)
    steps = [f"K = {k:<3} {sudoku_text(solved.steps[k - 1])}" for k in range(1, solved.k + 1)]
    assert printed.splitlines() == [*steps, str(solved)]
    assert main(["solve", "...1|..4.|.13.|3...", "--k", "1"]) == 1
    assert "(wrong: no answer up to K = 1 obeys the rules)" in capsys.readouterr().out


def test_the_path_of_a_maze_is_printed_with_what_was_marked_on_the_way(answers, capsys):
    marks = [marked(cells) for cells in ([], [0], [0, 1], [0, 1, 3], [0, 3], [0, 1, 2])]
    answers(*marks)
    assert main(["solve", RING]) == 0
    marks_at = "cells marked: 0 at K = 1, 1 at K = 2, 3 at K = 4, 3 at K = 6"
    assert capsys.readouterr().out == f"{solve(RING, model=Scripted(*marks))}\n{marks_at}\n"
    large = generate_mazes(30, 1, np.random.default_rng(0))  # too long for the name of a file
    answers(shortest_path_cells(large)[0])
    assert main(["solve", maze_text(large.walls[0], large.start[0], large.goal[0])]) == 0
    assert "proved the shortest" in capsys.readouterr().out


def test_a_longer_path_and_no_path_are_failures(answers, capsys):
    answers(marked([0, 3, 6, 7, 8, 5, 2]))
    assert main(["solve", RING]) == 1
    printed = capsys.readouterr().out
    assert "a path of 6 steps at K = 1; the shortest takes 2\ncells marked: 7 at K = 1\n" in printed
    answers(marked([0, 3]))
    assert main(["solve", RING]) == 1
    assert "no path: up to K = 21 the marked cells are not a way" in capsys.readouterr().out
    assert main(["solve", RING, "--k", "4"]) == 1
    assert "cells marked: 2 at K = 1, 2 at K = 2, 2 at K = 4\n" in capsys.readouterr().out


@pytest.mark.parametrize("puzzle", [PUZZLE.replace("|", "\n"), RING])
@pytest.mark.parametrize("start", ["", "\ufeff", "\r\n"])
def test_a_puzzle_is_read_from_a_file_and_from_standard_input(
    puzzle, start, answers, tmp_path, capsys, monkeypatch
):
    if puzzle == RING:
        answers(marked([0, 1, 2]))
    assert main(["solve", puzzle]) == 0
    expected = capsys.readouterr().out
    path = tmp_path / "puzzle.txt"
    path.write_bytes((start + puzzle.replace("\n", "\r\n") + "\n").encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    for source in (str(path), "-"):
        assert main(["solve", source]) == 0
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("1..1|..3.|.4..|...2", "digit 1 stands twice"),
        ("trm_lib", "expected a puzzle, or a file with one, found no file 'trm_lib'"),
        ("", "expected a Sudoku, rows of digits"),
        ("PICTURE", "expected a PNG picture in"),
    ],
)
def test_what_is_no_puzzle_is_refused_without_a_traceback(argument, message, tmp_path, capsys):
    if argument == "PICTURE":
        argument = str(tmp_path / "maze.png")
        (tmp_path / "maze.png").write_bytes(b"\x89PNG\r\n")
    assert main(["solve", argument]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"trm_lib: {message}")
    assert captured.out == ""


def test_an_interrupted_command_says_so(monkeypatch, capsys):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("trm_lib.__main__._list", interrupt)
    assert main(["list"]) == 130
    assert "run it again to go on" in capsys.readouterr().err


def test_puzzles_and_pictures_do_not_load_torch_and_what_comes_late_is_named_early():
    code = (
        "import sys, trm_lib.puzzles, trm_lib.viz; dir(trm_lib); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert set(trm_lib.__all__) <= set(dir(trm_lib))
    assert all(getattr(trm_lib, name).__name__ == name for name in trm_lib.__all__)
