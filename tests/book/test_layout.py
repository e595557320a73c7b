"""The house keeps its shape: imports run one way, and nothing names one person's machine."""

import ast
import importlib
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "trm_lib"

# room -> rooms it may import. puzzles, models and viz are the ground floor.
MAY_IMPORT = {
    "puzzles": set(),
    "models": set(),
    "viz": {"puzzles"},
    "envs": {"puzzles", "viz"},
    "training": {"puzzles", "models", "viz", "envs"},
    "evaluation": {"puzzles", "models", "viz", "envs", "training"},
    "diagnostics": {"puzzles", "models", "viz", "envs", "training", "evaluation"},
    "experiments": {"puzzles", "models", "viz", "envs", "training", "evaluation", "diagnostics"},
}
# Heavy packages that a room must do without.
MUST_NOT_IMPORT = {"puzzles": {"torch", "matplotlib"}, "viz": {"torch"}, "envs": {"torch"}}

# Where a chapter may take something from: the face of a room, or a recipe.
FACE = re.compile(
    rf"trm_lib(\.({'|'.join(MAY_IMPORT)}|statistics|tasks|solving))?|book\.recipes\.\w+"
)

TEXT = {".py", ".md", ".ipynb", ".yml", ".toml", ".txt", ".json", ".bib", ".css", ".cff", ""}
MACHINE_PATH = re.compile(rf"(?<![\w.~/])/(?:home|Users)/\w[\w.-]*|{re.escape(str(ROOT))}")


def imported_names(source: str) -> list[str]:
    """The full dotted names that a module imports; relative ones begin with a dot."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            names += [f"{prefix}.{alias.name}" for alias in node.names]
    return names


def against_the_order(room: str | None, source: str) -> list[str]:
    """The imports of a module that leave the one-way order; `room` is None at the top level."""
    wrong = []
    for name in imported_names(source):
        parts = name.split(".")
        other = parts[1] if parts[0] == "trm_lib" and len(parts) > 1 else None
        if parts[0] in {"", "book", *MUST_NOT_IMPORT.get(room, ())} or (
            room and other in MAY_IMPORT and other not in MAY_IMPORT[room] | {room}
        ):
            wrong.append(name)
    return wrong


def behind_the_face(source: str) -> list[str]:
    """What the code of a page takes from the inside of the library, past what it offers."""
    wrong = []
    for node in ast.walk(ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", source))):
        if isinstance(node, ast.Import):
            wrong += [a.name for a in node.names if a.name.startswith(("trm_lib", "book"))]
        elif isinstance(node, ast.ImportFrom) and node.module.startswith(("trm_lib", "book")):
            names = {alias.name for alias in node.names}
            if FACE.fullmatch(node.module) and node.module.startswith("trm_lib"):
                offered = getattr(importlib.import_module(node.module), "__all__", names)
                names -= {*offered, *(MAY_IMPORT if node.module == "trm_lib" else ())}
            elif FACE.fullmatch(node.module):
                names = {name for name in names if name.startswith("_")}
            wrong += [f"{node.module}.{name}" for name in sorted(names)]
    return [name for name in wrong if name != "trm_lib.envs"]  # importing it registers the worlds


def code_of(page: Path) -> str:
    """The code that a chapter, or a page with code cells, runs."""
    if page.suffix == ".md":
        cell = r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```"
        return "\n".join(found[1] for found in re.findall(cell, page.read_text(), re.M | re.S))
    cells = json.loads(page.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def tracked_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_rooms_are_the_known_ones() -> None:
    rooms = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert rooms, f"expected packages below {LIBRARY.name}, found none"
    assert rooms <= MAY_IMPORT.keys(), "give a new room its place in MAY_IMPORT"


def test_imports_run_one_way() -> None:
    wrong = {}
    for path in LIBRARY.rglob("*.py"):
        room = None if path.parent == LIBRARY else path.parent.name
        wrong[str(path.relative_to(ROOT))] = against_the_order(room, path.read_text())
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("room", "source", "wrong"),
    [
        ("models", "from trm_lib.puzzles import Maze", True),
        ("models", "from trm_lib import viz", True),
        ("viz", "import trm_lib.models.trm", True),
        ("puzzles", "from ..models import TRM", True),
        ("puzzles", "import torch", True),
        ("training", "def late():\n    from trm_lib.experiments import run", True),
        (None, "import book.build", True),
        ("training", "from trm_lib.models import TRM", False),
        (None, "from trm_lib.experiments import run", False),
    ],
)
def test_wrong_imports_are_found_and_others_left_alone(room, source: str, wrong: bool) -> None:
    assert bool(against_the_order(room, source)) == wrong


@pytest.mark.parametrize("page", sorted(ROOT.glob("book/*.[im][pd]*")), ids=lambda path: path.name)
def test_a_page_takes_only_what_the_rooms_offer(page: Path) -> None:
    assert behind_the_face(code_of(page)) == []


@pytest.mark.parametrize(
    "source",
    [
        "from trm_lib.models.trm import TRM",
        "from trm_lib.models import layers",
        "import trm_lib.models.trm",
        "from book.recipes.basic_trm import _private",
        "from book import build",
    ],
)
def test_a_look_behind_the_face_is_found(source: str) -> None:
    assert behind_the_face(source) != []


def test_vendored_scripts_bring_their_licence() -> None:
    folders = [path for path in (ROOT / "book/_static/vendor").iterdir() if path.is_dir()]
    assert [path.name for path in folders if not (path / "LICENSE").is_file()] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if path.suffix in TEXT and "vendor" not in path.parts
        for match in MACHINE_PATH.finditer(path.read_text(errors="replace"))
    ]
    assert found == []
