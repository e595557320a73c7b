"""The policy of the scripts the book rebuilds: a TRM over one vector, without cells.

Axes: B environments, A actions, K improvement steps, n rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from trm_lib.checks import whole
from trm_lib.envs import AGENT, GOAL
from trm_lib.models import Policy, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class VectorPolicyConfig:
    """Sizes, by default those of the script.

    Attributes:
        size: n; x is the maze as n * n numbers.
        n_actions: A.
        z_width, y_width: numbers in the latent and in the answer.
        z_hidden, head_hidden: hidden units of the two perceptrons.
        n_latent: thoughts before each answer.
        k_steps: K, "supervised steps" in the script, which supervises the last alone.
    """

    size: int = 5
    n_actions: int = 4
    z_width: int = 32
    y_width: int = 16
    z_hidden: int = 128
    head_hidden: int = 64
    n_latent: int = 2
    k_steps: int = 2

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, whole(getattr(self, name), name, 1))

    def build(self, generator: torch.Generator) -> VectorPolicy:
        """The policy, untrained."""
        return VectorPolicy(self, generator)


class VectorPolicy(Policy):
    """A TRM whose question, latent and answer are one vector each.

    x shows the agent as 1, the goal as 0.5 and everything else as 0. y begins as the embedded
    previous action. Each improvement step thinks n times, answers, and turns its probabilities
    into the next y. The gradient runs through all of it.

    Source: `TRMPolicy` in trm_core/trm_rl_evns.py of the repository the book rebuilds, @23987a4.
    Deviations: it also gives a value, always 0; weights are drawn from the same distributions as
    PyTorch's defaults, but from a generator. As there, an episode begins as if the action before
    had been action 0.
    """

    def __init__(self, config: VectorPolicyConfig, generator: torch.Generator | None = None):
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.config, self.n_actions, self.k_steps = config, config.n_actions, config.k_steps
        z, y, x = config.z_width, config.y_width, config.size**2
        self.think = _perceptron(z + x + y, config.z_hidden, z, generator)
        self.answer = _perceptron(z + y, config.head_hidden, config.n_actions, generator)
        self.y_of_action = nn.Parameter(torch.randn(config.n_actions, y, generator=generator))
        self.z0 = nn.Parameter(0.1 * torch.randn(z, generator=generator))

    def forward(
        self, observations: Tensor, previous: Tensor, memory: Any = None
    ) -> tuple[PolicyOutput, None]:
        seen = observations[:, AGENT] + 0.5 * observations[:, GOAL]
        x = seen.flatten(1)  # (B, n * n)
        y = self.y_of_action[previous % self.n_actions]  # begins with action 0
        z = self.z0.expand(len(x), -1)
        logits = []
        for _ in range(self.k_steps):
            for _ in range(self.config.n_latent):
                z = self.think(torch.cat([z, x, y], dim=-1))
            logits.append(self.answer(torch.cat([z, y], dim=-1)))
            y = logits[-1].softmax(-1) @ self.y_of_action
        steps = torch.stack(logits)  # (K, B, A)
        return PolicyOutput(steps, steps.new_zeros(steps.shape[:2])), None


def _perceptron(fan_in: int, hidden: int, fan_out: int, generator: torch.Generator) -> nn.Module:
    layers = [skip_init(nn.Linear, fan_in, hidden), skip_init(nn.Linear, hidden, fan_out)]
    for layer in layers:
        bound = layer.in_features**-0.5
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1])
