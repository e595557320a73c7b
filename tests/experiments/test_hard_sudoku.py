"""The lesson of hard Sudokus: which board leaves when, its puzzles, and later starts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from book.recipes import hard_sudoku as recipe
from book.recipes.hard_sudoku import CANDIDATES, TRAINING, Thoughts, first_right
from book.recipes.sudoku9 import PARTS, SIZES, of_size, one_part, part, questions
from trm_lib import puzzles
from trm_lib.models import build_model
from trm_lib.training import PuzzleData, TrainingRun, fit

BRIEF = replace(TRAINING, n_batches=4, batch_size=4, eval_every=4, fast=False, warmup=0, decay=0.0)
SMALL = replace(CANDIDATES.model, width=8)
MODELS = {r.name.split("/")[1]: r.task.model for r in recipe.RECIPES}


def few(count=12):
    boards = puzzles.generate_sudoku(4, count, np.random.default_rng(0))
    return PuzzleData(*boards)


def test_no_class_of_puzzles_is_in_two_parts_and_the_file_is_what_is_generated():
    keys = {
        name: {key for kind in kinds for key in puzzles.class_key(questions(name, kind)).tolist()}
        for name, kinds in PARTS.items()
    }
    assert not keys["test"] & (keys["training"] | keys["validation"])
    assert not keys["validation"] & keys["training"]
    np.testing.assert_array_equal(
        one_part("minimal", 0).reshape(-1, 9, 9), questions("validation", "minimal")
    )
    rated = puzzles.mean_backtracks(questions("training", "guesses")[:60], np.random.default_rng(0))
    assert np.median(rated) >= 5
    hard = part("validation", "hard")[:20]
    assert puzzles.is_solution(hard.inputs, hard.labels).all()


@pytest.mark.parametrize("patience", [1, 3])
def test_a_board_leaves_when_it_is_right_or_its_time_is_over(patience):
    lesson, data = Thoughts(patience, start=0.0, noise=0.0), few()
    run = TrainingRun(build_model(SMALL, 0), data, BRIEF, lesson=lesson)
    lesson(run)
    before = lesson.kept
    assert (before["age"] == 1).all()
    assert before["over"].all() == (patience == 1)
    before["over"][0] = True  # as if it had been right
    lesson(run)
    ages = lesson.kept["age"].tolist()
    assert ages == [1] + [1 if patience == 1 else 2] * 3
    assert not torch.equal(lesson.kept["inputs"][0], before["inputs"][0])


def test_states_start_at_random_only_where_asked_and_noise_is_added():
    told = {}
    for start, noise in ((0.0, 0.0), (1.0, 0.0), (0.0, 0.1)):
        lesson = Thoughts(3, start, noise)
        run = TrainingRun(build_model(SMALL, 0), few(), BRIEF, lesson=lesson)
        lesson(run)
        told[start, noise] = lesson.kept["h"]
    assert not torch.equal(told[0.0, 0.0], told[1.0, 0.0])
    assert 0 < (told[0.0, 0.0] - told[0.0, 0.1]).abs().mean() < 0.5


def started(**changes):
    lesson = Thoughts(2, start=1.0, noise=0.0, **changes)
    return lesson, TrainingRun(build_model(SMALL, 0), few(), BRIEF, lesson=lesson)


def test_early_steps_are_neither_judged_nor_the_end(monkeypatch):
    monkeypatch.setattr(recipe, "exactly_right", lambda logits, labels: torch.ones(4).bool())
    lesson, run = started(late=1)
    assert lesson(run) == 0
    assert not lesson.kept["over"].any()
    assert lesson(run) > 0
    assert lesson.kept["over"].all()


def test_each_candidate_is_judged_alone_as_well():
    (plain, run), (both, other) = started(), started(struck=0.5)
    asked = []
    forward = other.model.forward
    other.model.forward = lambda *a: asked.append(forward(*a)) or asked[-1]
    more = both(other) - plain(run)
    logits, true = asked[0][1].logits[..., 1:], both.kept["labels"][..., None] == torch.arange(1, 5)
    each = torch.where(true, 8 * -logits.sigmoid().log(), -(-logits).sigmoid().log())
    assert more.item() == pytest.approx(0.5 * each.mean().item(), rel=1e-4)


def test_a_board_is_tried_again_from_other_states_until_its_tries_are_over():
    lesson, run = started(tries=2)
    boards, states, over = [], [], []
    forward = run.model.forward
    run.model.forward = lambda carry, x: states.append(carry.h.detach()) or forward(carry, x)
    for _ in range(4):
        lesson(run)
        boards.append(lesson.kept["inputs"])
        over.append(lesson.kept["over"].all().item())
    assert all(torch.equal(board, boards[0]) for board in boards)
    assert over == [False, False, False, True]
    again = [
        h.std(1).mean().item() for h in states
    ]  # a mean over candidates is small in draws only
    assert not torch.equal(states[0], states[2])
    assert all(0.9 < again[k] < 1.1 and abs(states[k].mean()) < 0.1 for k in (0, 2))


def test_a_board_that_is_right_stays_as_long_as_it_is_let(monkeypatch):
    rights = iter([[True] * 4, [False] * 4, [True] * 4])
    monkeypatch.setattr(recipe, "exactly_right", lambda *_: torch.tensor(next(rights)))
    lesson = Thoughts(6, start=1.0, noise=0.0, stay=2)
    run = TrainingRun(build_model(SMALL, 0), few(), BRIEF, lesson=lesson)
    over = []
    for _ in range(3):
        lesson(run)
        over.append(lesson.kept["over"].tolist())
    assert over == [[False] * 4, [False] * 4, [True] * 4]


def test_peers_hear_their_row_column_box_or_everything():
    mixing = build_model(MODELS["peers"], 0).stack.blocks[0].mixing
    h, digit = torch.randn(1, 81, 96), torch.zeros(1, 81, 96)
    with torch.no_grad():
        before = mixing(h, (9, 9))
        digit[0, 80] = 1.0
        after = mixing(h + digit, (9, 9))
    assert (before != after).any(-1).all()  # one head sees all
    assert mixing.sees.sum(-1).unique().tolist() == [9, 81]
    seen = [mixing.sees[head, 0].nonzero().flatten().tolist() for head in range(3)]
    assert seen[:2] == [list(range(9)), list(range(0, 81, 9))]
    assert seen[2] == [0, 1, 2, 9, 10, 11, 18, 19, 20]


def test_a_run_that_was_stopped_goes_on_with_its_boards(tmp_path):
    def trained(n_batches, **options):
        model, config = build_model(SMALL, 0), replace(BRIEF, n_batches=n_batches)
        fit(model, few(), config, lesson=Thoughts(3, 1.0, 0.1), progress=False, **options)
        return torch.cat([p.flatten() for p in model.parameters()])

    class Stopped(Exception):
        pass

    class Stops(Thoughts):
        __qualname__, calls = "Thoughts", 0

        def __call__(self, run):
            Stops.calls += 1
            if Stops.calls == 4:
                raise Stopped
            return super().__call__(run)

    Stops.__name__ = "Thoughts"
    whole, where = trained(6), {"checkpoint": tmp_path / "run.pt", "checkpoint_every": 2}
    with pytest.raises(Stopped):
        fit(
            build_model(SMALL, 0), few(), replace(BRIEF, n_batches=6), lesson=Stops(3, 1.0, 0.1),
            progress=False, **where,
        )  # fmt: skip
    assert torch.equal(trained(6, **where), whole)


def test_later_starts_are_other_thoughts_and_count_their_steps():
    class Lucky(torch.nn.Module):
        """Right at its third step, but only if its thought began at random."""

        def __init__(self, labels):
            super().__init__()
            self.labels, self.real = labels, build_model(SMALL, 0)

        def initial_carry(self, inputs):
            self.own = self.real.initial_carry(inputs)
            self.k = 0
            return self.own

        def forward(self, carry, inputs):
            self.k += 1
            _, out = self.real(self.own, inputs)
            if self.k == 3 and carry.h is not self.own.h:
                out.logits = torch.nn.functional.one_hot(self.labels, 5).float()
            return carry, out

    data = few(5)
    model = Lucky(torch.from_numpy(data.labels).long())
    assert first_right(model, data, 4, starts=1).tolist() == [0] * 5
    assert first_right(model, data, 4, starts=3).tolist() == [4 + 3] * 5
    assert first_right(model, data, 4, own=False).tolist() == [3] * 5


def test_other_sizes_have_the_clues_they_are_said_to_have():
    for size, _, clues in SIZES:
        data = of_size(size, 2, clues)
        assert puzzles.is_solution(data.inputs, data.labels).all()
        if clues != "minimal":
            assert ((data.inputs > 0).sum((1, 2)) == clues).all()
