"""The runner over seeds: resumes, keeps provenance, repeats itself, and never mixes configs."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from trm_lib import __version__
from trm_lib.experiments import (
    Recipe,
    Result,
    find_recipe,
    find_recipes,
    load_result,
    run_recipe,
    verify,
)
from trm_lib.experiments.runner import commit

ROOT = Path(__file__).resolve().parents[2]
TOYS = Path(__file__).with_name("toys")
DRAWS = find_recipe("toys/draws", TOYS)


def run(name, seeds, folder, jobs=1):
    return run_recipe(f"toys/{name}", seeds, folder, TOYS, jobs)


@pytest.fixture
def toys(monkeypatch):
    """The module of the toys as the runner sees it; what is changed in it is undone."""
    find_recipes("toys", TOYS)
    module = sys.modules["book.recipes.toys"]
    monkeypatch.setattr(module, "ACTS", dict(module.ACTS))
    return module


# Results.


def test_every_seed_is_measured_and_kept_with_where_it_came_from(tmp_path):
    result = run("draws", range(3), tmp_path)
    again = load_result("toys/draws", tmp_path)
    assert again == result
    assert again.config == {"act": "draw", "count": 3, "sides": [6, 8]}
    expected = [np.random.default_rng(seed).random(3) for seed in range(3)]
    np.testing.assert_array_equal(again.measured("value"), expected)
    for seed in again.seeds.values():
        assert seed["seconds"] >= 0
        origin = seed["provenance"]
        assert {"date", "commit", "machine"} <= origin.keys()
        assert (origin["trm_lib"], origin["python"]) == (__version__, platform.python_version())
        for library in ("torch", "numpy", "scipy", "gymnasium"):
            assert origin[library] == version(library)


def test_a_killed_run_keeps_its_seeds_and_runs_only_the_rest(tmp_path, toys):
    seen = []

    def dies_at_two(task, seed, checkpoint):
        seen.append(seed)
        if seen == [0, 1, 2]:
            raise KeyboardInterrupt
        return {"value": seed}

    toys.ACTS["draw"] = dies_at_two
    with pytest.raises(KeyboardInterrupt):
        run("draws", range(4), tmp_path)
    assert sorted(load_result("toys/draws", tmp_path).seeds) == [0, 1]
    run("draws", range(4), tmp_path)
    assert seen == [0, 1, 2, 2, 3]


def test_another_config_is_refused_and_nothing_is_overwritten(tmp_path, toys, monkeypatch):
    run("draws", range(1), tmp_path)
    before = (tmp_path / "toys/draws.json").read_bytes()
    changed = [replace(DRAWS, task=replace(DRAWS.task, count=4)), *toys.RECIPES[1:]]
    monkeypatch.setattr(toys, "RECIPES", changed)
    with pytest.raises(ValueError, match=r"another config \(it differs in count\)"):
        run("draws", range(1), tmp_path)
    assert (tmp_path / "toys/draws.json").read_bytes() == before


def test_two_runs_into_one_folder_keep_each_others_seeds(tmp_path, toys):
    def other_run_finishes_meanwhile(task, seed, checkpoint):
        if seed == 1:
            run("draws", [7], tmp_path)
        return {"value": seed}

    toys.ACTS["draw"] = other_run_finishes_meanwhile
    assert sorted(run("draws", [1], tmp_path).seeds) == [1, 7]
    assert sorted(load_result("toys/draws", tmp_path).seeds) == [1, 7]


def test_a_seed_that_is_running_is_refused_to_others_and_done_once(tmp_path, toys):
    def again_meanwhile(task, seed, checkpoint):
        with pytest.raises(ValueError, match="toys/draws, seed 1, is being run by another process"):
            run("draws", [0, 1], tmp_path)
        return {"value": seed}

    toys.ACTS["draw"] = again_meanwhile
    assert sorted(run("draws", [1], tmp_path).seeds) == [1]


def test_what_cannot_be_done_is_refused_before_anything_runs(tmp_path, toys, monkeypatch):
    monkeypatch.setitem(toys.ACTS, "draw", lambda *_: pytest.fail("it ran"))
    (tmp_path / "file").write_text("")
    for error, message, arguments in [
        (ValueError, "seed expected a whole number >= 0", ([1.5], tmp_path)),
        (ValueError, "jobs expected a whole number >= 1", ([0], tmp_path, TOYS, 0)),
        (OSError, "file", ([0], tmp_path / "file")),
        (FileNotFoundError, "name their folder with --recipes", ([0], tmp_path, tmp_path / "no")),
    ]:
        given = arguments if len(arguments) > 2 else (*arguments, TOYS)
        with pytest.raises(error, match=message):
            run_recipe("toys/draws", *given)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c | {"recipe": "toys/other"},
        lambda c: c | {"config": None},
        lambda c: c | {"seeds": {}},
        lambda c: c | {"seeds": {"zero": c["seeds"]["0"]}},
    ],
)
def test_files_that_are_not_whole_results_are_refused(damage, tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m trm_lib run toys/draws"):
        load_result("toys/draws", tmp_path)
    run("draws", range(1), tmp_path)
    path = tmp_path / "toys/draws.json"
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(ValueError, match="not a whole result of toys/draws.* run the recipe again"):
        load_result("toys/draws", tmp_path)


def test_what_not_every_seed_measured_is_refused_by_name(tmp_path):
    result = run("draws", range(2), tmp_path)
    result.seeds[1]["measured"]["extra"] = 1
    assert result.quantities() == {"value"}
    with pytest.raises(ValueError, match="every seed to have measured 'extra', got value"):
        result.measured("extra")


# verify.


def test_verify_repeats_a_seed_and_names_what_differs(tmp_path):
    result = run("draws", range(2), tmp_path)
    assert verify(DRAWS, result, seed=1) == []
    result.seeds[1]["measured"]["value"][2] += 0.25
    assert verify(DRAWS, result, seed=1) == ["value: differs by up to 0.25"]
    assert verify(DRAWS, result, seed=1, tolerance=0.3) == []
    result.seeds[1]["measured"]["value"][2] = float("nan")
    assert verify(DRAWS, result, seed=1, tolerance=0.3) != []  # is no agreement
    result.seeds[1]["measured"]["value"].pop()
    assert verify(DRAWS, result, seed=1)[0].startswith("value: stored [0.")


def test_words_and_ragged_lists_are_verified_times_are_not_and_new_numbers_may_come(toys):
    now = {"best": "recursion", "lengths": [[1, 2], [3]], "run_seconds": 2.0, "new": 1}
    toys.ACTS["draw"] = lambda *_: now
    stored = {"best": "same_block", "lengths": [[1, 2], [3]], "run_seconds": 1.0, "old": 1}
    result = Result(DRAWS.name, DRAWS.about, DRAWS.settings(), {0: {"measured": stored}})
    assert verify(DRAWS, result, seed=0) == [
        "best: stored 'same_block', now 'recursion'",
        "old: stored 1, now None",
    ]


# Killed seeds.

HIDDEN = [".count-seed1.json", ".count-seed1.pt"]


@pytest.fixture
def killed(tmp_path):
    """A folder in which seed 0 is done, and seed 1 was killed after a checkpoint."""
    with pytest.raises(KeyboardInterrupt):
        run("count", range(2), tmp_path)
    return tmp_path / "toys"


def test_a_killed_run_ends_its_workers_goes_on_inside_the_seed_and_ends_the_same(
    tmp_path, monkeypatch
):
    fcntl = pytest.importorskip("fcntl", reason="a lock shows that a process has ended")
    monkeypatch.setenv("TOY_FOLDER", str(tmp_path))
    program = """
