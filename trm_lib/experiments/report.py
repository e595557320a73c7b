"""Results as a table: interquartile mean, interval, and cost."""

from __future__ import annotations

import numpy as np

from trm_lib.evaluation.statistics import bootstrap_interval, interquartile_mean
from trm_lib.experiments.results import Result
from trm_lib.experiments.scores import Scores, comparable, labelled

_WORDS = {"exact": "Exactly right", "success": "Success"}
_NOTES = {
    "K": "K: chosen on validation puzzles.",
    "cells %": "cells: of all, right.",
    "MFLOPs": "MFLOPs: millions of operations for one answer with that K.",
    "s": "s: median seconds to train and measure one seed.",
}


def report(results: list[Result], labels: list[str] | None = None) -> str:
    """A Markdown table, one row a result: its score at the K chosen on validation puzzles.

    The interval is the 95% bootstrap interval of the interquartile mean over seeds. Columns that
    no result has are left out.

    Args:
        results: what was measured, a row each.
        labels: what to call the rows; by default the last part of each recipe's name.

    Raises:
        ValueError: the results cannot stand in one table; see `trm_lib.experiments.scores`.
    """
    named = labelled(results, labels)
    scores = comparable(named)
    rows = [_row(label, named[label], scores[label]) for label in named]
    columns = [column for column in rows[0] if any(row[column] for row in rows)]
    counts = sorted({len(result.seeds) for result in results})
    share = next(iter(scores.values())).share
    notes = [
        f"Seeds: {' to '.join(map(str, counts))}.",
        f"{_WORDS[share]}: interquartile mean over seeds, 95% bootstrap interval, worst seed.",
        *(note for column, note in _NOTES.items() if column in columns),
    ]
    return "\n".join(
        [
            f"| {' | '.join(columns)} |",
            f"|---|{'--:|' * (len(columns) - 1)}",
            *(f"| {' | '.join(row[column] for column in columns)} |" for row in rows),
            "",
            " ".join(notes),
        ]
    )


def _row(label: str, result: Result, scores: Scores) -> dict[str, str]:
    """The cells of a row by their column; "" where the result has nothing to say."""
    test, interval = 100 * scores.test, ""
    if len(test) > 1:
        low, high = bootstrap_interval(test)
        interval = f" [{low:.2f}, {high:.2f}]"
    validation = cells = parameters = flops = ""
    if scores.validation is not None:
        validation = f"{interquartile_mean(100 * scores.validation):.2f}"
    if scores.k is not None and "test_cells_by_k" in result.quantities():
        cells = (
            f"{interquartile_mean(100 * result.measured('test_cells_by_k')[:, scores.k - 1]):.2f}"
        )
    if "parameters" in result.quantities():
        parameters = f"{int(result.measured('parameters')[0]):,}"
    if scores.k is not None and "flops_by_k" in result.quantities():
        millions = result.measured("flops_by_k")[0, scores.k - 1] / 1e6
        flops = f"{millions:,.0f}" if millions >= 100 else f"{millions:.3g}"
    return {
        "learner": label,
        "test % [95%]": f"{interquartile_mean(test):.2f}{interval}",
        "worst": f"{test.min():.2f}",
        "cells %": cells,
        "K": "" if scores.k is None else str(scores.k),
        "parameters": parameters,
        "MFLOPs": flops,
        "validation %": validation,
        "s": f"{np.median(result.seconds()):.0f}",
    }
