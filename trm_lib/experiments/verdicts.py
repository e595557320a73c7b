"""What a comparison lets one say: who scores higher, who learns sooner, what a row costs to repeat.

Markdown tables, one row a learner.
"""

from __future__ import annotations

import numpy as np

from trm_lib.evaluation.statistics import compare
from trm_lib.experiments.results import Result
from trm_lib.experiments.scores import comparable, labelled


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
