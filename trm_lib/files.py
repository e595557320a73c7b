"""Files that appear whole or not at all."""

from __future__ import annotations

import glob
import os
import tempfile
from pathlib import Path


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
        os.unlink(temporary)
        raise


def leftovers(path: Path) -> list[Path]:
    """What killed writers of a file left beside it."""
    return list(path.parent.glob(f".{glob.escape(path.name)}.*"))
