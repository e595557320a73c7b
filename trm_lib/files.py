"""Files that appear whole or not at all."""

from __future__ import annotations

import glob
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: run one process a folder
    fcntl = None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one, never a part.

    The content goes to a neighbour, is forced to disk, and takes the name in one move.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def leftovers(path: Path) -> list[Path]:
    """What killed writers of a file left beside it: all that is older than an hour."""
    beside = path.parent.glob(f".{glob.escape(path.name)}.*")
    return [left for left in beside if time.time() - left.stat().st_mtime > 3600]


@contextmanager
def locked(path: Path, busy: str | None = None) -> Iterator[None]:
    """Hold a lock; where the process dies, the system lets go of it.

    Args:
        path: a file that stands for the lock, and is there as long as it is held.
        busy: what to say, as a ValueError, where another process holds it for three more seconds,
            longer than an orphan lives; None: wait.
    """
    if fcntl is None:
        yield
        return
    last = time.monotonic() + 3
    while True:
        with open(path, "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
            except BlockingIOError:
                if time.monotonic() > last:
                    raise ValueError(busy) from None
                time.sleep(0.1)
                continue
            if not (path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat())):
                continue  # whoever held it has removed the file meanwhile
            try:
                yield
            finally:
                path.unlink()
            return
