"""Where a number comes from: code, libraries, machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from trm_lib import __version__

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
        changed = _git(root, "status", "--porcelain", "--", "trm_lib")
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
