"""The mixing over candidates: the symmetries of the game, all sizes by one set of weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from trm_lib.models import LoopedConfig, TRMConfig, build_model
from trm_lib.models.candidates import ConstraintMixing
from trm_lib.puzzles import box_shape
from trm_lib.puzzles.sudoku_solver import cover, search, to_board
from trm_lib.puzzles.sudoku_symmetry import random_symmetries

SHAPE = {"vocab_size": 26, "grid": (9, 9), "width": 8, "n_layers": 1, "mixing": "constraints",
         "expansion": 3.0, "hidden_multiple": 16, "positions": "none"}  # fmt: skip
SIZES = (4, 6, 9, 16, 25)


def board(n, seed=0, share=0.4):
    """A grid of which a share of the digits is shown, (1, N, N)."""
    rng, rules = np.random.default_rng(seed), cover(n)
    grid = to_board(rules, search(rules, rules.everything, limit=1, rng=rng)[0])
    return np.where(rng.random((1, n, n)) < share, grid, 0)


@torch.no_grad()
def answers(model, boards, k=2):
    inputs = torch.from_numpy(boards).long()
    carry = model.initial_carry(inputs)
    for _ in range(k):
        carry, out = model(carry, inputs)
    return out.logits.numpy()


@pytest.mark.parametrize(
    ("n", "config"), [*((n, LoopedConfig(**SHAPE)) for n in SIZES), (9, TRMConfig(**SHAPE))]
)
def test_every_symmetry_of_the_game_is_one_of_the_network_on_boards_of_every_size(n, config):
    model, asked = build_model(config, 0), board(n)
    said = answers(model, asked)[0].reshape(n * n, n + 1)
    assert (said[:, 0] < -1000).all()  # "empty" is no answer
    rng = np.random.default_rng(1)
    for cells in random_symmetries(n, 3 if n < 16 else 1, rng):
        names = np.concatenate([[0], 1 + rng.permutation(n)])
        turned = names[asked.reshape(-1)[cells]].reshape(1, n, n)
        said_then = answers(model, turned)[0].reshape(n * n, n + 1)
        np.testing.assert_allclose(said_then[:, names], said[cells], rtol=1e-4, atol=3e-5)


def test_no_other_exchange_of_rows_is_a_symmetry():
    model, asked = build_model(LoopedConfig(**SHAPE), 0), board(9)
    rows = [3, 1, 2, 0, 4, 5, 6, 7, 8]  # between two bands
    assert np.abs(answers(model, asked[:, rows]) - answers(model, asked)[:, rows]).max() > 0.01


@pytest.mark.parametrize("n", SIZES)
def test_a_candidate_hears_its_cell_row_column_and_box_and_no_other(n):
    rows, columns = box_shape(n)
    h = torch.zeros(1, n**3, 1)
    r, c, d = n - 1, n - 2, n // 2
    h[0, (r * n + c) * n + d] = 1
    mixing = ConstraintMixing(replace(LoopedConfig(**SHAPE), width=1), torch.Generator())
    with torch.no_grad():
        for way, said in ((mixing.cell, 1), (mixing.line, 10), (mixing.box, 1000)):
            way.weight.fill_(said)
        heard = ((mixing(h, (n, n)) - h) * 9).view(n, n, n).round().int().numpy()
    want = np.zeros((n, n, n), int)
    want[r, c] += 1
    want[r, :, d] += 10
    want[:, c, d] += 10
    corner = r // rows * rows, c // columns * columns
    want[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns, d] += 1000
    np.testing.assert_array_equal(heard, want)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": (5, 5)}, "board size that has boxes, .* got 5"),
        ({"grid": (9, 8)}, r"grid \(N, N\)"),
        ({"vocab_size": 9}, "vocab_size above N"),
        ({"positions": "rope"}, "positions='none'"),
        ({"puzzle_tokens": 1}, "no puzzle_tokens"),
    ],
)
def test_a_config_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        LoopedConfig(**SHAPE | changes)


def test_boards_that_are_no_sudoku_are_refused():
    model = build_model(LoopedConfig(**SHAPE), 0)
    for boards, message in (
        (
            torch.zeros(1, 5, 5, dtype=torch.long),
            "board size that has boxes, .* got 5",
        ),
        (torch.zeros(1, 9, 4, dtype=torch.long), r"boards \(B, N, N\)"),
        (torch.full((1, 4, 4), 5), "digits 0 to N.*up to 5"),
    ):
        with pytest.raises(ValueError, match=message):
            model(model.initial_carry(torch.zeros(1, 4, 4, dtype=torch.long)), boards)
