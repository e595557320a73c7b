"""The build runs chapters, and notices every change that could make a page stale."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache

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


def test_fingerprint_changes_with_what_it_covers(tree: Path) -> None:
    seen = {build.fingerprint(tree, ["lib", "pins.txt"])}
    edited = tree / "lib" / "room" / "a.py"
    for change in (
        lambda: edited.write_text("a = 2\n"),
        lambda: (tree / "pins.txt").write_text("torch==2\n"),
        lambda: (tree / "lib" / "b.bin").write_bytes(b""),
        lambda: edited.rename(edited.with_name("b.py")),
    ):
        change()
        seen.add(build.fingerprint(tree, ["lib", "pins.txt"]))
    assert len(seen) == 5


def test_fingerprint_ignores_everything_else(tree: Path) -> None:
    before = build.fingerprint(tree, ["lib", "pins.txt"])
    (tree / "elsewhere.py").write_text("")
    (tree / "lib" / "__pycache__").mkdir()
    (tree / "lib" / "__pycache__" / "a.pyc").write_bytes(b"1")
    (tree / "pins.txt").touch()
    assert build.fingerprint(tree, ["lib", "pins.txt"]) == before


def test_fingerprints_name_what_exists() -> None:
    assert [name for name in build.PAGES_USE if not (ROOT / name).exists()] == []


def test_only_a_process_that_works_comes_to_its_end() -> None:
    def start(code: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", code])

    assert build.ends(start("sum(range(10**7))"), idle=10)
    assert not build.ends(start("import time; time.sleep(60)"), idle=0.5)


def test_outputs_are_put_where_the_book_looks(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(build, "BUILD", tmp_path)
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    for name, source in (("right", "print(6 * 7)"), ("wrong", "1 / 0")):
        cells = [nbformat.v4.new_code_cell(source)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    chapters = [tmp_path / "right.ipynb", tmp_path / "wrong.ipynb"]
    assert not build.fill_cache(chapters)
    cache = get_cache(tmp_path / "cache")
    _, found = cache.merge_match_into_notebook(nbformat.read(chapters[0], as_version=4))
    assert found.cells[0].outputs[0].text == "42\n"
    monkeypatch.setattr(build, "execute", pytest.fail)  # nothing is left to run
    assert build.fill_cache(chapters[:1])


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


def test_public_name_leaves_the_module_out() -> None:
    assert api_pages.public_name("trm_lib.models.trm.TRM.forward") == "trm_lib.models.TRM.forward"
    for name in ("trm_lib.models.TRM", "torch.nn.modules.Module"):
        assert api_pages.public_name(name) == name
