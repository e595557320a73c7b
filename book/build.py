"""Execute the chapters and render the site into `_build/html`, doing only what is needed.

Jupyter Book's execution cache looks at a notebook and nothing else: after a change in the library
it would show old outputs. So two fingerprints stand beside what was built. When the code and data
that chapters use changed, the cache goes and every chapter runs again. When nothing at all
changed, nothing is done. Otherwise the pages are rendered anew, executing changed chapters only.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
INDEX = BUILD / "html" / "index.html"
SKIPPED_FOLDERS = {"__pycache__", ".ipynb_checkpoints"}

CHAPTERS_USE = ("requirements.txt", "trm_lib", "book/weights", "book/results", "book/recipes")
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
        shutil.rmtree(BUILD / ".jupyter_cache", ignore_errors=True)
        executed.write_text(library)
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
    sys.exit(main())
