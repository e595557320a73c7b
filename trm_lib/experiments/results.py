"""Result files: every number of every seed, with its provenance, written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trm_lib.experiments.recipe import HOME, Recipe
from trm_lib.files import write_whole

RECORDED = HOME / "results"
"""Where results are looked for: the book's, or, without the book, in the folder one is in."""


@dataclass
class Result:
    """What a recipe measured over its seeds.

    Attributes:
        recipe: the recipe's name.
        about: its one sentence.
        config: its settings.
        seeds: seed -> {"measured": ..., "seconds": wall time, "provenance": ...}, and
            "earlier_sessions" for a seed that was killed and went on.
    """

    recipe: str
    about: str
    config: dict[str, Any]
    seeds: dict[int, dict[str, Any]] = field(default_factory=dict)

    def quantities(self) -> set[str]:
        """The names of what every seed measured."""
        return set.intersection(*(set(run["measured"]) for run in self.seeds.values()))

    def measured(self, key: str) -> np.ndarray:
        """One measured quantity of every seed, in the order of the seeds: (seeds, ...) float.

        Raises:
            ValueError: not every seed measured it, or not in the same shape.
        """
        if key not in self.quantities():
            raise ValueError(
                f"{self.recipe} expected every seed to have measured {key!r}, got "
                f"{', '.join(sorted(self.quantities())) or 'nothing in common'}"
            )
        every = [self.seeds[seed]["measured"][key] for seed in sorted(self.seeds)]
        try:
            return np.array(every)
        except ValueError as error:  # lists of several lengths
            raise ValueError(
                f"{self.recipe}.json expected {key!r} to have one shape in every seed, got several"
            ) from error

    def seconds(self) -> np.ndarray:
        """Wall seconds of every seed: (seeds,)."""
        return np.array([self.seeds[seed]["seconds"] for seed in sorted(self.seeds)])

    def save(self, folder: Path) -> None:
        """Write to `folder`/<recipe>.json in one atomic move."""
        seeds = {str(seed): self.seeds[seed] for seed in sorted(self.seeds)}
        content = vars(self) | {"seeds": seeds}
        write_whole(result_path(folder, self.recipe), (compact_json(content) + "\n").encode())


def result_path(folder: str | Path | None, recipe: str) -> Path:
    """Where the result of a recipe lies; without a folder, among the book's."""
    return Path(folder or RECORDED) / f"{recipe}.json"


def load_result(recipe: str, folder: str | Path | None = None) -> Result:
    """Read a result file.

    Args:
        recipe: its full name.
        folder: of the results; by default `RECORDED`.

    Raises:
        FileNotFoundError: the recipe has not been run into this folder.
        ValueError: the file is damaged or not a result.
    """
    path = result_path(folder, recipe)
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a result at {path}, found nothing: name its folder with --results, or make "
            f"it with python -m trm_lib run {recipe}"
        )
    try:
        content = json.loads(path.read_text())
        seeds = {int(seed): run for seed, run in content["seeds"].items()}
        whole = content["recipe"] == recipe and isinstance(content["config"], dict) and seeds
        if not whole or any(not run["measured"] or run["seconds"] < 0 for run in seeds.values()):
            raise ValueError("recipe, config, or a seed's numbers are missing")
        return Result(content["recipe"], content["about"], content["config"], seeds)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a whole result of {recipe} ({error!r}): delete it and run the recipe "
            f"again"
        ) from error


def recorded(recipe: Recipe, folder: str | Path | None = None, or_new: bool = False) -> Result:
    """The stored result of a recipe as it is now.

    Args:
        recipe: what was run.
        folder: of the results; by default `RECORDED`.
        or_new: where nothing is stored, begin a result without seeds.

    Raises:
        FileNotFoundError, ValueError: as `load_result`; ValueError also if it was made with other
            settings.
    """
    path = result_path(folder, recipe.name)
    if or_new and not path.is_file():
        return Result(recipe.name, recipe.about, recipe.settings())
    result = load_result(recipe.name, folder)
    differ = recipe.differences(result.config)
    if differ:
        raise ValueError(
            f"{path} was made with another config (it differs in {', '.join(differ)}): move it "
            f"away or choose another --results, then run again"
        )
    return result


def compact_json(value: Any, depth: int = 0) -> str:
    """JSON with one line per list of numbers, so that results stay readable and small."""
    if not (isinstance(value, dict) and value):
        return json.dumps(value)
    pad = " " * (depth + 1)
    rows = [f"{pad}{json.dumps(k)}: {compact_json(v, depth + 1)}" for k, v in value.items()]
    return "{\n" + ",\n".join(rows) + "\n" + " " * depth + "}"
