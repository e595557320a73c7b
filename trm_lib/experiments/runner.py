"""Run a recipe over seeds: one single-thread process each, every finished seed kept at once.

A result says where it comes from (`provenance`). A seed that is killed goes on from its checkpoint
(`Unfinished`). Seeds run in processes of this machine, or on a cluster that Dask or Ray looks
after (`worker_backend`); workers are told a recipe's name and the folder of recipes. On other
machines they need the library, and both folders under the same paths.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from trm_lib import __version__
from trm_lib.checks import number, whole
from trm_lib.experiments.recipe import Recipe, find_recipe
from trm_lib.experiments.results import Result, add_seed, open_result, result_path
from trm_lib.files import remove_whole, write_whole

LIBRARIES = ("torch", "numpy", "scipy", "gymnasium")
BACKENDS = {"loky": "joblib", "dask": "distributed", "ray": "ray"}
"""joblib's name of each backend, and the package it needs."""


def run_recipe(
    name: str,
    seeds: Iterable[int],
    results: str | Path,
    recipes: str | Path | None = None,
    jobs: int = 2,
    backend: str = "loky",
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
        backend: where they run, see `worker_backend`.

    Raises:
        ValueError: there is no such recipe or backend, a seed or `jobs` is not a whole number, or
            the result or a checkpoint on disk was made with another config; raised before anything
            runs.
        OSError: the folder cannot be written to; raised before anything runs.
    """
    recipe, results = find_recipe(name, recipes), Path(results)
    seeds = list(dict.fromkeys(whole(seed, "seed", 0) for seed in seeds))
    with worker_backend(backend, whole(jobs, "jobs", 1)):
        folder = result_path(results, name).parent
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # better refused now than after the first hour
            pass
        done = open_result(recipe, results).seeds
        for seed in seeds:
            unfinished = Unfinished(recipe, seed, results)
            if seed in done:
                unfinished.forget()  # killed after the seed was saved
            else:
                unfinished.earlier_sessions()
        missing = [seed for seed in seeds if seed not in done]
        # Taken now: the code that runs is the code of this moment, whatever is committed meanwhile.
        given = (name, recipes, results, provenance(), os.getpid())
        return_as = "list" if backend == "ray" else "generator_unordered"  # Ray has no other
        running = Parallel(return_as=return_as)(delayed(_run_seed)(s, *given) for s in missing)
        for _ in tqdm(running, desc=name, total=len(missing), unit="seed"):
            pass
    return open_result(recipe, results)


def _run_seed(
    seed: int,
    name: str,
    recipes: str | Path | None,
    results: Path,
    origin: dict[str, str],
    runner: int,
) -> None:
    """Run a seed to its end, and put what it measured into the result at once.

    Args:
        seed: which seed.
        name, recipes, results: as for `run_recipe`.
        origin: provenance of this session.
        runner: id of the process that started it.
    """
    recipe = find_recipe(name, recipes)
    unfinished, start = Unfinished(recipe, seed, results), time.perf_counter()
    with _not_outliving(runner):
        earlier = unfinished.begin(origin)
        measured = _measured(recipe, seed, unfinished.checkpoint)
    seconds = time.perf_counter() - start + sum(session["seconds"] for session in earlier)
    run = {"seconds": round(seconds, 1), "provenance": origin, "measured": measured}
    add_seed(recipe, results, seed, run | ({"earlier_sessions": earlier} if earlier else {}))
    unfinished.forget()


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
    if recipe.differences(result.config):
        raise ValueError(f"the stored result of {recipe.name} was made with another config")
    with tempfile.TemporaryDirectory() as fresh:
        again = _measured(recipe, seed, Path(fresh) / "checkpoint.pt")
    differences = []
    for key, stored in sorted(result.seeds[seed]["measured"].items()):
        if key.endswith("seconds"):
            continue
        if key not in again:
            differences.append(f"{key}: no longer measured")
            continue
        try:
            old, new = np.asarray(stored, float), np.asarray(again[key], float)
        except (ValueError, TypeError):  # words, or lists of several lengths
            if stored != again[key]:
                differences.append(f"{key}: stored {stored!r}, now {again[key]!r}")
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


class Unfinished:
    """A seed that is not done: the state it goes on from, and who has worked on it so far.

    Both lie beside the result as hidden files: `.<learner>-seed<N>.pt`, which only the run reads
    and writes, and `.<learner>-seed<N>.json`, which only the runner does.

    Args:
        recipe: what is run.
        seed: which seed.
        results: the folder of the results.
    """

    def __init__(self, recipe: Recipe, seed: int, results: Path):
        result = result_path(results, recipe.name)
        self.recipe, self.seed = recipe, seed
        self.checkpoint = result.with_name(f".{result.stem}-seed{seed}.pt")
        self.notes = self.checkpoint.with_suffix(".json")

    def earlier_sessions(self) -> list[dict[str, Any]]:
        """The killed sessions whose work is in the checkpoint, oldest first; [] without one.

        A session is {"seconds": from its begin to its last checkpoint, by the files' times,
        "provenance": ...}. What it did after that is lost, and not counted.

        Raises:
            ValueError: the checkpoint was left by another config, or by nobody knows whom.
        """
        if not self.checkpoint.is_file():
            return []
        try:
            noted = json.loads(self.notes.read_text())
            config, earlier, last = (noted[key] for key in ("config", "earlier", "provenance"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.checkpoint} expected {self.notes.name} beside it, which says what left "
                f"it, but: {error!r}. Delete {self.checkpoint} to start seed {self.seed} afresh"
            ) from error
        if self.recipe.differences(config):
            raise ValueError(
                f"{self.checkpoint} was left by a killed run of {self.recipe.name} with another "
                f"config: delete it to start seed {self.seed} afresh, or finish that run first"
            )
        seconds = self.checkpoint.stat().st_mtime - self.notes.stat().st_mtime
        if seconds < 0:  # killed before it wrote anything: the state is that of those before it
            return earlier
        return [*earlier, {"seconds": round(seconds, 1), "provenance": last}]

    def begin(self, origin: dict[str, str]) -> list[dict[str, Any]]:
        """Note that a session begins, and return the sessions it goes on from."""
        earlier = self.earlier_sessions()
        noted = {"config": self.recipe.settings(), "earlier": earlier, "provenance": origin}
        write_whole(self.notes, json.dumps(noted).encode())
        return earlier

    def forget(self) -> None:
        """Delete both files: the seed is done."""
        remove_whole(self.checkpoint)
        remove_whole(self.notes)


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


@contextmanager
def worker_backend(name: str, jobs: int) -> Iterator[None]:
    """Let joblib run what is inside on a backend.

    "loky" starts `jobs` processes here. "dask" and "ray" join the cluster that the environment
    variable DASK_SCHEDULER_ADDRESS or RAY_ADDRESS names, or else start `jobs` workers here.

    Raises:
        ValueError: there is no such backend, or its package is not installed.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend expected one of {', '.join(BACKENDS)}, got {name!r}")
    try:
        package = importlib.import_module(BACKENDS[name])
    except ImportError as error:
        raise ValueError(
            f"backend {name!r} needs the package {BACKENDS[name]}: pip install {BACKENDS[name]}, "
            f"or use loky"
        ) from error
    if name == "dask":
        import dask

        own = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
        address = dask.config.get("scheduler-address", None)
        client = package.Client(address) if address else package.Client(**own)
        with client, joblib.parallel_config("dask"):
            yield
    elif name == "ray":
        from ray.util.joblib import register_ray

        package.init(**({} if os.environ.get("RAY_ADDRESS") else {"num_cpus": jobs}))
        register_ray()
        try:
            with joblib.parallel_config("ray", n_jobs=jobs):
                yield
        finally:
            package.shutdown()
    else:
        with joblib.parallel_config("loky", n_jobs=jobs):
            yield


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
        **{name: version(name) for name in LIBRARIES},
        "machine": f"{platform.system()} {platform.machine()}, {processor}, "
        f"{os.cpu_count()} cores, one thread a run",
    }


def commit(root: Path) -> str:
    """The commit of the library's code, "-dirty" if its files are not those of the commit.

    Args:
        root: the folder that holds trm_lib.

    Returns:
        Twelve digits and the mark; "unknown" if `root` is not the top of a checkout. An installed
        library may lie inside a checkout of something else, which says nothing about it.
    """

    # Only the code: a result just written must not make the next one look suspicious.
    asked = (
        "rev-parse --show-toplevel",
        "rev-parse --short=12 HEAD",
        "status --porcelain -- trm_lib book/recipes",
    )
    run = partial(subprocess.run, cwd=root, capture_output=True, text=True, check=True)
    try:
        top, head, changed = (run(["git", *words.split()]).stdout.strip() for words in asked)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    if Path(top).resolve() != root.resolve():
        return "unknown"
    return f"{head}-dirty" if changed else head
