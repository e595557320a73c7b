"""An audit of puzzles and their answers, before anything is trained.

What a cell must know to give its label is read from tables: of the commonest label of each place,
of each token, of each token in its place. They are made on one half of the puzzles and asked about
the other.

Axes: N puzzles, L cells, U different inputs, M puzzles that a table is asked about.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from trm_lib.diagnostics.finding import Finding, first_fault
from trm_lib.training import IGNORE, PuzzleData
from trm_lib.viz import BookFigure, bars, shades

FIXED = 0.5  # share of puzzles: above it, who has learnt nothing is right more often than wrong
EMPTY = 0.05  # puzzles whose answer is one token all over: one in twenty may be an accident
SETTLED = 0.995  # cell accuracy that explains the labels: a slip in 200 cells is not a rule
PLACE_TELLS = 0.05  # what knowing the place must add to a table of tokens to count

_PUZZLES = "share of puzzles"


def label_audit(train: PuzzleData, test: PuzzleData) -> list[Finding]:
    """Four questions to a data set: is there something to learn, and does the test ask for it?

    The boards of both have the same shape.
    """
    return [targets(train), leak(train), contradictions(train, test), overlap(train, test)]


def targets(data: PuzzleData) -> Finding:
    """Do different puzzles have different answers? And how far would one fixed answer get?"""
    labels = _flat(data.labels)
    asked, (answer, right) = labels != IGNORE, _fixed_answer(data)
    exact, cell = float(right.all(1).mean()), float(right[asked].mean())
    one = labels == labels[np.arange(len(labels)), asked.argmax(1), None]
    empty = float(((one | ~asked).all(1) & (asked.sum(1) > 1)).mean())
    fault, remedy = first_fault(
        (empty > EMPTY, "empty targets",
         "look at these puzzles: a goal that cannot be reached has no path to label"),
        (exact == 1, "constant targets",
         "draw puzzles whose answers differ; until then any accuracy is a constant"),
        (exact > FIXED, "near-constant targets",
         "draw more varied puzzles, and report accuracy beside the fixed answer's"),
    )  # fmt: skip
    evidence = (
        f"one fixed answer is exactly right for {exact:.1%} of {len(data)} puzzles and for "
        f"{cell:.1%} of their cells; {empty:.1%} ask for the same token in every cell"
    )
    grid = data.labels.shape[1:]
    answer, varying = answer.reshape(grid), (~right).mean(0).reshape(grid)
    numbers = {"exact": exact, "cell": cell, "answer": answer, "varying": varying}

    def figure() -> BookFigure:
        tokens = f"white 0, black {answer.max()}" if answer.any() else "0 everywhere"
        share = f"black 100%, most {varying.max():.1%}" if varying.any() else "0% everywhere"
        fixed, differ = f"the fixed answer\n{tokens}", f"share of puzzles\nthat differ\n{share}"
        return shades(
            {fixed: answer / max(answer.max(), 1), differ: varying},
            f"Two boards. The fixed answer: {tokens}. The share of puzzles that differ from it in "
            f"each cell: {share}. In {(varying == 0).sum()} of {varying.size} cells none differs.",
        )

    return Finding("targets", fault, evidence, remedy, numbers, figure)


def leak(data: PuzzleData) -> Finding:
    """Does each cell's token alone give its label away?

    What one fixed answer explains needs no table, and is no leak.
    """
    (exact, cell), fixed = _told(data, "token"), targets(data).numbers["exact"]
    fault = "leaked targets" if exact > FIXED >= fixed else None
    evidence = (
        f"a table from a cell's token to its label is exactly right for {exact:.1%} of unseen "
        f"puzzles ({cell:.1%} of cells), one fixed answer for {fixed:.1%}"
    )
    remedy = "take the answer out of the input, or choose a task that needs more than one cell"
    numbers = {"exact": exact, "cell": cell, "fixed": fixed}
    shares = {"table of tokens": exact, "one fixed answer": fixed}
    return Finding("leak", fault, evidence, remedy, numbers, partial(bars, shares, _PUZZLES))


def contradictions(train: PuzzleData, test: PuzzleData) -> Finding:
    """Can the input determine the label at all? Not where equal inputs have different labels."""
    inputs = _flat(np.concatenate([train.inputs, test.inputs]))
    labels = _flat(np.concatenate([train.labels, test.labels]))
    unlike, which = np.unique(_keys(inputs), return_inverse=True)
    keys = which[:, None] * labels.shape[1] + np.arange(labels.shape[1])  # an input and a place
    torn = which[~_by_table(keys, labels, keys, labels)[1].all(1)]
    share, repeated = float(np.isin(which, torn).mean()), 1 - len(unlike) / len(which)
    evidence = (
        f"{share:.1%} of {len(which)} puzzles have an equal input with another answer; "
        f"{repeated:.1%} repeat an input, and only repeats can show it"
    )
    remedy = "show the model what the label depends on, or make the label a function of the input"
    fault = "contradictory labels" if share else None
    shares = {"contradicted": share, "repeated": repeated}
    figure = partial(bars, shares, _PUZZLES)
    return Finding("contradictions", fault, evidence, remedy, shares, figure)


def overlap(train: PuzzleData, test: PuzzleData) -> Finding:
    """Is any puzzle that is held out, for test or validation, among the training puzzles?"""
    share = float(np.isin(_keys(_flat(test.inputs)), _keys(_flat(train.inputs))).mean())
    evidence = f"{share:.1%} of {len(test)} held-out puzzles are training puzzles"
    remedy = "split by puzzle, better by symmetry class (trm_lib.puzzles.split_by_class)"
    fault = "test puzzles in training" if share else None
    figure = partial(bars, {"seen in training": share, "new": 1 - share}, _PUZZLES)
    return Finding("overlap", fault, evidence, remedy, {"share": share}, figure)


def what_labels_need(data: PuzzleData) -> str:
    """What a cell must know to give its label: "nothing", "token", "place" or "cells".

    What no table of its token and place tells takes other "cells", or is noise.
    """
    if _fixed_answer(data)[1][_flat(data.labels) != IGNORE].mean() >= SETTLED:
        return "nothing"
    told = (need for need in ("token", "place") if _told(data, need)[1] >= SETTLED)
    return next(told, "cells")


def place_tells(data: PuzzleData) -> bool:
    """Whether knowing its place helps a cell that knows its token."""
    return _told(data, "place")[1] - _told(data, "token")[1] > PLACE_TELLS


def _fixed_answer(data: PuzzleData) -> tuple[np.ndarray, np.ndarray]:
    """The commonest label of each place, (L,), and where it is right or not asked, (N, L)."""
    labels = _flat(data.labels)
    places = np.broadcast_to(np.arange(labels.shape[1]), labels.shape)
    answers, right = _by_table(places, labels, places, labels)
    return answers[0], right


def _told(data: PuzzleData, need: str) -> tuple[float, float]:
    """Shares of puzzles and of cells that a table gets right; of cells, where it has an entry."""
    half, order = max(1, len(data) // 2), np.random.default_rng(0).permutation(len(data))
    table, judged = order[:half], order[-half:]  # a single puzzle is both
    keys, labels = np.searchsorted(np.unique(data.inputs), _flat(data.inputs)), _flat(data.labels)
    if need == "place":
        keys = keys * keys.shape[1] + np.arange(keys.shape[1])
    _, right = _by_table(keys[table], labels[table], keys[judged], labels[judged])
    known = np.isin(keys[judged], keys[table])
    asked = known & (labels[judged] != IGNORE)
    cell = float(right[asked].mean()) if asked.any() else 0.0
    return float((right & known).all(1).mean()), cell


def _by_table(
    keys: np.ndarray, labels: np.ndarray, asked: np.ndarray, asked_labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The commonest label of each key, as answers (M, L) and whether they are right (M, L)."""
    known, on = np.unique(labels[labels != IGNORE]), labels != IGNORE
    counts = np.zeros((max(keys.max(), asked.max()) + 1, len(known)), np.int64)
    np.add.at(counts, (keys[on], np.searchsorted(known, labels[on])), 1)
    answers = known[counts.argmax(1)][asked]
    return answers, (answers == asked_labels) | (asked_labels == IGNORE)


def _flat(boards: np.ndarray) -> np.ndarray:
    """(N, *grid) -> (N, L)."""
    return boards.reshape(len(boards), -1)


def _keys(boards: np.ndarray) -> np.ndarray:
    """One comparable value a board, (N, L) -> (N,)."""
    rows = np.ascontiguousarray(boards, dtype=np.int64)
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
