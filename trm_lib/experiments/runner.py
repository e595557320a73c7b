"""Run a recipe over seeds: one single-thread process each, every finished seed kept at once.

A result says where it comes from (`provenance`). A seed that is killed goes on from its checkpoint.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from trm_lib import __version__
from trm_lib.checks import FROM_0, whole
from trm_lib.experiments.recipe import Recipe, find_recipe
from trm_lib.experiments.results import Result, recorded, result_path
from trm_lib.files import locked, write_whole


def run_recipe(
    name: str,
    seeds: Iterable[int],
    results: str | Path,
    recipes: str | Path | None = None,
    jobs: int = 2,
) -> Result:
    """Run the seeds that the result in a folder does not hold yet.

    A killed run continues where it was: finished seeds are on disk, and an unfinished one goes on
    from its last checkpoint. Such a seed's "seconds" are the sum over its sessions, and its
    "earlier_sessions" say how long each was and where it came from.

    Args:
        name: of the recipe.
        seeds: which seeds.
        results: the folder where the result file lies or will lie.
        recipes: the folder that holds the recipe; by default the book's.
        jobs: processes at a time.

    Raises:
        ValueError, OSError: all that can be known before anything runs: no such recipe, numbers
            that are none, a result or a checkpoint that was made with another config, a folder
            that cannot be written to, a seed that another process is running.
    """
    recipe, results = find_recipe(name, recipes), Path(results)
    seeds = list(dict.fromkeys(whole(seed, "seed", 0) for seed in seeds))
    workers = Parallel(n_jobs=whole(jobs, "jobs", 1), return_as="generator_unordered")
    result_path(results, name).parent.mkdir(parents=True, exist_ok=True)
    done = recorded(recipe, results, or_new=True).seeds
    missing = [seed for seed in seeds if seed not in done]
    for seed in missing:
        busy = f"{name}, seed {seed}, is being run by another process: wait until it is done"
        with locked(_hidden(name, seed, results, ".lock"), busy):
            _unfinished(recipe, seed, results)
    # Taken now: the code that runs is the code of this moment, whatever is committed meanwhile.
    given = (name, recipes, results, provenance(), os.getpid())
    running = workers(delayed(_run_seed)(seed, *given) for seed in missing)
    for _ in tqdm(running, desc=name, total=len(missing), unit="seed"):
        pass
    return recorded(recipe, results, or_new=True)


def _run_seed(
    seed: int, name: str, recipes: str | Path | None, results: Path, origin: dict, runner: int
) -> None:
    """Run a seed for the process `runner`, and put what it measured into the result at once."""
    _end_with(runner)
    recipe = find_recipe(name, recipes)
    with locked(_hidden(name, seed, results, ".lock")):
        if seed in recorded(recipe, results, or_new=True).seeds:
            return  # another run has done it meanwhile
        start = time.perf_counter()
        checkpoint, earlier = _unfinished(recipe, seed, results)
        noted = {"config": recipe.settings(), "earlier": earlier, "provenance": origin}
        notes = checkpoint.with_suffix(".json")
        write_whole(notes, json.dumps(noted).encode())
        measured = _measured(recipe, seed, checkpoint)
        seconds = time.perf_counter() - start + sum(session["seconds"] for session in earlier)
        run = {"seconds": round(seconds, 1), "provenance": origin, "measured": measured}
        run |= {"earlier_sessions": earlier} if earlier else {}
        with locked(result_path(results, name).with_name(".lock")):  # others may be adding to it
            result = recorded(recipe, results, or_new=True)
            result.seeds[seed] = run
            result.save(results)
        for left in (checkpoint, notes):
            left.unlink(missing_ok=True)


@cache
def _end_with(runner: int) -> None:
    """End this worker soon after its runner is killed: the next run has the same checkpoint."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:  # orphans get another; not so on Windows
            time.sleep(1)
        os._exit(1)

    if os.getpid() != runner:
        threading.Thread(target=watch, daemon=True).start()


