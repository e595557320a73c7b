"""What the fast mode costs in accuracy: chapter 01's TRM, trained in both ways."""

from __future__ import annotations

from dataclasses import replace

from book.recipes.basic_trm import K_STEPS, MODEL, TRAINING, Learner, run, task
from trm_lib.experiments import Recipe


def both() -> list[Recipe]:
    """The same learner, trained in eager float32 and in the fast mode; measured in float32."""
    rows = [
        ("float32", "chapter 01's TRM, trained in eager float32", False),
        ("fast", "the same, trained in the fast mode: compiled, bfloat16 products", True),
    ]

    def learner(fast: bool) -> Learner:
        return Learner(MODEL, replace(TRAINING, fast=fast), K_STEPS)

    return [Recipe(f"fast_mode/{name}", about, learner(on), run, task) for name, about, on in rows]


EXPERIMENTS = ("fast_mode",)
RECIPES = [*both()]
