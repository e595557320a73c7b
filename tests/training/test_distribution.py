"""The masked softmax is the softmax over what is allowed, and nothing else is ever drawn."""

import numpy as np
import torch

from trm_lib.training.rollout import entropy, log_prob_of, log_probs, sample

A = 6


def drawn(shape=(3, 40, A), seed=0):
    """Logits, and masks that allow from one action to all of them."""
    rng = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(shape, generator=rng, dtype=torch.float64)
    mask = torch.rand(shape, generator=rng) < torch.rand(*shape[:-1], 1, generator=rng)
    mask |= torch.nn.functional.one_hot(torch.randint(A, shape[:-1], generator=rng), A).bool()
    assert {1, A} <= set(mask.sum(-1).flatten().tolist())
    return logits, mask


def test_it_is_the_softmax_over_the_allowed_subset_with_its_entropy():
    logits, mask = drawn()
    log_p = log_probs(logits, mask)
    spread, likeliest = entropy(log_p), log_prob_of(log_p, log_p.argmax(-1))
    for index in np.ndindex(mask.shape[:-1]):
        allowed, subset = mask[index], logits[index][mask[index]].exp()
        p = subset / subset.sum()
        torch.testing.assert_close(log_p[index][allowed], p.log())
        assert (log_p[index][~allowed].exp() == 0).all()
        torch.testing.assert_close(spread[index], -(p * p.log()).sum())
        torch.testing.assert_close(likeliest[index], p.max().log())
    assert (spread[mask.sum(-1) == 1] == 0).all()


def test_a_masked_logit_has_no_gradient_and_no_influence():
    logits, mask = drawn()
    logits.requires_grad_()
    log_p = log_probs(logits, mask)
    taken = mask.float().argmax(-1)
    (log_prob_of(log_p, taken).sum() + entropy(log_p).sum()).backward()
    assert (logits.grad[~mask] == 0).all()
    assert (logits.grad[mask] != 0).any()
    assert torch.isfinite(logits.grad).all()
    moved = logits.detach() + 50 * ~mask
    assert torch.equal(log_probs(moved, mask), log_p)


def test_draws_have_the_probabilities_and_follow_the_generator():
    logits, mask = torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([True, True, False, True])
    log_p = log_probs(logits.expand(40_000, 4), mask)
    before = torch.get_rng_state()
    draws = sample(log_p, torch.Generator().manual_seed(0))
    assert torch.equal(draws, sample(log_p, torch.Generator().manual_seed(0)))
    assert not torch.equal(draws, sample(log_p, torch.Generator().manual_seed(1)))
    assert torch.equal(before, torch.get_rng_state())
    share = draws.bincount(minlength=4) / len(draws)
    p = log_p[0].exp()
    assert ((share - p).abs() <= 4 * (p * (1 - p) / len(draws)).sqrt()).all()  # 4 deviations
    assert share[2] == 0
