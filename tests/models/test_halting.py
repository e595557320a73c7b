"""Adaptive computation time: who stays, who leaves, and who is made to stay."""

import pytest
import torch

from tests.models import small
from tests.models.small import boards, seeded, think
from trm_lib.models import TRM, Carry, HaltingTRM, TRMConfig

SMALL = small.SMALL | {"grid": (2, 2), "width": 8, "n_latent": 1, "n_cycles": 1}


def board(count):
    return boards(count, (2, 2))


def sure(logit, go_on=None, **changes):
    """A model whose halt logit, and guess of what going on is worth, are always these."""
    model = HaltingTRM(TRMConfig(**SMALL, halting=True, continuing=go_on is not None, **changes))
    with torch.no_grad():
        model.halt_head.bias.fill_(logit)
        if go_on is not None:
            model.halt_head.bias[1] = go_on
    return model


def stays(model, count, steps, seed=0):
    """carry.steps after every call: (steps, count)."""
    carry, seen, generator = model.train().initial_carry(board(count)), [], seeded(seed)
    with torch.no_grad():
        for _ in range(steps):
            carry, _ = model(carry, board(count), generator=generator)
            seen.append(carry.steps)
    return torch.stack(seen)


def test_nobody_is_sure_at_first():
    model = HaltingTRM(TRMConfig(**SMALL, halting=True))
    carry, out = model(model.initial_carry(board(7)), board(7))
    assert out.halt_logit.tolist() == [-5.0] * 7
    assert not carry.halted.any()


@pytest.mark.parametrize(
    ("logits", "n_sup", "explore", "expected"),
    [
        ([-1.0], 3, 1.0, [1, 2, 3, 1, 2, 3, 1]),  # the unsure stay to the end
        ([+1.0], 3, 0.0, [1] * 7),  # the sure leave at once
        ([+1.0], 1, 1.0, [1] * 7),
        ([-1.0, -2.0], 3, 0.0, [1] * 7),  # halting is worth more than going on
        ([+1.0, +2.0], 3, 0.0, [1, 2, 3, 1, 2, 3, 1]),
    ],
)
def test_the_unsure_stay_to_the_end_and_the_sure_leave_at_once(logits, n_sup, explore, expected):
    model = sure(*logits, n_sup=n_sup, explore=explore)
    assert stays(model, 2, 7).tolist() == [[step] * 2 for step in expected]


def test_exploration_keeps_as_many_as_it_should_and_the_generator_decides_whom():
    """Always sure, always explored: a board leaves at step k with chance P(U{2..n} <= k)."""
    n_sup, count = 5, 20_000
    first = stays(sure(+1.0, n_sup=n_sup, explore=1.0), count, n_sup)  # (n_sup, count)
    alive = 1.0
    for k in range(1, n_sup):
        leaves = alive * (k - 1) / (n_sup - 1)
        alive -= leaves
        share = (first[: k + 1].amax(0) == k + 1).float().mean().item()  # still there at k + 1
        assert share == pytest.approx(alive, abs=4 * (0.25 / count) ** 0.5), k
    share = (stays(sure(+1.0, explore=0.1), count, 2)[1] == 1).float().mean().item()
    assert share == pytest.approx(0.9, abs=0.01)
    one, again, other = (stays(sure(+1.0, explore=0.5), 50, 6, seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_in_evaluation_mode_nobody_leaves_and_k_is_free():
    model = sure(+1.0, n_sup=2).eval()
    carry = model.initial_carry(board(3))
    for _ in range(6):
        carry, out = model(carry, board(3))
    assert carry.steps.tolist() == [6, 6, 6]
    plain = TRM(TRMConfig(**SMALL))
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if "halt" not in k})
    answers = think(model, board(3), 6)
    for ours, theirs in zip(answers, think(plain, board(3), 6), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(answers[-1], out.logits)


def test_going_on_is_worth_the_better_of_both_one_step_later_and_at_the_end_only_halting():
    model = sure(-9.0, 0.0, n_sup=2, explore=0.0).train()  # so that nobody halts at once
    torch.nn.init.normal_(model.halt_head.weight, generator=seeded(1))
    carry, first = model(model.initial_carry(board(6)), board(6))
    assert not carry.halted.any()
    ahead = model.eval()(carry, board(6))[1]
    better = torch.maximum(ahead.halt_logit, ahead.go_on_logit).sigmoid()
    torch.testing.assert_close(first.go_on_target, better)
    assert not first.go_on_target.requires_grad
    assert ahead.go_on_target is None
    last, second = model.train()(carry, board(6))
    later = model.eval()(last, board(6))[1]
    torch.testing.assert_close(second.go_on_target, later.halt_logit.sigmoid())


@pytest.mark.parametrize(
    ("inputs", "puzzle", "message"),
    [
        (board(3)[:, :1, :1], None, r"expected (torch.int64|boards) of shape .*2, 2\)"),
        (board(2), None, r"expected (torch.int64 of shape \(3, 2, 2\)|HaltingCarry\()"),
        (board(3) + 5, None, "tokens from 0 to 4"),
        (board(3), torch.tensor([1]), r"shape \(3,\).* got torch.int64 of shape \(1,\)"),
        (board(3), torch.tensor([True, False, True]), "got torch.bool"),
        (board(3), torch.tensor([0, 1, 2]), "puzzle expected numbers from 0 to 1, got 0 to 2"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_wrong_boards_are_refused_before_they_take_a_seat(inputs, puzzle, message, training):
    model = sure(-1.0, puzzle_tokens=1, n_puzzles=2).train(training)
    start = model.initial_carry(board(3))
    with pytest.raises(ValueError, match=message):
        model(start, inputs, puzzle)
    with pytest.raises(ValueError, match=r"expected HaltingCarry\(.* got Carry\("):
        model(Carry(start.y, start.z), board(3))
