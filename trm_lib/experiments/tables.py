"""The one score a seed that tables and charts compare, whatever a recipe measured.

A recipe that wants a row in a table measures a share in [0, 1] under one of these names, where the
share is "exact" or "success" (`SHARES`):

    test_exact_by_k and validation_exact_by_k   one number a K; validation chooses the K
    test_exact, and validation_exact if any     one number

Results as a table: interquartile mean, interval, and cost.

What a comparison lets one say: who scores higher, who learns sooner, what a row costs to repeat.

Markdown tables, one row a learner.

Every recipe with what a run of it would cost.

Results as charts, in one call: every seed a dot, the score by K, and success while learning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trm_lib.experiments.recipe import Recipe
from trm_lib.experiments.results import Result, load_result, result_path
from trm_lib.statistics import bootstrap_interval, compare, interquartile_mean
from trm_lib.viz import BookFigure, accuracy_by_k, learning_curves, seed_dots, write_note

SHARES = {"exact": "exactly right on test puzzles", "success": "success in test episodes"}


@dataclass(frozen=True)
class Scores:
    """The scores of one result. Axes: R seeds, K steps.

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
    """What a table or a chart shows of a result.

    Raises:
        ValueError: the seeds measured none of the names above, or what they hold is no share.
    """
    measured = result.quantities()
    for share in SHARES:
        test, validation = f"test_{share}", f"validation_{share}"
        if {f"{test}_by_k", f"{validation}_by_k"} <= measured:
            test_by_k = _shares(result, f"{test}_by_k", axes=2)
            validation_by_k = _shares(result, f"{validation}_by_k", axes=2)
            if test_by_k.shape != validation_by_k.shape or test_by_k.size == 0:
                raise ValueError(
                    f"{result.recipe} expected as many K for test as for validation, at least one, "
                    f"got (seeds, K) {test_by_k.shape} and {validation_by_k.shape}"
                )
            k = int(validation_by_k.mean(0).argmax()) + 1
            return Scores(share, test_by_k[:, k - 1], validation_by_k[:, k - 1], k, test_by_k)
        if test in measured:
            known = validation in measured
            return Scores(
                share,
                _shares(result, test, axes=1),
                _shares(result, validation, axes=1) if known else None,
            )
    names = ", or ".join(f"test_{s}_by_k with validation_{s}_by_k, or test_{s}" for s in SHARES)
    raise ValueError(
        f"{result.recipe} expected every seed to have measured {names}; got "
        f"{', '.join(sorted(measured)) or 'nothing in common'}. Results that measure something "
        f"else are read with load_result(...).measured(name)"
    )


def best_step(result: Result) -> int:
    """The K, from 1, at which the seeds' mean validation score is highest (the first such).

    Raises:
        ValueError: as `scores`, or the learner has no K.
    """
    k = scores(result).k
    if k is None:
        raise ValueError(f"{result.recipe} was not measured by K, so there is no K to choose")
    return k


def labelled(results: list[Result], labels: list[str] | None) -> dict[str, Result]:
    """The results by what to call them: by default, by as much of their names as tells them apart.

    Raises:
        ValueError: no results, or not one label each, or two labels are the same.
    """
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


def comparable(results: dict[str, Result]) -> dict[str, Scores]:
    """The scores of results that may stand in one table.

    Raises:
        ValueError: as `scores`, or the results measured different shares.
    """
    found = {label: scores(result) for label, result in results.items()}
    if len({score.share for score in found.values()}) > 1:
        said = ", ".join(f"{label}: {score.share}" for label, score in found.items())
        raise ValueError(f"expected results that measured the same, got {said}: split them")
    return found


def _shares(result: Result, name: str, axes: int) -> np.ndarray:
    values = result.measured(name)
    if values.ndim != axes or values.dtype.kind not in "fi" or not _in_unit(values):
        expected = "a share in [0, 1]" if axes == 1 else "a share in [0, 1] for every K"
        raise ValueError(
            f"{name} of {result.recipe} expected {expected} of every seed, got shape "
            f"{values.shape}, {values}"
        )
    return values


