"""Adam-atan2 against its formula, and against the scale of the loss."""

import math

import pytest
import torch

from trm_lib.training import AdamAtan2


def descend(optimizer_class, scale=1.0):
    """Minimise a small quadratic; the parameter after every step, (20, 6)."""
    p, seen = torch.nn.Parameter(torch.linspace(-1, 2, 6, dtype=torch.float64)), []
    optimizer = optimizer_class([p], lr=0.1)
    for step in range(20):
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
    torch.testing.assert_close(descend(AdamAtan2), descend(AdamAtan2, scale=1e-30))
    adam = descend(torch.optim.Adam, scale=1e-30)
    assert (adam[-1] - adam[0]).abs().max() < 1e-3  # its epsilon has swallowed the gradient


def test_no_gradient_no_step():
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = AdamAtan2([p], lr=1.0, weight_decay=0.5)
    optimizer.step()
    assert torch.equal(p.detach(), torch.ones(2))
    p.grad = torch.zeros(2)
    optimizer.step()
    assert p.tolist() == pytest.approx([0.5, 0.5])  # decay alone: atan2(0, 0) is 0
