"""Results as a table: interquartile mean, interval, and cost."""

from __future__ import annotations

import numpy as np

from trm_lib.experiments.results import Result
from trm_lib.viz.summaries import bootstrap_interval, interquartile_mean


def best_step(result: Result) -> int:
    """The K, from 1, at which the seeds' mean validation accuracy is highest (the first such)."""
    return int(result.measured("validation_exact_by_k").mean(0).argmax()) + 1


def report(results: list[Result], labels: list[str] | None = None) -> str:
    """A Markdown table, one row a result: exact accuracy at the K chosen on validation puzzles.

    The interval is the 95% bootstrap interval of the interquartile mean over seeds.

    Args:
        results: what was measured, a row each.
        labels: what to call the rows; by default the last part of each recipe's name.
    """
    rows = [
        "| learner | test % [95%] | worst | validation % | K | parameters | FLOPs | s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    labels = labels or [result.recipe.split("/")[1] for result in results]
    for label, result in zip(labels, results, strict=True):
        k = best_step(result)
        validation = 100 * result.measured("validation_exact_by_k")[:, k - 1]
        test = 100 * result.measured("test_exact_by_k")[:, k - 1]
        interval = ""
        if len(test) > 1:
            low, high = bootstrap_interval(test)
            interval = f" [{low:.2f}, {high:.2f}]"
        rows.append(
            f"| {label} | {interquartile_mean(test):.2f}{interval} | {test.min():.2f} "
            f"| {interquartile_mean(validation):.2f} | {k} "
            f"| {int(result.measured('parameters')[0]):,} "
            f"| {int(result.measured('flops_by_k')[0, k - 1]):,} "
            f"| {np.median(result.seconds()):.0f} |"
        )
    counts = sorted({len(result.seeds) for result in results})
    rows += [
        "",
        f"Seeds: {' to '.join(map(str, counts))}. Exactly right: interquartile mean over seeds, "
        f"95% bootstrap interval, worst seed. K: chosen on validation puzzles. FLOPs: one answer "
        f"with that K. s: median seconds to train and measure one seed.",
    ]
    return "\n".join(rows)
