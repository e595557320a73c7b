"""The mixing over candidates: the symmetries of the game, all sizes by one set of weights."""

import numpy as np
import pytest
import torch

from trm_lib.models import LoopedConfig, TRMConfig, build_model
from trm_lib.models.candidates import Constraints, constraint_sums, spread, through
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
    one = torch.ones(1, 1)
    heard = spread(torch.zeros_like(h), through(constraint_sums(h, n), one, 10 * one, 1000 * one))
    heard = (heard * 9).view(n, n, n).round().int().numpy()
    want = np.zeros((n, n, n), int)
    want[r, c] += 1
    want[r, :, d] += 10
    want[:, c, d] += 10
    corner = r // rows * rows, c // columns * columns
    want[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns, d] += 1000
    np.testing.assert_array_equal(heard, want)


def test_the_gradient_by_hand_is_that_of_the_formula():
    generator = torch.Generator().manual_seed(0)
    shapes = (1, 4**3, 2), (2, 2), (2, 2), (2, 2)
    parts = [torch.randn(s, generator=generator, dtype=torch.double) for s in shapes]
    parts = [part.requires_grad_() for part in parts]

    def mix(h, *matrices):
        return Constraints.apply(h, 4, *matrices)

    assert torch.autograd.gradcheck(mix, parts)
    model = build_model(LoopedConfig(**SHAPE), 0)
    plain = build_model(LoopedConfig(**SHAPE, fused=False), 0)
    plain.load_state_dict(model.state_dict())
    inputs = torch.from_numpy(board(9)).long()
    for m in (model, plain):
        m(m.initial_carry(inputs), inputs)[1].logits[..., 1:].square().sum().backward()
    for a, b in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-3)


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
