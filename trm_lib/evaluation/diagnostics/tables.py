"""What a cell must know to give its label, as tables tell.

Axes: N puzzles, L cells, M puzzles that a table is asked about.
"""

from __future__ import annotations

import numpy as np

from trm_lib.training.data import IGNORE, PuzzleData

SETTLED = 0.995
"""Cell accuracy at which a table explains the labels: a slip in 200 cells is not a rule."""
PLACE_TELLS = 0.05
"""What knowing the place must add to a table of tokens before labels count as places' own."""


def what_labels_need(data: PuzzleData) -> str:
    """What a cell must know to give its label: "nothing", "token", "place" or "cells".

    "nothing" but one fixed answer; its own "token"; its token and its "place". What no such table
    tells is called "cells": it takes other cells, or it is noise that nothing explains.
    """
    if fixed_answer(data)[1][flat(data.labels) != IGNORE].mean() >= SETTLED:
        return "nothing"
    for need in ("token", "place"):
        if share_told(data, need) >= SETTLED:
            return need
    return "cells"


def place_tells(data: PuzzleData) -> bool:
    """Whether knowing its place helps a cell that knows its token."""
    return share_told(data, "place") - share_told(data, "token") > PLACE_TELLS


def fixed_answer(data: PuzzleData) -> tuple[np.ndarray, np.ndarray]:
    """The commonest label of each place, (L,), and where it is right or not asked, (N, L)."""
    labels = flat(data.labels)
    places = np.broadcast_to(np.arange(labels.shape[1]), labels.shape)
    answers, right = _by_table(places, labels, places, labels)
    return answers[0], right


def share_told(data: PuzzleData, need: str) -> float:
    """Share of cells that a table gets right, where it has an entry; 0 if it has none."""
    asked = flat(_halves(data)[1].labels) != IGNORE
    right, known = held_out(data, need)
    return float(right[asked & known].mean()) if (asked & known).any() else 0.0


def held_out(data: PuzzleData, need: str) -> tuple[np.ndarray, np.ndarray]:
    """Which cells (N / 2, L) a table of the other half of the puzzles gets right, and has."""
    table, judged = _halves(data)
    tokens = np.searchsorted(np.unique(data.inputs), flat(data.inputs))
    L = tokens.shape[1]
    keys = tokens if need == "token" else tokens * L + np.arange(L)
    order = _order(data)
    keys, asked = keys[order[: len(table)]], keys[order[-len(judged) :]]
    _, right = _by_table(keys, flat(table.labels), asked, flat(judged.labels))
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


def flat(boards: np.ndarray) -> np.ndarray:
    """(N, *grid) -> (N, L)."""
    return boards.reshape(len(boards), -1)
