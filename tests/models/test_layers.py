"""Layers against closed forms and an independent reading of the same formulas."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from trm_lib.models import BoardConfig, SwiGLU
from trm_lib.models.fused import rms_norm
from trm_lib.models.layers import Linear, swiglu_hidden, truncated_normal_

EXACT = BoardConfig(vocab_size=2, grid=(4,), expansion=2.5, hidden_multiple=1)  # 6 wide: 10 hidden


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_truncated_normal_has_the_requested_standard_deviation_and_bounded_tails():
    weight = truncated_normal_(torch.empty(1_000_000), 0.3, generator())
    assert weight.std().item() == pytest.approx(0.3, rel=0.005)
    assert weight.mean().item() == pytest.approx(0.0, abs=0.002)
    # a normal cut at 2 sigma has std 0.8796 sigma, so the cut lies at 0.3 * 2 / 0.8796
    assert weight.abs().max().item() == pytest.approx(0.6 / 0.87962566, rel=1e-3)


def test_truncated_normal_matches_torch_truncated_normal_in_distribution():
    sigma = 0.3 / 0.87962566
    ours = truncated_normal_(torch.empty(200_000), 0.3, generator()).sort().values
    theirs = (
        nn.init.trunc_normal_(
            torch.empty(200_000), 0.0, sigma, -2 * sigma, 2 * sigma, generator=generator(1)
        )
        .sort()
        .values
    )
    assert (ours - theirs).abs().max() < 0.01  # quantile by quantile


def test_rms_norm_is_the_formula():
    h = torch.randn(3, 5, 8, generator=generator())
    expected = h / torch.sqrt(h.square().mean(-1, keepdim=True) + 1e-5)
    torch.testing.assert_close(rms_norm(h), expected)


def test_swiglu_is_the_formula_with_the_gate_first():
    layer = SwiGLU(6, EXACT, generator())
    h = torch.randn(4, 6, generator=generator(1))
    gate, up = layer.gate_up.weight[:10], layer.gate_up.weight[10:]
    expected = (F.silu(h @ gate.T) * (h @ up.T)) @ layer.down.weight.T
    torch.testing.assert_close(layer(h), expected)


@pytest.mark.parametrize(
    ("width", "expansion", "multiple", "expected"),
    [(512, 4, 256, 1536), (32, 4, 256, 256), (48, 4, 16, 128), (64, 3, 32, 128)],
)
def test_swiglu_hidden_rounds_up(width, expansion, multiple, expected):
    assert swiglu_hidden(width, expansion, multiple) == expected


def test_linear_has_std_one_over_root_fan_in_and_no_bias():
    layer = Linear(400, 500, generator())
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer.weight.std().item() == pytest.approx(1 / math.sqrt(400), rel=0.01)


def test_building_draws_only_from_the_generator_that_is_passed():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    SwiGLU(8, EXACT, generator())
    assert torch.equal(torch.get_rng_state(), before)
