"""Where a number comes from: code, libraries, machine.

Where seeds run: processes of this machine, or a cluster that Dask or Ray looks after.

Workers on other machines need the library, and the results' folder under the same path.

A seed that is not done: the state it goes on from, and who has worked on it so far.

Both lie beside the result as hidden files, `.<learner>-seed<N>.safetensors`, which only the run
reads and writes, and `.<learner>-seed<N>.json`, which only the runner does.

Run a recipe over seeds: one single-thread process each, every finished seed kept at once.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
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
from trm_lib.experiments.recipe import Recipe
from trm_lib.experiments.results import Result, add_seed, open_result, result_path
from trm_lib.files import remove_whole, write_whole

LIBRARIES = ("torch", "numpy", "scipy", "gymnasium")
_ROOT = Path(__file__).parents[2]


def provenance() -> dict[str, str]:
    """What one needs to know to repeat a run: date, commit, versions, machine.

    Take it when the run starts: later, the files may no longer be the code that runs.
    """
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(_ROOT),
        "trm_lib": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, "
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
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return "unknown"
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        # Only the code: a result just written must not make the next one look suspicious.
        changed = _git(root, "status", "--porcelain", "--", "trm_lib", "book/recipes")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}-dirty" if changed else head


def _git(root: Path, *arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


BACKENDS = {"loky": "joblib", "dask": "distributed", "ray": "ray"}
"""joblib's name of each backend, and the package it needs."""


@contextmanager
def worker_backend(name: str, jobs: int) -> Iterator[None]:
    """Let joblib run what is inside on a backend.

    "loky" starts `jobs` processes here. "dask" and "ray" join the cluster that the environment
    variable DASK_SCHEDULER_ADDRESS or RAY_ADDRESS names, or else start `jobs` workers here.

    Raises:
        ValueError: as `require_backend`.
    """
    require_backend(name)
    if name == "dask":
        import dask
        from distributed import Client

        own = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
        address = dask.config.get("scheduler-address", None)
        with Client(address) if address else Client(**own), joblib.parallel_config("dask"):
            yield
    elif name == "ray":
        import os

        import ray
        from ray.util.joblib import register_ray

        ray.init(**({} if os.environ.get("RAY_ADDRESS") else {"num_cpus": jobs}))
        register_ray()
        try:
            with joblib.parallel_config("ray", n_jobs=jobs):
                yield
        finally:
            ray.shutdown()
    else:
        with joblib.parallel_config("loky", n_jobs=jobs):
            yield


def require_backend(name: str) -> None:
    """Refuse a backend that cannot be used here.

    Raises:
        ValueError: there is no such backend, or its package is not installed.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend expected one of {', '.join(BACKENDS)}, got {name!r}")
    try:
        importlib.import_module(BACKENDS[name])
    except ImportError as error:
        raise ValueError(
            f"backend {name!r} needs the package {BACKENDS[name]}: pip install {BACKENDS[name]}, "
            f"or use loky"
        ) from error


@dataclass(frozen=True)
class Unfinished:
    """The two hidden files of one seed of one recipe.

    Attributes:
        recipe: what is run.
        seed: which seed.
        folder: of the results.
    """

    recipe: Recipe
    seed: int
    folder: Path

    @property
    def checkpoint(self) -> Path:
        """Where the run keeps its state."""
        return self._hidden("safetensors")

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
            noted = json.loads(self._notes.read_text())
            config, earlier, last = (noted[key] for key in ("config", "earlier", "provenance"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.checkpoint} expected {self._notes.name} beside it, which says what left "
                f"it, but: {error!r}. Delete {self.checkpoint} to start seed {self.seed} afresh"
            ) from error
        if not self.recipe.describes(config):
            raise ValueError(
                f"{self.checkpoint} was left by a killed run of {self.recipe.name} with another "
                f"config: delete it to start seed {self.seed} afresh, or finish that run first"
            )
        seconds = self.checkpoint.stat().st_mtime - self._notes.stat().st_mtime
        if seconds < 0:  # killed before it wrote anything: the state is that of those before it
            return earlier
        return [*earlier, {"seconds": round(seconds, 1), "provenance": last}]

    def begin(self, provenance: dict[str, str]) -> list[dict[str, Any]]:
        """Note that a session begins.

        Returns:
            The sessions it goes on from.

        Raises:
            ValueError: as `earlier_sessions`.
        """
        earlier = self.earlier_sessions()
        self._notes.parent.mkdir(parents=True, exist_ok=True)
        noted = {"config": self.recipe.settings(), "earlier": earlier, "provenance": provenance}
        write_whole(self._notes, json.dumps(noted).encode())
        return earlier

    def forget(self) -> None:
        """Delete both files: the seed is done."""
        remove_whole(self.checkpoint)
        remove_whole(self._notes)

    @property
    def _notes(self) -> Path:
        return self._hidden("json")

    def _hidden(self, suffix: str) -> Path:
        result = result_path(self.folder, self.recipe.name)
        return result.with_name(f".{result.stem}-seed{self.seed}.{suffix}")


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
        backend: where they run, see `worker_backend`.

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
    with worker_backend(backend, jobs):
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
