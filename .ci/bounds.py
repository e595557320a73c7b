"""The library on the oldest of what pyproject.toml allows: import it, play, solve, draw, run.

PyTorch is the one of requirements.txt: older ones are large, and not all run on newer Pythons.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTED = (
    "tests/envs/test_worlds.py",
    "tests/solving",
    "tests/viz/test_charts.py",
    "tests/test_statistics.py",
    "tests/experiments/test_runner.py",
)


def main() -> int:
    """Install the lower bounds beside the checkout, and test there."""
    pins = (ROOT / "requirements.txt").read_text()
    bounds = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = [bound.replace(">=", "==") for bound in bounds if not bound.startswith("torch")]
    tools = [
        re.search(rf"^{name}==\S+", pins, re.M)[0] for name in ("torch", "pytest", "hypothesis")
    ]
    python = ROOT / ".venv-bounds/bin/python"
    subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([python, *install, *bounds, *tools], check=True)
    print("on", *bounds, flush=True)
    calm = ["-o", "filterwarnings=default", "-p", "no:cacheprovider"]  # old libraries warn
    env = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    return subprocess.run(
        [python, "-m", "pytest", "-q", *calm, *TESTED], cwd=ROOT, env=env
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
