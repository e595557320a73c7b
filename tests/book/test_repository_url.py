"""The address of the repository is written once, in _config.yml; every other mention equals it."""

import re
import tomllib
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


def is_ours(match: re.Match[str]) -> bool:
    """Tell a mention of this repository, under whatever name, from one of somebody else's."""
    name = match["name"].removesuffix(".git").lower()
    return (
        "colab" in match["host"]
        or match["owner"].lower() == OWNER.lower()
        or name in {NAME.lower(), "tiny-recursive-model"}
    )


def stale_mentions(text: str) -> list[str]:
    """Find addresses of this repository that differ from the one in _config.yml."""
    return [
        match.group()
        for match in ADDRESS.finditer(text)
        if is_ours(match) and (match["owner"], match["name"].removesuffix(".git")) != (OWNER, NAME)
    ]


def files_with_text() -> list[Path]:
    top = [*ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.cff"), *ROOT.glob("*.yml")]
    book = [
        path for pattern in ("*.md", "*.ipynb", "*.py") for path in ROOT.glob(f"book/{pattern}")
    ]
    return sorted([*top, *book, *ROOT.glob("trm_lib/**/*.py"), *ROOT.glob(".github/**/*.yml")])


@pytest.mark.parametrize("path", files_with_text(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_mention_equals_the_configured_address(path: Path) -> None:
    assert stale_mentions(path.read_text()) == [], f"expected {SETTINGS['url']}"


def test_set_up_cell_clones_the_configured_repository() -> None:
    assert SETTINGS["url"] in (ROOT / "book" / "setup_cell.py").read_text()


def test_project_urls_point_into_the_configured_repository() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    elsewhere = [
        url
        for url in project.get("urls", {}).values()
        if "github.com" in url and not url.startswith(SETTINGS["url"])
    ]
    assert elsewhere == []


def test_links_into_a_branch_name_the_configured_branch() -> None:
    branches = {
        match[1]
        for path in files_with_text()
        for match in re.finditer(rf"{OWNER}/{NAME}/(?:blob|tree|raw)/([\w.-]+)/", path.read_text())
    }
    assert branches <= {SETTINGS["branch"]}


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/somebody-else/Tiny-Recursive-Model",
        "git clone git@github.com:somebody-else/Tiny-Recursive-Model.git",
        "https://colab.research.google.com/github/a/b/blob/main/book/01.ipynb",
        f"https://github.com/{OWNER}/another-name",
    ],
)
def test_stale_mentions_are_found(text: str) -> None:
    assert stale_mentions(text) != []


@pytest.mark.parametrize(
    "text",
    [
        f"https://github.com/{OWNER}/{NAME}.",
        f"git clone https://github.com/{OWNER}/{NAME}.git",
        f"https://colab.research.google.com/github/{OWNER}/{NAME}/blob/main/book/01.ipynb",
        "https://github.com/SamsungSAILMontreal/TinyRecursiveModels",
    ],
)
def test_right_and_foreign_mentions_are_left_alone(text: str) -> None:
    assert stale_mentions(text) == []
