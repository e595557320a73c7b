"""Run the lines of the environments page that train with another library.

``pip install stable-baselines3``, then ``python tests/bench/bench_stable_baselines3.py``. It takes
about a minute on one thread. Stable-Baselines3's own checker looks at every environment first.
"""

import re
import sys
import time
from pathlib import Path

import gymnasium as gym
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import trm_lib.envs  # noqa: E402, F401


def shown_code() -> str:
    """Return the code block of the page that imports the other library."""
    page = (ROOT / "book" / "environments.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (code,) = [block for block in blocks if "stable_baselines3" in block]
    return code


def main() -> None:
    try:
        from stable_baselines3.common.env_checker import check_env
    except ImportError:
        sys.exit("not installed: pip install stable-baselines3")
    torch.set_num_threads(1)  # networks this small lose by sharing
    for name in ("Maze", "Sudoku", "SudokuCell"):  # flat: boards of numbers are no images
        check_env(gym.wrappers.FlattenObservation(gym.make(f"trm/{name}-v0").unwrapped))
        print(f"trm/{name}-v0: nothing found")
    print(shown_code())
    started = time.perf_counter()
    exec(shown_code(), {})
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
