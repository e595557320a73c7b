"""Execute the chapters and render the site into `_build/html`, doing only what is needed.

Chapters run two at a time, each in processes of its own, and their outputs go into Jupyter Book's
execution cache, where it finds them. That cache looks at a notebook and nothing else: after a
change in the library it would show old outputs. So two fingerprints stand beside what was built.
When the code and data that chapters use changed, the cache goes and every chapter runs again. When
nothing at all changed, nothing is done. Otherwise the pages are rendered anew, executing changed
chapters only.
"""

import contextlib
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nbclient
import nbformat
import psutil
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
INDEX = BUILD / "html" / "index.html"
SKIPPED_FOLDERS = {"__pycache__", ".ipynb_checkpoints"}

AT_A_TIME = 2  # chapters, each on one core
A_CELL = 600  # seconds that one cell may take

CHAPTERS_USE = (
    "requirements.txt", "trm_lib", "book/weights", "book/results", "book/recipes", "book/mazes",
    "book/puzzles",
)  # fmt: skip
PLAYED = ("candidates", "maze4", "maze_paths", "shortest_ways", "sudoku4", "sudoku6")
"""Networks that pages think with."""
PAGES_USE = (*CHAPTERS_USE, "_config.yml", "_toc.yml", "book")


def fingerprint(root: Path, names: Iterable[str]) -> str:
    """Digest the files at or below some paths, with their names and the Python version.

    Args:
        root: Folder that the names are relative to.
        names: Files or folders; one that does not exist counts as empty.

    Returns:
        A hexadecimal SHA-256 digest.
    """
    digest = hashlib.sha256(sys.version.encode())
    files = {
        path
        for name in names
        for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))
        if path.is_file() and not SKIPPED_FOLDERS & set(path.parts)
    }
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def is_current(record: Path, value: str) -> bool:
    """Tell whether a record file holds this value."""
    return record.is_file() and record.read_text() == value


def run_cells(chapter: Path, executed: Path) -> None:
    """Run a chapter in its folder and write it, with its outputs, elsewhere.

    Raises:
        CellExecutionError: If a cell raises, and CellTimeoutError if it takes longer than A_CELL.
    """
    notebook = nbformat.read(chapter, as_version=4)
    # The cache compares metadata of cells, so times do not go there.
    options = {"timeout": A_CELL, "record_timing": False, "cwd": str(chapter.parent)}
    nbclient.execute(notebook, extra_arguments=["--IPKernelApp.log_level=40"], **options)
    nbformat.write(notebook, executed)


def work_done(process: subprocess.Popen) -> float:
    """Processor seconds that a process and its children have used so far."""
    used = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for each in (parent, *parent.children(recursive=True)):
            used += each.cpu_times().user + each.cpu_times().system
    return used


def ends(process: subprocess.Popen, idle: float = 60) -> bool:
    """Wait for the end of a process, or kill it once it has done nothing for `idle` seconds.

    Messages of a kernel get lost now and then (ipykernel 7): it then waits for a question while
    its client waits for an answer, for ever.

    Returns:
        True when it came to its end by itself.
    """
    done, since = work_done(process), time.monotonic()
    while True:
        try:
            process.wait(timeout=idle / 12)
            return True
        except subprocess.TimeoutExpired:
            now = work_done(process)
        if abs(now - done) > idle / 100:  # less, when a child has left
            done, since = now, time.monotonic()
        elif time.monotonic() > since + idle:
            process.kill()
            process.wait()
            return False


def execute(chapter: Path, folder: Path) -> float | None:
    """Run a chapter in processes of its own, and once more if its kernel stands idle.

    Args:
        chapter: Path of the notebook, which stays as it is.
        folder: Where a notebook of the same name is written, with its outputs.

    Returns:
        The seconds it took; None when a cell failed, which is then said on stderr.
    """
    command = [sys.executable, __file__, str(chapter), str(folder / chapter.name)]
    for _ in range(2):
        start = time.monotonic()
        process = subprocess.Popen(command)
        if ends(process):
            break
        print(f"{chapter.name}: its kernel stood idle", file=sys.stderr, flush=True)
    seconds = time.monotonic() - start
    failed = process.returncode != 0
    print(f"{chapter.name}: {seconds:.0f} s{', FAILED' if failed else ''}", flush=True)
    return None if failed else seconds


def fill_cache(chapters: Iterable[Path]) -> bool:
    """Put the outputs of chapters where Jupyter Book looks for them.

    Returns:
        True when every chapter ran without an error.
    """
    cache, missing = get_cache(CACHE), []
    for chapter in chapters:
        try:
            cache.match_cache_notebook(nbformat.read(chapter, as_version=4))
        except KeyError:
            missing.append(chapter)
    folder = BUILD / "executed"
    folder.mkdir(exist_ok=True)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        taken = list(pool.map(partial(execute, folder=folder), missing))
    for chapter, seconds in zip(missing, taken, strict=True):
        if seconds is not None:
            executed = nbformat.read(folder / chapter.name, as_version=4)
            bundle = CacheBundleIn(executed, str(chapter), data={"execution_seconds": seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return None not in taken


def export_networks(folder: Path) -> None:
    """Write the weights of the playground's networks as scripts into a folder."""
    folder.mkdir(exist_ok=True)
    for name in PLAYED:
        command = [
            sys.executable,
            "-m",
            "trm_lib",
            "export",
            name,
            "--to",
            str(folder / f"{name}.js"),
        ]
        subprocess.run(command, cwd=ROOT, check=True)


def main() -> int:
    """Build the book.

    Returns:
        The exit status: 0 when the site is complete and without warnings.
    """
    executed, rendered = BUILD / "chapters.sha256", BUILD / "pages.sha256"
    library, everything = fingerprint(ROOT, CHAPTERS_USE), fingerprint(ROOT, PAGES_USE)
    if is_current(rendered, everything) and INDEX.is_file():
        print(f"Nothing changed since {INDEX.relative_to(ROOT)} was built.")
        return 0

    BUILD.mkdir(exist_ok=True)
    rendered.unlink(missing_ok=True)
    if not is_current(executed, library):
        shutil.rmtree(CACHE, ignore_errors=True)
        executed.write_text(library)
    if not fill_cache(sorted((ROOT / "book").glob("*.ipynb"))):
        return 1
    export_networks(BUILD / "networks")
    shutil.rmtree(BUILD / "html", ignore_errors=True)

    # --all: a page that only warned last time must warn again, not pass for being up to date.
    # python -c, not the jupyter-book script: it puts ROOT on the path, for the API pages.
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", ".", "-q", "--all", "-W", "-n", "--keep-going"]
    # What went wrong goes to stderr; stdout only says where the site is.
    code = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode
    if code == 0:
        rendered.write_text(everything)
        print(f"Open {INDEX.relative_to(ROOT)}")
    return code


if __name__ == "__main__":
    sys.exit(run_cells(*map(Path, sys.argv[1:])) if sys.argv[1:] else main())
