"""A state for every thought: what a step computes, what is carried, and that it can be stored."""

import pytest
import torch

from trm_lib.evaluation import exact_by_k
from trm_lib.models import TRM, MultiScale, MultiScaleConfig, TRMConfig, load_model, save_model
from trm_lib.training import PuzzleData, SupervisedConfig, fit

SMALL = {"vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1}


def boards(batch=3):
    return torch.randint(0, 5, (batch, 4, 4), generator=torch.Generator().manual_seed(0))


def multi_scale(**changes):
    config = MultiScaleConfig(**{**SMALL, **changes})
    return MultiScale(config, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv"])
def test_with_one_thought_it_is_the_trm(mixing):
    sizes = {**SMALL, "mixing": mixing, "n_latent": 1, "n_cycles": 2}
    ours, trm = multi_scale(**sizes), TRM(TRMConfig(**sizes), torch.Generator().manual_seed(0))
    inputs = boards()
    carry, theirs = ours.initial_carry(inputs), trm.initial_carry(inputs)
    for _ in range(3):
        carry, out = ours(carry, inputs)
        theirs, expected = trm(theirs, inputs)
        torch.testing.assert_close(out.logits, expected.logits)
    torch.testing.assert_close(carry.z[:, 0], theirs.z)


def test_every_thought_sees_the_newest_of_the_others():
    model, inputs = multi_scale(n_latent=2, n_cycles=2), boards()
    x, y = model.embed(inputs), model.y0.expand(3, 16, -1)
    first, second = (z0.expand(3, 16, -1) for z0 in model.z0)
    for _ in range(2):
        first = model.stack(x + y + first + second, (4, 4))
        second = model.stack(x + y + first + second, (4, 4))
        y = model.stack(y + first + second, (4, 4))
    carry, out = model(model.initial_carry(inputs), inputs)
    torch.testing.assert_close(out.logits, model.read(y, inputs))
    torch.testing.assert_close(carry.z, torch.stack([first, second], 1))
    torch.testing.assert_close(carry.y, y)
    assert not carry.y.requires_grad
    assert not carry.z.requires_grad


def test_cycles_before_the_last_add_calls_but_no_gradient():
    cycles, plain, inputs = multi_scale(n_cycles=3), multi_scale(n_cycles=1), boards()
    carry = plain.initial_carry(inputs)
    for _ in range(2):
        carry, _ = plain(carry, inputs)
    plain(carry, inputs)[1].logits.sum().backward()
    cycles(cycles.initial_carry(inputs), inputs)[1].logits.sum().backward()
    for ours, theirs in zip(cycles.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_it_can_be_stored_and_trained(tmp_path):
    model = multi_scale(n_latent=2, n_cycles=1, mixing="none")
    inputs = boards(64).numpy()
    data = PuzzleData(inputs, inputs)
    config = SupervisedConfig(n_batches=60, n_sup=2, lr=1e-2, warmup=5, batch_size=64)
    fit(model, data, config, progress=False)
    assert exact_by_k(model, data, 2)[1] == 1
    save_model(model, tmp_path / "scales.safetensors")
    again = load_model(tmp_path / "scales.safetensors")
    torch.testing.assert_close(again.state_dict(), model.state_dict())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"n_latent expected a whole number"):
        MultiScaleConfig(**SMALL, n_latent=0)
    carry = multi_scale(n_latent=2).initial_carry(boards())
    with pytest.raises(ValueError, match=r"states of shapes .*\(3, 3, 16, 16\)\] for these"):
        multi_scale(n_latent=3)(carry, boards())
