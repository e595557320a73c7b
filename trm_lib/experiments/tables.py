"""Results as tables and charts: who scores higher, who learns sooner, what a row costs to repeat.

A recipe that wants a row in a table measures a share in [0, 1] under one of these names, where the
share is "exact" or "success" (`SHARES`):

    test_exact_by_k and validation_exact_by_k   one number a K; validation chooses the K
    test_exact, and validation_exact if any     one number

All of these take `results`, a row or line each, and `labels`, what to call them: by default as much
of their recipes' names as tells them apart. They raise ValueError for results that cannot stand
side by side.

Axes: R seeds, K steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trm_lib.experiments.results import Result
from trm_lib.statistics import bootstrap_interval, compare, interquartile_mean
from trm_lib.viz import BookFigure, accuracy_by_k, seed_dots

SHARES = {
    "exact": ("Exactly right", "exactly right on test puzzles"),
    "success": ("Success", "success in test episodes"),
}
"""What can be measured: in the note of a table, and on an axis."""

_NOTES = {
    "K": "K: chosen on validation puzzles.",
    "cells %": "cells: of all, right.",
    "MFLOPs": "MFLOPs: millions of operations for one answer with that K.",
    "s": "s: median seconds to train and measure one seed.",
}


def table(header: list[str], rows: Iterable[list[str]], words: int = 1) -> str:
    """A Markdown table.

    Args:
        header: names of the columns.
        rows: a cell for each of them.
        words: how many columns, from the left, hold words; the others hold numbers.
    """
    aligned = "|" + "---|" * words + "--:|" * (len(header) - words)
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return "\n".join([lines[0], aligned, *lines[1:]])


@dataclass(frozen=True)
class Scores:
    """The one score a seed that tables and charts compare.

    Attributes:
        share: which of `SHARES` was measured.
        test: (R,), at the chosen K if there is one.
        validation: (R,), the same on validation puzzles; None if not measured.
        k: the chosen K, from 1; None if the learner has no K.
        test_by_k: (R, K), at every K; None if the learner has no K.
    """

    share: str
    test: np.ndarray
    validation: np.ndarray | None = None
    k: int | None = None
    test_by_k: np.ndarray | None = None


def scores(result: Result) -> Scores:
    """What a table or a chart shows of a result; K is where the mean over seeds is highest.

    Raises:
        ValueError: the seeds measured none of the names above, or what they hold is no share.
    """
    measured = result.quantities()
    for share in SHARES:
        test, validation = f"test_{share}", f"validation_{share}"
        if {f"{test}_by_k", f"{validation}_by_k"} <= measured:
            test_by_k = _shares(result, f"{test}_by_k")
            validation_by_k = _shares(result, f"{validation}_by_k")
            k = int(validation_by_k.mean(0).argmax()) + 1
            return Scores(share, test_by_k[:, k - 1], validation_by_k[:, k - 1], k, test_by_k)
        if test in measured:
            known = _shares(result, validation) if validation in measured else None
            return Scores(share, _shares(result, test), known)
    names = ", or ".join(f"test_{s}_by_k with validation_{s}_by_k, or test_{s}" for s in SHARES)
    raise ValueError(
        f"{result.recipe} expected every seed to have measured {names}; got "
        f"{', '.join(sorted(measured)) or 'nothing in common'}. Results that measure something "
        f"else are read with load_result(...).measured(name)"
    )


def report(results: list[Result], labels: list[str] | None = None) -> str:
    """A Markdown table, one row a result: its score at the K chosen on validation puzzles.

    The interval is the 95% bootstrap interval of the interquartile mean over seeds. Columns that
    no result has are left out.
    """
    named, scored, share = _comparable(results, labels)
    rows = [_row(label, named[label], scored[label]) for label in named]
    columns = [column for column in rows[0] if any(row[column] for row in rows)]
    counts = sorted({len(result.seeds) for result in results})
    notes = [
        f"Seeds: {' to '.join(map(str, counts))}.",
        f"{SHARES[share][0]}: interquartile mean over seeds, 95% bootstrap interval, worst seed.",
        *(note for column, note in _NOTES.items() if column in columns),
    ]
    shown = table(columns, [[row[column] for column in columns] for row in rows])
    return f"{shown}\n\n{' '.join(notes)}"


def _row(label: str, result: Result, scores: Scores) -> dict[str, str]:
    """The cells of a row by their column; "" where the result has nothing to say."""
    test, k, measured = 100 * scores.test, scores.k, result.quantities()
    interval = " [{:.2f}, {:.2f}]".format(*bootstrap_interval(test)) if len(test) > 1 else ""
    row = {
        "learner": label,
        "test % [95%]": f"{interquartile_mean(test):.2f}{interval}",
        "worst": f"{test.min():.2f}",
        **dict.fromkeys(["cells %", "K", "parameters", "MFLOPs", "validation %"], ""),
        "s": f"{np.median(result.seconds()):.0f}",
    }
    if scores.validation is not None:
        row["validation %"] = f"{interquartile_mean(100 * scores.validation):.2f}"
    if "parameters" in measured:
        row["parameters"] = f"{int(result.measured('parameters')[0]):,}"
    if k is not None:
        row["K"] = str(k)
        if "test_cells_by_k" in measured:
            cells = 100 * result.measured("test_cells_by_k")[:, k - 1]
            row["cells %"] = f"{interquartile_mean(cells):.2f}"
        if "flops_by_k" in measured:
            millions = result.measured("flops_by_k")[0, k - 1] / 1e6
            row["MFLOPs"] = f"{millions:,.0f}" if millions >= 100 else f"{millions:.3g}"
    return row


def verdicts(results: list[Result], against: str, labels: list[str] | None = None) -> str:
    """Every learner but one, compared with that one; see `trm_lib.statistics.compare`.

    Scores are those of `report`.

    Args:
        results: what was measured, a row each; several seeds of every learner.
        against: the label of the learner that all others are compared with.
        labels: what to call the rows.
    """
    _, scored, _ = _comparable(results, labels)
    if against not in scored or len(scored) < 2:
        raise ValueError(
            f"against expected one of several rows, {', '.join(scored)}; got {against!r}"
        )
    rows = []
    for label in (name for name in scored if name != against):
        found = compare(100 * scored[against].test, 100 * scored[label].test, (against, label))
        p = f"{found.p_value:.2g}" if found.p_value >= 0.001 else "< 0.001"  # shuffles can tell
        gap = found.difference
        ahead = f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]"
        rows.append([label, found.winner or "no winner", ahead, str(found.improvement), p])
    ahead = f"{against} is ahead by [95%]"
    header = ["against", "verdict", ahead, f"P({against} higher) [95%]", "p"]
    return table(header, rows, words=2)


def draw(results: list[Result], labels: list[str] | None = None) -> BookFigure:
    """What `report` tabulates: every seed's test score, at the K chosen on validation puzzles."""
    _, scored, share = _comparable(results, labels)
    dots = {label: 100 * score.test for label, score in scored.items()}
    return seed_dots(dots, xlabel=f"{SHARES[share][1]}, %")


