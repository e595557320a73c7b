"""Training: data, losses, optimizers, the supervised loop with deep supervision, checkpoints."""

from trm_lib.training.adam_atan2 import AdamAtan2
from trm_lib.training.data import IGNORE, Batches, PuzzleData
from trm_lib.training.history import History
from trm_lib.training.losses import act_loss, answer_loss, exactly_right, stablemax_loss
from trm_lib.training.run import SupervisedConfig
from trm_lib.training.supervised import fit

__all__ = [
    "IGNORE",
    "AdamAtan2",
    "Batches",
    "History",
    "PuzzleData",
    "SupervisedConfig",
    "act_loss",
    "answer_loss",
    "exactly_right",
    "fit",
    "stablemax_loss",
]
