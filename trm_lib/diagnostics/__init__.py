"""Diagnostics: one call each; a verdict, the evidence, a remedy and a figure.

    print(page(diagnose_puzzles(model, train, validation, k_steps=8)))

What probes are given has one name everywhere. A `model` is anything with the interface of `TRM`, a
`policy` any; both are left as they came. `data` are puzzles with their answers, `boards` (N, *grid)
integers; `k_steps` is K, the improvement steps that are usual. `make` gives an environment of so
many copies, `use_masks` says whether actions are drawn from the mask, and `seed` is that of
everything that is drawn.
"""

from trm_lib.diagnostics.battery import diagnose_policy, diagnose_puzzles
from trm_lib.diagnostics.data import (
    contradictions,
    label_audit,
    leak,
    overlap,
    targets,
    what_labels_need,
)
from trm_lib.diagnostics.finding import Finding, page
from trm_lib.diagnostics.networks import (
    carried,
    dead_units,
    drift,
    gradients,
    halting,
    judge_by_k,
    overthinking,
    reach,
    score,
    sight,
)
from trm_lib.diagnostics.policies import (
    certainty,
    credit,
    first_choices,
    learned,
    listening,
    value,
    yardsticks,
)

__all__ = [
    "Finding", "carried", "certainty", "contradictions", "credit", "dead_units", "diagnose_policy",
    "diagnose_puzzles", "drift", "first_choices", "gradients", "halting", "judge_by_k",
    "label_audit", "leak", "learned", "listening", "overlap", "overthinking", "page", "reach",
    "score", "sight", "targets", "value", "what_labels_need", "yardsticks",
]  # fmt: skip
