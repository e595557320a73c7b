"""Experiments: named recipes, a runner over seeds, results with their provenance."""

from trm_lib.experiments.provenance import provenance
from trm_lib.experiments.recipe import Recipe
from trm_lib.experiments.recipes import RECIPES, find_recipes
from trm_lib.experiments.report import best_step, report
from trm_lib.experiments.results import Result, load_result
from trm_lib.experiments.runner import run_recipe, verify

__all__ = [
    "RECIPES",
    "Recipe",
    "Result",
    "best_step",
    "find_recipes",
    "load_result",
    "provenance",
    "report",
    "run_recipe",
    "verify",
]
