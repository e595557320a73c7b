"""Adaptive computation time: who stays, who leaves, and who is made to stay."""

import pytest
import torch

from trm_lib.models import TRM, Carry, HaltingTRM, TRMConfig

SMALL = {"vocab_size": 5, "grid": (2, 2), "width": 8, "n_layers": 1, "n_latent": 1, "n_cycles": 1}


def sure(logit, **changes):
    """A model whose halt logit is always this."""
    model = HaltingTRM(
        TRMConfig(**SMALL, halting=True, **changes), torch.Generator().manual_seed(0)
    )
    torch.nn.init.constant_(model.halt_head.bias, logit)
    return model


def boards(count, seed=0):
    return torch.randint(0, 5, (count, 2, 2), generator=torch.Generator().manual_seed(seed))


def stays(model, count, steps, seed=0):
    """carry.steps after every call: (steps, count)."""
    generator = torch.Generator().manual_seed(seed)
    carry, seen = model.train().initial_carry(boards(count)), []
    with torch.no_grad():
        for _ in range(steps):
            carry, _ = model(carry, boards(count), generator=generator)
            seen.append(carry.steps)
    return torch.stack(seen)


def test_nobody_is_sure_at_first():
    model = HaltingTRM(TRMConfig(**SMALL, halting=True))
    carry, out = model(model.initial_carry(boards(7)), boards(7))
    assert out.halt_logit.tolist() == [-5.0] * 7
    assert not carry.halted.any()


def test_the_unsure_stay_to_the_end_and_the_sure_leave_at_once():
    assert stays(sure(-1.0, n_sup=3), 2, 7).tolist() == [[k % 3 + 1] * 2 for k in range(7)]
    assert stays(sure(+1.0, n_sup=3, explore=0.0), 2, 4).tolist() == [[1, 1]] * 4
    assert stays(sure(+1.0, n_sup=1), 2, 4).tolist() == [[1, 1]] * 4


def test_exploration_keeps_as_many_as_it_should():
    """Always sure, always explored: a board leaves at step k with chance P(U{2..n} <= k)."""
    n_sup, count = 5, 20_000
    first = stays(sure(+1.0, n_sup=n_sup, explore=1.0), count, n_sup)  # (n_sup, count)
    alive = 1.0
    for k in range(1, n_sup):
        leaves = alive * (k - 1) / (n_sup - 1)
        alive -= leaves
        share = (first[: k + 1].amax(0) == k + 1).float().mean().item()  # still there at k + 1
        assert share == pytest.approx(alive, abs=4 * (0.25 / count) ** 0.5), k


def test_rarely_explored_boards_mostly_leave_at_once():
    share = (stays(sure(+1.0, explore=0.1), 20_000, 2)[1] == 1).float().mean().item()
    assert share == pytest.approx(0.9, abs=0.01)


def test_the_generator_decides_who_explores():
    model = sure(+1.0, explore=0.5)
    assert torch.equal(stays(model, 50, 6, seed=1), stays(model, 50, 6, seed=1))
    assert not torch.equal(stays(model, 50, 6, seed=1), stays(model, 50, 6, seed=2))


def test_in_evaluation_mode_nobody_leaves_and_k_is_free():
    model = sure(+1.0, n_sup=2).eval()
    carry, answers = model.initial_carry(boards(3)), []
    for _ in range(6):
        carry, out = model(carry, boards(3))
        answers.append(out.logits)
    assert carry.steps.tolist() == [6, 6, 6]
    plain = TRM(TRMConfig(**SMALL))
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if "halt" not in k})
    carry = plain.initial_carry(boards(3))
    for answer in answers:
        carry, out = plain(carry, boards(3))
        assert torch.equal(out.logits, answer)


def test_rows_of_a_carry_are_whole():
    model = sure(-1.0)
    carry, _ = model(model.initial_carry(boards(4)), boards(4))
    chosen = torch.tensor([True, False, True, False])
    part = carry.rows(chosen)
    assert torch.equal(part.inputs, boards(4)[chosen])
    assert len(part.y) == len(part.z) == len(part.steps) == len(part.halted) == 2


@pytest.mark.parametrize(
    ("inputs", "puzzle", "message"),
    [
        (boards(3)[:, :1, :1], None, r"expected (torch.int64|boards) of shape .*2, 2\)"),
        (
            boards(2),
            None,
            r"expected (torch.int64 of shape \(3, 2, 2\)|states of shapes)",
        ),
        (boards(3).int(), None, "expected (torch.)?int64"),
        (boards(3) + 5, None, "tokens from 0 to 4"),
        (boards(3), torch.tensor([1]), r"shape \(3,\).* got torch.int64 of shape \(1,\)"),
        (boards(3), torch.tensor([True, False, True]), "got torch.bool"),
        (boards(3), torch.tensor([0, 1, 2]), "puzzle expected numbers from 0 to 1, got 0 to 2"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_wrong_boards_are_refused_before_they_take_a_seat(inputs, puzzle, message, training):
    model = sure(-1.0, puzzle_tokens=1, n_puzzles=2).train(training)
    with pytest.raises(ValueError, match=message):
        model(model.initial_carry(boards(3)), inputs, puzzle)


def test_a_carry_without_seats_is_refused():
    model = sure(-1.0)
    start = model.initial_carry(boards(3))
    with pytest.raises(ValueError, match="expected a HaltingCarry, got Carry"):
        model(Carry(start.y, start.z), boards(3))


def guessing(halt, go_on, **changes):
    """A model whose guesses of what halting and going on are worth are always these."""
    model = sure(halt, continuing=True, explore=0.0, **changes)
    with torch.no_grad():
        model.halt_head.bias[1] = go_on
    return model


def test_a_board_leaves_when_halting_is_worth_more_than_going_on():
    assert stays(guessing(-1.0, -2.0, n_sup=3), 2, 4).tolist() == [[1, 1]] * 4
    assert stays(guessing(+1.0, +2.0, n_sup=3), 2, 4).tolist() == [
        [k % 3 + 1] * 2 for k in range(4)
    ]


def test_going_on_is_worth_the_better_of_both_one_step_later_and_at_the_end_only_halting():
    model = guessing(0.0, 0.0, n_sup=2).train()
    torch.nn.init.normal_(model.halt_head.weight, generator=torch.Generator().manual_seed(1))
    torch.nn.init.constant_(model.halt_head.bias, 0.0)
    torch.nn.init.constant_(model.halt_head.bias[:1], -9.0)  # so that nobody halts at once
    inputs = boards(6)
    carry, first = model(model.initial_carry(inputs), inputs)
    assert not carry.halted.any()
    ahead = model.eval()(carry, inputs)[1]
    better = torch.maximum(ahead.halt_logit, ahead.go_on_logit).sigmoid()
    torch.testing.assert_close(first.go_on_target, better)
    assert not first.go_on_target.requires_grad
    assert ahead.go_on_target is None
    last, second = model.train()(carry, inputs)
    later = model.eval()(last, inputs)[1]
    torch.testing.assert_close(second.go_on_target, later.halt_logit.sigmoid())


def test_going_on_without_halting_is_refused():
    with pytest.raises(ValueError, match="continuing expected halting=True"):
        TRMConfig(**SMALL, continuing=True)
