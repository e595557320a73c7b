"""What is taught about mazes: the data of each school, and what its lessons judge."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from book.recipes.maze_schools import (
    CLOSED,
    LATEST,
    filled,
    five,
    mazes_of,
    mixed_sizes,
    noisy_start,
    random_start,
    round_by_round,
)
from book.recipes.thinking_longer import LOOP, TRAINING, Student
from trm_lib.puzzles import maze_labels, read_maze_tokens
from trm_lib.training import IGNORE, TrainingRun, answer_loss, deep_supervision

BRIEF = replace(TRAINING, n_batches=2, batch_size=8, n_sup=5, due=3)


def lesson_of(lesson, data, **changes):
    """The run, and the loss of every step of its first batch; the weights stay as they are."""
    run, losses = TrainingRun(Student(LOOP, BRIEF).build(0), data, replace(BRIEF, **changes)), []
    run.learn = losses.append
    lesson(run)
    return run, losses


def test_smaller_mazes_lie_anywhere_among_closed_cells_and_keep_their_answers():
    some = mixed_sizes()
    assert some.inputs.shape[1:] == (5, 5)
    closed = (some.inputs == CLOSED).sum((1, 2))
    assert list(np.unique(closed, return_counts=True)[1]) == [len(five()) // 3] * 3
    assert list(np.unique(closed)) == [0, 25 - 16, 25 - 9]
    few = some[:: len(some) // 300]
    np.testing.assert_array_equal(maze_labels(read_maze_tokens(few.inputs)), few.labels)
    smallest = some.inputs[closed == 25 - 9] != CLOSED
    assert len(np.unique(smallest, axis=0)) == 9  # places


def test_what_is_left_when_dead_ends_are_filled_is_the_path():
    np.testing.assert_array_equal(filled().labels == 0, five().labels == 1)
    assert filled().labels.max() <= TRAINING.n_sup  # the last answer judges the path itself


def test_round_by_round_judges_what_is_left_after_as_many_rounds():
    run, losses = lesson_of(round_by_round, filled())
    inputs, rounds = TrainingRun(run.model, filled(), run.config).next_batch()
    carry, expected = run.model.initial_carry(inputs), []
    for step in range(1, 6):
        carry, out = run.model(carry, inputs)
        left = torch.ones_like(rounds)
        left[(rounds > 0) & (rounds <= step)] = 0
        expected.append(answer_loss(out.logits, left))
    assert (rounds > 5).sum() > 0
    torch.testing.assert_close(losses, expected)


def test_a_random_start_is_somewhere_in_the_thought_and_shifts_what_is_due():
    data = mazes_of(5, 40, 9)
    starts = set()
    for seed in range(12):
        run, losses = lesson_of(random_start, data, seed=seed)
        silent = int(torch.randint(LATEST + 1, (), generator=torch.Generator().manual_seed(seed)))
        starts.add(silent)
        inputs, labels = TrainingRun(run.model, data, run.config).next_batch()
        carry, expected = run.model.initial_carry(inputs), []
        for step in range(1, silent + 6):
            carry, out = run.model(carry, inputs)
            judged = labels if step >= 3 else labels.masked_fill(labels == 0, IGNORE)
            expected.append(answer_loss(out.logits, judged))
        torch.testing.assert_close(losses, expected[silent:])
    assert len(starts) > 6
    assert max(starts) <= LATEST


@pytest.mark.parametrize("lesson", [random_start, noisy_start])
def test_a_lesson_is_the_same_for_a_seed_and_another_for_another(lesson):
    data = mazes_of(5, 8, 9)
    firsts = [lesson_of(lesson, data, seed=seed)[1][0].item() for seed in (0, 0, 1)]
    assert firsts[0] == firsts[1] != firsts[2]


def test_a_noisy_start_is_not_the_models_own():
    data = mazes_of(5, 8, 9)
    _, noisy = lesson_of(noisy_start, data)
    _, own = lesson_of(deep_supervision, data)
    assert abs(noisy[0] - own[0]) > 1e-3
