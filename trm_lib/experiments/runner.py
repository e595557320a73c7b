"""Run a recipe over seeds: one single-thread process each, every finished seed kept at once."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from trm_lib.checks import number, whole
from trm_lib.experiments.backends import backend as places
from trm_lib.experiments.backends import require_backend
from trm_lib.experiments.provenance import provenance
from trm_lib.experiments.recipe import Recipe
from trm_lib.experiments.results import Result, add_seed, open_result, result_path
from trm_lib.experiments.unfinished import Unfinished


def run_recipe(
    recipe: Recipe,
    seeds: Iterable[int],
    folder: str | Path,
    jobs: int = 2,
    backend: str = "loky",
) -> Result:
    """Run the seeds that the result in `folder` does not hold yet.

    A killed run continues where it was: finished seeds are on disk, and an unfinished one goes on
    from the last checkpoint that its recipe wrote. Such a seed's "seconds" are the sum over its
    sessions, and its "earlier_sessions" say how long each was and where it came from.

    Args:
        recipe: what to run.
        seeds: which seeds.
        folder: where the result file lies or will lie.
        jobs: processes at a time.
        backend: where they run, see `trm_lib.experiments.backends`.

    Raises:
        ValueError: there is no such backend, a seed or `jobs` is not a whole number, or the result
            or a checkpoint on disk was made with another config; raised before anything runs.
        OSError: the folder cannot be written to; raised before anything runs.
    """
    folder = Path(folder)
    seeds = list(dict.fromkeys(whole(seed, "seed", 0) for seed in seeds))
    jobs = whole(jobs, "jobs", 1)
    require_backend(backend)
    _require_writable(result_path(folder, recipe.name).parent)
    result = open_result(folder, recipe)
    missing = []
    for seed in seeds:
        unfinished = Unfinished(recipe, seed, folder)
        if seed in result.seeds:
            unfinished.forget()  # killed after the seed was saved
        else:
            unfinished.earlier_sessions()
            missing.append(seed)
    # Taken now: the code that runs is the code of this moment, whatever is committed meanwhile.
    origin = provenance()
    tasks = [delayed(_kept_seed)(recipe, seed, folder, origin, os.getpid()) for seed in missing]
    return_as = "list" if backend == "ray" else "generator_unordered"  # Ray's joblib has no other
    with places(backend, jobs):
        done = Parallel(return_as=return_as)(tasks)
        for _ in tqdm(done, desc=recipe.name, total=len(missing), unit="seed"):
            pass
    return open_result(folder, recipe)


def verify(recipe: Recipe, result: Result, seed: int, tolerance: float = 0.0) -> list[str]:
    """Repeat one seed, from its start, and compare every number but the times with the stored ones.

    Args:
        recipe: what to repeat.
        result: what was stored.
        seed: one of its seeds.
        tolerance: largest absolute difference allowed; 0 asks for the same bits, which the same
            hardware and libraries give.

    Returns:
        A sentence for each quantity that differs; empty if all agree.

    Raises:
        ValueError: the result does not hold this seed or was made with another config, or the
            tolerance is negative.
    """
    tolerance = number(tolerance, "tolerance", lambda t: t >= 0, "a number >= 0")
    require_seed(result, seed)
    if not recipe.describes(result.config):
        raise ValueError(f"the stored result of {recipe.name} was made with another config")
    stored = result.seeds[seed]["measured"]
    with tempfile.TemporaryDirectory() as fresh:
        again = _one_seed(recipe, seed, Path(fresh), {}, os.getpid())[1]["measured"]
    differences = []
    for key in sorted(stored.keys() | again.keys()):
        if key.endswith("seconds"):
            continue
        if key not in stored or key not in again:
            differences.append(f"{key}: measured only once")
            continue
        try:
            old, new = np.asarray(stored[key], float), np.asarray(again[key], float)
        except (ValueError, TypeError):  # words, or lists of several lengths
            if stored[key] != again[key]:
                differences.append(f"{key}: stored {stored[key]!r}, now {again[key]!r}")
            continue
        if old.shape != new.shape:
            differences.append(f"{key}: stored shape {old.shape}, now {new.shape}")
        elif not np.allclose(old, new, rtol=0, atol=tolerance, equal_nan=True):
            differences.append(f"{key}: differs by up to {np.abs(old - new).max():.3g}")
    return differences


def require_seed(result: Result, seed: int) -> None:
    """Raise ValueError unless the result holds this seed."""
    if seed not in result.seeds:
        raise ValueError(f"{result.recipe} holds seeds {sorted(result.seeds)}, not {seed}")


def _require_writable(folder: Path) -> None:
    """Make the folder, and a file in it: better now than after the first hour."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _kept_seed(
    recipe: Recipe, seed: int, folder: Path, origin: dict[str, str], runner: int
) -> None:
    """Run a seed to its end, and put what it measured into the result at once."""
    add_seed(folder, recipe, seed, _one_seed(recipe, seed, folder, origin, runner)[1])
    Unfinished(recipe, seed, folder).forget()


def _one_seed(
    recipe: Recipe, seed: int, folder: Path, origin: dict[str, str], runner: int
) -> tuple[int, dict[str, Any]]:
    """Run a seed to its end, from its checkpoint if there is one.

    Args:
        recipe: what to run.
        seed: which seed.
        folder: of the results.
        origin: provenance of this session.
        runner: id of the process that saves what is measured.
    """
    unfinished = Unfinished(recipe, seed, folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        with _not_outliving(runner):
            earlier = unfinished.begin(origin)
            measured = recipe.run(recipe.config, seed, unfinished.checkpoint)
    finally:
        torch.set_num_threads(threads)
    seconds = time.perf_counter() - start + sum(session["seconds"] for session in earlier)
    run = {"seconds": round(seconds, 1), "provenance": origin, "measured": measured}
    return seed, run | ({"earlier_sessions": earlier} if earlier else {})


@contextmanager
def _not_outliving(runner: int) -> Iterator[None]:
    """End this worker soon after the runner is killed.

    Nobody is left to save what it measures, and the next run would share the processor and the
    checkpoint with it.
    """
    if os.getpid() == runner:  # no worker
        yield
        return
    done, parent = threading.Event(), os.getppid()

    def watch() -> None:
        while not done.wait(timeout=1):
            if os.getppid() != parent:  # orphans get another; not so on Windows
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
