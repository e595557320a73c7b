"""Every chapter is a clean, short-celled notebook that reads the same everywhere."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("*.ipynb"))
MOST_LINES, MOST_VISIBLE, WIDEST = 45, 260, 84  # of a cell, a chapter, a line
FOLDED = {"hide-input", "hide-cell"}

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


@pytest.mark.parametrize("page", [*CHAPTERS, *BOOK.glob("*.md")], ids=lambda path: path.name)
def test_a_link_to_a_chapter_carries_its_number(page: Path) -> None:
    links = re.findall(r"\[(?:[Cc]hapters? )?(\d\d)\]\((\d\d)_(\w+)\.ipynb", page.read_text())
    assert [link for link in links if link[0] != link[1]] == []
    assert [n for _, n, name in links if not (BOOK / f"{n}_{name}.ipynb").is_file()] == []


def test_chapters_count_from_one_in_file_and_title() -> None:
    numbers = [f"{n:02}" for n in range(1, len(CHAPTERS) + 1)]
    assert [path.name.split("_")[0] for path in CHAPTERS] == numbers
    assert [read(path).cells[0].source.split(" · ")[0] for path in CHAPTERS] == [
        f"# {number}" for number in numbers
    ]


def test_table_of_contents_names_every_chapter_and_page_once() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [toc["root"]]
    for part in toc["parts"]:
        listed += [entry["file"] for entry in part["chapters"]]
    pages = [*CHAPTERS, *BOOK.glob("*.md")]
    assert sorted(listed) == sorted(f"book/{path.stem}" for path in pages)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_is_a_valid_notebook_for_the_plain_python_kernel(self, path: Path) -> None:
        notebook = read(path)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "python3"

    def test_stores_no_output(self, path: Path) -> None:
        dirty = [
            i
            for i, cell in enumerate(read(path).cells)
            if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None)
        ]
        assert dirty == [], f"run: nbstripout {path.relative_to(ROOT)}"

    def test_opens_with_the_shared_set_up_cell(self, path: Path) -> None:
        first = next(cell for cell in read(path).cells if cell.cell_type == "code")
        assert first.source.rstrip() == (BOOK / "setup_cell.py").read_text().rstrip()

    def test_shows_little_code_in_short_lines_and_short_cells(self, path: Path) -> None:
        cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
        lines = {i: cell.source.splitlines() for i, cell in enumerate(cells)}
        folded = {i for i, cell in enumerate(cells) if FOLDED & set(cell.metadata.get("tags", []))}
        assert [line for part in lines.values() for line in part if len(line) > WIDEST] == []
        assert {i: len(part) for i, part in lines.items() if len(part) > MOST_LINES} == {}
        assert sum(len(part) for i, part in lines.items() if i not in folded) <= MOST_VISIBLE

    def test_captions_count_the_figures_and_the_text_names_no_others(self, path: Path) -> None:
        cells = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
        text, chapter = "\n\n".join(cells), int(path.stem[:2])
        found = re.findall(r"^\*\*Figure (\S*)\.\*\* \S", text, re.MULTILINE)
        assert found == [f"{chapter}.{n}" for n in range(1, len(found) + 1)]
        assert set(re.findall(rf"Figure ({chapter}\.\d+)", text)) <= set(found)

    def test_uses_plain_markdown_only(self, path: Path) -> None:
        found = {
            i: match.group().strip()
            for i, cell in enumerate(read(path).cells)
            if cell.cell_type == "markdown" and (match := MYST.search(cell.source))
        }
        assert found == {}


def test_myst_is_told_from_plain_markdown() -> None:
    myst = ["```{note}\nx\n```", ":::{tip}\n:::", "see {cite}`a`", "(label)=\n", "% hidden"]
    plain = ["```python\nx\n```", "$\\mathbb{R}$", "`{a}`", "f(x)=y", "80 % of", "<details>"]
    assert all(MYST.search(text) for text in myst)
    assert not any(MYST.search(text) for text in plain)
