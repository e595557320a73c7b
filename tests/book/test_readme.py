"""The README, and every other page, promises what the library does."""

import pydoc
import re
import shlex
from pathlib import Path

import pytest

from trm_lib.__main__ import main
from trm_lib.experiments import find_recipes
from trm_lib.models import count_parameters
from trm_lib.solving import shipped_model

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *ROOT.glob("book/*.md"), *ROOT.glob("book/*.ipynb")]


def test_the_three_lines_print_what_the_comment_says(capsys) -> None:
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip() == re.search(r"print\(solved\)  # (.*)", block).group(1)


def test_the_policy_learns(capsys) -> None:
    block = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    history = names["history"]
    early = sum(history.successes[:2]) / sum(history.episodes[:2])
    assert history.success_rate()[-1] > early + 0.1


def test_the_size_of_the_model_is_its_size() -> None:
    assert f"{count_parameters(shipped_model(4)):,} parameters" in README


@pytest.mark.parametrize("command", re.findall(r"python -m trm_lib (.*?)(?:  +#.*)?\n", README))
def test_every_command_is_understood(command, monkeypatch) -> None:
    understood = []
    for name in ("_solve", "_list", "_run", "_report", "_verify", "_debug", "_export"):
        monkeypatch.setattr(f"trm_lib.__main__.{name}", lambda args: understood.append(args) or 0)
    assert main(shlex.split(command)) == 0
    assert len(understood) == 1


@pytest.mark.parametrize("page", [*PAGES, ROOT / "book/weights/README.md"], ids=lambda p: p.name)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    names = re.findall(r"\btrm_lib(?:\.[A-Za-z_]\w*)+", text)
    assert [name for name in names if pydoc.locate(name) is None] == []
    files = re.findall(r"(?<![\w/])(?:trm_lib|tests|book)/[\w/.]*\w", text)
    assert [name for name in files if not (ROOT / name).exists()] == []
    command = r"-m trm_lib (?:run|report|verify|debug) ([\w/.]+)(?![\w/.])(?!.*--recipes)"
    recipes = re.findall(command, text)
    assert all(find_recipes(name) for name in recipes)


def test_the_map_names_every_room() -> None:
    named = re.findall(r"^\| `trm_lib/(\w+)", README, re.MULTILINE)
    assert {path.parent.name for path in ROOT.glob("trm_lib/*/__init__.py")} <= set(named)
