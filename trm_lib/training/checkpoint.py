"""A run that is killed goes on from its checkpoint as if nothing had happened, to the last bit.

A checkpoint is one file of tensors, numbers, words, lists and dicts. It is written whole or not at
all, and nothing else is ever unpickled from it.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from trm_lib.files import leftovers, write_whole


def write_checkpoint(path: Path, identity: dict[str, str], state: dict[str, Any]) -> None:
    """Keep the state of a run; `identity` is what runs must share to go on with it, in words."""
    file = io.BytesIO()
    torch.save({"identity": identity, "state": state}, file)
    write_whole(path, file.getvalue())


def read_checkpoint(path: Path, identity: dict[str, str]) -> dict[str, Any] | None:
    """The state that was kept there; None if there is no file.

    Raises:
        ValueError: the file is damaged, or of a run with another identity.
    """
    for left in leftovers(path):  # of runs that were killed while they wrote
        left.unlink(missing_ok=True)
    if not path.exists():
        return None
    try:
        kept = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        theirs, state = dict(kept["identity"]), kept["state"]
    except Exception as error:  # whatever a damaged or foreign file may cause
        raise ValueError(
            f"checkpoint {path} expected to be one of this run, but it cannot be read: delete it "
            f"to start anew, or choose another name"
        ) from error
    for name in [*identity, *theirs]:
        if identity.get(name) != theirs.get(name):
            raise ValueError(
                f"checkpoint {path} was left by another run: {name} is {theirs.get(name)} there "
                f"and {identity.get(name)} here. Delete it to start anew, or choose another name"
            )
    return state
