"""Whether a policy listens to what it is told besides the observation.

Axes: B states, A actions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trm_lib.evaluation.diagnostics.figures import bars
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.evaluation.diagnostics.play import Make
from trm_lib.models import Policy
from trm_lib.training.rollout import Player

DEAF = 0.01
"""What moves the policy less than a hundredth of what another observation does is not heard."""
ROUNDING = 1e-6
"""What moves the policy less than this has changed nothing but last bits."""
_STEPS = 4  # into the episodes, where there is something to remember


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """Half the sum of |p - q| over the actions: (..., A) and (..., A) -> (...), from 0 to 1."""
    return (p - q).abs().sum(-1) / 2


def listening(policy: Policy, make: Make, use_masks: bool = True, seed: int = 0) -> list[Finding]:
    """Does the policy heed its previous action, and its memory?

    64 episodes are played for four steps. Then each state is judged again with another previous
    action, with the memory of another episode, and, as the yardstick, with the observation of
    another. What counts is how far the policy's probabilities move (total variation). Where not
    even another observation moves them, silence means nothing, and the evidence says so.

    Args:
        policy: any. One that has neither (no `y_of_action`, not `remembers`) yields no finding.
        make: the environments it acts in.
        use_masks: whether its actions are drawn from the mask.
        seed: of the environments and actions.
    """
    was_training = policy.training
    policy.eval()
    try:
        moved = _moved(policy, make, use_masks, seed)
    finally:
        policy.train(was_training)
    findings = []
    if hasattr(policy, "y_of_action"):
        remedy = "look whether it reaches the network, or leave it out: the board may say it all"
        findings.append(_judge("previous action", moved, remedy))
    if policy.remembers:
        remedy = "look whether memory is handed on, or leave it out: the board may say it all"
        findings.append(_judge("memory", moved, remedy))
    return findings


@torch.no_grad()
def _moved(policy: Policy, make: Make, use_masks: bool, seed: int) -> dict[str, float]:
    """Mean total variation by what was exchanged."""
    player = Player(policy, make(64), seed, use_masks)
    player.play(_STEPS, torch.Generator().manual_seed(seed))
    seen, previous, memory = player.observations, player.previous, player.memory

    def chances(seen: Tensor, previous: Tensor, memory: object) -> Tensor:
        return (
            policy(seen, previous, memory if policy.remembers else None)[0].logits[-1].softmax(-1)
        )

    usual, B = chances(seen, previous, memory), len(seen)
    inside = previous < policy.n_actions
    others = torch.arange(B).roll(1)
    moved = {"another observation": 0.0, "previous action": 0.0, "memory": 0.0}
    for shift in range(1, policy.n_actions if inside.any() else 0):
        other = torch.where(inside, (previous + shift) % policy.n_actions, previous)
        far = total_variation(usual, chances(seen, other, memory))[inside].mean()
        moved["previous action"] = max(moved["previous action"], float(far))
    far = total_variation(usual, chances(seen[others], previous, memory)).mean()
    moved["another observation"] = float(far)
    if policy.remembers:
        far = total_variation(usual, chances(seen, previous, policy.rows(memory, others))).mean()
        moved["memory"] = float(far)
    return moved


def _judge(what: str, moved: dict[str, float], remedy: str) -> Finding:
    heard, yardstick = moved[what], moved["another observation"]
    deaf = yardstick > ROUNDING and heard < DEAF * yardstick
    evidence = (
        f"another {what} moves the policy's probabilities by {heard:.2g}, another observation by "
        f"{yardstick:.2g} (total variation)"
    )
    if max(heard, yardstick) <= ROUNDING:
        evidence += "; it cannot tell, because all observations are alike to the policy"
    fault = f"{what} ignored" if deaf else None
    numbers = {"moved": {f"another {what}": heard, "another observation": yardstick}}
    return Finding(what, fault, evidence, remedy, numbers, _draw)


def _draw(numbers: dict):
    return bars(numbers["moved"], "total variation of the policy's probabilities")
