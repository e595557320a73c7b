"""Every recipe with what a run of it would cost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from trm_lib.experiments.recipe import Recipe
from trm_lib.experiments.results import load_result, result_path


def catalogue(recipes: Iterable[Recipe], folder: str | Path) -> str:
    """A line a recipe: name, seeds recorded, median seconds a seed took, and what it is.

    Seeds and seconds are blank where the folder holds no result of the recipe as it is now.

    Args:
        recipes: what to list.
        folder: of the results.

    Raises:
        ValueError: a result in the folder is damaged.
    """
    rows = [("recipe", "seeds", "s/seed", "about")]
    for recipe in recipes:
        seeds = seconds = ""
        if result_path(Path(folder), recipe.name).is_file():
            result = load_result(folder, recipe.name)
            if recipe.describes(result.config):
                seeds, seconds = str(len(result.seeds)), f"{np.median(result.seconds()):.0f}"
        rows.append((recipe.name, seeds, seconds, recipe.about))
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"{row[0]:<{width}} {row[1]:>6} {row[2]:>7}  {row[3]}" for row in rows)
