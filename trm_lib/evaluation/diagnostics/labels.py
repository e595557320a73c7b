"""An audit of puzzles and their answers, before anything is trained.

Axes: N puzzles, L cells, U different inputs.
"""

from __future__ import annotations

import numpy as np

from trm_lib.evaluation.diagnostics.figures import bars, boards
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.evaluation.diagnostics.tables import fixed_answer, flat, held_out, share_told
from trm_lib.training.data import IGNORE, PuzzleData

FIXED = 0.5
"""A fixed answer, or a table of tokens, that is right for more puzzles than this makes a fault:
who has learnt nothing would be right more often than wrong."""
EMPTY = 0.05
"""Puzzles whose answer is one token all over: one in twenty may be an accident."""


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
    labels, asked = flat(data.labels), flat(data.labels) != IGNORE
    answer, right = fixed_answer(data)
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
        "answer": answer.reshape(grid),
        "varying": (~right).mean(0).reshape(grid),
    }
    return Finding("targets", fault, evidence, remedy, numbers, _draw_targets)


def leak(data: PuzzleData) -> Finding:
    """Does each cell's token alone give its label away?

    A table from tokens to labels is made on one half of the puzzles and asked about the other. It
    is a leak only where the labels differ: what one fixed answer explains needs no table.
    """
    (right, known), fixed = held_out(data, "token"), targets(data).numbers["exact"]
    exact, cell = (right & known).all(1).mean(), share_told(data, "token")
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
    inputs = flat(np.concatenate([_same_grid(data, train).inputs for data in every]))
    labels = flat(np.concatenate([data.labels for data in every])).astype(np.int64)
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
    known = set(_keys(flat(train.inputs)).tolist())
    seen = [key in known for key in _keys(flat(_same_grid(test, train).inputs)).tolist()]
    share = float(np.mean(seen))
    evidence = f"{share:.1%} of {len(test)} test puzzles are training puzzles"
    remedy = "split by puzzle, better by symmetry class (trm_lib.puzzles.split_by_class)"
    numbers = {"share": share, "shares": {"seen in training": share, "new": 1 - share}}
    fault = "test puzzles in training" if share else None
    return Finding("overlap", fault, evidence, remedy, numbers, _draw_shares)


def _keys(boards_: np.ndarray) -> np.ndarray:
    """One comparable value a board, (N, L) -> (N,)."""
    rows = np.ascontiguousarray(boards_, dtype=np.int64)
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
    tokens = f"white 0, black {answer.max()}" if answer.any() else "0 everywhere"
    shares = f"black 100%, most {varying.max():.1%}" if varying.any() else "0% everywhere"
    return boards(
        {
            f"the fixed answer\n{tokens}": answer / max(answer.max(), 1),
            f"share of puzzles\nthat differ\n{shares}": varying,
        },
        f"Two boards. The fixed answer: {tokens}. The share of puzzles that differ from it in each "
        f"cell: {shares}. In {still} of {varying.size} cells no puzzle differs.",
    )


def _draw_shares(numbers: dict):
    return bars(numbers["shares"], "share of puzzles", most=1.0)
