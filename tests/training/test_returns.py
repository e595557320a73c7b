"""Returns, advantages and baselines: against definitions, and in worlds with known values."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from trm_lib.training import advantages, discounted_returns, standardised

S, E = 9, 30


def episodes(seed=0):
    """Rewards, values, values of what followed, and how episodes ended, inside and at the end."""
    rng = torch.Generator().manual_seed(seed)
    rewards, values, following = torch.randn(3, S, E, generator=rng, dtype=torch.float64)
    ends = torch.rand(2, S, E, generator=rng) < 0.15
    terminated = ends[0]
    truncated = ends[1] & ~terminated
    for t in range(S - 1):  # within an episode, what followed is what is seen next
        goes_on = ~(terminated | truncated)[t]
        following[t] = torch.where(goes_on, values[t + 1], following[t])
    assert terminated.any(0).any()
    assert truncated.any(0).any()
    assert (terminated | truncated).sum(0).max() > 1
    return rewards, values, following, terminated, truncated


def gains(rewards, values, following, terminated, truncated, gamma, gae_lambda):
    """The advantages of a rollout of these, in which nothing follows the end."""
    following = following.masked_fill(terminated, 0.0)
    done = terminated | truncated
    played = SimpleNamespace(rewards=rewards, values=values, next_values=following, done=done)
    return advantages(played, gamma, gae_lambda)


def last_step_of(done, t, env):
    """The step with which the episode of step t ends, or the rollout."""
    for last in range(t, S):
        if done[last, env]:
            return last
    return S - 1


@pytest.mark.parametrize("gae_lambda", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_advantages_are_weighted_sums_of_temporal_differences(gamma, gae_lambda):
    given = rewards, values, following, terminated, truncated = episodes()
    ours = gains(*given, gamma, gae_lambda)
    for env in range(E):
        for t in range(S):
            expected = 0.0
            for i in range(t, last_step_of(terminated | truncated, t, env) + 1):
                ahead = 0.0 if terminated[i, env] else following[i, env]
                delta = rewards[i, env] + gamma * ahead - values[i, env]
                expected += (gamma * gae_lambda) ** (i - t) * delta
            torch.testing.assert_close(ours[t, env], expected)


@pytest.mark.parametrize("gae_lambda", [0.0, 0.5, 1.0])
def test_in_a_chain_that_ends_right_values_leave_nothing_to_gain(gae_lambda):
    """S steps at -1, then the goal: V(t) = -(1 + gamma + ... ) to the end; beyond it, nothing."""
    gamma = 0.8
    to_go = torch.arange(S, 0, -1, dtype=torch.float64)
    values = (-(1 - gamma**to_go) / (1 - gamma))[:, None]
    following = torch.cat([values[1:], torch.full((1, 1), 99.0, dtype=torch.float64)])
    end = torch.zeros(S, 1, dtype=torch.bool)
    end[-1] = True
    never, rewards = torch.zeros_like(end), -torch.ones_like(values)
    ours = gains(rewards, values, following, end, never, gamma, gae_lambda)
    torch.testing.assert_close(ours, torch.zeros_like(ours))
    torch.testing.assert_close(discounted_returns(rewards, end, gamma), values)
    cut = gains(rewards, values, following, never, end, gamma, gae_lambda)
    torch.testing.assert_close(cut[-1], torch.full_like(cut[-1], gamma * 99))


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
