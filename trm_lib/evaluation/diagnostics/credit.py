"""What a policy learner is told: the praise and blame it gives to what was done.

Axes: S time steps, E environments, M episodes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from trm_lib.evaluation.diagnostics.figures import dots
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.training import PPOConfig, ReinforceConfig
from trm_lib.training.policy_run import PolicyConfig
from trm_lib.training.ppo import standardised
from trm_lib.training.reinforce import baselined
from trm_lib.training.returns import advantages, discounted_returns
from trm_lib.training.rollout import Rollout

ALIKE = 1e-3
"""Spread of the episodes' mean gains, as part of the gains' own, that is rounding: a baseline, even
a learnt one, leaves a hundred times as much."""


def gains_of(rollout: Rollout, config: PolicyConfig) -> Tensor:
    """The praise and blame (S, E) that a learner of this config would give to each action."""
    if isinstance(config, ReinforceConfig):
        returns = discounted_returns(rollout.rewards, rollout.done, config.gamma)
        return baselined(returns, rollout.first, inside=config.baseline == "episode")
    if isinstance(config, PPOConfig):
        return standardised(
            advantages(
                rollout.rewards, rollout.values, rollout.next_values, rollout.terminated,
                rollout.truncated, config.gamma, config.gae_lambda,
            )
        )  # fmt: skip
    raise ValueError(f"config expected a ReinforceConfig or a PPOConfig, got {config!r}")


def credit(batches: Sequence[tuple[Rollout, Tensor]]) -> Finding:
    """Are episodes that went better praised more?

    Args:
        batches: what a learner learns from in one update each, with the gains (S, E) it gives.
            Only whole first episodes of each environment are looked at.

    Raises:
        ValueError: there are no batches, or gains of another shape than their rollout.
    """
    if not batches:
        raise ValueError("batches expected at least one rollout with its gains, got none")
    returns, mean, success, praised, every = [], [], [], [], []
    for rollout, gains in batches:
        if gains.shape != rollout.rewards.shape:
            raise ValueError(
                f"gains expected shape {tuple(rollout.rewards.shape)}, one an action, got "
                f"{tuple(gains.shape)}"
            )
        for e in rollout.done.any(0).nonzero()[:, 0].tolist():
            on = rollout.first[:, e]
            own = gains[on, e].double().numpy()
            returns.append(float(rollout.rewards[on, e].sum()))
            success.append(bool(rollout.success[on, e].any()))
            mean.append(own.mean())
            praised.append((own > 0).mean())
            every.append(own)
    returns, mean, praised = np.array(returns), np.array(mean), np.array(praised)
    success = np.array(success, bool)
    differ = len(returns) > 1 and returns.std() > 0
    shares = {
        "failed episodes, moves praised": praised[~success].mean() if (~success).any() else np.nan,
        "successes, moves blamed": 1 - praised[success].mean() if success.any() else np.nan,
    }
    told = "; ".join(f"{name} {share:.1%}" for name, share in shares.items() if share == share)
    usual = float(np.concatenate(every).std()) if every else 0.0
    spread = float(mean.std() / max(usual, 1e-12)) if differ else np.nan
    evidence = (
        f"in {len(returns)} whole episodes the mean gain of an episode varies by {spread:.2g} of "
        f"the gains' spread; {told}"
        if differ
        else f"{len(returns)} whole episodes with equal returns: they cannot tell"
    )
    remedy = "compare an episode with others: a batch of many, and one baseline across all of it"
    numbers = {
        "returns": returns, "mean_gain": mean, "success": success, "shares": shares,
        "gains_std": usual, "spread": spread,
    }  # fmt: skip
    fault = "success and failure praised alike" if differ and spread < ALIKE else None
    return Finding("credit", fault, evidence, remedy, numbers, _draw_credit)


def _draw_credit(numbers: dict):
    returns, mean, success = (numbers[name] for name in ("returns", "mean_gain", "success"))
    figure = dots(
        {
            "failures": (returns[~success], mean[~success]),
            "successes": (returns[success], mean[success]),
        },
        "return of the episode",
        "mean gain of its moves",
        least=numbers["gains_std"] or 1.0,
    )
    figure.alt += (
        f" The gains of all moves have a standard deviation of {numbers['gains_std']:.3g}."
    )
    return figure
