"""Diagnostics: one call each; a verdict, the evidence, a remedy and a figure.

print(page(diagnose_puzzles(model, train, validation, k_steps=8)))
"""

from __future__ import annotations

from trm_lib.diagnostics.battery import diagnose_policy, diagnose_puzzles, practice
from trm_lib.diagnostics.data import (
    contradictions,
    dead_units,
    label_audit,
    leak,
    overlap,
    targets,
    what_labels_need,
)
from trm_lib.diagnostics.finding import Finding, page
from trm_lib.diagnostics.learning import (
    certainty,
    gradient_by_call,
    gradients,
    judge_gradients,
    learned,
    value,
)
from trm_lib.diagnostics.policies import credit, first_choices, gains_of, yardsticks
from trm_lib.diagnostics.thinking import (
    carried,
    drift,
    halting,
    judge_by_k,
    listening,
    overthinking,
    reach,
    score,
    sight,
    total_variation,
)

__all__ = [
    "Finding",
    "carried",
    "certainty",
    "contradictions",
    "credit",
    "dead_units",
    "diagnose_policy",
    "diagnose_puzzles",
    "drift",
    "first_choices",
    "gains_of",
    "gradient_by_call",
    "gradients",
    "halting",
    "judge_by_k",
    "judge_gradients",
    "label_audit",
    "leak",
    "learned",
    "listening",
    "overlap",
    "overthinking",
    "page",
    "practice",
    "reach",
    "score",
    "sight",
    "targets",
    "total_variation",
    "value",
    "what_labels_need",
    "yardsticks",
]
