"""What an environment asks for, and with what mind a policy comes to it.

Axes: E environments, A actions.

What a policy learner is told: the praise and blame it gives to what was done.

Axes: S time steps, E environments, M episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from trm_lib.checks import whole
from trm_lib.diagnostics.figures import bars, dots
from trm_lib.diagnostics.finding import Finding
from trm_lib.envs import (
    MazeVectorEnv,
    SudokuCellVectorEnv,
    SudokuVectorEnv,
    exact_sudoku_policy,
    greedy_manhattan_policy,
    optimal_maze_policy,
    random_legal_policy,
    random_policy,
)
from trm_lib.evaluation.playing import play_episodes
from trm_lib.models import Policy
from trm_lib.training import PPOConfig, ReinforceConfig
from trm_lib.training.policy_run import PolicyConfig
from trm_lib.training.ppo import standardised
from trm_lib.training.reinforce import baselined
from trm_lib.training.rollout import Rollout, advantages, discounted_returns, entropy, log_probs

Make = Callable[[int], VectorEnv]
"""Gives an environment of so many copies."""

EASY = 0.9
"""Success of chance above which success means little."""
PREJUDICED = 0.5
"""Share of the greatest entropy below which an untrained policy has made up its mind."""


def yardsticks(make: Make, use_masks: bool = True, episodes: int = 512, seed: int = 0) -> Finding:
    """What chance, a rule of thumb and perfect play achieve, and how many tasks there are.

    Args:
        make: environments with masks in their info; Mazes and Sudokus have all yardsticks.
        use_masks: whether the learner's actions are drawn from the mask.
        episodes: played by each policy, each in an environment of its own.
        seed: of the environments and of chance.
    """
    episodes, chance = whole(episodes, "episodes", 1), "random legal" if use_masks else "random"
    envs = make(episodes)
    first, _ = envs.reset(seed=seed)
    different = len(np.unique(first.reshape(episodes, -1), axis=0))
    numbers: dict = {"different": different, "success": {}, "return": {}, "length": {}}
    for name, policy in _policies(envs, seed).items():
        played = play_episodes(make(episodes), policy, episodes, seed)
        numbers["success"][name] = float(played.success.mean())
        numbers["return"][name] = float(played.returns.mean())
        numbers["length"][name] = float(played.lengths.mean())
    numbers["chance"] = numbers["success"][chance]
    fault, remedy = None, ""
    if different == 1:
        fault = "one and only task"
        remedy = "draw starts, goals or layouts at random, and measure on cases never played"
    elif numbers["chance"] > EASY:
        fault = "chance solves it"
        remedy = "make the task harder, or take the mask away where it holds the answer"
    told = ", ".join(
        f"{name} {share:.1%} in {numbers['length'][name]:.1f} steps"
        for name, share in numbers["success"].items()
    )
    evidence = f"{different} different beginnings in {episodes} episodes; success: {told}"
    return Finding("task", fault, evidence, remedy, numbers, _draw_success)


def first_choices(policy: Policy, make: Make, use_masks: bool = True, seed: int = 0) -> Finding:
    """How an untrained policy chooses at the beginning of 512 episodes.

    Args:
        policy: untrained.
        make: the environments it will learn in.
        use_masks: whether its actions are drawn from the mask.
        seed: of the environments.
    """
    observations, infos = make(512).reset(seed=seed)
    masks = torch.from_numpy(infos["action_mask"] > 0)
    allowed = masks if use_masks else torch.ones_like(masks)
    previous = torch.full((len(observations),), policy.n_actions)
    was_training = policy.training
    policy.eval()
    try:
        with torch.no_grad():
            out, _ = policy(torch.from_numpy(observations), previous)
    finally:
        policy.train(was_training)
    log_p = log_probs(out.logits[-1], allowed)
    choice = allowed.sum(-1) > 1
    most = allowed.sum(-1).float().log()
    share = float((entropy(log_p)[choice] / most[choice]).mean()) if choice.any() else 1.0
    chances = log_p.exp().mean(0).numpy()
    top = int(chances.argmax())
    evidence = (
        f"its entropy is {share:.1%} of the greatest possible; its likeliest action is {top}, "
        f"with {chances[top]:.1%} on average"
    )
    remedy = "begin with small weights in the last layer (trm_lib.models.policies.FIRST_LOGITS)"
    fault = "prejudiced start" if share < PREJUDICED else None
    numbers = {"entropy": share, "chances": chances}
    return Finding("first choices", fault, evidence, remedy, numbers, _draw_chances)


def _policies(envs: VectorEnv, seed: int) -> dict[str, Callable]:
    rng = np.random.default_rng(seed)
    policies: dict[str, Callable] = {
        "random": random_policy(rng), "random legal": random_legal_policy(rng)
    }  # fmt: skip
    world = envs.unwrapped
    if isinstance(world, MazeVectorEnv):
        return policies | {
            "straight to the goal": greedy_manhattan_policy, "optimal": optimal_maze_policy
        }  # fmt: skip
    readable = getattr(world, "observation", "channels") == "channels"
    if isinstance(world, SudokuVectorEnv | SudokuCellVectorEnv) and readable:
        return policies | {"exact": exact_sudoku_policy}
    return policies


def _draw_success(numbers: dict):
    return bars(numbers["success"], "success, share of episodes", most=1.0)


def _draw_chances(numbers: dict):
    chances = numbers["chances"]
    shown = np.argsort(-chances)[:8]
    return bars({f"action {a}": chances[a] for a in shown}, "mean probability", most=1.0)


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