def _in_unit(values: np.ndarray) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


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


def verdicts(results: list[Result], against: str, labels: list[str] | None = None) -> str:
    """Every learner but one, compared with that one; see `trm_lib.evaluation.Comparison`.

    Scores are those of `report`: at the K chosen on validation puzzles.

    Args:
        results: what was measured, a row each.
        against: the label of the learner that all others are compared with.
        labels: what to call the rows; by default the last part of each recipe's name.

    Raises:
        ValueError: the results cannot stand in one table, no row has the label `against`, or a
            learner has one seed only.
    """
    scores = comparable(labelled(results, labels))
    if against not in scores or len(scores) < 2:
        raise ValueError(
            f"against expected one of several rows, {', '.join(scores)}; got {against!r}"
        )
    rows = []
    for label, score in scores.items():
        if label == against:
            continue
        found = compare(100 * scores[against].test, 100 * score.test, (against, label))
        apart = found.a.value - found.b.value
        winner = "no winner" if found.winner is None else found.winner
        rows.append(
            [label, f"{apart:+.2f}", str(found.improvement), _p_value(found.p_value), winner]
        )
    header = ["against", f"{against} is ahead by", f"P({against} higher) [95%]", "p", "verdict"]
    return _table(header, rows)


def speeds(results: list[Result], labels: list[str] | None = None) -> str:
    """How soon each learner had 95% of the watched puzzles exactly right.

    Optimizer steps, epochs (of the training puzzles) and seconds are medians over all seeds; a seed
    that never got there counts as later than any other.

    Raises:
        ValueError: a result did not measure it.
    """
    rows = []
    for label, result in labelled(results, labels).items():
        epochs, seconds = result.measured("epochs_to_95"), result.measured("to_95_seconds")
        there = f"{(epochs >= 0).sum()} of {len(epochs)}"
        steps = _median(_steps_to_95(result), ",.0f")
        rows.append([label, there, steps, _median(epochs, ".2f"), _median(seconds, ".0f")])
    return _table(
        ["learner", "seeds that got to 95%", "optimizer steps until then", "epochs", "seconds"],
        rows,
    )


def costs(results: list[Result], labels: list[str] | None = None) -> str:
    """What to write after `python -m trm_lib` to repeat a row, and the time it took, one thread."""
    rows = []
    for label, result in labelled(results, labels).items():
        seeds, seconds = len(result.seeds), result.seconds()
        command = f"`run {result.recipe} --seeds {seeds}`"
        rows.append([label, command, f"{np.median(seconds):.0f}", f"{seconds.sum() / 60:.0f}"])
    return _table(
        ["row", "`python -m trm_lib` ...", "s a seed", "minutes, all seeds"], rows, words=2
    )


def _steps_to_95(result: Result) -> np.ndarray:
    """Optimizer steps after which each seed was first seen at 95%: (R,), -1 where never."""
    training, boards = result.config["training"], result.measured("boards")  # (R, E)
    there = result.measured("watched_exact") >= 0.95
    first = boards[np.arange(len(boards)), there.argmax(1)]
    return np.where(there.any(1), first / training["batch_size"] * training["n_sup"], -1)


def _p_value(p: float) -> str:
    """Two figures, as far as a test by shuffling can tell."""
    return f"{p:.2g}" if p >= 0.001 else "< 0.001"


def _median(values: np.ndarray, form: str) -> str:
    """The median where -1 means never."""
    middle = np.median(np.where(values < 0, np.inf, values))
    return format(middle, form) if np.isfinite(middle) else "never"


