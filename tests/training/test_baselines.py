"""What REINFORCE compares a return with: all episodes of the batch, or its own alone."""

import numpy as np
import pytest
import torch

from trm_lib.training import baselined, standardised


def ragged():
    """Returns (7, 4) of episodes that last 7, 3, 1 and 5 steps."""
    returns = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 4)))
    played = torch.arange(7)[:, None] < torch.tensor([7, 3, 1, 5])
    return returns, played


def test_over_the_batch_all_steps_played_count_alike():
    returns, played = ragged()
    some = returns[played].numpy()
    expected = (some - some.mean()) / some.std()
    np.testing.assert_allclose(baselined(returns, played)[played], expected, atol=1e-7)


def test_inside_an_episode_the_others_do_not_count():
    returns, played = ragged()
    gains = baselined(returns, played, inside=True)
    for e in range(4):
        own = returns[played[:, e], e].numpy()
        expected = (own - own.mean()) / (own.std() + 1e-8)
        np.testing.assert_allclose(gains[played[:, e], e], expected, atol=1e-7)
    assert gains[0, 2] == 0  # an episode of one step has nothing to compare with


def test_with_one_episode_the_two_are_the_same():
    returns, played = ragged()
    one, steps = returns[:, 1:2], played[:, 1:2]
    inside = baselined(one, steps, inside=True)[steps]
    torch.testing.assert_close(baselined(one, steps)[steps], inside)


@pytest.mark.parametrize("paid", [0.3, -0.01, 10.1, 0.0])
@pytest.mark.parametrize(
    "gains",
    [
        standardised,
        lambda returns: baselined(returns, torch.ones_like(returns, dtype=torch.bool)),
        lambda returns: baselined(returns, torch.ones_like(returns, dtype=torch.bool), inside=True),
    ],
    ids=["ppo", "batch", "episode"],
)
def test_equal_returns_have_no_gains_but_small_differences_do(gains, paid):
    """Their mean is not one of them to the last bit, but nothing is to be learned from that."""
    returns = torch.full((1000, 3), paid)
    assert (gains(returns) == 0).all()
    returns[::2] += 1e-3
    torch.testing.assert_close(gains(returns).abs(), torch.ones(1000, 3), atol=1e-3, rtol=0)
