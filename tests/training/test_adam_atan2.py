"""Adam-atan2 against its formula, against Adam, and against the scale of the loss."""

import math

import pytest
import torch

from trm_lib.training import AdamAtan2


def descend(make, scale=1.0, steps=20):
    """Minimise a small quadratic; the parameter after every step."""
    start = torch.linspace(-1, 2, 6, dtype=torch.float64)
    p = torch.nn.Parameter(start.clone())
    optimizer, seen = make([p]), []
    for step in range(steps):
        loss = scale * ((p - torch.arange(6)) ** 2 * torch.arange(1, 7)).sum() * (1 + step % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(p.detach().clone())
    return torch.stack(seen)


def test_it_is_the_formula():
    lr, betas, decay = 0.01, (0.9, 0.95), 0.3
    p = torch.nn.Parameter(torch.tensor([0.5, -2.0, 0.0], dtype=torch.float64))
    theta = [0.5, -2.0, 0.0]
    m, v = [0.0] * 3, [0.0] * 3
    optimizer = AdamAtan2([p], lr=lr, betas=betas, weight_decay=decay)
    gradients = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for t, gradient in enumerate(gradients, start=1):
        p.grad = gradient.clone()
        optimizer.step()
        for i, g in enumerate(gradient.tolist()):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * g
            v[i] = betas[1] * v[i] + (1 - betas[1]) * g * g
            m_hat, v_hat = m[i] / (1 - betas[0] ** t), v[i] / (1 - betas[1] ** t)
            theta[i] -= lr * decay * theta[i]
            theta[i] -= lr * 4 / math.pi * math.atan2(m_hat, math.sqrt(v_hat))
    torch.testing.assert_close(p.detach(), torch.tensor(theta, dtype=torch.float64))


def test_the_scale_of_the_loss_does_not_matter_however_small():
    plain = descend(lambda p: AdamAtan2(p, lr=0.1))
    torch.testing.assert_close(plain, descend(lambda p: AdamAtan2(p, lr=0.1), scale=1e-30))
    adam = descend(lambda p: torch.optim.Adam(p, lr=0.1), scale=1e-30)
    assert (adam[-1] - adam[0]).abs().max() < 1e-3  # its epsilon has swallowed the gradient


def test_a_first_step_has_the_length_of_adams():
    ours = descend(lambda p: AdamAtan2(p, lr=0.1), steps=1)
    adam = descend(lambda p: torch.optim.Adam(p, lr=0.1), steps=1)
    torch.testing.assert_close(ours, adam)


def test_no_gradient_no_step():
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = AdamAtan2([p], lr=1.0, weight_decay=0.5)
    optimizer.step()
    assert torch.equal(p.detach(), torch.ones(2))
    p.grad = torch.zeros(2)
    optimizer.step()
    assert p.tolist() == pytest.approx([0.5, 0.5])  # decay alone: atan2(0, 0) is 0


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_float32_forgives_a_wide_range_of_scales(scale):
    steps = []
    for factor in (1.0, scale):
        p = torch.nn.Parameter(torch.zeros(3))
        p.grad = factor * torch.tensor([1.0, -2.0, 0.5])
        AdamAtan2([p], lr=0.1).step()
        steps.append(p.detach().clone())
    torch.testing.assert_close(steps[0], steps[1])
