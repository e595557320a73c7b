"""Training: data, losses, optimizers; the supervised loop, REINFORCE and PPO; checkpoints."""

from trm_lib.training.adam_atan2 import AdamAtan2
from trm_lib.training.data import IGNORE, Augment, Batches, PuzzleData
from trm_lib.training.history import History, progress_bar
from trm_lib.training.losses import act_loss, answer_loss, exactly_right, stablemax_loss
from trm_lib.training.policy_gradients import (
    PPOConfig,
    ReinforceConfig,
    ppo,
    ppo_update,
    reinforce,
    reinforce_update,
)
from trm_lib.training.rollout import (
    Acting,
    Player,
    PolicyConfig,
    PolicyRun,
    Rollout,
    advantages,
    discounted_returns,
    entropy,
    log_probs,
    require_same_step,
    standardised,
)
from trm_lib.training.run import Evaluate, Run
from trm_lib.training.supervised import (
    Lesson,
    SupervisedConfig,
    TrainingRun,
    correct,
    deep_supervision,
    fit,
    persistent_carry,
)

__all__ = [
    "IGNORE", "Acting", "AdamAtan2", "Augment", "Batches", "Evaluate", "History", "Lesson",
    "PPOConfig", "Player", "PolicyConfig", "PolicyRun", "PuzzleData", "ReinforceConfig", "Rollout",
    "Run", "SupervisedConfig", "TrainingRun", "act_loss", "advantages", "answer_loss",
    "correct", "deep_supervision", "discounted_returns", "entropy", "exactly_right", "fit",
    "log_probs", "persistent_carry", "ppo", "ppo_update", "progress_bar", "reinforce",
    "reinforce_update", "require_same_step", "stablemax_loss", "standardised",
]  # fmt: skip
