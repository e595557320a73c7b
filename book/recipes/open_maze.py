"""The rebuilt scripts' own comparison, on their open maze: K = 3, K = 5 and a perceptron.

Widths, depths, learning rate, entropy bonus and number of episodes are theirs. What differs is the
batch: 16 episodes with a baseline across them instead of one, see chapter 02, and the policy, which
has a vector for each cell.

Source: trm_rl_paper_implementation.py in github.com/acharyaanusha/Tiny-Recursive-Model at 4fc0307.
"""

from __future__ import annotations

from dataclasses import replace

from book.recipes.rl_adaptation import BATCH, Walker, run, task
from book.recipes.unseen_mazes import core, walker
from trm_lib.experiments import Recipe
from trm_lib.models import FlatPolicyConfig, HierarchicalConfig, TRMConfig
from trm_lib.tasks import PolicyLearner
from trm_lib.training import PPOConfig, ReinforceConfig

TRAINING = ReinforceConfig(
    n_updates=31, lr=2e-3, decay=0.0, gamma=0.95, ent_coef=0.01, max_grad_norm=1.0,
    use_masks=False,
)  # fmt: skip
"""31 batches of 16 episodes: 496 of the scripts' 500."""


PPO = PPOConfig(
    total_steps=4096, lr=2e-3, decay=0.5, gamma=0.95, ent_coef=0.01, use_masks=False,
    num_steps=16, n_epochs=4, n_minibatches=4,
)  # fmt: skip
"""16 rollouts of 256 steps: fewer than the 500 episodes of the scripts, whoever learns."""


def hierarchical(n_cycles: int) -> PolicyLearner:
    """Two high blocks of width 64 and a low one of width 32, K cycles."""
    config = HierarchicalConfig(**core(64, 2), low_width=32, n_cycles=n_cycles)
    return PolicyLearner(walker(config), TRAINING, BATCH)


MLP = FlatPolicyConfig(n_inputs=150, n_actions=4, hidden=(128, 128))

LEARNERS = {
    "hierarchical_K3": ("hierarchical TRM, K = 3", hierarchical(3)),
    "hierarchical_K5": ("hierarchical TRM, K = 5", hierarchical(5)),
    "trm": ("TRM, n = 2, T = 2", PolicyLearner(
        walker(TRMConfig(**core(70, 2), n_latent=2, n_cycles=2)), TRAINING, BATCH
    )),
    "mlp": ("perceptron", PolicyLearner(MLP, TRAINING, BATCH, "mlp")),
}  # fmt: skip


def comparison() -> list[Recipe]:
    """Every learner by REINFORCE in batches of 16 episodes, and by PPO on as many steps."""
    rows = []
    for name, (about, learner) in LEARNERS.items():
        by_ppo = replace(learner, training=PPO)
        rows += [
            Recipe(f"open_maze/{name}", about, Walker(learner, "improved"), run, task),
            Recipe(
                f"open_maze_ppo/{name}", f"{about}, by PPO", Walker(by_ppo, "improved"), run, task
            ),
        ]
    return rows


EXPERIMENTS = ("open_maze", "open_maze_ppo")
RECIPES = [*comparison()]
