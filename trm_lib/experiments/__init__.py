"""Experiments: named recipes, a runner over seeds, results with their provenance."""

from trm_lib.experiments.recipe import Recipe, find_recipe, find_recipes
from trm_lib.experiments.results import RECORDED, Result, load_result, recorded
from trm_lib.experiments.runner import provenance, run_recipe, verify
from trm_lib.experiments.tables import (
    Scores,
    draw,
    draw_by_k,
    report,
    scores,
    table,
    verdicts,
)

__all__ = [
    "RECORDED", "Recipe", "Result", "Scores", "draw",
    "draw_by_k", "find_recipe", "find_recipes", "load_result", "provenance",
    "recorded", "report", "run_recipe", "scores", "table", "verdicts", "verify",
]  # fmt: skip
