"""A seed that is not done: the state it goes on from, and who has worked on it so far.

Both lie beside the result as hidden files, `.<learner>-seed<N>.safetensors`, which only the run
reads and writes, and `.<learner>-seed<N>.json`, which only the runner does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trm_lib.experiments.recipe import Recipe
from trm_lib.experiments.results import result_path
from trm_lib.files import remove_whole, write_whole


@dataclass(frozen=True)
class Unfinished:
    """The two hidden files of one seed of one recipe.

    Attributes:
        recipe: what is run.
        seed: which seed.
        folder: of the results.
    """

    recipe: Recipe
    seed: int
    folder: Path

    @property
    def checkpoint(self) -> Path:
        """Where the run keeps its state."""
        return self._hidden("safetensors")

    def earlier_sessions(self) -> list[dict[str, Any]]:
        """The killed sessions whose work is in the checkpoint, oldest first; [] without one.

        A session is {"seconds": from its begin to its last checkpoint, by the files' times,
        "provenance": ...}. What it did after that is lost, and not counted.

        Raises:
            ValueError: the checkpoint was left by another config, or by nobody knows whom.
        """
        if not self.checkpoint.is_file():
            return []
        try:
            noted = json.loads(self._notes.read_text())
            config, earlier, last = (noted[key] for key in ("config", "earlier", "provenance"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.checkpoint} expected {self._notes.name} beside it, which says what left "
                f"it, but: {error!r}. Delete {self.checkpoint} to start seed {self.seed} afresh"
            ) from error
        if not self.recipe.describes(config):
            raise ValueError(
                f"{self.checkpoint} was left by a killed run of {self.recipe.name} with another "
                f"config: delete it to start seed {self.seed} afresh, or finish that run first"
            )
        seconds = self.checkpoint.stat().st_mtime - self._notes.stat().st_mtime
        if seconds < 0:  # killed before it wrote anything: the state is that of those before it
            return earlier
        return [*earlier, {"seconds": round(seconds, 1), "provenance": last}]

    def begin(self, provenance: dict[str, str]) -> list[dict[str, Any]]:
        """Note that a session begins.

        Returns:
            The sessions it goes on from.

        Raises:
            ValueError: as `earlier_sessions`.
        """
        earlier = self.earlier_sessions()
        self._notes.parent.mkdir(parents=True, exist_ok=True)
        noted = {"config": self.recipe.settings(), "earlier": earlier, "provenance": provenance}
        write_whole(self._notes, json.dumps(noted).encode())
        return earlier

    def forget(self) -> None:
        """Delete both files: the seed is done."""
        remove_whole(self.checkpoint)
        remove_whole(self._notes)

    @property
    def _notes(self) -> Path:
        return self._hidden("json")

    def _hidden(self, suffix: str) -> Path:
        result = result_path(self.folder, self.recipe.name)
        return result.with_name(f".{result.stem}-seed{self.seed}.{suffix}")


def kept_in(checkpoint: Path, every: int) -> dict[str, Any]:
    """What a recipe gives to `fit` so that a killed seed goes on from its checkpoint.

    Args:
        checkpoint: the path the runner gave the recipe.
        every: batches between two checkpoints.
    """
    return {
        "checkpoint": checkpoint,
        "checkpoint_every": every,
        "resume_from": checkpoint if checkpoint.is_file() else None,
    }
