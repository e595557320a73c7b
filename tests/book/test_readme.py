"""The README promises what the library does."""

import re
import shlex
from pathlib import Path

import pytest

from trm_lib.__main__ import main
from trm_lib.models import count_parameters
from trm_lib.solving import shipped_model

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


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
    for name in ("_solve", "_list", "_run", "_report", "_verify", "_debug"):
        monkeypatch.setattr(f"trm_lib.__main__.{name}", lambda args: understood.append(args) or 0)
    assert main(shlex.split(command)) == 0
    assert len(understood) == 1


def test_every_folder_of_the_map_exists() -> None:
    root = Path(__file__).resolve().parents[2]
    folders = re.findall(r"^\| `([\w/.]+?)/?` \|", README, re.MULTILINE)
    assert len(folders) >= 8
    assert [folder for folder in folders if not (root / folder).exists()] == []
