"""Stopping early: where the halt head is sure, or at rest; it saves real steps, and is counted."""

import math

import numpy as np
import pytest
import torch

from tests.models.small import SMALL
from trm_lib.evaluation import (
    answers_at_rest,
    answers_by_k,
    answers_with_halting,
    calibration,
    halt_logits_by_k,
)
from trm_lib.models import HaltingTRM, Looped, LoopedConfig, TRMConfig, build_model

SIZES = SMALL | {"mixing": "conv"}
BOARDS = np.random.default_rng(0).integers(0, 5, (50, 4, 4))
K = 12


def halting_model(**changes):
    trm = build_model(TRMConfig(**SMALL | {"halting": True} | changes))
    torch.nn.init.normal_(trm.halt_head.weight, generator=torch.Generator().manual_seed(1))
    torch.nn.init.constant_(trm.halt_head.bias, -4.0)
    return trm


@pytest.mark.parametrize(
    "changes",
    [*({"mixing": m} for m in ("mlp", "attention", "conv")), {"puzzle_tokens": 2, "n_puzzles": 3}],
    ids=["mlp", "attention", "conv", "puzzle tokens"],
)
def test_each_board_stops_at_its_first_sure_step(changes):
    model = halting_model(**changes)
    answers, logits = answers_by_k(model, BOARDS, 6), halt_logits_by_k(model, BOARDS, 6)
    threshold = float(np.quantile(logits, 0.7))
    halted = answers_with_halting(model, BOARDS, 6, threshold)
    for i in range(len(BOARDS)):
        sure = np.flatnonzero(logits[:, i] > threshold)
        k = sure[0] if len(sure) else 5
        assert halted.steps[i] == k + 1
        assert halted.halt_logit[i] == pytest.approx(logits[k, i], abs=1e-4)
        np.testing.assert_array_equal(halted.answers[i], answers[k, i])
    assert len(np.unique(halted.steps)) > 2


def test_thresholds_at_the_ends_stop_at_once_or_never():
    model = halting_model()
    assert (answers_with_halting(model, BOARDS, 4, -1e9).steps == 1).all()
    assert (answers_with_halting(model, BOARDS, 4, 1e9).steps == 4).all()
    assert len(answers_with_halting(model, BOARDS[:0]).steps) == 0


LOOPED = build_model(LoopedConfig(**SIZES, n_calls=1))
PLAIN = build_model(TRMConfig(**SIZES, n_latent=1, n_cycles=1))


@pytest.mark.parametrize("model", [LOOPED, PLAIN], ids=["looped", "trm"])
@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("batch_size", [7, 1024])
def test_each_board_stops_when_its_answer_has_not_changed_for_so_long(model, patience, batch_size):
    answers = answers_by_k(model, BOARDS, K)
    found = answers_at_rest(model, BOARDS, K, patience, batch_size)
    for i in range(len(BOARDS)):
        same = [
            k for k in range(patience, K) if (answers[k - patience : k, i] == answers[k, i]).all()
        ]
        expected = same[0] + 1 if same else K
        assert found.steps[i] == expected
        np.testing.assert_array_equal(found.answers[i], answers[expected - 1, i])
    assert found.steps.min() > patience


@pytest.mark.parametrize("kind", [HaltingTRM, Looped])
def test_boards_that_are_done_are_thought_about_no_more(kind, monkeypatch):
    model = (halting_model() if kind is HaltingTRM else LOOPED).train()
    thought_about, forward = [], kind.forward
    threshold = float(np.quantile(halt_logits_by_k(halting_model(), BOARDS, 6), 0.7))

    def watched(self, carry, inputs, *rest):
        thought_about.append(len(inputs))
        return forward(self, carry, inputs, *rest)

    monkeypatch.setattr(kind, "forward", watched)
    if kind is HaltingTRM:
        found = answers_with_halting(model, BOARDS, K, threshold)
    else:
        found = answers_at_rest(model, BOARDS, K, 2)
    assert sum(thought_about) == found.steps.sum() < K * len(BOARDS)
    assert model.training  # the mode it was in


def test_calibration_is_counting():
    # stated 0.1 four times, right once; stated 0.8 twice, right twice
    logits = [math.log(0.1 / 0.9)] * 4 + [math.log(0.8 / 0.2)] * 2
    right = [True, False, False, False, True, True]
    found = calibration(logits, right)
    assert found.confidence == pytest.approx([0.1, 0.8])
    assert found.share_right == pytest.approx([0.25, 1.0])
    assert found.count.tolist() == [4, 2]
    assert found.error == pytest.approx((4 * 0.15 + 2 * 0.2) / 6)
    certain = calibration([800.0, -800.0], [True, False])  # which falls into the last bin
    assert (certain.confidence.tolist(), certain.error) == ([0.0, 1.0], 0)


def test_a_head_that_tells_the_truth_is_calibrated():
    rng = np.random.default_rng(0)
    stated = rng.random(200_000)
    right = rng.random(200_000) < stated
    assert calibration(np.log(stated / (1 - stated)), right).error < 0.01
    assert calibration(np.log(stated / (1 - stated)), ~right).error > 0.4
