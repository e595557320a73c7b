"""An audit of puzzles and their answers, before anything is trained.

Axes: N puzzles, L cells, U different inputs.
"""

from __future__ import annotations

import numpy as np

from trm_lib.evaluation.diagnostics.figures import bars, boards
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.training.data import IGNORE, PuzzleData

FIXED = 0.5
"""A fixed answer, or a table of tokens, that is right for more puzzles than this makes a fault:
who has learnt nothing would be right more often than wrong."""
EMPTY = 0.05
"""Puzzles whose answer is one token all over: one in twenty may be an accident."""
SETTLED = 0.995
"""Cell accuracy at which a table explains the labels: a slip in 200 cells is not a rule."""
PLACE_TELLS = 0.05
"""What knowing the place must add to a table of tokens before labels count as places' own."""


def label_audit(train: PuzzleData, test: PuzzleData | None = None) -> list[Finding]:
    """Four questions to a data set: is there something to learn, and does the test ask for it?

    Args:
        train: the puzzles to learn from.
        test: the puzzles to be measured on; without them, the fourth question is left out.

    Raises:
        ValueError: the two hold boards of different shapes.
    """
    findings = [targets(train), leak(train), contradictions(train, test)]
    return findings if test is None else [*findings, overlap(train, test)]


def targets(data: PuzzleData) -> Finding:
    """Do different puzzles have different answers? And how far would one fixed answer get?"""
    labels, asked = _flat(data.labels), _flat(data.labels) != IGNORE
    places = np.broadcast_to(np.arange(labels.shape[1]), labels.shape)
    majority, right = _by_table(places, labels, places, labels)
    exact, cell = right.all(1).mean(), right[asked].mean()
    low = np.where(asked, labels, np.iinfo(np.int64).max).min(1)
    high = np.where(asked, labels, np.iinfo(np.int64).min).max(1)
    empty = float(((low == high) & (asked.sum(1) > 1)).mean())
    fault, remedy = None, ""
    if empty > EMPTY:
        fault = "empty targets"
        remedy = "look at these puzzles: a goal that cannot be reached has no path to label"
    elif exact == 1:
        fault = "constant targets"
        remedy = "draw puzzles whose answers differ; until then any accuracy is a constant"
    elif exact > FIXED:
        fault = "near-constant targets"
        remedy = "draw more varied puzzles, and report accuracy beside the fixed answer's"
    evidence = (
        f"one fixed answer is exactly right for {exact:.1%} of {len(data)} puzzles and for "
        f"{cell:.1%} of their cells; {empty:.1%} ask for the same token in every cell"
    )
    grid = data.labels.shape[1:]
    numbers = {
        "exact": float(exact),
        "cell": float(cell),
        "empty": empty,
        "answer": majority[0].reshape(grid),
        "varying": ((labels != majority) & asked).mean(0).reshape(grid),
    }
    return Finding("targets", fault, evidence, remedy, numbers, _draw_targets)


def leak(data: PuzzleData) -> Finding:
    """Does each cell's token alone give its label away?

    A table from tokens to labels is made on one half of the puzzles and asked about the other. It
    is a leak only where the labels differ: what one fixed answer explains needs no table.
    """
    (right, known), fixed = _held_out(data, "token"), targets(data).numbers["exact"]
    exact, cell = (right & known).all(1).mean(), _share_told(data, "token")
    fault = "leaked targets" if exact > FIXED >= fixed else None
    evidence = (
        f"a table from a cell's token to its label is exactly right for {exact:.1%} of unseen "
        f"puzzles ({cell:.1%} of cells), one fixed answer for {fixed:.1%}"
    )
    remedy = "take the answer out of the input, or choose a task that needs more than one cell"
    shares = {"table of tokens": float(exact), "one fixed answer": fixed}
    numbers = {"exact": float(exact), "cell": float(cell), "fixed": fixed, "shares": shares}
    return Finding("leak", fault, evidence, remedy, numbers, _draw_shares)


def contradictions(train: PuzzleData, test: PuzzleData | None = None) -> Finding:
    """Can the input determine the label at all? Not where equal inputs have different labels."""
    every = [train] if test is None else [train, test]
    inputs = _flat(np.concatenate([_same_grid(data, train).inputs for data in every]))
    labels = _flat(np.concatenate([data.labels for data in every])).astype(np.int64)
    _, which = np.unique(_keys(inputs), return_inverse=True)
    asked, shape = labels != IGNORE, (which.max() + 1, labels.shape[1])
    low, high = np.full(shape, np.iinfo(np.int64).max), np.full(shape, np.iinfo(np.int64).min)
    np.minimum.at(low, which, np.where(asked, labels, low.max()))
    np.maximum.at(high, which, np.where(asked, labels, high.min()))
    torn = (high > low).any(1)  # (U,): inputs with two answers
    share, repeated = float(torn[which].mean()), 1 - len(torn) / len(which)
    evidence = (
        f"{share:.1%} of {len(which)} puzzles have an equal input with another answer; "
        f"{repeated:.1%} repeat an input, and only repeats can show it"
    )
    remedy = "show the model what the label depends on, or make the label a function of the input"
    numbers = {"share": share, "repeated": repeated}
    numbers["shares"] = {"contradicted": share, "repeated": repeated}
    fault = "contradictory labels" if share else None
    return Finding("contradictions", fault, evidence, remedy, numbers, _draw_shares)


