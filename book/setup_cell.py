# Set-up, the same in every chapter: in Colab it fetches the book, elsewhere it finds it.
import importlib.util
import platform
import subprocess
import sys
from pathlib import Path

BOOK = "https://github.com/acharyaanusha/Tiny-Recursive-Model"
if "google.colab" in sys.modules and not Path("trm_book").is_dir():
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", BOOK, "trm_book"], check=True)
    wanted = ["gymnasium", "joblib", "safetensors"]
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)

places = [Path("trm_book").resolve(), Path.cwd(), *Path.cwd().parents]
root = next((place for place in places if (place / "trm_lib").is_dir()), None)
if root is None:
    raise FileNotFoundError(f"no trm_lib above {Path.cwd()}: open this in a clone of {BOOK}")
sys.path.insert(0, str(root))

import numpy as np
import torch

np.random.seed(0)
torch.manual_seed(0)
print(f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}")
