"""The model: shapes, detachment, seeds, its rivals, and what it refuses."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from trm_lib.models import (
    TRM,
    BoardConfig,
    FeedForward,
    TRMConfig,
    build_model,
    count_parameters,
    latent_recursion,
)

SMALL = {"vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1}


def boards(batch=3, seed=0):
    return torch.randint(0, 5, (batch, 4, 4), generator=torch.Generator().manual_seed(seed))


def model(**changes):
    return TRM(TRMConfig(**{**SMALL, **changes}), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv", "none"])
def test_a_step_answers_every_cell_and_hands_on_a_detached_state(mixing):
    trm = model(mixing=mixing)
    carry, out = trm(trm.initial_carry(boards()), boards())
    assert out.logits.shape == (3, 4, 4, 5)
    assert carry.y.shape == carry.z.shape == (3, 16, 16)
    assert out.logits.requires_grad
    assert not carry.y.requires_grad
    assert not carry.z.requires_grad


def test_plain_sequences_are_boards_too():
    trm = TRM(TRMConfig(vocab_size=5, grid=(16,), width=16, n_layers=1))
    inputs = boards().flatten(1)
    _, out = trm(trm.initial_carry(inputs), inputs)
    assert out.logits.shape == (3, 16, 5)


def test_steps_compose():
    """Two steps by hand are the same as following the carry: nothing else is remembered."""
    trm = model()
    first, _ = trm(trm.initial_carry(boards()), boards())
    _, second = trm(first, boards())
    trm(trm.initial_carry(boards(seed=9)), boards(seed=9))  # something else in between
    _, again = trm(first, boards())
    assert torch.equal(second.logits, again.logits)
    _, restarted = trm(trm.initial_carry(boards()), boards())
    assert not torch.equal(second.logits, restarted.logits)


def test_boards_of_a_batch_do_not_see_each_other():
    trm = model()
    together = trm(trm.initial_carry(boards()), boards())[1].logits
    alone = torch.cat([trm(trm.initial_carry(b[None]), b[None])[1].logits for b in boards()])
    torch.testing.assert_close(together, alone)


def test_a_seed_fixes_the_model():
    assert all(
        torch.equal(a, b)
        for a, b in zip(model().state_dict().values(), model().state_dict().values(), strict=True)
    )
    other = TRM(TRMConfig(**SMALL), torch.Generator().manual_seed(1))
    assert not torch.equal(model().embedding, other.embedding)


def test_initial_values_are_fixed_not_learned():
    trm = model()
    assert {name for name, _ in trm.named_buffers()} == {"y0", "z0"}
    assert not any(name in ("y0", "z0") for name, _ in trm.named_parameters())


def test_parameters_counted_by_hand():
    # embedding 5*16, head 5*16; SwiGLU: hidden 64 of width 16; mixing: hidden 64 of 16 cells
    assert count_parameters(model()) == 5 * 16 * 2 + 3 * 16 * 64 + 3 * 16 * 64
    deeper = FeedForward(BoardConfig(**{**SMALL, "n_layers": 3}))
    assert count_parameters(deeper) == 5 * 16 * 2 + 3 * (3 * 16 * 64 + 3 * 16 * 64)


def test_depth_does_not_cost_parameters_but_calls():
    assert count_parameters(model(n_latent=6, n_cycles=4)) == count_parameters(model(n_latent=1))


def test_numpy_numbers_are_numbers():
    config = TRMConfig(**SMALL | {"width": np.int64(16), "grid": np.array([4, 4])})
    assert config == TRMConfig(**SMALL)
    assert type(config.width) is int


def test_no_boards_are_no_answers():
    trm = model()
    _, out = trm(trm.initial_carry(boards()[:0]), boards()[:0])
    assert out.logits.shape == (0, 4, 4, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_latent": -1}, r"n_latent expected a whole number >= 0, got -1"),
        ({"n_cycles": 0}, r"n_cycles expected a whole number >= 1, got 0"),
        ({"n_cycles": 1.5}, r"n_cycles expected a whole number >= 1, got 1.5"),
        ({"mixing": "convolution"}, "mixing expected one of .*'conv'.* got 'convolution'"),
        ({"width": 0}, "width expected a whole number >= 1"),
        (
            {"width": 18, "mixing": "attention"},
            "multiple of 8 for attention with n_heads=4 and positions=.rope., got 18",
        ),
        ({"grid": (4, 4, 4)}, r"grid expected \(rows, columns\)"),
        ({"grid": (16,), "mixing": "conv"}, r"mixing='conv' expected a grid of \(rows, columns\)"),
        ({"expansion": 0}, "expansion expected a number > 0"),
        ({"expansion": "4"}, "expansion expected a number > 0, got '4'"),
        ({"expansion": float("inf")}, "expansion expected a number > 0, got inf"),
        ({"grid": 4}, r"grid expected \(rows, columns\), got 4"),
        ({"grid": None}, r"grid expected \(rows, columns\), got None"),
        ({"vocab_size": True}, "vocab_size expected a whole number"),
    ],
)
def test_wrong_configurations_say_what_was_expected(changes, message):
    with pytest.raises(ValueError, match=message):
        TRMConfig(**{**SMALL, **changes})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.zeros(3, 4, 4), r"int64 tokens of shape \(B, 4, 4\), got torch.float32"),
        (torch.zeros(3, 16, dtype=torch.int64), r"got torch.int64 of shape \(3, 16\)"),
        (torch.zeros(1, 2, 8, dtype=torch.int64), r"boards of shape \(4, 4\).*got \(2, 8\)"),
        (torch.full((1, 4, 4), 5), "tokens from 0 to 4, got 5 to 5"),
        (torch.full((1, 4, 4), -1), "tokens from 0 to 4, got -1 to -1"),
        (
            torch.zeros(1, 6, 6, dtype=torch.int64),
            r"boards of shape \(4, 4\), whose cells.*got \(6, 6\): use mixing='conv'",
        ),
    ],
)
def test_wrong_inputs_say_what_was_expected(inputs, message):
    trm = model()
    with pytest.raises(ValueError, match=message):
        trm(trm.initial_carry(inputs), inputs)


def test_an_answer_that_sees_the_question_is_another_model_of_the_same_size():
    config = TRMConfig(**SMALL)
    plain, seeing = (build_model(replace(config, seeing=s)) for s in (False, True))
    carry, x = seeing.initial_carry(boards()), seeing.embed(boards())
    y, z = carry.y, carry.z
    for _ in range(config.n_cycles):
        for _ in range(config.n_latent):
            z = seeing.stack(z + (y + x), (4, 4))
        y = seeing.stack(y + z + x, (4, 4))
    after, _ = seeing(carry, boards())
    torch.testing.assert_close((after.y, after.z), (y, z))
    assert count_parameters(plain) == count_parameters(seeing)
    assert not torch.equal(plain(carry, boards())[0].y, after.y)


def test_a_separate_answer_has_a_network_of_its_own():
    config = TRMConfig(**SMALL)
    shared, separate = (build_model(replace(config, separate=s)) for s in (False, True))
    carry, x = separate.initial_carry(boards()), separate.embed(boards())
    y, z = carry.y, carry.z
    for _ in range(config.n_cycles):
        for _ in range(config.n_latent):
            z = separate.stack(z + (y + x), (4, 4))
        y = separate.answer_stack(y + z, (4, 4))
    after, out = separate(carry, boards())
    torch.testing.assert_close((after.y, after.z), (y, z))
    out.logits.sum().backward()
    assert all(p.grad.abs().max() > 0 for p in separate.answer_stack.parameters())
    block = sum(p.numel() for p in shared.stack.parameters())
    assert count_parameters(separate) == count_parameters(shared) + block


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("more", [{}, {"seeing": True}, {"halting": True}])
def test_gradient_through_the_last_calls_alone_gives_the_same_numbers(n, more):
    config = TRMConfig(**SMALL, n_latent=n, **more)
    whole, short = (build_model(replace(config, gradient=g)) for g in ("cycle", "call"))
    ours, theirs = (m(m.initial_carry(boards()), boards())[0] for m in (short, whole))
    assert torch.equal(ours.y, theirs.y)
    assert torch.equal(ours.z, theirs.z)


def test_gradient_through_the_last_calls_alone_is_that_of_two_calls():
    model = build_model(TRMConfig(**SMALL, n_latent=3, gradient="call"))
    model(model.initial_carry(boards()), boards())[1].logits.square().sum().backward()
    found = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    carry, x = model.initial_carry(boards()), model.embed(boards())
    net = partial(model.stack, grid=(4, 4))
    with torch.no_grad():  # bring y and z to the last two calls by hand
        y, z = latent_recursion(net, x, carry.y, carry.z, 3)
        for _ in range(2):
            z = net(z + (y + x))
    y = net(y + net(z + (y + x)))
    model.read(y, boards()).square().sum().backward()
    for parameter, gradient in zip(model.parameters(), found, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


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