def overlap(train: PuzzleData, test: PuzzleData) -> Finding:
    """Is any test puzzle among the training puzzles?"""
    known = set(_keys(_flat(train.inputs)).tolist())
    seen = [key in known for key in _keys(_flat(_same_grid(test, train).inputs)).tolist()]
    share = float(np.mean(seen))
    evidence = f"{share:.1%} of {len(test)} test puzzles are training puzzles"
    remedy = "split by puzzle, better by symmetry class (trm_lib.puzzles.split_by_class)"
    numbers = {"share": share, "shares": {"seen in training": share, "new": 1 - share}}
    fault = "test puzzles in training" if share else None
    return Finding("overlap", fault, evidence, remedy, numbers, _draw_shares)


def what_labels_need(data: PuzzleData) -> str:
    """What a cell must know to give its label: "nothing", "token", "place" or "cells".

    "nothing" but one fixed answer; its own "token"; its token and its "place"; or other "cells".
    """
    if targets(data).numbers["cell"] >= SETTLED:
        return "nothing"
    for need in ("token", "place"):
        if _share_told(data, need) >= SETTLED:
            return need
    return "cells"


def place_tells(data: PuzzleData) -> bool:
    """Whether knowing its place helps a cell that knows its token."""
    return _share_told(data, "place") - _share_told(data, "token") > PLACE_TELLS


def _share_told(data: PuzzleData, need: str) -> float:
    """Share of cells that a table gets right, where it has an entry; 0 if it has none."""
    asked = _flat(_halves(data)[1].labels) != IGNORE
    right, known = _held_out(data, need)
    return float(right[asked & known].mean()) if (asked & known).any() else 0.0


def _held_out(data: PuzzleData, need: str) -> tuple[np.ndarray, np.ndarray]:
    """Which cells (N / 2, L) a table of the other half of the puzzles gets right, and has."""
    table, judged = _halves(data)
    tokens = np.searchsorted(np.unique(data.inputs), _flat(data.inputs))
    L = tokens.shape[1]
    keys = tokens if need == "token" else tokens * L + np.arange(L)
    order = _order(data)
    keys, asked = keys[order[: len(table)]], keys[order[-len(judged) :]]
    _, right = _by_table(keys, _flat(table.labels), asked, _flat(judged.labels))
    return right, np.isin(asked, keys)


def _by_table(
    keys: np.ndarray, labels: np.ndarray, asked: np.ndarray, asked_labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The commonest label of each key, as answers (M, L) and whether they are right (M, L)."""
    known, on = np.unique(labels[labels != IGNORE]), labels != IGNORE
    counts = np.zeros((max(keys.max(), asked.max()) + 1, len(known)), np.int64)
    np.add.at(counts, (keys[on], np.searchsorted(known, labels[on])), 1)
    answers = known[counts.argmax(1)][asked]
    return answers, (answers == asked_labels) | (asked_labels == IGNORE)


def _order(data: PuzzleData) -> np.ndarray:
    return np.random.default_rng(0).permutation(len(data))


def _halves(data: PuzzleData) -> tuple[PuzzleData, PuzzleData]:
    """Two halves drawn evenly; a single puzzle is both."""
    half = max(1, len(data) // 2)
    order = _order(data)
    return data[order[:half]], data[order[-half:]]


def _flat(boards_: np.ndarray) -> np.ndarray:
    return boards_.reshape(len(boards_), -1)


def _keys(flat: np.ndarray) -> np.ndarray:
    """One comparable value a board, (N,)."""
    rows = np.ascontiguousarray(flat, dtype=np.int64)
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]


def _same_grid(data: PuzzleData, like: PuzzleData) -> PuzzleData:
    if data.inputs.shape[1:] != like.inputs.shape[1:]:
        raise ValueError(
            f"test expected boards of shape {like.inputs.shape[1:]}, as train has, got "
            f"{data.inputs.shape[1:]}"
        )
    return data


def _draw_targets(numbers: dict):
    answer, varying = numbers["answer"], numbers["varying"]
    still = int((varying == 0).sum())
    return boards(
        {"the fixed answer": answer, "how often it is wrong": varying},
        f"Two boards: the fixed answer, and the share of puzzles that differ from it in each "
        f"cell. In {still} of {varying.size} cells no puzzle differs.",
        most=max(1.0, float(answer.max())),
    )


def _draw_shares(numbers: dict):
    return bars(numbers["shares"], "share of puzzles", most=1.0)
