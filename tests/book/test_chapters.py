"""Every chapter is a clean, short-celled notebook that reads the same everywhere."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("*.ipynb"))
MOST_LINES = 40

# Colab and JupyterLab do not know MyST: they would print its directives and roles as they stand.
MYST = re.compile(
    r"""
    ^\s*(`{3,}|~{3,}|:{3,})\{        # ```{note}, :::{note}
    | (?<![\w$\\`])\{[a-z][\w:-]*\}`  # {cite}`key`
    | ^\([\w-]+\)=\s*$               # (label)=
    | ^%\s                           # % comment
    | ^\+\+\+                        # +++ block break
    """,
    re.MULTILINE | re.VERBOSE,
)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def test_there_are_chapters() -> None:
    assert CHAPTERS, f"expected notebooks in {BOOK.relative_to(ROOT)}, found none"


def test_table_of_contents_names_every_chapter_and_page_once() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [toc["root"]]
    for part in toc["parts"]:
        listed += [entry["file"] for entry in part["chapters"]]
    pages = [*CHAPTERS, *BOOK.glob("*.md")]
    assert sorted(listed) == sorted(f"book/{path.stem}" for path in pages)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_is_valid_nbformat_4_5(self, path: Path) -> None:
        notebook = read(path)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)

    def test_stores_no_output(self, path: Path) -> None:
        dirty = [
            i
            for i, cell in enumerate(read(path).cells)
            if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None)
        ]
        assert dirty == [], f"run: nbstripout {path.relative_to(ROOT)}"

    def test_names_the_plain_python_kernel(self, path: Path) -> None:
        assert read(path).metadata.kernelspec.name == "python3"

    def test_opens_with_the_shared_set_up_cell(self, path: Path) -> None:
        first = next(cell for cell in read(path).cells if cell.cell_type == "code")
        assert first.source.rstrip() == (BOOK / "setup_cell.py").read_text().rstrip()

    def test_starts_with_one_title(self, path: Path) -> None:
        first = read(path).cells[0]
        assert first.cell_type == "markdown"
        assert re.match(r"# \S", first.source)

    def test_keeps_cells_short(self, path: Path) -> None:
        lines = {i: cell.source.count("\n") + 1 for i, cell in enumerate(read(path).cells)}
        assert {i: n for i, n in lines.items() if n > MOST_LINES} == {}

    def test_uses_plain_markdown_only(self, path: Path) -> None:
        found = {
            i: match.group().strip()
            for i, cell in enumerate(read(path).cells)
            if cell.cell_type == "markdown" and (match := MYST.search(cell.source))
        }
        assert found == {}


@pytest.mark.parametrize(
    "text", ["```{note}\nx\n```", ":::{tip}\n:::", "see {cite}`a`", "(label)=\n", "% hidden"]
)
def test_myst_is_recognised(text: str) -> None:
    assert MYST.search(text)


@pytest.mark.parametrize(
    "text", ["```python\nx\n```", "$\\mathbb{R}$", "`{a}`", "f(x)=y", "80 % of", "<details>"]
)
def test_plain_markdown_is_not_mistaken_for_myst(text: str) -> None:
    assert not MYST.search(text)
