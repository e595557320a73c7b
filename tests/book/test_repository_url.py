"""The address of the repository is written once, in _config.yml; every other mention equals it."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
OWNER, NAME = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)", SETTINGS["url"]).groups()

# The addresses under which a repository on GitHub is read: pages, clones, raw files and Colab.
ADDRESS = re.compile(
    r"(?P<host>github\.com|githubusercontent\.com|colab\.research\.google\.com/github)"
    r"[/:](?P<owner>[\w.-]+)/(?P<name>[\w-]+(?:\.[\w-]+)*)"
)


def stale_mentions(text: str) -> list[str]:
    """Addresses of this repository, under whatever name, that differ from the configured one."""
    found = []
    for match in ADDRESS.finditer(text):
        owner, name = match["owner"], match["name"].removesuffix(".git")
        same_name = name.lower() in {NAME.lower(), "tiny-recursive-model"}
        ours = same_name or owner.lower() == OWNER.lower() or "colab" in match["host"]
        if ours and (owner, name) != (OWNER, NAME):
            found.append(match.group())
    return found


def test_every_mention_equals_the_configured_address() -> None:
    everywhere = "*.md *.toml *.cff *.yml book/*.md book/*.ipynb book/**/*.py trm_lib/**/*.py"
    paths = [path for pattern in everywhere.split() for path in ROOT.glob(pattern)]
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in paths}
    stale = {name: found for name, text in texts.items() if (found := stale_mentions(text))}
    assert stale == {}, f"expected {SETTINGS['url']}"
    branches = re.findall(rf"{OWNER}/{NAME}/(?:blob|tree|raw)/([\w.-]+)/", "".join(texts.values()))
    assert set(branches) == {SETTINGS["branch"]}
    assert SETTINGS["url"] in texts["book/setup_cell.py"]


@pytest.mark.parametrize(
    ("text", "stale"),
    [
        ("https://github.com/somebody-else/Tiny-Recursive-Model", True),
        ("git clone git@github.com:somebody-else/Tiny-Recursive-Model.git", True),
        ("https://colab.research.google.com/github/a/b/blob/main/book/01.ipynb", True),
        (f"https://github.com/{OWNER}/another-name", True),
        (f"git clone https://github.com/{OWNER}/{NAME}.git", False),
        (f"https://colab.research.google.com/github/{OWNER}/{NAME}/blob/main/book/01.ipynb", False),
        ("https://github.com/SamsungSAILMontreal/TinyRecursiveModels", False),
    ],
)
def test_stale_mentions_are_found_and_others_left_alone(text: str, stale: bool) -> None:
    assert bool(stale_mentions(text)) == stale
