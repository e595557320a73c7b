"""A killed seed goes on from its checkpoint, honestly, and never from another one's."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from trm_lib.experiments import Recipe, load_result, run_recipe, verify

fcntl = pytest.importorskip("fcntl", reason="the tests lock files to see that a process has ended")

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Count:
    to: int = 3


def count(config, seed, checkpoint):
    """Counts from the number in its checkpoint; is killed at 2 if it started from nothing."""
    start = int(checkpoint.read_text()) if checkpoint.is_file() else 0
    checkpoint.write_text("2")
    if start == 0 and seed == 1:
        raise KeyboardInterrupt
    return {"from": start, "to": config.to}


def unhurried(config, seed, checkpoint):
    assert not checkpoint.exists()
    return {"from": 0, "to": config.to}


RECIPE = Recipe("test/count", "counting", Count(), count)
HIDDEN = (".count-seed1.json", ".count-seed1.safetensors")


@pytest.fixture
def killed(tmp_path):
    """A folder in which seed 0 is done, and seed 1 was killed after a checkpoint."""
    with pytest.raises(KeyboardInterrupt):
        run_recipe(RECIPE, range(2), tmp_path, jobs=1)
    return tmp_path / "test"


def start(folder, jobs, **environment):
    """Starts interrupted.py."""
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("interrupted.py"), folder, str(jobs)],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_killed_inside_a_seed_goes_on_there_and_ends_with_the_same_numbers(jobs, tmp_path):
    with start(tmp_path, jobs, STUCK="1") as process:
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGKILL)
        with open(tmp_path / "alive") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # waits until whoever ran the seed is gone
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "outlived").exists()
    with start(tmp_path, jobs=1) as process:
        process.communicate()
    assert process.returncode == 0

    steps = (tmp_path / "steps").read_text().splitlines()
    assert [line for line in steps if line[0] == "1"] == [f"1 {k}" for k in range(1, 7)]
    result = load_result("test/walk", tmp_path / "results")
    for seed in range(2):
        values = [0.0]
        for step in range(6):
            values.append(values[-1] / 2 + np.random.default_rng((seed, step)).random())
        assert result.seeds[seed]["measured"] == {"values": values}
    [earlier] = result.seeds[1]["earlier_sessions"]
    assert 0 <= earlier["seconds"] <= result.seeds[1]["seconds"]
    assert earlier["provenance"].keys() == result.seeds[1]["provenance"].keys()
    assert [path.name for path in (tmp_path / "results/test").iterdir()] == ["walk.json"]


def test_seconds_are_summed_over_the_sessions_that_left_something(killed):
    notes, checkpoint = (killed / name for name in HIDDEN)
    began = notes.stat().st_mtime
    os.utime(checkpoint, (began + 50, began + 50))

    def killed_at_once(config, seed, checkpoint):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_recipe(replace(RECIPE, run=killed_at_once), [1], killed.parent, jobs=1)
    later = checkpoint.stat().st_mtime + 1  # begun after the checkpoint, and wrote none
    os.utime(notes, (later, later))
    run = run_recipe(RECIPE, [1], killed.parent, jobs=1).seeds[1]
    assert run["measured"] == {"from": 2, "to": 3}
    assert [session["seconds"] for session in run["earlier_sessions"]] == [50.0]
    assert run["seconds"] >= 50
    assert sorted(path.name for path in killed.iterdir()) == ["count.json"]


def test_a_checkpoint_of_another_config_is_refused_before_anything_runs(killed):
    (killed / "count.json").unlink()
    ran = []
    other = replace(RECIPE, config=Count(to=4), run=lambda *arguments: ran.append(arguments))
    with pytest.raises(ValueError, match=r"\.count-seed1\.safetensors .*another config: delete"):
        run_recipe(other, range(2), killed.parent, jobs=1)
    assert ran == []
    (killed / HIDDEN[1]).unlink()
    afresh = run_recipe(replace(other, run=unhurried), range(2), killed.parent, jobs=1)
    assert afresh.seeds[1]["measured"] == {"from": 0, "to": 4}


@pytest.mark.parametrize(
    "notes", [None, "{", "[]", '{"config": {}}', '{"config": 1, "earlier": 2}']
)
def test_a_checkpoint_of_unknown_origin_is_refused(killed, notes):
    (killed / HIDDEN[0]).unlink()
    if notes is not None:
        (killed / HIDDEN[0]).write_text(notes)
    with pytest.raises(ValueError, match=r"expected \.count-seed1\.json beside it.* Delete .*"):
        run_recipe(RECIPE, [1], killed.parent, jobs=1)


def test_verify_starts_afresh_whatever_was_left(killed):
    result = run_recipe(replace(RECIPE, run=lambda *_: {"from": 0, "to": 3}), [2], killed.parent, 1)
    (killed / ".count-seed2.safetensors").write_text("2")
    assert verify(replace(RECIPE, run=unhurried), result, seed=2) == []
    assert (killed / ".count-seed2.safetensors").read_text() == "2"


def test_what_is_left_of_a_finished_seed_is_cleared(killed):
    left = ("count-seed0.safetensors", "count-seed0.json", ".count-seed0.safetensors.x1y2z3")
    for name in left:
        (killed / f".{name}").write_text("")
    run_recipe(RECIPE, [0], killed.parent, jobs=1)
    assert sorted(path.name for path in killed.iterdir()) == [*HIDDEN, "count.json"]


def test_git_ignores_what_a_killed_run_leaves_beside_the_recorded_results():
    names = ["book/results/a/.b-seed0.safetensors", "book/results/a/.b.json.x1y2z3"]
    kept = "book/results/a/b.json"
    ignored = subprocess.run(
        ["git", "check-ignore", *names, kept], cwd=ROOT, capture_output=True, text=True
    )
    assert ignored.stdout.splitlines() == names
