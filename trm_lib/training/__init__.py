"""Training: data, losses, optimizers; the supervised loop, REINFORCE and PPO; checkpoints."""

from trm_lib.training.data import IGNORE, Batches, PuzzleData
from trm_lib.training.losses import act_loss, answer_loss, exactly_right, stablemax_loss
from trm_lib.training.optimizers import AdamAtan2
from trm_lib.training.policy_run import PolicyConfig, PolicyHistory
from trm_lib.training.ppo import PPOConfig, ppo
from trm_lib.training.reinforce import ReinforceConfig, reinforce
from trm_lib.training.rollout import Rollout
from trm_lib.training.run import History, SupervisedConfig, TrainingRun
from trm_lib.training.supervised import correct, fit

__all__ = [
    "IGNORE",
    "AdamAtan2",
    "Batches",
    "History",
    "PPOConfig",
    "PolicyConfig",
    "PolicyHistory",
    "PuzzleData",
    "ReinforceConfig",
    "Rollout",
    "SupervisedConfig",
    "TrainingRun",
    "act_loss",
    "answer_loss",
    "correct",
    "exactly_right",
    "fit",
    "ppo",
    "reinforce",
    "stablemax_loss",
]
