"""Chapter 02: how a TRM becomes a policy, in an open maze of 5 x 5 cells.

One start, one goal, no walls inside: nothing here measures more than whether a policy learns.
The policy of the rebuilt repository and one over cells, each with one episode a batch and with 16,
under the settings of the repository's script and under those of the cure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch

import trm_lib.envs  # noqa: F401  registers trm/Maze-v0
from book.recipes.script_policy import VectorPolicyConfig
from book.recipes.unseen_mazes import AGENT, core
from trm_lib.evaluation import Acting, Outcomes, play_episodes
from trm_lib.experiments import Recipe
from trm_lib.models import BoardPolicyConfig, Policy, TRMConfig, count_parameters
from trm_lib.tasks import PolicyLearner, PolicyTask, train_policy
from trm_lib.training import ReinforceConfig

BATCH = 16
EPISODES = 1000  # played by the drawn policy, to measure it


@dataclass(frozen=True)
class Walker:
    """A learner and what its steps pay.

    Attributes:
        learner: policy, training, and episodes a batch (its environments).
        reward: name of a scheme in `trm_lib.envs.MAZE_REWARDS`.
    """

    learner: PolicyLearner
    reward: str


def open_maze(count: int, reward: str = "clean") -> gym.vector.VectorEnv:
    """So many copies of the world: 5 x 5 cells without walls inside, 50 steps at most."""
    return gym.make_vec("trm/Maze-v0", count, size=5, layout="open", reward=reward)


def outcomes(policy: Policy, drawn: bool) -> Outcomes:
    """How a policy does without masks.

    Args:
        policy: trained.
        drawn: draw its actions, as in training; 1,000 episodes. Else take the likeliest: one
            episode, since nothing is then left to chance.
    """
    generator = torch.Generator().manual_seed(1) if drawn else None
    count = EPISODES if drawn else 1
    return play_episodes(open_maze(count), Acting(policy, False, generator), count, seed=0)


def task(walker: Walker) -> PolicyTask:
    """What a learner plays: the one maze, with its rewards."""
    return PolicyTask(walker.learner, partial(open_maze, reward=walker.reward))


def run(walker: Walker, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Train one policy, and measure it in the only maze there is."""
    envs = task(walker).envs(walker.learner.num_envs)
    policy, history = train_policy(walker.learner, envs, seed, checkpoint)
    greedy, drawn = outcomes(policy, drawn=False), outcomes(policy, drawn=True)
    return {
        "parameters": count_parameters(policy),
        "training_seconds": round(history.seconds, 1),
        "updates": len(history.steps),
        "episodes": sum(history.episodes),
        "steps": history.steps[-1],
        "training_successes": history.successes,
        "test_success": float(greedy.success.mean()),
        "drawn_success": float(drawn.success.mean()),
        "drawn_length": float(drawn.lengths.mean()),
    }


SCRIPT = ReinforceConfig(
    n_updates=500, lr=3e-3, decay=0.0, gamma=0.95, ent_coef=0.0, max_grad_norm=1.0, use_masks=False
)
"""As trm_rl_evns.py trains: 500 batches of one episode, a constant rate, no entropy bonus."""

CURE = ReinforceConfig(n_updates=60, lr=5e-3, decay=0.5, gamma=0.99, ent_coef=0.01, use_masks=False)
"""60 batches of 16 episodes; the rate falls to 0 over the second half."""

VECTOR = VectorPolicyConfig()
BOARD = BoardPolicyConfig(
    core=TRMConfig(**core(16), n_latent=1, n_cycles=1),
    n_actions=4,
    marker=AGENT,
    previous_action=True,
)

POLICIES = {"vector": VECTOR, "board": BOARD}


def walker(policy: str, training: ReinforceConfig, batch: int, reward: str) -> Walker:
    """A policy of `POLICIES`, so many episodes a batch."""
    return Walker(PolicyLearner(POLICIES[policy], training, batch, policy), reward)


def chapter() -> list[Recipe]:
    """Both policies, both batches, both settings; and a few changes more.

    The script with the baseline inside each of 16 episodes; with as many batches of 16 as it has of
    one; in smaller steps; and the cure without its falling rate.
    """
    rows = []
    for policy in POLICIES:
        for batch in (1, BATCH):
            script = replace(SCRIPT, n_updates=SCRIPT.n_updates // batch)  # 500, or 31 x 16
            cure = replace(CURE, n_updates=CURE.n_updates * BATCH // batch)  # 960
            rows += [
                (f"script_{policy}_{batch}", walker(policy, script, batch, "evns")),
                (f"cure_{policy}_{batch}", walker(policy, cure, batch, "clean")),
            ]
        inside = replace(SCRIPT, n_updates=SCRIPT.n_updates // BATCH, baseline="episode")
        rows.append((f"inside_{policy}_{BATCH}", walker(policy, inside, BATCH, "evns")))
    rows.append(("long_vector_16", walker("vector", SCRIPT, BATCH, "evns")))
    slow = replace(SCRIPT, lr=SCRIPT.lr / BATCH)
    rows.append(("slow_vector_1", walker("vector", slow, 1, "evns")))
    constant = replace(CURE, decay=0.0)
    rows.append((f"constant_board_{BATCH}", walker("board", constant, BATCH, "clean")))
    return [
        Recipe(f"rl_adaptation/{name}", _about(name, row), row, run, task) for name, row in rows
    ]


def _about(name: str, row: Walker) -> str:
    settings = {
        "script": "the script's settings",
        "cure": "the cure's settings",
        "inside": "the script's settings, standardised inside each episode",
        "long": "the script's settings and its number of batches",
        "slow": "the script's settings at a sixteenth of its rate",
        "constant": "the cure's settings at a constant rate",
    }[name.split("_")[0]]
    batches = f"{row.learner.training.n_updates} batches of {row.learner.num_envs}"
    return f"{row.learner.kind} policy, {batches}, {settings}"


EXPERIMENTS = ("rl_adaptation",)
RECIPES = [*chapter()]
