"""REINFORCE: play whole episodes, then make what turned out better than usual more likely.

Axes: S time steps, E episodes, K improvement steps, A actions.

Source: Williams, "Simple statistical gradient-following algorithms for connectionist
reinforcement learning" (1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv

from trm_lib.checks import at_least, check, one_of
from trm_lib.models import Policy
from trm_lib.training.history import History
from trm_lib.training.losses import imitation_loss
from trm_lib.training.rollout import (
    PolicyConfig,
    PolicyRun,
    Rollout,
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
