"""The policy of the rebuilt scripts: its equations, written out once more."""

import gymnasium as gym
import pytest
import torch

import trm_lib.envs  # noqa: F401
from book.recipes.script_policy import VectorPolicy, VectorPolicyConfig
from trm_lib.models import count_parameters


def observations(count=5):
    envs = gym.make_vec("trm/Maze-v0", count, size=5, layout="open", start="random", goal="random")
    return torch.from_numpy(envs.reset(seed=0)[0])


def by_hand(policy, seen, previous):
    """The script's forward, one board after the other, in its own order."""
    logits = []
    for board, before in zip(seen, previous.tolist(), strict=True):
        grid = torch.zeros(25)
        grid[board[4].flatten().argmax()] = 1
        grid[board[5].flatten().argmax()] = 0.5
        y, z = policy.y_of_action[before], policy.z0
        for _ in range(2):
            for _ in range(2):
                hidden = policy.think[0](torch.cat([z, grid, y])).relu()
                z = policy.think[2](hidden)
            out = policy.answer[2](policy.answer[0](torch.cat([z, y])).relu())
            y = (torch.softmax(out, 0)[:, None] * policy.y_of_action).sum(0)
        logits.append(out)
    return torch.stack(logits)


def test_answers_are_those_of_the_equations():
    policy, seen, previous = VectorPolicy(VectorPolicyConfig()), observations(), torch.arange(5) % 4
    out, memory = policy(seen, previous)
    assert out.logits.shape == (2, 5, 4)
    assert out.values.shape == (2, 5)
    assert memory is None
    torch.testing.assert_close(out.logits[-1], by_hand(policy, seen, previous))


def test_an_episode_begins_as_if_after_action_0():
    policy, seen = VectorPolicy(VectorPolicyConfig()), observations()
    begin, after_0 = (policy(seen, torch.full((5,), a))[0].logits for a in (4, 0))
    torch.testing.assert_close(begin, after_0, rtol=0, atol=0)


def test_it_is_as_large_as_the_scripts():
    """Counted in the source: two perceptrons, an embedding, a first thought."""
    think = (32 + 25 + 16 + 1) * 128 + (128 + 1) * 32
    answer = (32 + 16 + 1) * 64 + (64 + 1) * 4
    policy = VectorPolicy(VectorPolicyConfig())
    assert count_parameters(policy) == think + answer + 4 * 16 + 32


def test_the_generator_fixes_the_weights():
    a, b, c = (
        VectorPolicy(VectorPolicyConfig(), torch.Generator().manual_seed(s)).state_dict()
        for s in (0, 0, 1)
    )
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not any(torch.equal(a[name], c[name]) for name in a)


def test_other_observations_and_sizes_are_refused():
    with pytest.raises(ValueError, match="channels of a maze"):
        VectorPolicy(VectorPolicyConfig())(torch.zeros(2, 6, 4, 4), torch.zeros(2).long())
    with pytest.raises(ValueError, match="k_steps expected"):
        VectorPolicyConfig(k_steps=0)
