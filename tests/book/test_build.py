"""The build notices every change that could make a page stale."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book"))

import api_pages  # noqa: E402
import build  # noqa: E402


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "lib" / "room").mkdir(parents=True)
    (tmp_path / "lib" / "room" / "a.py").write_text("a = 1\n")
    (tmp_path / "pins.txt").write_text("torch==1\n")
    return tmp_path


def edit_content(tree: Path) -> None:
    (tree / "lib" / "room" / "a.py").write_text("a = 2\n")


def edit_single_file(tree: Path) -> None:
    (tree / "pins.txt").write_text("torch==2\n")


def add_file(tree: Path) -> None:
    (tree / "lib" / "b.bin").write_bytes(b"")


def rename_file(tree: Path) -> None:
    (tree / "lib" / "room" / "a.py").rename(tree / "lib" / "room" / "b.py")


@pytest.mark.parametrize("change", [edit_content, edit_single_file, add_file, rename_file])
def test_fingerprint_changes_with_what_it_covers(tree: Path, change) -> None:
    before = build.fingerprint(tree, ["lib", "pins.txt"])
    change(tree)
    assert build.fingerprint(tree, ["lib", "pins.txt"]) != before


def test_fingerprint_ignores_everything_else(tree: Path) -> None:
    before = build.fingerprint(tree, ["lib", "pins.txt"])
    (tree / "elsewhere.py").write_text("")
    (tree / "lib" / "__pycache__").mkdir()
    (tree / "lib" / "__pycache__" / "a.pyc").write_bytes(b"1")
    (tree / "pins.txt").touch()
    assert build.fingerprint(tree, ["lib", "pins.txt"]) == before


def test_fingerprints_name_what_exists() -> None:
    missing = [name for name in build.PAGES_USE if not (ROOT / name).exists()]
    assert missing == []


def test_record_is_current_only_with_the_same_value(tmp_path: Path) -> None:
    record = tmp_path / "record"
    assert not build.is_current(record, "x")
    record.write_text("x")
    assert build.is_current(record, "x")
    assert not build.is_current(record, "y")


@pytest.mark.parametrize(
    ("plain", "rest"),
    [
        ("logits (B, *grid, V)", "logits (B, \\*grid, V)"),
        ("like zero_, in place", "like zero\\_, in place"),
        ("snake_case stays", "snake_case stays"),
        ("`n_layers` blocks", "``n_layers`` blocks"),
        ("``done`` already", "``done`` already"),
        ("a :class:`Role` stays", "a :class:`Role` stays"),
        ("|x| is a size", "\\|x\\| is a size"),
    ],
)
def test_docstring_lines_become_literal(plain: str, rest: str) -> None:
    assert api_pages.literal(plain) == rest


def test_indented_example_becomes_code_and_sections_do_not() -> None:
    plain = ["Summary.", "", "    a = b_ * c", "", "Args:", "    x: (B, *grid)", "", "    more"]
    code = ["Summary.", "", "::", "", "    a = b_ * c", ""]
    assert api_pages.to_rest(plain) == [*code, "Args:", "    x: (B, \\*grid)", "", "    more"]


def test_a_marked_heading_becomes_one() -> None:
    plain = ["One line.", "", "## Rewards", "Exactly *one*."]
    rest = ["One line.", "", ".. rubric:: Rewards", "", "Exactly \\*one\\*."]
    assert api_pages.to_rest(plain) == rest


@pytest.mark.parametrize(
    ("full", "public"),
    [
        ("trm_lib.models.trm.TRM", "trm_lib.models.TRM"),
        ("trm_lib.models.trm.TRM.forward", "trm_lib.models.TRM.forward"),
        ("trm_lib.models.TRM", "trm_lib.models.TRM"),
        ("torch.nn.modules.Module", "torch.nn.modules.Module"),
    ],
)
def test_public_name_leaves_the_module_out(full: str, public: str) -> None:
    assert api_pages.public_name(full) == public
