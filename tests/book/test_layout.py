"""The house keeps its shape: imports run one way, and nothing names one person's machine."""

import ast
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

TEXT = {".py", ".md", ".ipynb", ".yml", ".toml", ".txt", ".json", ".bib", ".css", ".cff", ""}
MACHINE_PATH = re.compile(rf"(?<![\w.~/])/(?:home|Users)/\w[\w.-]*|{re.escape(str(ROOT))}")


def imported_names(source: str, package: list[str]) -> list[str]:
    """List the full dotted names that a module imports.

    Args:
        source: the module's text.
        package: dotted parts of the package that holds it, to resolve relative imports.
    """
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            names += [f"{prefix}.{alias.name}" for alias in node.names]
    return names


def against_the_order(room: str | None, source: str, package: list[str]) -> list[str]:
    """List the imports of a module that leave the one-way order.

    Args:
        room: the folder of trm_lib that holds the module; None for its top level.
        source: the module's text.
        package: dotted parts of the package that holds it.
    """
    wrong = []
    for name in imported_names(source, package):
        parts = name.split(".")
        other = parts[1] if parts[0] == "trm_lib" and len(parts) > 1 else None
        if (
            parts[0] == "book"
            or parts[0] in MUST_NOT_IMPORT.get(room, set())
            or (room and other in MAY_IMPORT and other not in MAY_IMPORT[room] | {room})
        ):
            wrong.append(name)
    return wrong


def tracked_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_rooms_are_the_known_ones() -> None:
    rooms = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert rooms, f"expected packages below {LIBRARY.name}, found none"
    assert rooms <= MAY_IMPORT.keys(), "give a new room its place in MAY_IMPORT"


@pytest.mark.parametrize(
    "path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_imports_run_one_way(path: Path) -> None:
    package = list(path.relative_to(ROOT).parts[:-1])
    room = package[1] if len(package) > 1 else None
    assert against_the_order(room, path.read_text(), package) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("models", "from trm_lib.puzzles import Maze"),
        ("models", "from trm_lib import viz"),
        ("viz", "import trm_lib.models.trm"),
        ("puzzles", "from ..models import TRM"),
        ("puzzles", "import torch"),
        ("evaluation", "from trm_lib import experiments"),
        ("training", "def late():\n    from trm_lib.experiments import run"),
        (None, "import book.build"),
    ],
)
def test_a_wrong_import_is_found(room: str | None, source: str) -> None:
    assert against_the_order(room, source, ["trm_lib", *([room] if room else [])]) != []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("training", "from trm_lib.models import TRM"),
        ("models", "from . import layers\nfrom .block import Block\nimport torch"),
        (None, "from trm_lib.experiments import run"),
    ],
)
def test_a_right_import_is_left_alone(room: str | None, source: str) -> None:
    assert against_the_order(room, source, ["trm_lib", *([room] if room else [])]) == []


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text


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
