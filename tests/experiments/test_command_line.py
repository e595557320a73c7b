"""python -m trm_lib list, run, report, verify: what they print, and one line for bad input."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from trm_lib.__main__ import main
from trm_lib.experiments import Recipe, catalogue, find_recipes, load_result, run_recipe

RECIPES = {recipe.name: recipe for recipe in find_recipes()}

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Coin:
    sides: int = 2


def toss(config, seed, checkpoint):
    right = np.random.default_rng(seed).random(3).tolist()
    return {"validation_exact_by_k": right, "test_exact_by_k": right}


COIN = Recipe("coins/fair", "guessing", Coin(), toss)


def only_recipes(monkeypatch, *recipes):
    """Let the command line know these and no others."""

    def find(name="", folder=None):
        found = [r for r in recipes if name in ("", r.name, r.name.split("/")[0])]
        return found or find_recipes(name, folder)

    monkeypatch.setattr("trm_lib.experiments.find_recipes", find)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with three seeds of the only two recipes there are; one was never run."""
    only_recipes(monkeypatch, COIN, replace(COIN, name="unrun/fair"))
    run_recipe(COIN, range(3), tmp_path, jobs=1)
    return tmp_path


def test_the_catalogue_says_what_a_seed_costs_where_that_is_known(folder):
    result = load_result(COIN.name, folder)
    for seed, seconds in enumerate((12.4, 61.0, 700.0)):
        result.seeds[seed]["seconds"] = seconds
    result.save(folder)
    changed = replace(COIN, name="coins/fair", config=Coin(sides=3))
    unrun = replace(COIN, name="coins/never_run")
    assert catalogue([COIN, unrun, changed], folder).splitlines() == [
        "recipe           seeds  s/seed  about",
        "coins/fair           3      61  guessing",
        "coins/never_run                 guessing",
        "coins/fair                      guessing",  # recorded with another config
    ]


def test_list_reads_the_recorded_results(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + len(RECIPES)
    recorded = load_result("basic_trm/recursion")
    (row,) = (line for line in printed if line.startswith("basic_trm/recursion "))
    name, seeds, seconds, *_ = row.split()
    assert (name, int(seeds)) == (recorded.recipe, len(recorded.seeds))
    assert int(seconds) == round(np.median(recorded.seconds()))


def test_run_report_and_verify_agree(folder, capsys):
    out = ["--results", str(folder)]
    assert main(["run", "coins", "--seeds", "3", "--jobs", "1", *out]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("| learner | test %")
    drawn = ["--figure", str(folder / "a.svg"), "--figure-by-k", str(folder / "b.svg")]
    assert main(["report", "coins", *out, *drawn]) == 0
    assert capsys.readouterr().out == printed
    assert "Dot plot of exactly right" in (folder / "a.svg").read_text()
    assert "Line chart of exactly right" in (folder / "b.svg").read_text()
    assert main(["verify", "coins/fair", "--seed", "2", *out]) == 0
    assert "coins/fair, seed 2: every number as stored" in capsys.readouterr().out
    stored = folder / "coins" / "fair.json"
    stored.write_text(stored.read_text().replace("[0.", "[1.", 1))
    assert main(["verify", "coins/fair", *out]) == 1
    said = capsys.readouterr().out
    assert "coins/fair, seed 0: " in said
    assert "It was recorded at commit" in said


def test_a_policys_learning_is_drawn(tmp_path):
    chart = tmp_path / "a.svg"
    assert main(["report", "maze4/mlp", "--figure-learning", str(chart)]) == 0
    assert "success, validation cases against environment steps" in chart.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "nonsense"], "no recipe is called 'nonsense'"),
        (["run", "nonsense"], "no recipe is called 'nonsense'"),
        (["report", "unrun"], "python -m trm_lib run unrun/fair"),
        (["report", "coins", "--figure-learning", "a.svg"], "to have measured 'watched_steps'"),
        (["report", "coins", "--figure", "a.gif"], "must end in ('.svg', '.png', '.pdf')"),
        (["report", "coins", "--figure", "nowhere/a.svg"], "nowhere/a.svg"),
        (
            ["report", "coins", "--results", "nowhere"],
            "a result at nowhere/coins/fair.json",
        ),
        (
            ["run", "coins", "--backend", "foo", "--results", "nowhere"],
            "backend expected one of",
        ),
        (["run", "coins", "--results", __file__], "test_command_line.py"),
        (["verify", "coins", "--seed", "7"], "holds seeds [0, 1, 2], not 7"),
        (["verify", "coins", "--tolerance", "nan"], "tolerance expected a number >= 0"),
    ],
)
def test_bad_input_is_one_line_on_stderr(arguments, said, folder, capsys):
    if "--results" not in arguments:
        arguments = [*arguments, "--results", str(folder)]
    capsys.readouterr()  # the fixture's progress bar
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("trm_lib: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err


def test_a_damaged_result_is_named(folder, capsys):
    (folder / "coins/fair.json").write_bytes(b"\xff{")
    for command in (["list"], ["report", "coins"], ["run", "coins", "--jobs", "1"]):
        capsys.readouterr()
        assert main([*command, "--results", str(folder)]) == 2
        assert "fair.json is not a whole result of coins/fair" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "ten", "100001", "9" * 5000])
@pytest.mark.parametrize(
    "command", [["run", "x", "--seeds"], ["run", "x", "--jobs"], ["solve", "x", "--k"]]
)
def test_a_wrong_number_says_what_was_expected(command, number, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, number])
    assert stopped.value.code == 2
    expected = f"expected a whole number from 1 to 100000, got '{number[:20]}'"
    assert expected in capsys.readouterr().err


def test_all_is_checked_before_the_first_seed_is_repeated(folder, monkeypatch, capsys):
    """The second of two recipes lacks the seed, and the first cannot be repeated at all."""
    short = replace(COIN, name="coins/short")
    run_recipe(short, [0], folder, jobs=1)
    only_recipes(monkeypatch, replace(COIN, run=None), short)
    assert main(["verify", "coins", "--seed", "1", "--results", str(folder)]) == 2
    assert "coins/short holds seeds [0], not 1" in capsys.readouterr().err


def test_all_is_drawn_before_anything_is_saved(folder, capsys):
    charts = [folder / "a.svg", folder / "b.svg"]
    drawn = ["--figure", str(charts[0]), "--figure-learning", str(charts[1])]
    assert main(["report", "coins", "--results", str(folder), *drawn]) == 2
    assert not any(chart.exists() for chart in charts)


def test_results_that_are_not_the_recipes_are_not_reported(folder, capsys):
    stored = folder / "coins/fair.json"
    whole = stored.read_text()
    stored.write_text(whole.replace('"sides": 2', '"sides": 3'))
    for command in ("report", "verify"):
        assert main([command, "coins", "--results", str(folder)]) == 2
        said = capsys.readouterr().err
        assert "coins/fair was made with another config (it differs in sides)" in said
    stored.write_text(whole.replace("[0.", "[[0.5], 0.", 1))
    assert main(["report", "coins", "--results", str(folder)]) == 2
    assert "coins/fair.json expected 'validation_exact_by_k' to have" in capsys.readouterr().err


def test_a_reader_who_has_seen_enough_is_no_error():
    """`python -m trm_lib list | head -0`: the pipe is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "trm_lib", "list"]
    process = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, b"")
