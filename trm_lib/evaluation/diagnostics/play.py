"""What an environment asks for, and with what mind a policy comes to it.

Axes: E environments, A actions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from trm_lib.checks import whole
from trm_lib.envs.maze_vector import MazeVectorEnv
from trm_lib.envs.sudoku_cell import SudokuCellVectorEnv
from trm_lib.envs.sudoku_vector import SudokuVectorEnv
from trm_lib.envs.yardsticks import (
    exact_sudoku_policy,
    greedy_manhattan_policy,
    optimal_maze_policy,
    random_legal_policy,
    random_policy,
)
from trm_lib.evaluation.diagnostics.figures import bars
from trm_lib.evaluation.diagnostics.finding import Finding
from trm_lib.evaluation.episodes import play_episodes
from trm_lib.models import Policy
from trm_lib.training.distribution import entropy, log_probs

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
