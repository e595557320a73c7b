"""The model: shapes, detachment, seeds, its rivals, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from trm_lib.models import (
    TRM,
    BoardConfig,
    FeedForward,
    TRMConfig,
    count_parameters,
    deep_recursion,
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


def test_feed_forward_is_its_blocks_in_order():
    rival = FeedForward(BoardConfig(**{**SMALL, "n_layers": 2}))
    h = rival.embed(boards())
    for block in rival.stack.blocks:
        h = block(h, (4, 4))
    carry, out = rival(rival.initial_carry(boards()), boards())
    assert carry is None
    torch.testing.assert_close(out.logits, rival.read(h, boards()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_latent": -1}, r"n_latent \(n\) expected a whole number >= 0, got -1"),
        ({"n_cycles": 0}, r"n_cycles \(T\) expected a whole number >= 1, got 0"),
        ({"n_cycles": 1.5}, r"n_cycles \(T\) expected a whole number >= 1, got 1.5"),
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
    config = TRMConfig(vocab_size=5, grid=(3, 3), width=16, n_layers=1, mixing="conv")
    plain, seeing = (
        TRM(replace(config, seeing=s), torch.Generator().manual_seed(0)) for s in (False, True)
    )
    inputs = torch.arange(18).reshape(2, 3, 3) % 5
    carry = seeing.initial_carry(inputs)
    x, net = seeing.embed(inputs), lambda h: seeing.stack(h, (3, 3))
    y, z = deep_recursion(net, x, carry.y, carry.z, 3, 2, answer=lambda x, y, z: net(y + z + x))
    after, _ = seeing(carry, inputs)
    torch.testing.assert_close((after.y, after.z), (y, z))
    assert count_parameters(plain) == count_parameters(seeing)
    assert not torch.equal(plain(carry, inputs)[0].y, after.y)


def test_a_separate_answer_has_a_network_of_its_own():
    config = TRMConfig(**SMALL)
    shared, separate = (
        TRM(replace(config, separate=s), torch.Generator().manual_seed(0)) for s in (False, True)
    )
    inputs = boards()
    carry = separate.initial_carry(inputs)
    x, nets = separate.embed(inputs), (separate.stack, separate.answer_stack)
    net, other = (lambda h, stack=stack: stack(h, (4, 4)) for stack in nets)
    expected = deep_recursion(net, x, carry.y, carry.z, 3, 2, lambda x, y, z: other(y + z))
    after, out = separate(carry, inputs)
    torch.testing.assert_close((after.y, after.z), expected)
    out.logits.sum().backward()
    assert all(p.grad.abs().max() > 0 for p in separate.answer_stack.parameters())
    block = sum(p.numel() for p in shared.stack.parameters())
    assert count_parameters(separate) == count_parameters(shared) + block
