"""Hidden units that are never active.

Axes: M inputs of a layer, H hidden units.

An audit of puzzles and their answers, before anything is trained.

Axes: N puzzles, L cells, U different inputs.

What a cell must know to give its label, as tables tell.

Axes: N puzzles, L cells, M puzzles that a table is asked about.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.diagnostics.figures import bars, boards
from trm_lib.diagnostics.finding import Finding
from trm_lib.models.layers import SwiGLU
from trm_lib.models.rivals import ReluMLP
from trm_lib.training.data import IGNORE, PuzzleData

SILENT = 1e-3
"""A unit that never gets this far, as part of the layer's largest activation, says nothing."""
WASTED = 0.5
"""Half of a layer: a few silent units are usual, above all where inputs are few."""


def dead_units(model: nn.Module, run: Callable[[], object]) -> Finding:
    """Which hidden units of SwiGLU, `ReluMLP` and `nn.ReLU` layers are never active?

    Args:
        model: any.
        run: makes the model work on everything it should be judged by.
    """
    most: dict[str, Tensor] = {}
    hooks = []

    def watch(name: str, activation: Callable[[Tensor], Tensor]) -> Callable:
        @torch.no_grad()
        def hook(module: nn.Module, args: tuple[Tensor, ...], *output: Tensor) -> None:
            seen = activation(args[0]).abs().flatten(0, -2).amax(0)  # (H,)
            most[name] = torch.maximum(most[name], seen) if name in most else seen

        return hook

    try:
        for name, module in model.named_modules():
            if activation := _activation(module):
                hooks.append(module.register_forward_pre_hook(watch(name, activation)))
        run()
    finally:
        for hook in hooks:
            hook.remove()
    dead = {n: float((seen <= SILENT * seen.max()).float().mean()) for n, seen in most.items()}
    worst = max(dead, key=dead.get, default="")
    share = dead.get(worst, 0.0)
    evidence = f"in the worst of {len(dead)} layers ({worst or 'none'}) {share:.1%} never speak"
    remedy = "lower the learning rate or the weight decay, or build it narrower"
    fault = "dead units" if share > WASTED else None
    return Finding("units", fault, evidence, remedy, {"dead": dead, "worst": share}, _draw)


def _activation(module: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """From the input of a layer to its hidden activations (..., H); None for other modules."""
    if isinstance(module, SwiGLU):

        def gated(h: Tensor) -> Tensor:
            gate, up = module.gate_up(h).chunk(2, dim=-1)
            return F.silu(gate) * up

        return gated
    if isinstance(module, ReluMLP):
        return lambda h: torch.relu(module.up(h))
    return torch.relu if isinstance(module, nn.ReLU) else None


def _draw(numbers: dict):
    dead = numbers["dead"] or {"no such layer": 0.0}
    return bars(dead, "share of hidden units that never speak", most=1.0)


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