def _table(header: list[str], rows: list[list[str]], words: int = 1) -> str:
    """Markdown whose first columns hold words, and the others numbers."""
    lines = [header, ["---"] * words + ["--:"] * (len(header) - words), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def catalogue(recipes: Iterable[Recipe], folder: str | Path | None = None) -> str:
    """A line a recipe: name, seeds recorded, median seconds a seed took, and what it is.

    Seeds and seconds are blank where the folder holds no result of the recipe as it is now.

    Args:
        recipes: what to list.
        folder: of the results; by default the book's.

    Raises:
        ValueError: a result in the folder is damaged.
    """
    rows = [("recipe", "seeds", "s/seed", "about")]
    for recipe in recipes:
        seeds = seconds = ""
        if result_path(folder, recipe.name).is_file():
            result = load_result(recipe.name, folder)
            if not recipe.differences(result.config):
                seeds, seconds = str(len(result.seeds)), f"{np.median(result.seconds()):.0f}"
        rows.append((recipe.name, seeds, seconds, recipe.about))
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"{row[0]:<{width}} {row[1]:>6} {row[2]:>7}  {row[3]}" for row in rows)


def draw(results: list[Result], labels: list[str] | None = None) -> BookFigure:
    """What `report` tabulates: every seed's test score, at the K chosen on validation puzzles.

    Args:
        results: what was measured, a row each.
        labels: what to call the rows; by default the last part of each recipe's name.

    Raises:
        ValueError: the results cannot stand in one chart; see `trm_lib.experiments.scores`.
    """
    scores = comparable(labelled(results, labels))
    share = next(iter(scores.values())).share
    return seed_dots(
        {label: 100 * score.test for label, score in scores.items()}, xlabel=f"{SHARES[share]}, %"
    )


def draw_by_k(results: list[Result], labels: list[str] | None = None) -> BookFigure:
    """The test score after each improvement step, a line a learner.

    Learners that have only one K are not drawn, and the note under the chart names them.

    Args:
        results: what was measured; at most seven with several K.
        labels: what to call the lines; by default the last part of each recipe's name.

    Raises:
        ValueError: the results cannot stand in one chart, or none has several K, or they were
            measured up to different K.
    """
    scores = comparable(labelled(results, labels))
    by_k, left_out = {}, []
    for label, score in scores.items():
        if score.test_by_k is None or score.test_by_k.shape[1] == 1:
            left_out.append(label)
        else:
            by_k[label] = score.test_by_k
    counts = sorted({values.shape[1] for values in by_k.values()})
    if len(counts) != 1:
        raise ValueError(
            f"a chart by K expected results that were measured up to the same K, of at least 2; "
            f"got {counts or 'none with several K'}"
        )
    share = next(iter(scores.values())).share
    k = np.arange(1, counts[0] + 1)
    figure = accuracy_by_k(k, by_k, ylabel=SHARES[share], xlabel="K, improvement steps")
    if left_out:
        said = f"Only one K, not drawn: {', '.join(left_out)}."
        write_note(figure, f"{figure.get_supxlabel()}\n{said}")
        figure.alt += f" {said}"
    return figure


def draw_learning(
    results: list[Result], labels: list[str] | None = None, against: str = "steps"
) -> BookFigure:
    """Success on validation cases while policies learned: each seed faint, the middle bold.

    The best of each line is marked.

    Args:
        results: of policies, with "watched_steps", "watched_seconds" and "watched_success".
        labels: what to call the lines; by default the last part of each recipe's name.
        against: "steps" of the environments, or "seconds" of training, the median over seeds.

    Raises:
        ValueError: a result did not watch its policy, or `against` is neither.
    """
    if against not in ("steps", "seconds"):
        raise ValueError(f'against expected "steps" or "seconds", got {against!r}')
    series = {
        label: (
            np.median(result.measured(f"watched_{against}"), axis=0),
            result.measured("watched_success"),
        )
        for label, result in labelled(results, labels).items()
    }
    words = {"steps": "environment steps", "seconds": "seconds of training, one thread"}
    return learning_curves(series, xlabel=words[against], ylabel="success, validation cases")
