"""An answer at rest is the one that no longer changes, and rest saves real steps."""

import numpy as np
import pytest
import torch

from trm_lib.evaluation import answers_at_rest, answers_by_k
from trm_lib.models import TRM, Looped, LoopedConfig, TRMConfig

SIZES = {"vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1, "mixing": "conv"}
BOARDS = np.random.default_rng(0).integers(0, 5, (50, 4, 4))
K = 12


def models():
    generator = torch.Generator().manual_seed(0)
    return [
        Looped(LoopedConfig(**SIZES, n_calls=1), generator),
        TRM(TRMConfig(**SIZES, n_latent=1, n_cycles=1), generator),
    ]


@pytest.mark.parametrize("model", models(), ids=["looped", "trm"])
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
        assert found.at_rest[i] == (expected < K)
        np.testing.assert_array_equal(found.answers[i], answers[expected - 1, i])
    assert found.steps.min() > patience


def test_boards_at_rest_are_thought_about_no_more():
    thought_about = []

    class Watched(Looped):
        def forward(self, carry, inputs, *rest):
            thought_about.append(len(inputs))
            return super().forward(carry, inputs, *rest)

    watched = Watched(LoopedConfig(**SIZES, n_calls=1), torch.Generator().manual_seed(0)).train()
    found = answers_at_rest(watched, BOARDS, K, 2)
    assert sum(thought_about) == found.steps.sum() < K * len(BOARDS)
    assert watched.training


@pytest.mark.parametrize("changes", [{"k_steps": 0}, {"patience": 0}, {"batch_size": 1.5}])
def test_numbers_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        answers_at_rest(models()[0], BOARDS, **{"k_steps": 3} | changes)
