"""Tiny vector worlds in which everything can be worked out on paper, and small policies.

Axes: S time steps, E environments, K improvement steps, A actions.
"""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from trm_lib import models

PAYS = np.array([[1.0, 0.0, 0.2], [-1.0, 0.5, 2.0]])
"""What each of three actions pays in each of two states; the best are 0 and 2."""


class OneStep(VectorEnv):
    """Two states in turn, one action in each, and the episode is over.

    Args:
        num_envs: E.
        pays: (2, A) float.
        forbidden: an action that the mask forbids.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, num_envs=8, pays=PAYS, forbidden=None):
        self.num_envs, self.pays = num_envs, pays
        self.single_observation_space = gym.spaces.Box(0, 1, (2,), np.float32)
        self.single_action_space = gym.spaces.Discrete(pays.shape[1])
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.mask = np.ones((num_envs, pays.shape[1]), np.int8)
        if forbidden is not None:
            self.mask[:, forbidden] = 0

    def reset(self, *, seed=None, options=None):
        self.state = np.arange(self.num_envs) % 2
        return self.observed(), {"action_mask": self.mask}

    def step(self, actions):
        rewards = self.pays[self.state, actions]
        success = rewards == self.pays.max(axis=1)[self.state]
        self.state = 1 - self.state
        everybody = np.ones(self.num_envs, bool)
        infos = {"action_mask": self.mask, "final_info": {"is_success": success}}
        return self.observed(), rewards, everybody, ~everybody, infos

    def observed(self):
        return np.eye(2, dtype=np.float32)[self.state]


class Recall(OneStep):
    """A cue, then a blank; only who names the cue at the blank is paid. Two steps an episode."""

    def __init__(self, num_envs=32):
        super().__init__(num_envs, np.zeros((2, 2)))

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.cue, self.shown = self.rng.integers(0, 2, self.num_envs), True
        return self.observed(), {"action_mask": self.mask}

    def step(self, actions):
        over = np.full(self.num_envs, not self.shown)
        right = over & (actions == self.cue)
        infos = {"action_mask": self.mask, "final_info": {"is_success": right}}
        if over[0]:
            observations, _ = self.reset()
        else:
            self.shown = False
            observations = self.observed()
        return observations, right.astype(float), over, ~(over | True), infos

    def observed(self):
        return np.eye(2, dtype=np.float32)[self.cue] * self.shown


class Table(models.Policy):
    """Logits (K, 2, A) and values (K, 2), one a state: nothing is shared."""

    def __init__(self, k_steps=1, n_actions=3, seed=0):
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.n_actions, self.k_steps = n_actions, k_steps
        self.logits = torch.nn.Parameter(torch.randn(k_steps, 2, n_actions, generator=rng))
        self.values = torch.nn.Parameter(torch.randn(k_steps, 2, generator=rng))

    def forward(self, observations, previous, memory=None):
        state = observations.argmax(-1)
        return models.PolicyOutput(self.logits[:, state], self.values[:, state]), None


SIZES = {"width": 8, "n_layers": 1, "hidden_multiple": 1, "n_latent": 1, "n_cycles": 1}
MAZE = {"size": 3, "layout": "open", "start": "random", "goal": "random"}
CORE = models.TRMConfig(vocab_size=32, grid=(3, 3), n_answers=5, **SIZES)
BOARD = models.BoardPolicyConfig(core=CORE, n_actions=4, marker=4, k_steps=2)
FLAT = models.FlatPolicyConfig(n_inputs=54, n_actions=4, hidden=(8,))
POLICIES = {  # for mazes of 3x3 cells
    "mlp": (models.MLPPolicy, FLAT),
    "gru": (models.GRUPolicy, FLAT),
    "trm": (models.BoardPolicy, BOARD),
    "trm, previous": (models.BoardPolicy, replace(BOARD, previous_action=True)),
    "trm, over time": (models.BoardPolicy, replace(BOARD, carry_over_time=True)),
    "trm, both": (models.BoardPolicy, replace(BOARD, previous_action=True, carry_over_time=True)),
}


def new_policy(name="mlp", seed=0):
    """One of POLICIES, as sure of itself as after training."""
    kind, config = POLICIES[name]
    policy = kind(config, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        (policy.core.head if kind is models.BoardPolicy else policy.actor[-1]).weight.mul_(100)
    return policy


@pytest.fixture(autouse=True)
def one_thread():
    """Bits are compared: with several threads sums may be added in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
