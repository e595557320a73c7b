"""Returns, advantages and baselines against their definitions."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from trm_lib.training import advantages, discounted_returns, standardised

S, E = 9, 30


@pytest.mark.parametrize("gae_lambda", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_advantages_and_returns_are_weighted_sums_to_the_end_of_the_episode(gamma, gae_lambda):
    """Of temporal differences, and of rewards; a rollout may end amid an episode."""
    rng = torch.Generator().manual_seed(0)
    rewards, values, following = torch.randn(3, S, E, generator=rng, dtype=torch.float64)
    done = torch.rand(S, E, generator=rng) < 0.25
    assert done.sum(0).min() == 0
    assert done.sum(0).max() > 1
    played = SimpleNamespace(rewards=rewards, values=values, next_values=following, done=done)
    ours, returns = advantages(played, gamma, gae_lambda), discounted_returns(rewards, done, gamma)
    for env, t in product(range(E), range(S)):
        gain = paid = 0.0
        for i in range(t, S):
            delta = rewards[i, env] + gamma * following[i, env] - values[i, env]
            gain += (gamma * gae_lambda) ** (i - t) * delta
            paid += gamma ** (i - t) * rewards[i, env]
            if done[i, env]:
                break
        torch.testing.assert_close(ours[t, env], gain)
        torch.testing.assert_close(returns[t, env], paid)


def test_a_baseline_is_of_all_steps_played_or_of_those_of_the_own_episode():
    """Episodes of 7, 3, 1 and 5 steps; one of a single step has nothing to compare with."""
    returns = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 4)))
    played = torch.arange(7)[:, None] < torch.tensor([7, 3, 1, 5])
    some = returns[played].numpy()
    expected = (some - some.mean()) / some.std()
    np.testing.assert_allclose(standardised(returns, played)[played], expected, atol=1e-7)
    alone = standardised(returns, played, inside=True)
    for e in range(4):
        own = returns[played[:, e], e].numpy()
        expected = (own - own.mean()) / (own.std() + 1e-8)
        np.testing.assert_allclose(alone[played[:, e], e], expected, atol=1e-7)
    assert alone[0, 2] == 0


@pytest.mark.parametrize("paid", [0.3, -0.01, 10.1, 0.0])
@pytest.mark.parametrize("inside", [False, True])
def test_equal_returns_have_no_gains_but_small_differences_do(inside, paid):
    """Their mean is not one of them to the last bit, but nothing is to be learned from that."""

    def gained(returns):
        return standardised(returns, torch.ones_like(returns, dtype=torch.bool), inside)

    returns = torch.full((1000, 3), paid)
    assert (gained(returns) == 0).all()
    returns[::2] += 1e-3
    torch.testing.assert_close(gained(returns).abs(), torch.ones(1000, 3), atol=1e-3, rtol=0)
