"""The operations with gradients by hand against the plain formulas, whose gradients PyTorch finds.

Where they are never used (a PyTorch without MKL), there is nothing to compare.
"""

import pytest
import torch
import torch.nn.functional as F

from trm_lib.evaluation import answer_flops
from trm_lib.models import TRM, BoardConfig, SwiGLU, TRMConfig
from trm_lib.models.fused import (
    MEASURED,
    GatedUnit,
    Product,
    RMSNorm,
    Rotation,
    fits,
    rms_norm,
    rotate,
)
from trm_lib.models.layers import Linear, rotary_table

pytestmark = pytest.mark.skipif(not MEASURED, reason="a PyTorch without MKL")


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, requires_grad=True)


def gated(h, gate_up, down):
    gate, up = F.linear(h, gate_up).chunk(2, dim=-1)
    return F.linear(F.silu(gate) * up, down)


COS, SIN = rotary_table(9, 8)
CASES = {
    "norm": (lambda h: RMSNorm.apply(h, 1e-5), lambda h: rms_norm(h, plain=True), [(3, 4, 9)]),
    "rotation": (
        lambda h: Rotation.apply(h, COS, SIN),
        lambda h: rotate(h, COS, SIN, plain=True),
        [(2, 3, 2, 9, 8)],
    ),
    "product, wide": (Product.apply, F.linear, [(12, 5), (40, 5)]),
    "product, narrow": (Product.apply, F.linear, [(12, 40), (5, 40)]),
    "gated unit": (GatedUnit.apply, gated, [(12, 5), (64, 5), (5, 32)]),
    "gated unit, narrow": (GatedUnit.apply, gated, [(12, 40), (12, 40), (40, 6)]),
}


@pytest.mark.parametrize(("ours", "plain", "shapes"), CASES.values(), ids=CASES)
def test_value_and_gradients_are_the_plain_formulas(ours, plain, shapes):
    tensors = [draw(*shape, seed=i) for i, shape in enumerate(shapes)]
    expected = plain(*tensors)
    g = draw(*expected.shape, seed=9).detach()
    found = ours(*tensors)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    pairs = zip(
        torch.autograd.grad(found, tensors, g),
        torch.autograd.grad(expected, tensors, g),
        strict=True,
    )
    for a, b in pairs:
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [Linear, SwiGLU])
def test_layers_take_transposed_boards_and_none_at_all(layer):
    size = 6 if layer is Linear else BoardConfig(vocab_size=2, grid=(4,))
    layer = layer(6, size, torch.Generator().manual_seed(0))
    across = draw(2, 6, 5).transpose(1, 2)
    assert fits(across)
    torch.testing.assert_close(layer(across), layer(across.contiguous()))
    assert layer(across[:0]).shape == (0, 5, 6)


def test_other_types_and_autocast_take_the_plain_formulas():
    h = draw(2, 6)
    assert not fits(h.double())
    with torch.autocast("cpu", torch.bfloat16):
        assert not fits(h)
        assert Linear(6, 4, torch.Generator().manual_seed(0))(h).dtype == torch.bfloat16


@pytest.mark.parametrize("mixing", ["mlp", "attention"])
def test_operations_are_counted_as_before(mixing):
    sizes = {"vocab_size": 5, "grid": (4, 4), "mixing": mixing}
    ours, plain = (TRM(TRMConfig(**sizes, fused=fused)) for fused in (True, False))
    assert answer_flops(ours, (4, 4)) == answer_flops(plain, (4, 4)) > 0
