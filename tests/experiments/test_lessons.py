"""Chapter 08's lessons: what each judges after every step, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from book.recipes.thinking_longer import (
    CLOSED,
    LATEST,
    LOOP,
    TRAINING,
    filled,
    five,
    late,
    mazes_of,
    mixed_sizes,
    noisy_start,
    random_start,
    round_by_round,
)
from trm_lib.models import build_model
from trm_lib.puzzles import maze_labels, read_maze_tokens
from trm_lib.training import IGNORE, TrainingRun, answer_loss

BRIEF = replace(TRAINING, n_batches=2, batch_size=8, n_sup=5, due=3)
DATA = mazes_of(5, 40, 9)


def taught(lesson, data=DATA, **changes):
    """The run, the losses of its first batch, and a batch just like it; the weights stay."""
    run, losses = TrainingRun(build_model(LOOP, 0), data, replace(BRIEF, **changes)), []
    run.learn = losses.append
    lesson(run)
    return run, losses, TrainingRun(run.model, data, run.config).next_batch()


def answers(run, inputs, count):
    """Logits after 1, 2, ... steps."""
    carry = run.model.initial_carry(inputs)
    for _ in range(count):
        carry, out = run.model(carry, inputs)
        yield out.logits


def judged_late(run, labels, first, logits):
    must_stay = labels.masked_fill(labels == 0, IGNORE)
    due = run.config.due
    steps = enumerate(logits, 1)
    return [answer_loss(said, labels if k >= due else must_stay) for k, said in steps][first:]


@pytest.mark.parametrize(("silent", "due"), [(0, 3), (2, 1), (2, 5)])
def test_silent_steps_teach_nothing_and_before_an_answer_is_due_only_what_must_stay_is_judged(
    silent, due
):
    run, losses, (inputs, labels) = taught(late, silent_steps=silent, due=due)
    logits = [*answers(run, inputs, silent + 5)][silent:]
    torch.testing.assert_close(losses, judged_late(run, labels, 0, logits))


def test_a_random_start_is_somewhere_in_the_thought_and_shifts_what_is_due():
    starts = set()
    for seed in range(6):
        run, losses, (inputs, labels) = taught(random_start, seed=seed)
        silent = int(torch.randint(LATEST + 1, (), generator=torch.Generator().manual_seed(seed)))
        starts.add(silent)
        expected = judged_late(run, labels, silent, answers(run, inputs, silent + 5))
        torch.testing.assert_close(losses, expected)
    assert len(starts) > 3
    assert max(starts) <= LATEST


def test_round_by_round_judges_what_is_left_after_as_many_rounds():
    run, losses, (inputs, rounds) = taught(round_by_round, filled())
    expected = []
    for step, logits in enumerate(answers(run, inputs, 5), 1):
        left = torch.ones_like(rounds)
        left[(rounds > 0) & (rounds <= step)] = 0
        expected.append(answer_loss(logits, left))
    assert (rounds > 5).sum() > 0
    torch.testing.assert_close(losses, expected)
    np.testing.assert_array_equal(filled().labels == 0, five().labels == 1)
    assert filled().labels.max() <= TRAINING.n_sup  # the last answer judges the path itself


def test_a_noisy_start_is_the_seeds_and_not_the_models_own():
    first = [taught(noisy_start, seed=seed)[1][0].item() for seed in (0, 0, 1)]
    assert first[0] == first[1] != first[2]
    assert abs(first[0] - taught(late)[1][0].item()) > 1e-3


def test_smaller_mazes_lie_anywhere_among_closed_cells_and_keep_their_answers():
    some = mixed_sizes()
    closed = (some.inputs == CLOSED).sum((1, 2))
    counts = dict(zip(*np.unique(closed, return_counts=True), strict=True))
    assert counts == dict.fromkeys((0, 25 - 16, 25 - 9), len(five()) // 3)
    few = some[:: len(some) // 300]
    np.testing.assert_array_equal(maze_labels(read_maze_tokens(few.inputs)), few.labels)
    smallest = some.inputs[closed == 25 - 9] != CLOSED
    assert len(np.unique(smallest, axis=0)) == 9  # places


def test_an_answer_that_is_due_too_late_is_refused():
    with pytest.raises(ValueError, match="due expected a step from 1 to n_sup = 5, got 6"):
        replace(BRIEF, due=6)
