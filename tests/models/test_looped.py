"""The loop without a y: what a step computes, what is carried, and that it can be stored."""

import pytest
import torch

from trm_lib.evaluation import answer_flops, exact_by_k
from trm_lib.models import BoardConfig, FeedForward, Looped, LoopedConfig, load_model, save_model
from trm_lib.models.fused import rms_norm
from trm_lib.training import PuzzleData, SupervisedConfig, fit

SMALL = {"vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1}


def boards(batch=3):
    return torch.randint(0, 5, (batch, 4, 4), generator=torch.Generator().manual_seed(0))


def looped(**changes):
    return Looped(LoopedConfig(**{**SMALL, **changes}), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv", "gru", "none"])
def test_a_step_is_so_many_calls_of_one_stack_on_state_and_question(mixing):
    model, inputs = looped(mixing=mixing, n_calls=3), boards()
    x, h = model.embed(inputs), model.h0.expand(3, 16, -1)
    for _ in range(3):
        h = model.stack(h + x, (4, 4))
    carry, out = model(model.initial_carry(inputs), inputs)
    torch.testing.assert_close(out.logits, model.read(h, inputs))
    torch.testing.assert_close(carry.h, h)
    assert out.logits.requires_grad
    assert not carry.h.requires_grad


def test_steps_of_one_call_are_calls_of_one_step():
    by_calls, by_steps, inputs = looped(n_calls=4), looped(n_calls=1), boards()
    once, _ = by_calls(by_calls.initial_carry(inputs), inputs)
    carry = by_steps.initial_carry(inputs)
    for _ in range(4):
        carry, _ = by_steps(carry, inputs)
    torch.testing.assert_close(carry.h, once.h)


def test_cycles_before_the_last_add_calls_but_no_gradient():
    cycles, plain, inputs = looped(n_calls=2, n_cycles=3), looped(n_calls=2), boards()
    with torch.no_grad():
        x, h = plain.embed(inputs), plain.h0.expand(3, 16, -1)
        for _ in range(4):
            h = plain.stack(h + x, (4, 4))
    carry = plain.initial_carry(inputs)
    carry.h = h
    plain(carry, inputs)[1].logits.sum().backward()
    _, out = cycles(cycles.initial_carry(inputs), inputs)
    out.logits.sum().backward()
    torch.testing.assert_close(out.logits, plain(carry, inputs)[1].logits)
    for ours, theirs in zip(cycles.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_gradient_goes_through_every_call():
    model = looped(mixing="none", n_calls=2)
    inputs = boards()
    x = model.embed(inputs).detach().requires_grad_()
    h = model.h0.expand(3, 16, -1)
    for _ in range(2):
        h = model.stack(h + x, (4, 4))
    model.read(h, inputs).sum().backward()
    by_hand = [p.grad.clone() for p in model.stack.parameters()]
    model.zero_grad()
    model(model.initial_carry(inputs), inputs)[1].logits.sum().backward()
    for expected, parameter in zip(by_hand, model.stack.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected)


def test_it_can_be_stored_and_trained(tmp_path):
    model = looped(n_calls=2)
    inputs = boards(64).numpy()
    data = PuzzleData(inputs, inputs)
    config = SupervisedConfig(n_batches=60, n_sup=2, lr=1e-2, warmup=5, batch_size=64)
    fit(model, data, config, progress=False)
    assert exact_by_k(model, data, 2)[1] == 1
    save_model(model, tmp_path / "looped.safetensors")
    again = load_model(tmp_path / "looped.safetensors")
    torch.testing.assert_close(again.state_dict(), model.state_dict())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="n_calls expected a whole number"):
        LoopedConfig(**SMALL, n_calls=0)
    model = looped()
    carry = model.initial_carry(boards(2))
    with pytest.raises(ValueError, match="carry expected states of shapes"):
        model(carry, boards(3))


def test_gru_mixing_is_two_grus_and_a_matrix():
    """Against the equations, cell by cell, forwards and backwards."""
    net = FeedForward(BoardConfig(**SMALL, mixing="gru"), torch.Generator().manual_seed(0))
    mixing = net.stack.blocks[0].mixing
    h = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(1))

    def read(cells, suffix):
        w = {name.removesuffix(suffix): t for name, t in mixing.gru.named_parameters()
             if name.endswith("reverse") == (suffix == "_reverse")}  # fmt: skip
        state, states = torch.zeros(2, 8), []
        for cell in cells:
            a = cell @ w["weight_ih_l0"].T + w["bias_ih_l0"]
            b = state @ w["weight_hh_l0"].T + w["bias_hh_l0"]
            r, u = ((a + b)[:, i : i + 8].sigmoid() for i in (0, 8))
            new = (a[:, 16:] + r * b[:, 16:]).tanh()
            state = (1 - u) * new + u * state
            states.append(state)
        return states

    cells = list(h.unbind(1))
    onwards, back = read(cells, ""), read(cells[::-1], "_reverse")[::-1]
    both = torch.stack([torch.cat(pair, -1) for pair in zip(onwards, back, strict=True)], 1)
    torch.testing.assert_close(mixing(h, (4, 4)), rms_norm(h + mixing.out(both)))


def test_gru_mixing_of_an_odd_width_counts_its_products():
    config = BoardConfig(**SMALL | {"width": 15}, mixing="gru", expansion=3.0, hidden_multiple=1)
    net = FeedForward(config, torch.Generator().manual_seed(0))
    matrices = 2 * 3 * (15 * 8 + 8 * 8) + 16 * 15 + 3 * 15 * 30 + 15 * 5
    assert answer_flops(net, (4, 4)) == 2 * 16 * matrices
