"""The recursion against its definition, call by call; its ablations; which class is whose."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.models.small import SMALL, boards
from trm_lib.models import (
    TRM,
    BoardConfig,
    FeedForward,
    TRMConfig,
    build_model,
    count_parameters,
    deep_recursion,
    latent_recursion,
)


def test_latent_recursion_calls_the_net_as_the_paper_writes_it():
    # symbols instead of vectors: the expression is the evidence
    y, z = latent_recursion(
        lambda h: Symbol(f"f({h})"), Symbol("x"), Symbol("y"), Symbol("z"), n=2
    )  # fmt: skip
    assert str(z) == "f(f(z+y+x)+y+x)"
    assert str(y) == f"f(y+{z})"


class Symbol(str):
    __slots__ = ()

    def __add__(self, other):
        return Symbol(f"{self}+{other}")


def test_without_latent_updates_the_question_is_never_seen():
    x = torch.randn(2, 3, 4, requires_grad=True)
    y, z = torch.randn(2, 3, 4), torch.randn(2, 3, 4, requires_grad=True)
    answer, _ = deep_recursion(torch.tanh, x, y, z, n=0, T=3)
    gradient_x, gradient_z = torch.autograd.grad(answer.sum(), (x, z), allow_unused=True)
    assert gradient_x is None
    assert gradient_z.abs().max() > 0


def test_parameters_counted_by_hand_do_not_grow_with_depth():
    # embedding 5*16, head 5*16; SwiGLU: hidden 64 of width 16; mixing: hidden 64 of 16 cells
    expected = 5 * 16 * 2 + 3 * 16 * 64 + 3 * 16 * 64
    for n_latent, n_cycles in ((1, 3), (6, 4)):
        trm = TRM(TRMConfig(**SMALL, n_latent=n_latent, n_cycles=n_cycles))
        assert count_parameters(trm) == expected
    deeper = FeedForward(BoardConfig(**SMALL | {"n_layers": 3}))
    assert count_parameters(deeper) == 5 * 16 * 2 + 3 * (3 * 16 * 64 + 3 * 16 * 64)


# --- ablations


@pytest.mark.parametrize("ablation", ["seeing", "separate"])
def test_an_answer_that_sees_the_question_and_one_with_a_network_of_its_own(ablation):
    config = TRMConfig(**SMALL)
    plain, other = build_model(config), build_model(replace(config, **{ablation: True}))
    carry, x = other.initial_carry(boards()), other.embed(boards())
    y, z = carry.y, carry.z
    for _ in range(config.n_cycles):
        for _ in range(config.n_latent):
            z = other.stack(z + (y + x), (4, 4))
        if ablation == "seeing":
            y = other.stack(y + z + x, (4, 4))
        else:
            y = other.answer_stack(y + z, (4, 4))
    after, out = other(carry, boards())
    torch.testing.assert_close((after.y, after.z), (y, z))
    assert not torch.equal(plain(carry, boards())[0].y, after.y)
    out.logits.sum().backward()
    assert all(p.grad.abs().max() > 0 for p in other.parameters())
    more = count_parameters(plain.stack) if ablation == "separate" else 0
    assert count_parameters(other) == count_parameters(plain) + more


@pytest.mark.parametrize("n", [1, 3])
def test_gradient_through_the_last_calls_alone_is_that_of_two_calls(n):
    model = build_model(TRMConfig(**SMALL, n_latent=n, gradient="call"))
    after, out = model(model.initial_carry(boards()), boards())
    out.logits.square().sum().backward()
    found = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    carry, x = model.initial_carry(boards()), model.embed(boards())
    net = partial(model.stack, grid=(4, 4))
    with torch.no_grad():  # bring y and z to the last two calls by hand
        y, z = latent_recursion(net, x, carry.y, carry.z, n)
        for _ in range(n - 1):
            z = net(z + (y + x))
    z = net(z + (y + x))
    y = net(y + z)
    torch.testing.assert_close((after.y, after.z), (y, z))
    model.read(y, boards()).square().sum().backward()
    for parameter, gradient in zip(model.parameters(), found, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


# --- configs


def test_every_config_has_a_class_and_no_class_takes_another_config():
    kinds = {"TRM": {}, "HaltingTRM": {"halting": True}, "AblatedTRM": {"seeing": True},
             "AblatedHaltingTRM": {"halting": True, "gradient": "call"}}  # fmt: skip
    for name, changes in kinds.items():
        config = TRMConfig(**SMALL, **changes)
        assert type(build_model(config)).__name__ == name
        if changes:
            with pytest.raises(ValueError, match="TRM expected halting=False and ablated=False"):
                TRM(config)
    with pytest.raises(ValueError, match="FeedForward expected a BoardConfig, got TRMConfig"):
        FeedForward(TRMConfig(**SMALL))
    with pytest.raises(ValueError, match="config expected one of TRMConfig.* got 3"):
        build_model(3)


def test_numpy_numbers_are_numbers():
    config = TRMConfig(**SMALL | {"width": np.int64(16), "grid": np.array([4, 4])})
    assert config == TRMConfig(**SMALL)
    assert type(config.width) is int
