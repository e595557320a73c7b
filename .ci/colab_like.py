"""Runs chapters as Colab would: alone, in an empty folder, with Colab's packages.

A chapter opened in Colab is one notebook without the repository around it, in an environment that
is not ours. Here is such an environment, `.venv-colab`, with Colab's old IPython and ipywidgets,
nothing from requirements.txt, and a stand-in for the module `google.colab`. Git is told to take
the repository from this checkout, so the set-up cell's clone needs no network; it sees the last
commit, not uncommitted changes.

Usage: python .ci/colab_like.py [--all | CHAPTER ...]

Without arguments it runs the set-up cell of every chapter, and two chapters to their end: which two
depends on the commit, so that all of them get their turn.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import nbformat
import yaml
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv-colab"
PYTHON = ENVIRONMENT / "bin" / "python"
# What Colab brings (2026-08), as far as a chapter may use it. Torch is the version we can test.
PACKAGES = """
    ipywidgets==7.7.1 ipython==7.34.0 ipykernel torch==2.13.0
    numpy scipy matplotlib tqdm gymnasium safetensors joblib
""".split()  # noqa: SIM905
SECONDS_A_CELL = 600


class ColabKernel(AsyncKernelManager):
    """A kernel of the environment in `.venv-colab`."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [str(PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Colab-like", language="python")


def set_up() -> None:
    """Make `.venv-colab`, unless it holds these packages already."""
    record = ENVIRONMENT / ".ready"
    if record.is_file() and record.read_text() == "\n".join(PACKAGES):
        return
    venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *PACKAGES], check=True)
    record.write_text("\n".join(PACKAGES))


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode()


def offer_repository(folder: Path) -> Path:
    """Put the last commit where git will find it under the repository's public address.

    Args:
        folder: an empty folder.

    Returns:
        A git configuration file that redirects the address.
    """
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
    url, branch = settings["url"], settings["branch"]
    mirror = folder / "mirror.git"
    git("init", "--quiet", "--bare", f"--initial-branch={branch}", str(mirror))
    git("push", "--quiet", str(mirror), f"HEAD:refs/heads/{branch}")
    config = folder / "gitconfig"
    config.write_text(
        "".join(f'[url "file://{mirror}"]\n\tinsteadOf = {name}\n' for name in (url, f"{url}.git"))
        + "[safe]\n\tdirectory = *\n"
    )
    return config


def pretend_to_be_colab(folder: Path) -> None:
    """Write a `google.colab` module that, as in Colab, is loaded before the first cell."""
    package = folder / "google" / "colab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Stands in for Colab\'s own module."""\n')
    (folder / "sitecustomize.py").write_text("import google.colab\n")


def run_chapter(chapter: Path, whole: bool, folder: Path, environment: dict[str, str]) -> None:
    """Execute one notebook in a folder that holds nothing else.

    Args:
        chapter: the notebook; it is read, never written.
        whole: to its end, not only its set-up cell.
        folder: an empty folder, the kernel's working directory.
        environment: variables of the kernel.

    Raises:
        CellExecutionError: if a cell fails.
    """
    notebook = nbformat.read(chapter, as_version=4)
    if not whole:
        first = [cell.cell_type for cell in notebook.cells].index("code")
        notebook.cells = notebook.cells[: first + 1]
    client = NotebookClient(
        notebook,
        kernel_manager_class=ColabKernel,
        timeout=SECONDS_A_CELL,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment)


def turn(chapters: list[Path], commit: str) -> list[Path]:
    """The two neighbours in a ring of chapters that a commit's name chooses."""
    first = int(commit, 16) % len(chapters)
    return [chapters[first], chapters[(first + 1) % len(chapters)]]


def main() -> int:
    """Run the chapters.

    Returns:
        How many failed.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="every chapter to its end")
    parser.add_argument("chapters", nargs="*", type=Path, help="these, to their end")
    asked = parser.parse_args()
    chapters = asked.chapters or sorted((ROOT / "book").glob("*.ipynb"))
    in_whole = chapters
    if not (asked.all or asked.chapters):
        in_whole = turn(chapters, git("rev-parse", "HEAD").strip())
    set_up()
    failed = 0
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        pretend_to_be_colab(work / "colab")
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
            "GIT_CONFIG_GLOBAL": str(offer_repository(work)),
            "GIT_TERMINAL_PROMPT": "0",
            "PYTHONPATH": str(work / "colab"),
        }
        for chapter in chapters:
            alone, whole = work / chapter.stem, chapter in in_whole
            alone.mkdir()
            start = time.perf_counter()
            try:
                run_chapter(chapter, whole, alone, environment)
                outcome = "passed"
            except CellExecutionError as error:
                failed += 1
                outcome = f"FAILED\n{error}"
            part = "whole" if whole else "set-up cell"
            seconds = time.perf_counter() - start
            print(f"{chapter.name}, {part}: {seconds:.0f} s, {outcome}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
