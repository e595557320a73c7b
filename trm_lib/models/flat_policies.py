"""The usual policies, which know nothing of cells: a multilayer perceptron and a GRU.

Axes: S time steps, B environments, F numbers of an observation, A actions, H hidden units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from trm_lib.checks import whole
from trm_lib.models.policies import FIRST_LOGITS, Policy, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class FlatPolicyConfig:
    """A policy over an observation as one long vector.

    Attributes:
        n_inputs: F, numbers in an observation; channels are flattened.
        n_actions: A.
        hidden: units of each hidden layer. For a GRU the last is the size of its memory.

    Raises:
        ValueError: a field is out of range.
    """

    n_inputs: int
    n_actions: int
    hidden: tuple[int, ...] = (64, 64)

    def __post_init__(self) -> None:
        for name in ("n_inputs", "n_actions"):
            object.__setattr__(self, name, whole(getattr(self, name), name, 1))
        if not isinstance(self.hidden, Iterable):
            raise ValueError(f"hidden expected sizes, such as (64, 64), got {self.hidden!r}")
        sizes = tuple(whole(size, "hidden: every size", 1) for size in self.hidden)
        if not sizes:
            raise ValueError("hidden expected at least one size, got none")
        object.__setattr__(self, "hidden", sizes)


class MLPPolicy(Policy):
    """Two perceptrons side by side, one for the actions and one for the value.

    The default of Stable-Baselines3: tanh, orthogonal weights, nothing shared.

    Args:
        config: sizes.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config_type = FlatPolicyConfig

    def __init__(self, config: FlatPolicyConfig, generator: torch.Generator | None = None):
        super().__init__()
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        self.config, self.n_actions = config, config.n_actions
        sizes = (config.n_inputs, *config.hidden)
        self.actor = _perceptron((*sizes, config.n_actions), FIRST_LOGITS, generator)
        self.critic = _perceptron((*sizes, 1), 1.0, generator)

    def forward(
        self, observations: Tensor, previous: Tensor, memory: Any = None
    ) -> tuple[PolicyOutput, None]:
        flat = _flat(observations, self.config)
        return PolicyOutput(self.actor(flat)[None], self.critic(flat)[None, :, 0]), None


class GRUPolicy(Policy):
    """A layer that looks, a GRU that remembers from one time step to the next, and two heads.

    Args:
        config: sizes.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config_type = FlatPolicyConfig
    remembers = True

    def __init__(self, config: FlatPolicyConfig, generator: torch.Generator | None = None):
        super().__init__()
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        self.config, self.n_actions = config, config.n_actions
        *before, memory = config.hidden
        looks = (config.n_inputs, *before)
        self.look = _perceptron(looks, 2**0.5, generator, last_is_hidden=True)
        self.gru = skip_init(nn.GRUCell, looks[-1], memory)
        for parameter in self.gru.parameters():
            nn.init.uniform_(parameter, -(memory**-0.5), memory**-0.5, generator=generator)
        self.actor = _perceptron((memory, config.n_actions), FIRST_LOGITS, generator)
        self.critic = _perceptron((memory, 1), 1.0, generator)

    def forward(
        self, observations: Tensor, previous: Tensor, memory: Any = None
    ) -> tuple[PolicyOutput, Tensor]:
        looked = self.look(_flat(observations, self.config))
        if memory is None:
            memory = looked.new_zeros(len(looked), self.gru.hidden_size)
        memory = self.gru(looked, memory * (previous < self.n_actions)[:, None])
        return PolicyOutput(self.actor(memory)[None], self.critic(memory)[None, :, 0]), memory

    def pack(self, memory: Tensor | None) -> dict[str, Tensor]:
        return {} if memory is None else {"hidden": memory}

    def unpack(self, tensors: dict[str, Tensor]) -> Tensor | None:
        return tensors.get("hidden")


def _perceptron(
    sizes: tuple[int, ...],
    last_gain: float,
    generator: torch.Generator,
    last_is_hidden: bool = False,
) -> nn.Sequential:
    """Layers of these sizes with tanh between them, and behind the last if it is hidden."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        layer = skip_init(nn.Linear, fan_in, fan_out)
        nn.init.orthogonal_(layer.weight, last_gain if last else 2**0.5, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer] if last and not last_is_hidden else [layer, nn.Tanh()]
    return nn.Sequential(*layers)


def _flat(observations: Tensor, config: FlatPolicyConfig) -> Tensor:
    flat = observations.flatten(1)
    if flat.shape[1] != config.n_inputs:
        raise ValueError(
            f"observations expected {config.n_inputs} numbers each, which this policy was built "
            f"for, got shape {tuple(observations.shape)}"
        )
    return flat
