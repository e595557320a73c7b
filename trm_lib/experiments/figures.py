"""Results as charts, in one call: every seed a dot, the score by K, and success while learning."""

from __future__ import annotations

import numpy as np

from trm_lib.experiments.results import Result
from trm_lib.experiments.scores import SHARES, comparable, labelled
from trm_lib.viz import BookFigure, accuracy_by_k, learning_curves, seed_dots
from trm_lib.viz.style import write_note


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
