# Set-up, the same in every chapter: it fetches the book in Colab, else it finds it.
import importlib.util
import platform
import subprocess
import sys
from pathlib import Path

BOOK = "https://github.com/acharyaanusha/Tiny-Recursive-Model"
if "google.colab" in sys.modules and not Path("trm_book").is_dir():
    clone = ["git", "clone", "--quiet", "--depth", "1", BOOK, "trm_book"]
    subprocess.run(clone, check=True)
    wanted = ["gymnasium", "joblib", "safetensors"]
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        install = [sys.executable, "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, *missing], check=True)

places = [Path("trm_book").resolve(), Path.cwd(), *Path.cwd().parents]
root = next((place for place in places if (place / "trm_lib").is_dir()), None)
if root is None:
    told = f"no trm_lib above {Path.cwd()}: open this in a clone of {BOOK}"
    raise FileNotFoundError(told)
sys.path.insert(0, str(root))

import numpy as np
import torch

np.random.seed(0)
torch.manual_seed(0)
versions = f"torch {torch.__version__}, numpy {np.__version__}"
print(f"Python {platform.python_version()}, {versions}")
