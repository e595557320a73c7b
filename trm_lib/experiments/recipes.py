"""Every recipe by name: what `python -m trm_lib list` lists."""

from __future__ import annotations

from trm_lib.experiments import (
    ablations,
    basic_trm,
    comparisons,
    curriculum,
    easy_to_hard,
    fast_mode,
    mazes,
    open_maze,
    paper_trm,
    rl_adaptation,
    shaping,
    sudoku_rl,
)
from trm_lib.experiments.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in [
        *ablations.sudoku(),
        *ablations.grid(),
        *ablations.mazes(),
        *basic_trm.comparison(),
        *basic_trm.other_splits(),
        *basic_trm.tuning(),
        *comparisons.comparison(),
        *comparisons.few_mazes(),
        *comparisons.pixels(),
        *comparisons.tuning(),
        *comparisons.large(),
        *comparisons.longer(),
        *comparisons.cycles(),
        *comparisons.large_tuning(),
        *curriculum.courses(),
        *easy_to_hard.recipes(),
        *fast_mode.both(),
        *mazes.comparison(),
        *mazes.carried(),
        *mazes.supervised_deeply(),
        *mazes.tuning(),
        *open_maze.comparison(),
        *paper_trm.small(),
        *paper_trm.sudoku6(),
        *rl_adaptation.chapter(),
        *shaping.hints(),
        *shaping.settings(),
        *sudoku_rl.comparison(),
        *sudoku_rl.tuning(),
    ]
}


def find_recipes(name: str) -> list[Recipe]:
    """One recipe by its full name, or all of an experiment by the part before the slash.

    Raises:
        ValueError: there is no such recipe.
    """
    found = [r for r in RECIPES.values() if name in (r.name, r.name.split("/")[0])]
    if not found:
        experiments = sorted({known.split("/")[0] for known in RECIPES})
        raise ValueError(
            f"no recipe is called {name!r}: expected one of {', '.join(experiments)}, or a name "
            f"that `python -m trm_lib list` prints"
        )
    return found