def _unfinished(recipe: Recipe, seed: int, results: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The checkpoint of a seed, and the killed sessions whose work is in it, by notes beside it."""
    checkpoint, notes = (_hidden(recipe.name, seed, results, end) for end in (".pt", ".json"))
    if not checkpoint.is_file():
        return checkpoint, []
    try:
        noted = json.loads(notes.read_text())
        differ = recipe.differences(noted["config"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        differ = [repr(error)]  # nobody knows whose it is
    if differ:
        raise ValueError(
            f"{checkpoint} was left by another config (it differs in {', '.join(differ)}): delete "
            f"it to start seed {seed} afresh"
        )
    seconds = checkpoint.stat().st_mtime - notes.stat().st_mtime  # notes are written first
    last = {"seconds": round(seconds, 1), "provenance": noted["provenance"]}
    # Killed before it wrote anything, it has left the state of those before it.
    return checkpoint, noted["earlier"] + [last] * (seconds >= 0)


def _hidden(name: str, seed: int, results: Path, ending: str) -> Path:
    """A hidden file of a seed beside its result, `.<learner>-seed<N><ending>`."""
    result = result_path(results, name)
    return result.with_name(f".{result.stem}-seed{seed}{ending}")


def _measured(recipe: Recipe, seed: int, checkpoint: Path) -> dict[str, Any]:
    """What a recipe measures of a seed, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return recipe.task.run(seed, checkpoint)
    finally:
        torch.set_num_threads(threads)


def verify(recipe: Recipe, result: Result, seed: int, tolerance: float = 0.0) -> list[str]:
    """Repeat one seed, from its start, and compare every stored number but the times.

    Args:
        recipe: what to repeat.
        result: what was stored, see `recorded`.
        seed: one of its seeds.
        tolerance: largest absolute difference allowed; 0 asks for the same bits, which the same
            hardware and libraries give.

    Returns:
        A sentence for each quantity that differs; empty if all agree.

    Raises:
        ValueError: the result does not hold this seed, or the tolerance is negative.
    """
    FROM_0(tolerance, "tolerance")
    if seed not in result.seeds:
        raise ValueError(f"{result.recipe} holds seeds {sorted(result.seeds)}, not {seed}")
    with tempfile.TemporaryDirectory() as fresh:
        again = _measured(recipe, seed, Path(fresh) / "checkpoint.pt")
    differences = []
    for key, stored in sorted(result.seeds[seed]["measured"].items()):
        now = again.get(key)
        if key.endswith("seconds") or now == stored:
            continue
        said = f"stored {stored!r}, now {now!r}"
        with suppress(TypeError, ValueError):  # words, other lengths, or no longer measured
            apart = np.abs(np.subtract(stored, now, dtype=float)).max()
            if apart <= tolerance:
                continue
            said = f"differs by up to {apart:.3g}"
        differences.append(f"{key}: {said}")
    return differences


def provenance() -> dict[str, str]:
    """What one needs to know to repeat a run: date, commit, versions, machine.

    Take it when the run starts: later, the files may no longer be the code that runs.
    """
    about = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", about.read_text() if about.is_file() else "")
    processor = named[1] if named else platform.processor() or "unknown processor"
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(Path(__file__).parents[2]),
        "trm_lib": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "scipy", "gymnasium")},
        "machine": f"{platform.system()} {platform.machine()}, {processor}, "
        f"{os.cpu_count()} cores, one thread a run",
    }


def commit(root: Path) -> str:
    """The commit of the library in a folder, "-dirty" if its files are not those of the commit.

    "unknown" if the folder is not the top of a checkout: an installed library may lie inside a
    checkout of something else, which says nothing about it.
    """

    def git(words: str) -> str:
        how = {"cwd": root, "text": True, "stderr": subprocess.DEVNULL}
        return subprocess.check_output(["git", *words.split()], **how).strip()

    try:
        if Path(git("rev-parse --show-toplevel")).resolve() != root.resolve():
            return "unknown"
        head = git("rev-parse --short=12 HEAD")
        changed = git("status --porcelain -- trm_lib book/recipes")  # results may be new
        return f"{head}-dirty" if changed else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