import sys
from trm_lib.experiments import run_recipe
run_recipe("toys/walk", [1], *sys.argv[1:])
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path, TOYS], cwd=ROOT,
        env=os.environ | {"STUCK": "1"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "stuck\n"
        process.kill()
        with open(tmp_path / "alive") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # waits until whoever ran the seed is gone
    assert not (tmp_path / "outlived").exists()
    result = run("walk", range(2), tmp_path)

    steps = (tmp_path / "steps").read_text().splitlines()
    assert [line for line in steps if line[0] == "1"] == [f"1 {k}" for k in range(1, 7)]
    for seed in range(2):
        values = [0.0]
        for step in range(6):
            values.append(values[-1] / 2 + np.random.default_rng((seed, step)).random())
        assert result.seeds[seed]["measured"] == {"values": values}
    [earlier] = result.seeds[1]["earlier_sessions"]
    assert 0 <= earlier["seconds"] <= result.seeds[1]["seconds"]
    assert earlier["provenance"].keys() == result.seeds[1]["provenance"].keys()
    assert [path.name for path in (tmp_path / "toys").glob("*walk*")] == ["walk.json"]


def test_seconds_are_summed_over_the_sessions_that_left_something(killed, toys):
    notes, checkpoint = (killed / name for name in HIDDEN)
    began = notes.stat().st_mtime
    os.utime(checkpoint, (began + 50, began + 50))

    def killed_at_once(task, seed, checkpoint):
        raise KeyboardInterrupt

    toys.ACTS["count"] = killed_at_once
    with pytest.raises(KeyboardInterrupt):
        run("count", [1], killed.parent)
    later = checkpoint.stat().st_mtime + 1  # begun after the checkpoint, and wrote none
    os.utime(notes, (later, later))
    toys.ACTS["count"] = toys.count
    seed = run("count", [1], killed.parent).seeds[1]
    assert seed["measured"] == {"from": 2, "to": 3}
    assert [session["seconds"] for session in seed["earlier_sessions"]] == [50.0]
    assert seed["seconds"] >= 50
    assert sorted(path.name for path in killed.glob("*count*")) == ["count.json"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda notes: notes.replace('"count": 3', '"count": 4'), "in count"),
        (lambda notes: "{}", "in KeyError"),
        (lambda notes: "cut o", "in JSONDecodeError"),
    ],
)
def test_a_checkpoint_of_another_config_or_nobody_is_refused(killed, toys, change, said):
    toys.ACTS["count"] = lambda *_: pytest.fail("it ran")
    notes = killed / HIDDEN[0]
    notes.write_text(change(notes.read_text()))
    with pytest.raises(ValueError, match=rf"seed1\.pt was left by another config.*{said}.*delete"):
        run("count", range(2), killed.parent)


