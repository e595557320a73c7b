"""Stopping early stops where the halt head says so, saves real steps, and is judged by counting."""

import math

import numpy as np
import pytest
import torch

from trm_lib.evaluation import (
    answers_by_k,
    answers_with_halting,
    calibration,
    halt_logits_by_k,
)
from trm_lib.models import TRM, HaltingTRM, TRMConfig, build_model


def new_model(**changes):
    sizes = {"vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1, "halting": True}
    trm = build_model(TRMConfig(**sizes | changes))
    torch.nn.init.normal_(trm.halt_head.weight, generator=torch.Generator().manual_seed(1))
    torch.nn.init.constant_(trm.halt_head.bias, -4.0)
    return trm


BOARDS = np.random.default_rng(0).integers(0, 5, (50, 4, 4))


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv"])
@pytest.mark.parametrize("batch_size", [7, 1024])
def test_each_board_stops_at_its_first_sure_step(mixing, batch_size):
    model = new_model(mixing=mixing)
    answers, logits = answers_by_k(model, BOARDS, 6), halt_logits_by_k(model, BOARDS, 6)
    threshold = float(np.quantile(logits, 0.7))
    halted = answers_with_halting(model, BOARDS, 6, threshold, batch_size)
    for i in range(len(BOARDS)):
        sure = np.flatnonzero(logits[:, i] > threshold)
        k = sure[0] if len(sure) else 5
        assert halted.steps[i] == k + 1
        assert halted.halt_logit[i] == pytest.approx(logits[k, i], abs=1e-4)
        np.testing.assert_array_equal(halted.answers[i], answers[k, i])
    assert len(np.unique(halted.steps)) > 2


def test_boards_that_are_done_are_thought_about_no_more():
    thought_about = []

    class Watched(HaltingTRM):
        def forward(self, carry, inputs, *rest):
            thought_about.append(len(inputs))
            return super().forward(carry, inputs, *rest)

    model = new_model()
    watched = Watched(model.config)
    watched.load_state_dict(model.state_dict())
    threshold = float(np.quantile(halt_logits_by_k(model, BOARDS, 6), 0.7))
    halted = answers_with_halting(watched, BOARDS, 6, threshold)
    assert sum(thought_about) == halted.steps.sum() < 6 * len(BOARDS)


def test_thresholds_at_the_ends_stop_at_once_or_never():
    model = new_model()
    assert (answers_with_halting(model, BOARDS, 4, -1e9).steps == 1).all()
    assert (answers_with_halting(model, BOARDS, 4, 1e9).steps == 4).all()
    assert len(answers_with_halting(model, BOARDS[:0]).steps) == 0


def test_the_model_is_left_in_the_mode_it_was_in():
    model = new_model().train()
    answers_with_halting(model, BOARDS, 2)
    assert model.training


def test_puzzle_tokens_travel_with_their_boards():
    model = new_model(puzzle_tokens=2, n_puzzles=3)
    logits = halt_logits_by_k(model, BOARDS, 3)
    halted = answers_with_halting(model, BOARDS, 3, float(np.median(logits)))
    assert set(halted.steps) > {1}


def test_calibration_is_counting():
    # stated 0.1 four times, right once; stated 0.8 twice, right twice
    logits = [math.log(0.1 / 0.9)] * 4 + [math.log(0.8 / 0.2)] * 2
    right = [True, False, False, False, True, True]
    found = calibration(logits, right, n_bins=5)
    assert found.confidence == pytest.approx([0.1, 0.8])
    assert found.share_right == pytest.approx([0.25, 1.0])
    assert found.count.tolist() == [4, 2]
    assert found.error == pytest.approx((4 * 0.15 + 2 * 0.2) / 6)


def test_a_head_that_tells_the_truth_is_calibrated():
    rng = np.random.default_rng(0)
    stated = rng.random(200_000)
    right = rng.random(200_000) < stated
    assert calibration(np.log(stated / (1 - stated)), right).error < 0.01
    assert calibration(np.log(stated / (1 - stated)), ~right).error > 0.4


def test_certainty_falls_into_the_last_bin():
    found = calibration([800.0, -800.0], [True, False])
    assert found.confidence.tolist() == [0.0, 1.0]
    assert found.error == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: answers_with_halting(new_model(), BOARDS, 0),
            r"k_steps \(K\) expected a whole number",
        ),
        (lambda: answers_with_halting(new_model(), BOARDS / 2), "an array of integers"),
        (lambda: answers_with_halting(new_model(), BOARDS, 2, "no"), "threshold expected a number"),
        (lambda: calibration([0.0], [True, False]), r"got \(1,\) and \(2,\)"),
        (lambda: calibration([], []), "N >= 1"),
        (lambda: calibration([0.0], ["False"]), "right expected an array of bool"),
        (lambda: calibration([float("nan")], [True]), "halt_logit expected finite numbers"),
    ],
)
def test_wrong_arguments_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_models_that_cannot_halt_are_refused():
    plain = TRM(TRMConfig(vocab_size=5, grid=(4, 4), width=16))
    for ask in (answers_with_halting, halt_logits_by_k):
        with pytest.raises(ValueError, match="expected a TRM with halting, got a TRM without"):
            ask(plain, BOARDS, 2)
