"""Where seeds run: processes of this machine, or a cluster that Dask or Ray looks after.

Workers on other machines need the library, and the results' folder under the same path.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import joblib

BACKENDS = {"loky": "joblib", "dask": "distributed", "ray": "ray"}
"""joblib's name of each backend, and the package it needs."""


@contextmanager
def backend(name: str, jobs: int) -> Iterator[None]:
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