def test_verify_starts_afresh_whatever_was_left(killed):
    (killed / ".count-seed0.pt").write_text("2")
    recipe = find_recipe("toys/count", TOYS)
    assert verify(recipe, load_result("toys/count", killed.parent), seed=0) == []


def test_git_ignores_what_a_killed_run_leaves_beside_the_recorded_results():
    names = ["book/results/a/.b-seed0.pt", "book/results/a/.b.json.x1y2z3"]
    command = ["git", "check-ignore", *names, "book/results/a/b.json"]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.splitlines() == names


# Provenance.


def test_the_commit_is_gits_and_marked_when_code_differs(tmp_path):
    def git(*arguments):
        command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments]
        return subprocess.check_output(command, cwd=tmp_path, text=True).strip()

    assert commit(tmp_path) == "unknown"
    code = [tmp_path / name for name in ("trm_lib/code.py", "book/recipes/code.py")]
    for path in (*code, tmp_path / "book/results/x.json"):
        path.parent.mkdir(parents=True)
        path.write_text("1\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    head = git("rev-parse", "HEAD")[:12]
    (tmp_path / "book/results/x.json").write_text("2\n")  # a result just written marks nothing
    assert commit(tmp_path) == head
    for path in code:
        path.write_text("2\n")
        assert commit(tmp_path) == f"{head}-dirty"
        git("checkout", "--quiet", "trm_lib", "book/recipes")
    (tmp_path / "trm_lib/new.py").write_text("")
    assert commit(tmp_path) == f"{head}-dirty"
    installed = tmp_path / ".venv/site-packages"
    installed.mkdir(parents=True)
    assert commit(installed) == "unknown"  # the checkout is of something else


def test_a_config_of_the_base_class_is_another_config():
    """Settings name no class: those of a BoardConfig are no TRMConfig all at its defaults."""
    one_pass, trm = (find_recipe(f"sudoku_rl/{name}") for name in ("one_pass", "trm"))
    assert "policy.core.n_latent" in trm.differences(one_pass.settings())
    assert one_pass.differences(trm.settings()) != []
    learnt_later = trm.settings()
    del learnt_later["policy"]["core"]["explore"]
    assert trm.differences(learnt_later) == []
    assert Recipe("a/b", "", trm.task).differences(trm.settings()) == []