def draw_by_k(results: list[Result], labels: list[str] | None = None) -> BookFigure:
    """The test score after each improvement step, a line a learner, at most seven."""
    _, scored, share = _comparable(results, labels)
    by_k = {label: score.test_by_k for label, score in scored.items()}
    counts = {label: np.shape(scores)[1:] for label, scores in by_k.items()}
    if () in counts.values() or len(set(counts.values())) > 1:
        raise ValueError(f"expected results that were measured up to the same K, got {counts}")
    k = np.arange(1, next(iter(by_k.values())).shape[1] + 1)
    return accuracy_by_k(k, by_k, ylabel=SHARES[share][1], xlabel="K, improvement steps")


def _labelled(results: list[Result], labels: list[str] | None) -> dict[str, Result]:
    """The results by what to call them."""
    if labels is None:
        labels = [result.recipe.rpartition("/")[2] for result in results]
        if len(set(labels)) < len(labels):
            labels = [result.recipe for result in results]
    if not results or len(labels) != len(results) or len(set(labels)) < len(labels):
        raise ValueError(
            f"expected at least one result, and for each a label of its own; got {len(results)} "
            f"results and the labels {labels}"
        )
    return dict(zip(labels, results, strict=True))


def _comparable(
    results: list[Result], labels: list[str] | None
) -> tuple[dict[str, Result], dict[str, Scores], str]:
    """Results that may stand side by side, their scores, and the share that all measured."""
    named = _labelled(results, labels)
    scored = {label: scores(result) for label, result in named.items()}
    if len({score.share for score in scored.values()}) > 1:
        said = ", ".join(f"{label}: {score.share}" for label, score in scored.items())
        raise ValueError(f"expected results that measured the same, got {said}: split them")
    return named, scored, next(iter(scored.values())).share


def _shares(result: Result, name: str) -> np.ndarray:
    """What every seed measured under a name, if these are shares."""
    values = result.measured(name)
    by_k = name.endswith("_by_k")
    if values.ndim != 1 + by_k or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"{name} of {result.recipe} expected a share in [0, 1] of every seed"
            f"{', for every K' * by_k}, got shape {values.shape}, {values}"
        )
    return values
