"""The one score a seed that tables and charts compare, whatever a recipe measured.

A recipe that wants a row in a table measures a share in [0, 1] under one of these names, where the
share is "exact" or "success" (`SHARES`):

    test_exact_by_k and validation_exact_by_k   one number a K; validation chooses the K
    test_exact, and validation_exact if any     one number
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trm_lib.experiments.results import Result

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
