"""What an answer cell can see: change one input cell at a time, and look who answers otherwise.

The carry is detached between improvement steps, so gradients cannot tell; perturbation can.

Axes: K improvement steps, L cells.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.evaluation.diagnostics.figures import boards as draw_boards
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.evaluation.diagnostics.tables import place_tells, what_labels_need
from trm_lib.evaluation.exact import as_boards, exact_by_k
from trm_lib.training.data import PuzzleData, as_tokens

UNCHANGED = 1e-9
"""Part of the logits' size below which a change is rounding: the probe runs in float64."""
SOLVED = 0.95
"""A model that is exactly right this often sees far enough for its task."""
_NEEDS = {
    "nothing": "no input at all", "token": "its own token", "place": "its token and its place",
    "cells": "other cells",
}  # fmt: skip


def reach(model: nn.Module, boards: np.ndarray, k_steps: int, seed: int = 0) -> np.ndarray:
    """Which input cells change which answer cells, after each of K improvement steps.

    On each board, every cell in turn gets another of the tokens that the boards hold. Any change
    above rounding counts, be it a billionth of the logits' size: this is an upper bound on what
    the model uses.

    Args:
        model: anything with the interface of `TRM`. A copy of it in float64 is asked.
        boards: (N, *grid) integers; a few are enough.
        k_steps: K.
        seed: of the tokens put in.

    Returns:
        (K, L, L) bool: [k, i, j] whether input cell i changed answer cell j on any board.

    Raises:
        ValueError: the boards hold a single token, or `k_steps` is out of range.
    """
    boards, k_steps = as_boards(boards), whole(k_steps, "k_steps (K)", 1)
    tokens = np.unique(boards)
    if len(tokens) < 2:
        raise ValueError(f"boards expected at least two different tokens, got only {tokens}")
    rng, asked = np.random.default_rng(seed), copy.deepcopy(model).double().eval()
    L = boards[0].size
    changed = np.zeros((k_steps, L, L), bool)
    for board in boards:
        variants = np.repeat(board.reshape(1, L), L + 1, axis=0)  # the last is the board itself
        place = np.searchsorted(tokens, variants[-1])
        other = (place + rng.integers(1, len(tokens), L)) % len(tokens)
        variants[np.arange(L), np.arange(L)] = tokens[other]
        for k, logits in enumerate(_logits(asked, variants.reshape(-1, *board.shape), k_steps)):
            change = (logits[:-1] - logits[-1]).abs().amax(-1)  # (L, L)
            changed[k] |= (change > UNCHANGED * logits[-1].abs().max()).numpy()
    return changed


def sight(model: nn.Module, data: PuzzleData, k_steps: int, n_boards: int = 3) -> Finding:
    """Can the model see what the labels depend on?

    Args:
        model: anything with the interface of `TRM`.
        data: puzzles with their answers; a model that solves them is not called short-sighted.
        k_steps: K, the improvement steps that will be asked for.
        n_boards: how many of the puzzles to perturb.
    """
    seen = reach(model, data.inputs[:n_boards], k_steps)
    off = ~np.eye(seen.shape[1], dtype=bool)
    share = seen[:, off].mean(1)
    need, blind = what_labels_need(data), _is_blind(model, data.inputs[:n_boards], k_steps)
    right = float(exact_by_k(model, data, k_steps)[-1])
    fault, remedy = None, ""
    if need == "cells" and not share[-1]:
        fault = "cells never meet"
        remedy = "give the blocks a mixing ('mlp', 'attention', 'conv'): no K replaces it"
    elif need != "nothing" and blind and place_tells(data):
        fault = "position-blind"
        remedy = "tell cells where they stand: positions='learned', or a mixing that knows places"
    elif need == "cells" and share[-1] < 1 and right < SOLVED:
        fault = "short sight"
        remedy = "ask for more steps, more layers or a global mixing, unless labels are local"
    evidence = (
        f"at K = {k_steps} an answer cell is changed by {share[-1]:.1%} of the other cells "
        f"({share[0]:.1%} at K = 1); its label needs {_NEEDS[need]}; "
        f"exchanging the cells {'only exchanges' if blind else 'changes'} the answers"
    )
    numbers = {
        "reach": seen, "share_by_k": share, "blind": blind, "exact": right,
        "grid": data.inputs.shape[1:],
    }  # fmt: skip
    return Finding("sight", fault, evidence, remedy, numbers, _draw)


def _is_blind(model: nn.Module, boards: np.ndarray, k_steps: int) -> bool:
    """Whether a permutation of the cells does nothing but permute the answers."""
    asked, rng = copy.deepcopy(model).double().eval(), np.random.default_rng(0)
    for board in boards:
        order = rng.permutation(board.size)
        both = np.stack([board.reshape(-1), board.reshape(-1)[order]]).reshape(2, *board.shape)
        for logits in _logits(asked, both, k_steps):
            difference = (logits[0][order] - logits[1]).abs().max()
            if difference > UNCHANGED * logits.abs().max():
                return False
    return True


@torch.no_grad()
def _logits(model: nn.Module, boards: np.ndarray, k_steps: int) -> list[Tensor]:
    """The answers after each step, K times (B, L, V) on the CPU."""
    inputs = as_tokens(boards).to(next(model.parameters()).device)
    carry, answers = model.initial_carry(inputs), []
    for _ in range(k_steps):
        carry, out = model(carry, inputs)
        answers.append(out.logits.flatten(1, -2).cpu())
    return answers


def _draw(numbers: dict):
    seen, grid = numbers["reach"], numbers["grid"]
    K, L = seen.shape[:2]
    middle = int(np.ravel_multi_index([side // 2 for side in grid], grid))
    steps = sorted({0, K // 2, K - 1})
    counts = ", ".join(f"{int(seen[k, :, middle].sum())} at K = {k + 1}" for k in steps)
    return draw_boards(
        {f"K = {k + 1}": seen[k, :, middle].reshape(grid) for k in steps},
        f"Boards: the input cells (dark) that change the answer of cell {middle + 1} of {L}: "
        f"{counts}.",
    )
