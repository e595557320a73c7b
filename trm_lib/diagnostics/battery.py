"""All probes at once, on a puzzle solver or on a policy."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from trm_lib.diagnostics import networks, policies
from trm_lib.diagnostics.data import label_audit
from trm_lib.diagnostics.finding import Finding
from trm_lib.evaluation import answers_by_k
from trm_lib.evaluation.playing import Make
from trm_lib.models import Policy
from trm_lib.training import History, Player, PolicyConfig, PPOConfig, PuzzleData, Rollout

_PUZZLES = 1000  # that a trained model is judged by
_EPISODES = 64  # at least, whose praise and blame is looked at; and steps of what is played


def diagnose_puzzles(
    model: nn.Module, train: PuzzleData, validation: PuzzleData, k_steps: int
) -> list[Finding]:
    """Everything that can be asked of a trained model and its puzzles.

    It has not seen the puzzles of `validation`; `k_steps` is K, the steps it was trained for.
    """
    learnt, some = (
        data[np.random.default_rng(0).permutation(len(data))[:_PUZZLES]]
        for data in (train, validation)
    )
    findings = [
        *label_audit(train, validation),
        networks.score(model, learnt, some, k_steps),
        networks.sight(model, some, k_steps),
        networks.drift(model, some.inputs, k_steps),
        networks.carried(model, some.inputs, k_steps),
        networks.overthinking(model, some, k_steps),
        networks.dead_units(model, lambda: answers_by_k(model, some.inputs, k_steps)),
    ]
    if isinstance(getattr(model, "stack", None), nn.Module):
        findings.append(networks.gradients(model, learnt, k_steps))
    if getattr(getattr(model, "config", None), "halting", False):
        findings.append(networks.halting(model, some, k_steps))
    return findings


def diagnose_policy(
    policy: Policy,
    make: Make,
    config: PolicyConfig,
    num_envs: int,
    *,
    untrained: Policy | None = None,
    history: History | None = None,
    seed: int = 0,
) -> list[Finding]:
    """Everything that can be asked of a policy, its learner and its environment.

    Args:
        policy: trained or not.
        make: environments as it learned in.
        config: how it learns.
        num_envs: E, environments of a batch: it decides what an episode is compared with.
        untrained: the policy before it learned, for its first choices and the praise it began
            with. None: `policy` stands for it.
        history: of its training, for what came of it.
        seed: of all that is drawn.
    """
    first = policy if untrained is None else untrained
    learner = Player(first, make(num_envs), seed, config.use_masks)
    generator = torch.Generator().manual_seed(seed)
    batches = [learner.play_once(generator) for _ in range(math.ceil(_EPISODES / num_envs))]
    task = policies.yardsticks(make, config.use_masks, seed)
    findings = [task]
    if untrained is not None or history is None:
        findings.append(policies.first_choices(first, make, config.use_masks, seed))
    findings.append(policies.credit(batches, config))
    findings += policies.listening(policy, make, config.use_masks, seed)
    generator = torch.Generator().manual_seed(seed)
    player = Player(policy, make(_EPISODES // 2), seed, config.use_masks)
    few, played = (player.play(steps, generator) for steps in (8, _EPISODES))
    with torch.no_grad():
        findings.append(networks.dead_units(policy, lambda: _judged(policy, played)))
    stack = getattr(getattr(policy, "core", None), "stack", None)
    if stack is not None:
        findings.append(networks.gradient_in(stack, lambda: _judged(policy, few).mean()))
    if history is not None:
        findings += [policies.learned(history, task.numbers["chance"]), policies.certainty(history)]
        if isinstance(config, PPOConfig):
            findings.append(policies.value(played, config.gamma))
    return findings


def _judged(policy: Policy, played: Rollout) -> torch.Tensor:
    """The log probabilities of what was done, (S, E); with them comes a gradient."""
    out = policy.unroll(played.observations, played.previous, played.memory)
    return out.logits[-1].log_softmax(-1).gather(-1, played.actions[..., None])[..., 0]
