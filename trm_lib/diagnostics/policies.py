"""What an environment asks for, how a policy comes to it, what it is told, and what comes of it.

Axes: S time steps, E environments, A actions, M episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm_lib import envs
from trm_lib.diagnostics.finding import Finding, first_fault
from trm_lib.evaluation import play_episodes
from trm_lib.evaluation.answers import evaluating
from trm_lib.evaluation.playing import Make
from trm_lib.models import Policy
from trm_lib.training import (
    History,
    Player,
    PolicyConfig,
    ReinforceConfig,
    Rollout,
    advantages,
    discounted_returns,
    entropy,
    log_probs,
    standardised,
)
from trm_lib.viz import bars, dots, lines

EASY = 0.9  # success of chance above which success means little
PREJUDICED = 0.5  # share of the greatest entropy below which a new policy has made up its mind
DEAF = 0.01  # what moves the policy less than this part of what another observation does
ROUNDING = 1e-6  # what moves the policy less than this has changed nothing but last bits
ALIKE = 1e-3  # part of the gains' spread that is rounding; any baseline leaves 100 times as much
ABOVE_CHANCE = 0.05  # what success must gain on chance; less drowns in the episodes' luck
LOST = 0.2  # what success must once have gained on chance to say that it was there, and is lost
NEARLY_ALL = 0.95  # success that is learning enough, however good chance is
LATE = 0.2  # the last share of a run, by which it is judged
SURE = 0.1  # share of its first entropy below which a policy tries nothing any more
FAILING = 0.5  # success below which being sure is no virtue
EXPLAINED = 0.1  # a value that explains less of the returns' variance is no better than their mean

_MANY = 512  # episodes that are begun, or played by each yardstick
_STEPS = 4  # into the episodes, where there is something to remember


def yardsticks(make: Make, use_masks: bool = True, seed: int = 0) -> Finding:
    """What chance, a rule of thumb and perfect play achieve, and how many tasks there are.

    Each plays 512 episodes, each in an environment of its own, with masks in its info.
    """
    worlds, rng = make(_MANY), np.random.default_rng(seed)
    first, _ = worlds.reset(seed=seed)
    different, kind = len(np.unique(first.reshape(_MANY, -1), axis=0)), worlds.unwrapped
    players = {"random": envs.random_policy(rng), "random legal": envs.random_legal_policy(rng)}
    if isinstance(kind, envs.MazeVectorEnv):
        players["straight to the goal"] = envs.greedy_manhattan_policy
        players["optimal"] = envs.optimal_maze_policy
    readable = getattr(kind, "observation", "channels") == "channels"
    if isinstance(kind, envs.SudokuVectorEnv | envs.SudokuCellVectorEnv) and readable:
        players["exact"] = envs.exact_sudoku_policy
    success, length = {}, {}
    for name, player in players.items():
        played = play_episodes(make(_MANY), player, _MANY, seed)
        success[name], length[name] = float(played.success.mean()), float(played.lengths.mean())
    chance = success["random legal" if use_masks else "random"]
    fault, remedy = first_fault(
        (different == 1, "one and only task",
         "draw starts, goals or layouts at random, and measure on cases never played"),
        (chance > EASY, "chance solves it",
         "make the task harder, or take the mask away where it holds the answer"),
    )  # fmt: skip
    told = ", ".join(f"{n} {share:.1%} in {length[n]:.1f} steps" for n, share in success.items())
    evidence = f"{different} different beginnings in {_MANY} episodes; success: {told}"
    numbers = {"different": different, "success": success, "length": length, "chance": chance}
    figure = partial(bars, success, "success, share of episodes")
    return Finding("task", fault, evidence, remedy, numbers, figure)


def first_choices(policy: Policy, make: Make, use_masks: bool = True, seed: int = 0) -> Finding:
    """How an untrained policy chooses at the beginning of 512 episodes."""
    observations, infos = make(_MANY).reset(seed=seed)
    allowed = torch.from_numpy((infos["action_mask"] > 0) | (not use_masks))
    previous = torch.full((_MANY,), policy.n_actions)
    with evaluating(policy), torch.no_grad():
        out, _ = policy(torch.from_numpy(observations), previous)
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
    likeliest = {f"action {action}": chances[action] for action in np.argsort(-chances)[:8]}
    figure = partial(bars, likeliest, "mean probability")
    return Finding("first choices", fault, evidence, remedy, {"entropy": share}, figure)


def listening(policy: Policy, make: Make, use_masks: bool = True, seed: int = 0) -> list[Finding]:
    """Does the policy heed its previous action, and its memory?

    64 episodes are played for four steps. Then each state is judged again with another previous
    action, with the memory of another episode, and, as the yardstick, with the observation of
    another. What counts is how far the policy's probabilities move (total variation). Where not
    even another observation moves them, silence means nothing, and the evidence says so.
    A policy that has neither (no `y_of_action`, not `remembers`) yields no finding.
    """
    player = Player(policy, make(64), seed, use_masks)
    player.play(_STEPS, torch.Generator().manual_seed(seed))
    seen, previous, memory = torch.tensor(player.observations), player.previous, player.memory
    inside, others = previous < policy.n_actions, torch.arange(len(seen)).roll(1)

    def chances(*known: Any) -> Tensor:
        return policy(*known)[0].logits[-1].softmax(-1)

    def moved(*known: Any) -> Tensor:  # total variation: half the sum of |p - q| over the actions
        return (chances(*known) - usual).abs().sum(-1) / 2

    heard = {}
    with evaluating(policy), torch.no_grad():
        usual = chances(seen, previous, memory)
        yardstick = float(moved(seen[others], previous, memory).mean())
        if hasattr(policy, "y_of_action"):
            heard["previous action"] = 0.0
            for shift in range(1, policy.n_actions if inside.any() else 0):
                other = torch.where(inside, (previous + shift) % policy.n_actions, previous)
                far = float(moved(seen, other, memory)[inside].mean())
                heard["previous action"] = max(heard["previous action"], far)
        if policy.remembers:
            heard["memory"] = float(moved(seen, previous, policy.rows(memory, others)).mean())
    return [_judge_listening(what, far, yardstick) for what, far in heard.items()]


def _judge_listening(what: str, heard: float, yardstick: float) -> Finding:
    evidence = (
        f"another {what} moves the policy's probabilities by {heard:.2g}, another observation by "
        f"{yardstick:.2g} (total variation)"
    )
    if max(heard, yardstick) <= ROUNDING:
        evidence += "; it cannot tell, because all observations are alike to the policy"
    look = {"previous action": "it reaches the network", "memory": "memory is handed on"}[what]
    remedy = f"look whether {look}, or leave it out: the board may say it all"
    fault = f"{what} ignored" if yardstick > ROUNDING and heard < DEAF * yardstick else None
    moved = {f"another {what}": heard, "another observation": yardstick}
    figure = partial(bars, moved, "total variation of the policy's probabilities", most=None)
    return Finding(what, fault, evidence, remedy, moved, figure)


def credit(batches: Sequence[Rollout], config: PolicyConfig) -> Finding:
    """Are episodes that went better praised more?

    Args:
        batches: what a learner of this config learns from in one update each. Only whole first
            episodes of each environment are looked at.
        config: it decides the praise.
    """
    returns, success, episodes = [], [], []  # the last: gains, an array an episode
    for rollout in batches:
        if isinstance(config, ReinforceConfig):
            worth = discounted_returns(rollout.rewards, rollout.done, config.gamma)
            gains = standardised(worth, rollout.first, inside=config.baseline == "episode")
        else:
            gains = standardised(advantages(rollout, config.gamma, config.gae_lambda))
        for e in rollout.done.any(0).nonzero()[:, 0].tolist():
            on = rollout.first[:, e]
            returns.append(float(rollout.rewards[on, e].sum()))
            success.append(bool(rollout.success[on, e].any()))
            episodes.append(gains[on, e].double().numpy())
    returns, success = np.array(returns), np.array(success, bool)
    mean = np.array([own.mean() for own in episodes])
    praised = np.array([(own > 0).mean() for own in episodes])
    differ = len(returns) > 1 and returns.std() > 0
    told = []
    if not success.all():
        told.append(f"failed episodes, moves praised {praised[~success].mean():.1%}")
    if success.any():
        told.append(f"successes, moves blamed {1 - praised[success].mean():.1%}")
    usual = float(np.concatenate(episodes).std()) if episodes else 0.0
    spread = float(mean.std() / max(usual, 1e-12)) if differ else np.nan
    evidence = (
        f"in {len(returns)} whole episodes the mean gain of an episode varies by {spread:.2g} of "
        f"the gains' spread; {'; '.join(told)}"
        if differ
        else f"{len(returns)} whole episodes with equal returns: they cannot tell"
    )
    remedy = "compare an episode with others: a batch of many, and one baseline across all of it"
    numbers = {"mean_gain": mean, "gains_std": usual}
    fault = "success and failure praised alike" if differ and spread < ALIKE else None
    groups = {"failures": ~success, "successes": success}
    places = {name: (returns[on], mean[on]) for name, on in groups.items()}
    figure = partial(
        dots, places, "return of the episode", "mean gain of its moves", least=usual or 1.0
    )
    return Finding("credit", fault, evidence, remedy, numbers, figure)


def learned(history: History, chance: float) -> Finding:
    """Does the success of training episodes rise above chance?

    What `chance` achieves, `yardsticks` measures.
    """
    late, episodes = _late(history), np.array(history.episodes)
    parts = np.array_split(np.arange(len(episodes)), min(len(episodes), round(1 / LATE)))
    rate, best = _rate(history, late), max(_rate(history, part) for part in parts)
    evidence = (
        f"{rate:.1%} of the last {episodes[late].sum()} training episodes end well, {best:.1%} in "
        f"the best fifth of the run; chance has {chance:.1%}"
    )
    remedy = "mend what the other probes name; else try rate, batch and entropy bonus, one by one"
    fault = None
    if rate < min(chance + ABOVE_CHANCE, NEARLY_ALL):
        fault = "learned and lost" if best > chance + LOST else "nothing learned"
    shown = {"training episodes": history.success_rate()}
    figure = partial(lines, shown, "update", "success", level=("chance", chance))
    return Finding("learning", fault, evidence, remedy, {"rate": rate, "best": best}, figure)


def certainty(history: History) -> Finding:
    """Has the policy become sure of itself while it still fails?"""
    late, measured = _late(history), np.array(history.entropy)
    share = float(measured[late].mean() / max(measured[0], 1e-12))
    rate = _rate(history, late)
    evidence = (
        f"entropy went from {measured[0]:.3g} to {measured[late].mean():.3g} nats ({share:.1%}) "
        f"while {rate:.1%} of the last episodes end well"
    )
    remedy = "raise ent_coef, lower lr, or learn from more episodes at a time"
    fault = "entropy collapse" if share < SURE and rate < FAILING else None
    numbers = {"entropy": measured}
    figure = partial(lines, numbers, "update", "entropy (nats)")
    return Finding("certainty", fault, evidence, remedy, numbers, figure)


def _late(history: History) -> slice:
    """The last updates of a run, of which there must be one."""
    if not history.episodes:
        raise ValueError("history expected at least one update, got none: train the policy first")
    return slice(-max(1, round(LATE * len(history.episodes))), None)


def _rate(history: History, updates: slice | np.ndarray) -> float:
    """Share of the episodes of some updates that ended well."""
    ended, well = np.array(history.episodes)[updates], np.array(history.successes)[updates]
    return float(well.sum() / max(ended.sum(), 1))


def value(rollout: Rollout, gamma: float) -> Finding:
    """How much of the returns' variance do the values explain, in episodes that ended?

    1 - Var(G - V) / Var(G): 1 is perfect, 0 is as good as any constant, less is worse. Where an
    episode was cut off, its last value stands for what would have come, as in training. Of a
    rollout, best a long one, only episodes that ended count.
    """
    beyond = gamma * rollout.next_values * rollout.done
    returns = discounted_returns(rollout.rewards + beyond, rollout.done, gamma)
    ended = rollout.done.flip(0).cumsum(0).flip(0) > 0  # (S, E): steps whose episode ends here
    G, V = returns[ended].double().numpy(), rollout.values[ended].double().numpy()
    differ = len(G) > 1 and G.var() > 1e-12
    explained = float(1 - (G - V).var() / G.var()) if differ else np.nan
    evidence = (
        f"values explain {explained:.1%} of the variance of {len(G)} returns"
        if differ
        else f"{len(G)} returns of whole episodes, all equal: they cannot tell"
    )
    remedy = "raise vf_coef or train longer; look whether the value sees what the return depends on"
    fault = "the value explains nothing" if differ and explained < EXPLAINED else None
    numbers = {"explained": explained}
    figure = partial(bars, numbers, "share of the returns' variance")
    return Finding("value", fault, evidence, remedy, numbers, figure)
