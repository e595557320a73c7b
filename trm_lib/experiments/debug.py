"""The battery of diagnostics on a recipe: audit its task, train one seed, look inside."""

from __future__ import annotations

from dataclasses import replace

from trm_lib.diagnostics import Finding, diagnose_policy, diagnose_puzzles
from trm_lib.experiments.recipe import Recipe
from trm_lib.tasks import PolicyTask, PuzzleTask, train_policy
from trm_lib.training import fit


def debug_recipe(recipe: Recipe, seed: int = 0, progress: bool = True) -> list[Finding]:
    """Train one seed of a recipe, and probe what came out.

    Args:
        recipe: one that describes its task.
        seed: as for `run_recipe`.
        progress: show a bar while it trains.

    Raises:
        ValueError: the recipe does not say what its task is.
    """
    if recipe.task is None:
        raise ValueError(
            f"{recipe.name} expected a task to debug, has none: call the diagnostics of "
            f"trm_lib.diagnostics on its model yourself"
        )
    task = recipe.task(recipe.config)
    return _puzzles(task, seed, progress) if isinstance(task, PuzzleTask) else _policy(
        task, seed, progress
    )  # fmt: skip


def _puzzles(task: PuzzleTask, seed: int, progress: bool) -> list[Finding]:
    model, training = task.build(seed), replace(task.training, seed=seed)
    fit(model, task.train, training, augment=task.augment, progress=progress)
    return diagnose_puzzles(model, task.train, task.validation, task.k_steps)


def _policy(task: PolicyTask, seed: int, progress: bool) -> list[Finding]:
    learner = task.learner
    envs = task.envs(learner.num_envs)
    policy, history = train_policy(learner, envs, seed, progress=progress)
    return diagnose_policy(
        policy, task.envs, learner.training, learner.num_envs,
        untrained=learner.new_policy(seed), history=history, seed=seed,
    )  # fmt: skip
