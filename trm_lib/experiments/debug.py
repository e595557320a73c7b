"""The battery of diagnostics on a recipe: audit its task, train one seed, look inside."""

from __future__ import annotations

from trm_lib.diagnostics import Finding, diagnose_policy, diagnose_puzzles
from trm_lib.experiments.recipe import Recipe
from trm_lib.tasks import PuzzleTask


def debug_recipe(recipe: Recipe, seed: int = 0, progress: bool = True) -> list[Finding]:
    """Train one seed of a recipe, and probe what came out.

    Args:
        recipe: one whose task is of `trm_lib.tasks`.
        seed: as for `run_recipe`.
        progress: show a bar while it trains.
    """
    task = recipe.task
    model, history = task.train(seed, progress=progress)
    if isinstance(task, PuzzleTask):
        train, validation, _ = task.data.split(seed)
        return diagnose_puzzles(model, train, validation, task.k_trained)
    return diagnose_policy(
        model, task.world.envs, task.training, task.num_envs,
        untrained=task.build(seed), history=history, seed=seed,
    )  # fmt: skip
