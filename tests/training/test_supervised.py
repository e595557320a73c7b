"""The training loop: it learns, it repeats itself from a seed, and it stops before harm."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from trm_lib.evaluation import exact_by_k
from trm_lib.models import TRM, BoardConfig, FeedForward, StepOutput, TRMConfig, build_model
from trm_lib.training import (
    PuzzleData,
    SupervisedConfig,
    correct,
    fit,
)
from trm_lib.training.run import rate_factor

BOARD = {"vocab_size": 4, "grid": (2, 2), "width": 16, "n_layers": 1, "hidden_multiple": 1}
NET = TRMConfig(**BOARD, n_latent=1, n_cycles=1)
QUICK = SupervisedConfig(
    n_batches=100, batch_size=27, n_sup=2, warmup=5, lr=1e-2, ema_decay=0.9, eval_every=50
)


def opposite_corner() -> PuzzleData:
    """81 boards of 2 x 2 tokens 1..3; the answer of a cell is the token of the opposite corner."""
    digits = np.stack(np.meshgrid(*[[1, 2, 3]] * 4, indexing="ij"), -1).reshape(-1, 2, 2)
    return PuzzleData(digits, digits[:, ::-1, ::-1].copy())


def new_model(seed=0, **changes):
    return build_model(replace(NET, **changes), seed)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.state_dict().values()])


def test_it_learns_a_task_that_needs_other_cells():
    data, model = opposite_corner(), new_model()
    before = exact_by_k(model, data, k_steps=2)
    history = fit(model, data, QUICK, evaluate=lambda m: exact_by_k(m, data, k_steps=2))
    assert before.max() < 0.1
    assert exact_by_k(model, data, k_steps=2)[-1] == 1.0
    assert history.eval_success[-1] == list(exact_by_k(model, data, k_steps=2))
    assert len(history.loss) == 100
    assert history.eval_steps == [50, 100]


def test_without_mixing_it_cannot():
    """The control: a network whose cells never meet cannot do better than guess the corner."""
    data, model = opposite_corner(), new_model(mixing="none")
    fit(model, data, QUICK)
    assert exact_by_k(model, data, k_steps=2).max() < 0.2


def test_the_same_loop_trains_a_feed_forward_network():
    data, model = opposite_corner(), FeedForward(BoardConfig(**BOARD))
    fit(model, data, QUICK)
    assert exact_by_k(model, data, k_steps=1)[0] == 1.0


def test_a_seed_fixes_the_run_and_another_changes_it():
    def trained(seed):
        model = new_model()
        fit(model, opposite_corner(), SupervisedConfig(n_batches=5, seed=seed))
        return weights(model)

    torch.manual_seed(1)
    first = trained(0)
    torch.manual_seed(2)  # the global generator is not consulted
    assert torch.equal(first, trained(0))
    assert not torch.equal(first, trained(1))


def test_the_returned_weights_are_the_moving_average():
    """Against the definition: replay the run, averaging by hand after every optimizer step."""
    config = SupervisedConfig(n_batches=3, n_sup=2, ema_decay=0.9, warmup=0, decay=0.0)
    seen = []

    class Watched(TRM):
        def forward(self, carry, inputs):
            seen.append(weights(self))
            return super().forward(carry, inputs)

    model = Watched(NET, torch.Generator().manual_seed(0))
    fit(model, opposite_corner(), config)
    last = new_model()
    fit(last, opposite_corner(), SupervisedConfig(**{**vars(config), "ema_decay": 0.0}))
    steps = [*seen[1:], weights(last)]  # the weights after optimizer steps 1 to 6
    average = steps[0]
    for current in steps[1:]:
        average = 0.9 * average + 0.1 * current
    torch.testing.assert_close(weights(model), average)


def test_carry_off_restarts_every_improvement_step():
    carries = []

    class Watched(TRM):
        def forward(self, carry, inputs):
            carries.append(carry.y.clone())
            return super().forward(carry, inputs)

    for carry in (True, False):
        carries.clear()
        config = SupervisedConfig(n_batches=1, n_sup=3, carry=carry)
        fit(Watched(NET), opposite_corner(), config)
        assert torch.equal(carries[0], carries[1]) is not carry
        assert torch.equal(carries[1], carries[2]) is not carry


def test_learning_rate_rises_stays_and_falls():
    config = SupervisedConfig(n_batches=50, n_sup=2, warmup=10, decay=0.2)
    factors = [rate_factor(config.warmup, config.decay, step, 100) for step in range(100)]
    assert factors[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert factors[10:80] == [1.0] * 70
    assert factors[80:] == pytest.approx([(100 - s) / 20 for s in range(80, 100)])


def test_a_non_finite_loss_stops_before_the_weights_change():
    model = new_model()
    with torch.no_grad():
        model.head.weight.fill_(float("inf"))
    before = weights(model)
    with pytest.raises(FloatingPointError, match="became nan, so the optimizer step was not taken"):
        fit(model, opposite_corner(), QUICK)
    assert torch.equal(weights(model).nan_to_num(), before.nan_to_num())


def test_a_non_finite_gradient_of_a_finite_loss_stops_before_the_weights_change():
    class RootAtZero(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(4, 4))

        def initial_carry(self, inputs):
            return None

        def forward(self, carry, inputs):
            return None, StepOutput(self.w.abs().sqrt()[inputs])

    model = RootAtZero()
    with pytest.raises(FloatingPointError, match="gradient of w became non-finite, so"):
        fit(model, opposite_corner(), QUICK)
    assert torch.equal(model.w, torch.zeros(4, 4))


def test_puzzle_numbers_that_data_cannot_give_are_refused():
    with pytest.raises(ValueError, match="expected n_puzzles=1, got 3"):
        fit(new_model(puzzle_tokens=1, n_puzzles=3), opposite_corner(), QUICK)


def test_unknown_tokens_are_found_before_training():
    model, data = new_model(), opposite_corner()
    before = weights(model)
    labels = data.labels.copy()
    labels[70, 1, 1] = 4
    with pytest.raises(ValueError, match="labels expected tokens from 0 to 3.*got 1 to 4"):
        fit(model, PuzzleData(data.inputs, labels), QUICK)
    assert torch.equal(weights(model), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": "1e-3"}, "lr expected a number > 0, got '1e-3'"),
        ({"lr": float("nan")}, "lr expected a number > 0, got nan"),
        ({"carry": "no"}, "carry expected True or False, got 'no'"),
        ({"batch_size": 2.5}, "batch_size expected a whole number >= 1, got 2.5"),
        ({"ema_decay": 1.0}, r"ema_decay expected a number in \[0, 1\), got 1.0"),
        ({"decay": 1.5}, "decay expected a share from 0 to 1, got 1.5"),
        ({"optimizer": "sgd"}, "optimizer expected one of .*adamw.*, got 'sgd'"),
    ],
)
def test_wrong_settings_say_what_was_expected(changes, message):
    with pytest.raises(ValueError, match=message):
        SupervisedConfig(**changes)


def test_a_lesson_of_ones_own_is_taught_from_every_batch():
    data, model, brief = opposite_corner(), new_model(), replace(QUICK, n_batches=12)
    seen = []

    def shown_the_answer(run):
        inputs, labels = run.next_batch()
        seen.append(inputs)
        return correct(run, run.model.initial_carry(inputs), inputs, [labels] * run.config.n_sup)

    before = weights(model)
    history = fit(model, data, brief, lesson=shown_the_answer)
    other = new_model()
    fit(other, data, brief)
    assert len(seen) == len(history.loss) == brief.n_batches
    assert not torch.equal(weights(model), before)
    assert torch.equal(weights(model), weights(other))  # it does what the usual lesson does
