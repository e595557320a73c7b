"""Chapter 02: how a TRM becomes a policy, in an open maze of 5 x 5 cells.

One start, one goal, no walls inside: nothing here measures more than whether a policy learns.
The policy of the rebuilt repository and one over cells, each with one episode a batch and with 16,
under the settings of the repository's script and under those of the cure.

Then, for chapter 05, the rebuilt scripts' own comparison: K = 3, K = 5 and a perceptron. Widths,
depths, learning rate, entropy bonus and number of episodes are theirs. What differs is the batch:
16 episodes with a baseline across them instead of one, and the policy, which has a vector for each
cell.

Source: trm_rl_paper_implementation.py in github.com/acharyaanusha/Tiny-Recursive-Model at 4fc0307.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import gymnasium as gym
import torch
from gymnasium.vector import VectorEnv

from book.recipes.script_policy import VectorPolicyConfig
from book.recipes.unseen_mazes import core, walker
from trm_lib.evaluation import Outcomes, play_episodes
from trm_lib.experiments import Recipe
from trm_lib.models import HierarchicalConfig, MLPPolicyConfig, Policy, TRMConfig
from trm_lib.tasks import PolicyTask, World
from trm_lib.training import Acting, PPOConfig, ReinforceConfig

BATCH = 16
EPISODES = 1000  # played by the drawn policy, to measure it


@dataclass(frozen=True)
class OpenMaze(World):
    """The one maze there is: 5 x 5 cells without walls inside, 50 steps at most.

    Attributes:
        reward: what its steps pay, see `trm/Maze-v0`.
    """

    reward: str = "clean"
    watches: ClassVar[bool] = False

    def envs(self, count: int) -> VectorEnv:
        return gym.make_vec("trm/Maze-v0", count, size=5, layout="open", reward=self.reward)

    def measure(self, policy: Policy, task: PolicyTask, seed: int) -> dict[str, Any]:
        """Success when the likeliest actions are taken, and when they are drawn."""
        greedy, drawn = outcomes(policy, drawn=False), outcomes(policy, drawn=True)
        return {
            "test_success": float(greedy.success.mean()),
            "drawn_success": float(drawn.success.mean()),
            "drawn_length": float(drawn.lengths.mean()),
        }


def outcomes(policy: Policy, drawn: bool) -> Outcomes:
    """How a policy does without masks: in 1,000 episodes of actions drawn as in training, or in
    one of the likeliest, since nothing is then left to chance."""
    generator, count = (torch.Generator().manual_seed(1), EPISODES) if drawn else (None, 1)
    return play_episodes(OpenMaze().envs(count), Acting(policy, False, generator), count, seed=0)


SCRIPT = ReinforceConfig(
    n_updates=500, lr=3e-3, decay=0.0, gamma=0.95, ent_coef=0.0, max_grad_norm=1.0, use_masks=False
)
"""As trm_rl_evns.py trains: 500 batches of one episode, a constant rate, no entropy bonus."""

CURE = ReinforceConfig(n_updates=60, lr=5e-3, decay=0.5, gamma=0.99, ent_coef=0.01, use_masks=False)
"""60 batches of 16 episodes; the rate falls to 0 over the second half."""

VECTOR = VectorPolicyConfig()
BOARD = replace(walker(TRMConfig(**core(16), n_latent=1, n_cycles=1)), previous_action=True)
POLICIES = {"vector": VECTOR, "board": BOARD}
SETTINGS = {
    "script": ("the script's settings", SCRIPT, "evns"),
    "cure": ("the cure's settings", CURE, "clean"),
    "inside": ("the script's settings, standardised inside each episode",
               replace(SCRIPT, baseline="episode"), "evns"),
    "long": ("the script's settings and its number of batches", SCRIPT, "evns"),
    "slow": ("the script's settings at a sixteenth of its rate",
             replace(SCRIPT, lr=SCRIPT.lr / BATCH), "evns"),
    "constant": ("the cure's settings at a constant rate", replace(CURE, decay=0.0), "clean"),
}  # fmt: skip
"""By name: what they are, the training, and what steps pay."""


def learner(settings: str, policy: str, batch: int, n_updates: int) -> Recipe:
    """A policy under settings, with so many episodes a batch and so many batches."""
    about, training, reward = SETTINGS[settings]
    training = replace(training, n_updates=n_updates)
    return Recipe(
        f"rl_adaptation/{settings}_{policy}_{batch}",
        f"{policy} policy, {n_updates} batches of {batch}, {about}",
        PolicyTask(POLICIES[policy], training, batch, OpenMaze(reward)),
    )


BOTH = (  # settings, episodes a batch, and in all
    ("script", 1, 500), ("cure", 1, 960),
    ("script", BATCH, 500), ("cure", BATCH, 960), ("inside", BATCH, 500),
)  # fmt: skip

ADAPTED = [
    *(learner(settings, policy, batch, episodes // batch)
      for policy in POLICIES for settings, batch, episodes in BOTH),
    learner("long", "vector", BATCH, 500),
    learner("slow", "vector", 1, 500),
    learner("constant", "board", BATCH, 60),
]  # fmt: skip

REINFORCE = ReinforceConfig(
    n_updates=31, lr=2e-3, decay=0.0, gamma=0.95, ent_coef=0.01, max_grad_norm=1.0,
    use_masks=False,
)  # fmt: skip
"""31 batches of 16 episodes: 496 of the scripts' 500."""

PPO = PPOConfig(
    total_steps=4096, lr=2e-3, decay=0.5, gamma=0.95, ent_coef=0.01, use_masks=False,
    num_steps=16, n_epochs=4, n_minibatches=4,
)  # fmt: skip
"""16 rollouts of 256 steps: fewer than the 500 episodes of the scripts, whoever learns."""

WALKERS = {
    "hierarchical_K3": ("hierarchical TRM, K = 3",
                        walker(HierarchicalConfig(**core(64, 2), low_width=32, n_cycles=3))),
    "hierarchical_K5": ("hierarchical TRM, K = 5",
                        walker(HierarchicalConfig(**core(64, 2), low_width=32, n_cycles=5))),
    "trm": ("TRM, n = 2, T = 2", walker(TRMConfig(**core(70, 2), n_latent=2, n_cycles=2))),
    "mlp": ("perceptron", MLPPolicyConfig(n_inputs=150, n_actions=4, hidden=(128, 128))),
}  # fmt: skip

OPEN_MAZE = [  # every learner by REINFORCE in batches of 16 episodes, and by PPO on as many steps
    Recipe(f"{experiment}/{name}", f"{about}{how}",
           PolicyTask(policy, training, BATCH, OpenMaze("improved")))
    for experiment, how, training in
    (("open_maze", "", REINFORCE), ("open_maze_ppo", ", by PPO", PPO))
    for name, (about, policy) in WALKERS.items()
]  # fmt: skip

EXPERIMENTS = ("rl_adaptation", "open_maze", "open_maze_ppo")
RECIPES = [*ADAPTED, *OPEN_MAZE]
