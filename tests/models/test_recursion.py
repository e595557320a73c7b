"""The recursion against its definition, call by call, and against hand-made networks."""

import pytest
import torch

from trm_lib.models import deep_recursion, latent_recursion


def test_latent_recursion_calls_the_net_as_the_paper_writes_it():
    calls = []

    def net(h):  # symbols instead of vectors: the expression is the evidence
        calls.append(h)
        return Symbol(f"f({h})")

    y, z = latent_recursion(net, Symbol("x"), Symbol("y"), Symbol("z"), n=2)
    assert str(z) == "f(f(z+y+x)+y+x)"
    assert str(y) == f"f(y+{z})"
    assert len(calls) == 3


class Symbol:
    def __init__(self, text):
        self.text = text

    def __add__(self, other):
        return Symbol(f"{self.text}+{other.text}")

    def __str__(self):
        return self.text


def test_without_latent_updates_the_question_is_never_seen():
    x = torch.randn(2, 3, 4, requires_grad=True)
    y, z = torch.randn(2, 3, 4), torch.randn(2, 3, 4, requires_grad=True)
    answer, _ = deep_recursion(torch.tanh, x, y, z, n=0, T=3)
    gradient_x, gradient_z = torch.autograd.grad(answer.sum(), (x, z), allow_unused=True)
    assert gradient_x is None
    assert gradient_z.abs().max() > 0


@pytest.mark.parametrize(("n", "T"), [(1, 1), (2, 3), (6, 2)])
def test_deep_recursion_is_T_latent_recursions(n, T):
    x, y, z = torch.randn(3, 2, 3, 4).unbind(0)
    expected_y, expected_z = y, z
    for _ in range(T):
        expected_y, expected_z = latent_recursion(torch.tanh, x, expected_y, expected_z, n)
    actual_y, actual_z = deep_recursion(torch.tanh, x, y, z, n, T)
    torch.testing.assert_close(actual_y, expected_y)
    torch.testing.assert_close(actual_z, expected_z)


@pytest.mark.parametrize("T", [1, 2, 5])
def test_only_the_last_cycle_has_a_gradient(T):
    """net(h) = w h on numbers: the derivative by w is known when (y, z) before are constants."""
    w = torch.tensor(0.7, requires_grad=True)
    x, y, z = torch.tensor(1.0), torch.tensor(0.5), torch.tensor(-0.2)
    answer, _ = deep_recursion(lambda h: w * h, x, y, z, n=2, T=T)
    (gradient,) = torch.autograd.grad(answer, w)

    a, c, v = 0.5, -0.2, 0.7  # y and z as plain numbers after T - 1 cycles
    for _ in range(T - 1):
        for _ in range(2):
            c = v * (c + a + 1.0)
        a = v * (a + c)
    s = a + 1.0  # y + x; last cycle: z' = v(c+s), z'' = v(z'+s), y' = v(a + z'')
    expected = (a + v * v * (c + s) + v * s) + v * (2 * v * (c + s) + s)
    assert gradient.item() == pytest.approx(expected, rel=1e-5)
