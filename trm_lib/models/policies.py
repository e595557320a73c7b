"""Policies: networks that look at a board and say what to do, and how well it will go.

A policy answers with logits over actions and with a value, the return it expects from here. It is
asked one time step after the other, and may keep a memory between them. This file is the interface;
`board_policy` thinks about boards with a TRM, `flat_policies` are the usual rivals.

Axes: S time steps, B boards (one an environment), K improvement steps, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

FIRST_LOGITS = 0.01
"""Scale of an untrained policy's logits: it begins by trying everything about equally often."""


@dataclass
class PolicyOutput:
    """What a policy says after each of its K improvement steps; the last counts.

    Attributes:
        logits: (K, ..., A) float, before any mask.
        values: (K, ...) float, the expected discounted return.
    """

    logits: Tensor
    values: Tensor


class Policy(nn.Module):
    """The interface that every learner and every evaluation uses.

    `previous` holds the last action of each environment, and `n_actions` where its episode has
    only begun; that is also the sign to forget.

    Attributes:
        n_actions: A.
        remembers: whether answers depend on earlier time steps, through the memory.
    """

    n_actions: int
    remembers: bool = False

    def forward(
        self, observations: Tensor, previous: Tensor, memory: Any = None
    ) -> tuple[PolicyOutput, Any]:
        """Decide once.

        Args:
            observations: (B, ...) float, as the environments give them.
            previous: (B,) int64 in [0, A].
            memory: what the call before returned; None at the very beginning.

        Returns:
            Logits (K, B, A) and values (K, B), and the memory for the next call.

        Raises:
            ValueError: observations that this policy cannot read.
        """
        raise NotImplementedError

    def require_readable(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError if one observation of this shape is nothing this policy can read."""

    def unroll(self, observations: Tensor, previous: Tensor, memory: Any = None) -> PolicyOutput:
        """Decide at every step of stored episodes, for a loss.

        Args:
            observations: (S, B, ...) float.
            previous: (S, B) int64 in [0, A].
            memory: what was remembered before the first step.

        Returns:
            Logits (K, S, B, A) and values (K, S, B).
        """
        if not self.remembers:
            out, _ = self(observations.flatten(0, 1), previous.flatten(), None)
            shape = previous.shape
            return PolicyOutput(out.logits.unflatten(1, shape), out.values.unflatten(1, shape))
        outputs = []
        for now, before in zip(observations, previous, strict=True):
            out, memory = self(now, before, memory)
            outputs.append(out)
        return PolicyOutput(
            torch.stack([out.logits for out in outputs], dim=1),
            torch.stack([out.values for out in outputs], dim=1),
        )

    def pack(self, memory: Any) -> dict[str, Tensor]:
        """A memory as named tensors (B, ...); {} if nothing needs to be kept."""
        return {}

    def unpack(self, tensors: dict[str, Tensor]) -> Any:
        """The memory that `pack` took apart."""
        return None

    def rows(self, memory: Any, index: Tensor) -> Any:
        """The memory of some of the environments, index (R,) int64."""
        return self.unpack({name: tensor[index] for name, tensor in self.pack(memory).items()})
