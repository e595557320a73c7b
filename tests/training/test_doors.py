"""What the public doors of training refuse, and that they say what was expected."""

import numpy as np
import pytest
import torch

from trm_lib.models import HaltingOutput
from trm_lib.training import (
    History,
    PPOConfig,
    PuzzleData,
    ReinforceConfig,
    SupervisedConfig,
    act_loss,
    stablemax_loss,
)

WHOLE, LABELS = np.zeros((2, 4), int), torch.zeros(2, 3, dtype=torch.int64)
LOGITS = torch.zeros(2, 3, 5)


@pytest.mark.parametrize(
    ("call", "given", "message"),
    [
        (PuzzleData, (WHOLE / 1, WHOLE), "inputs expected an array of integers"),
        (PuzzleData, (WHOLE, WHOLE / 1), "labels expected an array of integers"),
        (PuzzleData, (WHOLE, WHOLE[:, :3]), r"got \(2, 4\) and \(2, 3\)"),
        (PuzzleData, (WHOLE[:0], WHOLE[:0]), "N >= 1"),
        (PuzzleData, (WHOLE[0], WHOLE[0]), r"one shape \(N, \*grid\)"),
        (stablemax_loss, (LOGITS, LABELS[:, :2]), r"shape \(2, 3\) .* got \(2, 2\)"),
        (act_loss, (HaltingOutput(LOGITS, torch.zeros(2)), LABELS[:, :2]), r"shape \(2, 3\) .*"),
        (History().plot, (), "pass evaluate= to fit"),
    ],
)
def test_bad_arguments_say_what_was_expected(call, given, message):
    with pytest.raises(ValueError, match=message):
        call(*given)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (PPOConfig, {"num_steps": 1.5}, "num_steps expected a whole number >= 1, got 1.5"),
        (PPOConfig, {"gae_lambda": 1.1}, "gae_lambda expected a share from 0 to 1, got 1.1"),
        (PPOConfig, {"clip_range": 0.0}, "clip_range expected a number > 0"),
        (PPOConfig, {"use_masks": 1}, "use_masks expected True or False, got 1"),
        (ReinforceConfig, {"baseline": "none"}, "baseline expected one of .*batch.* got 'none'"),
        (SupervisedConfig, {"lr": "1e-3"}, "lr expected a number > 0, got '1e-3'"),
        (SupervisedConfig, {"lr": float("nan")}, "lr expected a number > 0, got nan"),
        (SupervisedConfig, {"ema_decay": 1.0}, r"ema_decay expected a number in \[0, 1\), got 1.0"),
        (SupervisedConfig, {"decay": 1.5}, "decay expected a share from 0 to 1, got 1.5"),
        (SupervisedConfig, {"optimizer": "sgd"}, "optimizer expected one of .*adamw.*, got 'sgd'"),
    ],
)
def test_wrong_settings_say_what_was_expected(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        kind(**changes)
