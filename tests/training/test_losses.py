"""Cross-entropy, stablemax and the halting loss against their definitions."""

import math

import pytest
import torch

from trm_lib.models import HaltingOutput
from trm_lib.training import IGNORE, act_loss, answer_loss, exactly_right, stablemax_loss
from trm_lib.training.losses import log_stablemax


def s(v):
    return v + 1 if v >= 0 else 1 / (1 - v)


def test_stablemax_is_its_definition():
    logits = torch.tensor([[0.0, 2.0, -3.0], [-1.0, -1.0, 5.0]])
    for row, log_p in zip(logits.tolist(), log_stablemax(logits).tolist(), strict=True):
        total = sum(s(v) for v in row)
        assert log_p == pytest.approx([math.log(s(v) / total) for v in row], abs=1e-12)


def test_stablemax_keeps_gradients_where_softmax_has_lost_them():
    logits = torch.tensor([40.0, 0.0], requires_grad=True)
    (of_stablemax,) = torch.autograd.grad(-log_stablemax(logits)[0], logits)
    (of_softmax,) = torch.autograd.grad(-logits.log_softmax(-1)[0], logits)
    assert of_stablemax.abs().min() > 1e-4
    assert of_softmax.abs().max() < 1e-15


def test_stablemax_gradient_is_right_on_both_branches_and_finite_between():
    logits = torch.tensor([[1.5, -0.5, 1e4], [-1e4, 1.0, 0.0]], dtype=torch.float64)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(log_stablemax, logits[:, :2].detach().requires_grad_())
    log_stablemax(logits).sum().backward()
    assert torch.isfinite(logits.grad).all()


def board():
    """Two boards of three cells, three tokens; one cell of the first is not asked for."""
    logits = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0))
    return logits, torch.tensor([[2, IGNORE, 0], [1, 1, 2]])


def test_the_answer_costs_the_mean_over_labelled_cells():
    """Cross-entropy over all cells of the batch, stablemax board by board."""
    logits, labels = board()
    log_p = logits.log_softmax(-1)
    expected = -(log_p[0, 0, 2] + log_p[0, 2, 0] + log_p[1, [0, 1, 2], [1, 1, 2]].sum()) / 5
    torch.testing.assert_close(answer_loss(logits, labels), expected)
    log_p = log_stablemax(logits)
    expected = [
        -(log_p[0, 0, 2] + log_p[0, 2, 0]) / 2,
        -(log_p[1, 0, 1] + log_p[1, 1, 1] + log_p[1, 2, 2]) / 3,
    ]
    torch.testing.assert_close(stablemax_loss(logits, labels), torch.stack(expected))
    labels[0] = IGNORE  # a board without labels costs nothing and counts as right
    assert stablemax_loss(logits, labels)[0] == 0
    assert exactly_right(logits, labels)[0]


def test_right_means_every_labelled_cell():
    logits, _ = board()
    answer = logits.argmax(-1)
    assert exactly_right(logits, answer).tolist() == [True, True]
    answer[1, 2] = (answer[1, 2] + 1) % 3
    assert exactly_right(logits, answer).tolist() == [True, False]
    answer[1, 2] = IGNORE
    assert exactly_right(logits, answer).tolist() == [True, True]


def test_a_guess_of_going_on_costs_as_much_as_one_of_halting():
    logits, labels = torch.zeros(2, 3, 4), torch.ones(2, 3, dtype=torch.int64)
    halt, go_on = torch.tensor([0.5, -1.0]), torch.tensor([1.5, 0.25])
    target = torch.tensor([0.2, 0.9])
    without = act_loss(HaltingOutput(logits, halt), labels)
    whole = act_loss(HaltingOutput(logits, halt, go_on, target), labels)
    p = go_on.sigmoid()
    by_hand = -(target * p.log() + (1 - target) * (1 - p).log()).sum()
    torch.testing.assert_close((whole - without).float(), 0.5 * by_hand / 2)
