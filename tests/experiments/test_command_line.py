"""python -m trm_lib list, run, report, verify: what they print, and one line for bad input."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trm_lib.__main__ import main
from trm_lib.experiments import find_recipe, find_recipes, load_result, run_recipe

ROOT = Path(__file__).resolve().parents[2]
TOYS = Path(__file__).with_name("toys")
COIN = find_recipe("coins/fair", TOYS)


@pytest.fixture
def folder(tmp_path):
    """A folder with three seeds of one recipe."""
    run_recipe(COIN.name, range(3), tmp_path, TOYS, jobs=1)
    return tmp_path


def told(command, *arguments, folder):
    """The exit status of a command about the toys and this folder, or another that it names."""
    return main([command, "--recipes", str(TOYS), "--results", str(folder), *arguments])


def test_the_list_says_what_a_seed_costs_where_that_is_known(folder, capsys):
    result = load_result(COIN.name, folder)
    for seed, seconds in enumerate((12.4, 61.0, 700.0)):
        result.seeds[seed]["seconds"] = seconds
    result.save(folder)
    result.recipe, result.config = "unrun/fair", result.config | {"count": 4}
    (folder / "unrun").mkdir()
    result.save(folder)  # recorded with another config
    capsys.readouterr()
    assert told("list", folder=folder) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "recipe      seeds  s/seed  about"
    assert lines[-2:] == [
        "coins/fair      3      61  guessing",
        "unrun/fair                 guessing",
    ]


def test_list_names_every_recipe(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1:]] == [r.name for r in find_recipes()]


def test_run_report_and_verify_agree(folder, capsys):
    assert told("run", "coins", "--seeds", "3", "--jobs", "1", folder=folder) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("| learner | test %")
    chart = folder / "a.svg"
    assert told("report", "coins", "--figure", str(chart), folder=folder) == 0
    assert capsys.readouterr().out == printed
    assert "Dot plot of exactly right" in chart.read_text()
    assert told("verify", "coins/fair", "--seed", "2", folder=folder) == 0
    assert "coins/fair, seed 2: every number as stored" in capsys.readouterr().out
    stored = folder / "coins" / "fair.json"
    stored.write_text(stored.read_text().replace("[0.", "[1.", 1))
    assert told("verify", "coins/fair", folder=folder) == 1
    said = capsys.readouterr().out
    assert "coins/fair, seed 0: " in said
    assert "It was recorded at commit" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "nonsense"], "no recipe is called 'nonsense'"),
        (["report", "unrun"], "python -m trm_lib run unrun/fair"),
        (["report", "coins", "--figure", "a.nothing"], "Format 'nothing' is not supported"),
        (["report", "coins", "--results", "nowhere"], "a result at nowhere/coins/fair.json"),
        (["run", "coins", "--results", __file__], "test_command_line.py"),
        (["run", "coins", "--seeds", "0"], "--seeds expected a whole number >= 1, got 0"),
        (["verify", "coins", "--seed", "7"], "holds seeds [0, 1, 2], not 7"),
        (["verify", "coins", "--tolerance", "nan"], "tolerance expected a number >= 0"),
    ],
)
def test_bad_input_is_one_line_on_stderr(arguments, said, folder, capsys):
    capsys.readouterr()  # the fixture's progress bar
    assert told(*arguments, folder=folder) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("trm_lib: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err


def test_results_that_are_damaged_are_not_reported(folder, capsys):
    stored = folder / "coins/fair.json"
    whole = stored.read_text()
    stored.write_text(whole.replace("[0.", "[[0.5], 0.", 1))
    assert told("report", "coins", folder=folder) == 2
    assert "expected 'validation_exact_by_k' to have" in capsys.readouterr().err
    stored.write_bytes(b"\xff{")
    for command in ("list", "report coins", "verify coins", "run coins --jobs 1"):
        assert told(*command.split(), folder=folder) == 2
        assert "fair.json is not a whole result of coins/fair" in capsys.readouterr().err


def test_debug_prints_one_page_and_says_whether_it_found_a_fault(monkeypatch, capsys):
    recipe = find_recipe("rl_adaptation/script_vector_1")
    brief = replace(recipe.task, training=replace(recipe.task.training, n_updates=1))
    brief = replace(recipe, task=brief)
    monkeypatch.setattr("trm_lib.experiments.find_recipe", lambda *_: brief)
    assert main(["debug", recipe.name]) == 1
    printed = capsys.readouterr().out
    for fault in ("one and only task", "success and failure praised alike"):
        assert f"FAULT  {fault}" in printed
    assert "Do:" in printed


def test_a_reader_who_has_seen_enough_is_no_error():
    """`python -m trm_lib list | head -0`: the pipe is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "trm_lib", "list"]
    process = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, b"")


def test_an_installed_library_says_where_recipes_are_looked_for(tmp_path):
    """Without a checkout there are no recipes: --recipes and --results say where they are."""
    site = tmp_path / "site"
    shutil.copytree(ROOT / "trm_lib", site / "trm_lib")
    shutil.copytree(TOYS, tmp_path / "mine")

    def ask(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "trm_lib", *arguments],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)},
            capture_output=True, text=True,
        )  # fmt: skip

    alone = ask("list")
    assert alone.returncode == 2
    assert "name their folder with --recipes" in alone.stderr
    given = "--recipes", "mine", "--results", "found"
    done = ask("run", "toys/draws", "--seeds", "2", "--jobs", "1", *given)
    assert "toys/draws expected every seed to have measured test_exact" in done.stderr
    assert (tmp_path / "found/toys/draws.json").is_file()
