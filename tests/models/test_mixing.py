"""What each mixing lets a cell see, and that it computes what it says."""

import math

import pytest
import torch

from trm_lib.models import MIXINGS, BoardConfig
from trm_lib.models.fused import rms_norm
from trm_lib.models.layers import Stack


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def mixing_of(name, grid, width, **changes):
    """A mixing alone."""
    config = BoardConfig(vocab_size=5, grid=grid, width=width, mixing=name, **changes)
    return MIXINGS[name](config, generator())


def cells_that_change(mixing: str, cell: int, grid=(4, 4)) -> set[int]:
    """Which cells of the output move when one cell of the input does: probed by gradient."""
    config = BoardConfig(vocab_size=5, grid=grid, width=16, n_layers=1, mixing=mixing)
    stack = Stack(config, generator())
    h = torch.randn(1, math.prod(grid), 16, generator=generator(1), requires_grad=True)
    out = stack(h, grid)
    seen = set()
    for target in range(out.shape[1]):
        (gradient,) = torch.autograd.grad(out[0, target].sum(), h, retain_graph=True)
        if gradient[0, cell].abs().max() > 0:
            seen.add(target)
    return seen


@pytest.mark.parametrize("mixing", ["mlp", "attention"])
def test_global_mixings_carry_a_cell_to_every_cell(mixing):
    assert cells_that_change(mixing, cell=6) == set(range(16))


def test_convolution_carries_a_cell_to_its_neighbourhood_only():
    assert cells_that_change("conv", cell=5) == {0, 1, 2, 4, 5, 6, 8, 9, 10}
    assert cells_that_change("conv", cell=3) == {2, 3, 6, 7}  # a corner: no wrapping around


def test_no_mixing_keeps_cells_apart():
    assert cells_that_change("none", cell=6) == {6}


def test_mlp_mixing_is_the_formula_with_the_norm_over_cells():
    mixing = mixing_of("mlp", (4, 4), 8)
    h = torch.randn(2, 16, 8, generator=generator(1))
    expected = torch.empty_like(h)
    for b in range(2):
        for d in range(8):
            column = h[b, :, d]
            expected[b, :, d] = rms_norm(column + mixing.swiglu(column))
    torch.testing.assert_close(mixing(h, (4, 4)), expected)


def test_attention_is_softmax_of_rotated_products_written_out():
    heads, D, L = 2, 8, 5
    C = D // heads
    mixing = mixing_of("attention", (L,), D, n_heads=heads)
    h = torch.randn(1, L, D, generator=generator(1))
    q, k, v = (mixing.qkv.weight @ h[0].T).T.view(L, 3, heads, C).unbind(1)

    def turn(vector, position):  # rotate each pair (i, i + C/2) by its own angle
        half = C // 2
        turned = vector.clone()
        for i in range(half):
            angle = position * 10_000.0 ** (-2 * i / C)
            a, b = vector[i], vector[i + half]
            turned[i] = a * math.cos(angle) - b * math.sin(angle)
            turned[i + half] = b * math.cos(angle) + a * math.sin(angle)
        return turned

    mixed = torch.zeros(L, heads, C)
    for head in range(heads):
        for i in range(L):
            scores = torch.stack(
                [turn(q[i, head], i) @ turn(k[j, head], j) / math.sqrt(C) for j in range(L)]
            )
            mixed[i, head] = scores.softmax(0) @ v[:, head]
    expected = rms_norm(h[0] + mixed.view(L, D) @ mixing.out.weight.T)
    torch.testing.assert_close(mixing(h, (L,))[0], expected, rtol=1e-4, atol=1e-5)


def test_size_free_mixings_take_boards_of_any_size():
    for mixing in ("conv", "attention", "gru"):
        assert mixing_of(mixing, (4, 4), 8)(torch.randn(1, 35, 8), (5, 7)).shape == (1, 35, 8)
