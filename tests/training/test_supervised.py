"""The training loop: it learns, it repeats itself from a seed, and it stops before harm."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from trm_lib.evaluation import exact_by_k
from trm_lib.models import TRM, BoardConfig, FeedForward, StepOutput, TRMConfig, build_model
from trm_lib.training import PuzzleData, SupervisedConfig, fit
from trm_lib.training.supervised import OPTIMIZERS

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
    assert exact_by_k(model, data, k_steps=2).max() < 0.1
    history = fit(model, data, QUICK, evaluate=lambda m: exact_by_k(m, data, k_steps=2))
    assert exact_by_k(model, data, k_steps=2)[-1] == 1.0
    assert history.eval_success[-1] == list(exact_by_k(model, data, k_steps=2))
    assert len(history.loss) == 100
    assert history.eval_steps == [50, 100]
    feed_forward = FeedForward(BoardConfig(**BOARD))  # the same loop trains it
    fit(feed_forward, data, QUICK)
    assert exact_by_k(feed_forward, data, k_steps=1)[0] == 1.0
    lonely = new_model(mixing="none")  # cells that never meet can but guess the corner
    fit(lonely, data, QUICK)
    assert exact_by_k(lonely, data, k_steps=2).max() < 0.2


class Watched(TRM):
    """Keeps its weights and its carry at every step."""

    def forward(self, carry, inputs):
        vars(self).setdefault("seen", []).append((weights(self), carry.y.clone()))
        return super().forward(carry, inputs)


def test_the_returned_weights_are_the_moving_average():
    """Against the definition: replay the run, averaging by hand after every optimizer step."""
    config = SupervisedConfig(n_batches=3, n_sup=2, ema_decay=0.9, warmup=0, decay=0.0)
    model, last = Watched(NET, torch.Generator().manual_seed(0)), new_model()
    fit(model, opposite_corner(), config)
    fit(last, opposite_corner(), replace(config, ema_decay=0.0))
    average, *steps = [seen for seen, _ in model.seen[1:]] + [weights(last)]  # after steps 1 to 6
    for current in steps:
        average = 0.9 * average + 0.1 * current
    torch.testing.assert_close(weights(model), average)


@pytest.mark.parametrize("carry", [True, False])
def test_carry_off_restarts_every_improvement_step(carry):
    model = Watched(NET)
    fit(model, opposite_corner(), SupervisedConfig(n_batches=1, n_sup=3, carry=carry))
    one, two, three = (seen for _, seen in model.seen)
    assert [torch.equal(one, two), torch.equal(two, three)] == [not carry] * 2


def test_learning_rate_rises_stays_and_falls(monkeypatch):
    rates = []
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self: rates.append(self.param_groups[0]["lr"])
    )
    config = SupervisedConfig(n_batches=50, n_sup=2, lr=0.5, warmup=10, decay=0.2)
    fit(new_model(), opposite_corner(), config, progress=False)
    factors = [2 * rate for rate in rates]
    assert factors[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert factors[10:80] == [1.0] * 70
    assert factors[80:] == pytest.approx([(100 - s) / 20 for s in range(80, 100)])


class RootAtZero(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(4, 4))

    def initial_carry(self, inputs):
        return None

    def forward(self, carry, inputs):
        return None, StepOutput(self.w.abs().sqrt()[inputs])


def test_a_non_finite_loss_or_gradient_stops_before_the_weights_change():
    overflowing = new_model()
    with torch.no_grad():
        overflowing.head.weight.fill_(float("inf"))
    for model, message in (
        (overflowing, "became nan, .* so the optimizer step was not taken"),
        (RootAtZero(), "its gradient non-finite in w, so"),  # of a finite loss
    ):
        before = weights(model)
        with pytest.raises(FloatingPointError, match=message):
            fit(model, opposite_corner(), QUICK)
        assert torch.equal(weights(model).nan_to_num(), before.nan_to_num())


def test_data_that_the_model_cannot_read_is_found_before_training():
    model, data = new_model(), opposite_corner()
    before = weights(model)
    labels = data.labels.copy()
    labels[70, 1, 1] = 4
    with pytest.raises(ValueError, match="labels expected tokens from 0 to 3.*got 1 to 4"):
        fit(model, PuzzleData(data.inputs, labels), QUICK)
    assert torch.equal(weights(model), before)
    with pytest.raises(ValueError, match="expected n_puzzles=1, got 3"):
        fit(new_model(puzzle_tokens=1, n_puzzles=3), data, QUICK)


def test_muon_moves_a_matrix_as_far_in_every_direction_and_refuses_what_is_none():
    matrix = torch.nn.Parameter(torch.zeros(4, 6))
    muon = partial(OPTIMIZERS["muon"], lr=0.1, weight_decay=0.0)
    optimizer = muon([matrix])
    slope = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    (matrix * slope).sum().backward()
    optimizer.step()
    moved = torch.linalg.svdvals(matrix.detach()) / (0.1 * 0.2 * 6**0.5)
    assert ((moved > 0.6) & (moved < 1.3)).all()  # five rounds of Newton and Schulz come so near
    assert (matrix.detach() * slope).sum() < 0
    with pytest.raises(ValueError, match="2D"):
        muon([torch.nn.Parameter(torch.zeros(4))])
