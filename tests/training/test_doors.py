"""What the public doors of training refuse, and that they say what was expected."""

import numpy as np
import pytest
import torch

from tests.training.worlds import OneStep, Table
from trm_lib.models import HaltingOutput, StepOutput
from trm_lib.training import (
    IGNORE,
    Batches,
    History,
    PPOConfig,
    PuzzleData,
    ReinforceConfig,
    SupervisedConfig,
    act_loss,
    advantages,
    answer_loss,
    discounted_returns,
    ppo,
    reinforce,
    stablemax_loss,
)

WHOLE, LABELS = np.zeros((2, 4), int), torch.zeros(2, 3, dtype=torch.int64)
LOGITS, REWARDS, NEVER = torch.zeros(2, 3, 5), torch.zeros(6, 2), torch.zeros(6, 2, dtype=bool)
NO_STEPS = r"rewards expected \(S, E\) float, at least one step, got"


def batches(size):
    return Batches(PuzzleData(WHOLE, WHOLE), size, np.random.default_rng(0))


def bad(value):
    rewards = REWARDS.clone()
    rewards[4, 1] = value
    return rewards


def returns(rewards):
    return discounted_returns(rewards, NEVER, 0.9)


def gains(rewards):
    return advantages(rewards, REWARDS, REWARDS, NEVER, NEVER, 0.9, 0.9)


@pytest.mark.parametrize(
    ("call", "given", "message"),
    [
        (PuzzleData, (WHOLE / 1, WHOLE), "inputs expected an array of integers"),
        (PuzzleData, (WHOLE, WHOLE / 1), "labels expected an array of integers"),
        (PuzzleData, (WHOLE, WHOLE[:, :3]), r"got \(2, 4\) and \(2, 3\)"),
        (PuzzleData, (WHOLE[:0], WHOLE[:0]), "N >= 1"),
        (PuzzleData, (WHOLE[0], WHOLE[0]), r"one shape \(N, \*grid\)"),
        (PuzzleData, (WHOLE, np.array([[1] * 4, [IGNORE] * 4])), "got none in puzzle 1"),
        *((batches, (n,), "batch_size expected a whole number >= 1") for n in (0, -1, 2.5)),
        (answer_loss, (LOGITS, LABELS[:, :2]), r"of shape \(2, 3\) .*torch.int64 of shape \(2, 2"),
        (act_loss, (HaltingOutput(LOGITS, torch.zeros(2)), LABELS[:, :2]), r"of shape \(2, 3\) .*"),
        (
            act_loss,
            (HaltingOutput(LOGITS, torch.zeros(2, 1)), LABELS),
            r"halt_logit .* \(2,\), one",
        ),
        (act_loss, (StepOutput(LOGITS), LABELS), "build the model with halting=True"),
        *((stablemax_loss, (LOGITS, LABELS + n), "tokens from 0 to 4, got") for n in (5, -1)),
        (answer_loss, (LOGITS, LABELS + IGNORE), "at least one cell that is asked for, got none"),
        *(
            (call, (bad(value),), f"finite numbers, got {value} at step 4 of environment 1")
            for call in (returns, gains)
            for value in (float("nan"), float("inf"), -float("inf"))
        ),
        *(
            (call, (rewards,), NO_STEPS)  # whole numbers would cut what is discounted
            for call in (returns, gains)
            for rewards in (REWARDS.long(), REWARDS[:, 0], REWARDS[:0])
        ),
        (ppo, (Table(), OneStep(), ReinforceConfig()), "expected a PPOConfig, got ReinforceConfig"),
        (reinforce, (Table(), OneStep(), PPOConfig()), "a ReinforceConfig, got PPOConfig"),
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
        (ReinforceConfig, {"seed": 2**63}, "seed expected a whole number below 2..63, got 922"),
        (SupervisedConfig, {"lr": "1e-3"}, "lr expected a number > 0, got '1e-3'"),
        (SupervisedConfig, {"lr": float("nan")}, "lr expected a number > 0, got nan"),
        (SupervisedConfig, {"carry": "no"}, "carry expected True or False, got 'no'"),
        (SupervisedConfig, {"batch_size": 2.5}, "batch_size expected a whole number >= 1, got 2.5"),
        (SupervisedConfig, {"ema_decay": 1.0}, r"ema_decay expected a number in \[0, 1\), got 1.0"),
        (SupervisedConfig, {"decay": 1.5}, "decay expected a share from 0 to 1, got 1.5"),
        (SupervisedConfig, {"optimizer": "sgd"}, "optimizer expected one of .*adamw.*, got 'sgd'"),
    ],
)
def test_wrong_settings_say_what_was_expected(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        kind(**changes)
