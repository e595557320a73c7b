"""Training: data, losses, the supervised loop with deep supervision."""

from trm_lib.training.data import IGNORE, PuzzleData, batches
from trm_lib.training.history import History
from trm_lib.training.losses import answer_loss
from trm_lib.training.supervised import SupervisedConfig, fit

__all__ = [
    "IGNORE",
    "History",
    "PuzzleData",
    "SupervisedConfig",
    "answer_loss",
    "batches",
    "fit",
]
