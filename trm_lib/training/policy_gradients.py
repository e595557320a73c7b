"""REINFORCE and PPO: play, then make what turned out better than usual more likely.

Axes: S time steps, E environments, K improvement steps, A actions.

Source: Williams, "Simple statistical gradient-following algorithms for connectionist
reinforcement learning" (1992); Schulman et al., "Proximal policy optimization algorithms" (arXiv
1707.06347), with details as in Stable-Baselines3, against which tests/bench checks it.

Deviation: a minibatch of PPO is some environments with all their steps in order, not steps drawn
from everywhere: a policy with a memory can be unrolled, and one that thinks about each board once
thinks about few.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from trm_lib.checks import ABOVE_0, FROM_0, SHARE, at_least, check, one_of
from trm_lib.models import Policy
from trm_lib.training.history import History
from trm_lib.training.losses import imitation_loss
from trm_lib.training.rollout import (
    PolicyConfig,
    PolicyRun,
    Rollout,
    advantages,
    discounted_returns,
    entropy,
    log_prob_of,
    log_probs,
    standardised,
)
from trm_lib.training.run import Evaluate


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig(PolicyConfig):
    """How to learn by REINFORCE; see `PolicyConfig` for the other fields.

    An update plays one episode in every environment, so the number of environments is the batch.

    Attributes:
        n_updates: how many; `total_steps` is not used, since episodes end when they end.
        baseline: over what returns are standardised: "batch" for all steps of all episodes,
            "episode" for those of each episode alone.
    """

    n_updates: int = 100
    baseline: str = "batch"

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, n_updates=at_least(1), baseline=one_of(("batch", "episode")))


def reinforce(
    policy: Policy,
    envs: VectorEnv,
    config: ReinforceConfig,
    *,
    evaluate: Evaluate | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    progress: bool = True,
) -> History:
    """Train `policy` in place: play one episode everywhere, learn from all of them, and so on.

    Args, Returns and Raises: as for `trm_lib.training.ppo`.
    """
    run = PolicyRun(policy, envs, config, config.n_updates)
    for _ in run.rounds("REINFORCE", "update", evaluate, checkpoint, checkpoint_every, progress):
        rollout = run.player.play_once(run.generator)
        losses = reinforce_update(run, rollout)
        run.log(rollout, rollout.first, losses)
    return run.history


def reinforce_update(run: PolicyRun, rollout: Rollout) -> np.ndarray:
    """Learn from one batch of episodes, once.

    The gain of an action is the discounted return from there on, less the mean over all steps of
    all episodes (the baseline), over its standard deviation. Inside each episode instead, this is
    what the scripts of the rebuilt repository do, and it praises moves of failed episodes too.

    Returns:
        (3,) float: loss of the policy, 0 for the values it does without, and entropy.
    """
    config = run.config
    played = rollout.first  # (S, E)
    returns = discounted_returns(rollout.rewards, rollout.done, config.gamma)
    gains = standardised(returns, played, inside=config.baseline == "episode")
    out = run.model.unroll(rollout.observations, rollout.previous, rollout.memory)
    log_p = log_probs(out.logits, rollout.masks)[:, played]  # (K, steps played, A)
    policy_loss = -(log_prob_of(log_p[-1], rollout.actions[played]) * gains[played]).mean()
    spread = entropy(log_p[-1]).mean()
    loss = policy_loss - config.ent_coef * spread
    if config.deep_supervision:
        loss = loss + config.deep_supervision * imitation_loss(log_p)
    run.learn(loss)
    return np.array([policy_loss.item(), 0.0, spread.item()])


@dataclass(frozen=True, kw_only=True)
class PPOConfig(PolicyConfig):
    """How to learn by PPO; see `PolicyConfig` for the other fields.

    Attributes:
        num_steps: S, steps in every environment between two updates.
        n_epochs: times that an update learns from the same steps.
        n_minibatches: parts into which the environments are divided for it.
        gae_lambda: see `trm_lib.training.advantages`.
        clip_range: a probability that has changed by more than this share teaches no more.
        vf_coef: weight of the values' squared error.
    """

    num_steps: int = 32
    n_epochs: int = 3
    n_minibatches: int = 4
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    vf_coef: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            self, num_steps=at_least(1), n_epochs=at_least(1), n_minibatches=at_least(1),
            gae_lambda=SHARE, clip_range=ABOVE_0, vf_coef=FROM_0,
        )  # fmt: skip


def ppo(
    policy: Policy,
    envs: VectorEnv,
    config: PPOConfig,
    *,
    evaluate: Evaluate | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    progress: bool = True,
) -> History:
    """Train `policy` in place: play S steps everywhere, learn from them, and so on.

    Args:
        policy: what learns.
        envs: E vector environments, see `trm_lib.training.Player`.
        config: how long, how fast, which seed.
        evaluate, checkpoint, checkpoint_every, progress: as for `trm_lib.training.fit`, with
            updates for batches.

    Returns:
        What happened.

    Raises:
        ValueError: policy, environments, config or checkpoint do not go together, or a state
            allows no action.
        FloatingPointError: the loss is not finite; raised before the weights change.
    """
    played = config.num_steps * getattr(envs, "num_envs", 1)  # steps between two updates
    run = PolicyRun(policy, envs, config, n_updates=-(-config.total_steps // played))
    if config.n_minibatches > envs.num_envs:
        raise ValueError(
            f"n_minibatches expected at most the {envs.num_envs} environments, got "
            f"{config.n_minibatches}"
        )
    for _ in run.rounds("PPO", "update", evaluate, checkpoint, checkpoint_every, progress):
        rollout = run.player.play(config.num_steps, run.generator)
        losses = ppo_update(run, rollout)
        run.log(rollout, torch.ones_like(rollout.done), losses)
    return run.history


def ppo_update(run: PolicyRun, rollout: Rollout) -> np.ndarray:
    """Learn from one rollout, `n_epochs` times over.

    Returns:
        (3,) float, means over the minibatches: loss of the policy, of the values, and entropy.
    """
    policy, config = run.model, run.config
    gains = advantages(rollout, config.gamma, config.gae_lambda)  # (S, E)
    returns = gains + rollout.values
    low, high = 1 - config.clip_range, 1 + config.clip_range
    seen = []
    for _ in range(config.n_epochs):
        everywhere = torch.randperm(rollout.actions.shape[1], generator=run.generator)
        for e in everywhere.tensor_split(config.n_minibatches):
            out = policy.unroll(
                rollout.observations[:, e], rollout.previous[:, e], policy.rows(rollout.memory, e)
            )
            log_p = log_probs(out.logits, rollout.masks[:, e])  # (K, S, E/M, A)
            ratio = (log_prob_of(log_p[-1], rollout.actions[:, e]) - rollout.log_probs[:, e]).exp()
            gain = standardised(gains[:, e])
            policy_loss = -torch.minimum(ratio * gain, ratio.clamp(low, high) * gain).mean()
            value_loss = (out.values[-1] - returns[:, e]).square().mean()
            spread = entropy(log_p[-1]).mean()
            loss = policy_loss + config.vf_coef * value_loss - config.ent_coef * spread
            if config.deep_supervision:
                loss = loss + config.deep_supervision * imitation_loss(log_p)
            run.learn(loss)
            seen.append((policy_loss.item(), value_loss.item(), spread.item()))
    return np.mean(seen, axis=0)
