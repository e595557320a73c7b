"""Layers, mixings and rotary positions against closed forms and plain readings of the formulas.

Attention and mixing by MLP are compared with the official code, in `test_official.py`.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.models.small import SMALL, boards, normal, seeded, think
from trm_lib.models import TRM, BoardConfig, SwiGLU, TRMConfig
from trm_lib.models.layers import (
    Linear,
    Stack,
    hidden_size,
    rms_norm,
    rotary_table,
    rotate,
    truncated_normal_,
)

# --- layers


def test_truncated_normal_is_that_of_torch_with_the_requested_standard_deviation():
    weight = truncated_normal_(torch.empty(1_000_000), 0.3, seeded())
    assert weight.std().item() == pytest.approx(0.3, rel=0.005)
    sigma = 0.3 / 0.87962566  # a normal cut at 2 sigma has std 0.8796 sigma
    assert weight.abs().max().item() == pytest.approx(2 * sigma, rel=1e-3)
    theirs = torch.empty(200_000)
    nn.init.trunc_normal_(theirs, 0.0, sigma, -2 * sigma, 2 * sigma, generator=seeded(1))
    linear = Linear(400, 500, seeded()).weight  # one over the root of what comes in
    assert linear.std().item() == pytest.approx(1 / math.sqrt(400), rel=0.01)
    by_quantile = weight[:200_000].sort().values - theirs.sort().values
    assert by_quantile.abs().max() < 0.01


def test_norm_and_gated_layer_are_their_formulas_and_hidden_sizes_round_up():
    h = normal(3, 5, 6)
    expected = h / torch.sqrt(h.square().mean(-1, keepdim=True) + 1e-5)
    torch.testing.assert_close(rms_norm(h), expected)
    exact = BoardConfig(vocab_size=2, grid=(4,), expansion=2.5, hidden_multiple=1)  # 10 hidden
    layer = SwiGLU(6, exact, seeded())
    gate, up = layer.gate_up.weight[:10], layer.gate_up.weight[10:]
    expected = (F.silu(h @ gate.T) * (h @ up.T)) @ layer.down.weight.T
    torch.testing.assert_close(layer(h), expected)
    rounded = BoardConfig(vocab_size=2, grid=(4,), hidden_multiple=256)
    assert [hidden_size(wanted, rounded) for wanted in (0.4, 256.4, 1365.3)] == [256, 256, 1536]


# --- mixings


EVERY, AROUND_5, CORNER = set(range(16)), {0, 1, 2, 4, 5, 6, 8, 9, 10}, {2, 3, 6, 7}


@pytest.mark.parametrize(
    ("mixing", "cell", "expected"),
    [("mlp", 6, EVERY), ("attention", 6, EVERY), ("gru", 6, EVERY), ("none", 6, {6}),
     ("conv", 5, AROUND_5), ("conv", 3, CORNER)],
)  # fmt: skip
def test_a_cell_is_seen_by_those_that_the_mixing_lets_see_it(mixing, cell, expected):
    stack = Stack(BoardConfig(**SMALL, mixing=mixing), seeded())
    h = normal(1, 16, 16, seed=1).requires_grad_()
    seen, out = set(), stack(h, (4, 4))
    for target in range(16):  # probed by gradient
        (gradient,) = torch.autograd.grad(out[0, target].sum(), h, retain_graph=True)
        if gradient[0, cell].abs().max() > 0:
            seen.add(target)
    assert seen == expected


# --- rotary positions: how far apart two cells stand counts, not where


def products(table, q, k):
    """What a query q says to a key k, from every position to every other: (L, L)."""
    cos, sin = (t.double() for t in table)
    everywhere = (len(cos), -1)
    return rotate(q.expand(everywhere), cos, sin) @ rotate(k.expand(everywhere), cos, sin).T


@pytest.mark.parametrize("rows", [1, 4])
def test_the_same_move_says_the_same_from_every_cell_that_can_make_it(rows):
    columns, (q, k) = 5, normal(2, 8).double()
    sides = (columns,) if rows == 1 else (rows, columns)
    table = rotary_table(sides, rows * columns, 8)
    seen = products(table, q, k).view(rows, columns, rows, columns)
    for down in range(rows):
        for across in range(1 - columns, columns):
            moves = torch.stack([
                seen[r, c, r + down, c + across]
                for r in range(rows - down)
                for c in range(max(0, -across), columns - max(0, across))
            ])  # fmt: skip
            torch.testing.assert_close(moves, moves[:1].expand_as(moves), rtol=0, atol=1e-5)
    assert seen[0, 0].unique().numel() == rows * columns  # and another from every other


def test_rotation_keeps_lengths_and_leaves_puzzle_tokens_alone():
    h = normal(3 + 6, 8).double()
    cos, sin = (t.double() for t in rotary_table((2, 3), 3 + 6, 8))
    turned = rotate(h, cos, sin)
    torch.testing.assert_close(turned.norm(dim=-1), h.norm(dim=-1), rtol=0, atol=1e-6)
    torch.testing.assert_close(turned[:4], h[:4], rtol=0, atol=1e-7)  # and the first cell
    assert (turned[4:] - h[4:]).abs().max() > 0.1


@pytest.mark.parametrize("positions", ["none", "rope", "rope2d", "learned"])
def test_only_without_positions_does_a_shuffled_board_get_the_shuffled_answer(positions):
    model = TRM(TRMConfig(**SMALL, mixing="attention", n_heads=2, positions=positions))
    board, order = boards(1), torch.randperm(16, generator=seeded(1))
    shuffled = board.flatten(1)[:, order].view(1, 4, 4)
    plain, found = (think(model, b, 1)[0].flatten(1, 2) for b in (board, shuffled))
    assert torch.allclose(found, plain[:, order], atol=1e-4) == (positions == "none")
