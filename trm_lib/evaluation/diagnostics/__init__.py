"""Diagnostics: one call each; a verdict, the evidence, a remedy and a figure.

print(page(diagnose_puzzles(model, train, validation, k_steps=8)))
"""

from trm_lib.evaluation.diagnostics.battery import diagnose_policy, diagnose_puzzles, practice
from trm_lib.evaluation.diagnostics.credit import credit, gains_of
from trm_lib.evaluation.diagnostics.drift import drift
from trm_lib.evaluation.diagnostics.finding import Finding, page
from trm_lib.evaluation.diagnostics.gradients import gradient_by_call, gradients, judge_gradients
from trm_lib.evaluation.diagnostics.labels import (
    contradictions,
    label_audit,
    leak,
    overlap,
    targets,
)
from trm_lib.evaluation.diagnostics.learning import certainty, learned, value
from trm_lib.evaluation.diagnostics.listening import listening, total_variation
from trm_lib.evaluation.diagnostics.play import first_choices, yardsticks
from trm_lib.evaluation.diagnostics.reach import reach, sight
from trm_lib.evaluation.diagnostics.tables import what_labels_need
from trm_lib.evaluation.diagnostics.thinking import (
    carried,
    halting,
    judge_by_k,
    overthinking,
    score,
)
from trm_lib.evaluation.diagnostics.units import dead_units

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
