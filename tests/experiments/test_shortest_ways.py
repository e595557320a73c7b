"""The lesson of shortest ways: what is judged when, boards that come and go, what is measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from book.recipes.shortest_ways import (
    LOOP,
    TRAINING,
    Wave,
    asked,
    distances,
    judged,
    lessons,
    some_goals,
    with_closed_cells,
)
from trm_lib import puzzles
from trm_lib.models import build_model
from trm_lib.training import TrainingRun, fit

BRIEF = replace(TRAINING, n_batches=6, batch_size=8, eval_every=6)


class Told(torch.nn.Module):
    """A model that says what it is told to, whatever it is asked; a step is one more call."""

    def __init__(self, say):
        super().__init__()
        self.config, self.say = LOOP, say
        self.carry_type, self.weight = self.Carry, torch.nn.Parameter(torch.zeros(1))

    class Carry:
        def __init__(self, h):
            self.h = h

        def map(self, function):
            return Told.Carry(function(self.h))

    def initial_carry(self, inputs):
        return self.Carry(torch.zeros(len(inputs)))

    def embed(self, inputs):
        return inputs

    def improved(self, x, carry, grid):
        return self.Carry(carry.h + 1)

    def read(self, h, inputs):
        return self.say(h) + self.weight


def loss_of(lesson, say):
    """The losses of the first six calls on the first batch, in which all boards are fresh."""
    run = TrainingRun(build_model(LOOP, 0), lessons(), BRIEF, lesson=lesson)
    run.model, kept = Told(say), []
    run.learn = kept.append
    lesson(run)
    return kept[0].item()


@pytest.mark.parametrize("place", ["known", "arriving", "unknown"])
def test_cells_are_judged_when_they_can_know_and_must_be_quiet_before(place):
    inputs, labels = next(TrainingRun(build_model(LOOP, 0), lessons(), BRIEF, lesson=len).stream)
    far = labels.numpy()
    moves = torch.from_numpy(puzzles.shortest_moves(inputs.numpy().astype(np.uint8) & 15, far))

    def say(calls, wrong=None):
        k = calls.view(-1, 1, 1, 1)
        away = labels[..., None]
        said = torch.where((away < k) & moves, 20.0, -20.0)
        where = {"known": (away < k) & (away >= 0), "arriving": away == k, "unknown": away > k}
        return said if wrong is None else torch.where(where[wrong], -said, said)

    right = loss_of(Wave(pool=False), say)
    wrong = loss_of(Wave(pool=False), lambda calls: say(calls, place))
    assert right < 1e-6
    assert (wrong < 1e-6) is (place == "arriving")
    loud = loss_of(Wave(pool=False, quiet=False), lambda calls: say(calls, place))
    assert (loud > 1e-3) is (place == "known")


def test_a_run_goes_on_with_the_boards_it_was_thinking_about(tmp_path):
    def trained(n_batches, path=None):
        config = replace(BRIEF, n_batches=n_batches, warmup=0, decay=0.0)
        model = build_model(LOOP, 0)
        options = {"checkpoint": path, "checkpoint_every": 3, "progress": False}
        fit(model, lessons(), config, lesson=Wave(), **options)
        return model.state_dict()

    class Killed(Exception):
        pass

    lesson, calls = Wave(), []

    def dies(run):
        calls.append(0)
        if len(calls) == 5:
            raise Killed
        return lesson(run)

    dies.__qualname__, dies.state_dict = "Wave", lesson.state_dict
    dies.load_state_dict = lesson.load_state_dict
    config = replace(BRIEF, warmup=0, decay=0.0)
    with pytest.raises(Killed):
        fit(
            build_model(LOOP, 0), lessons(), config, lesson=dies,
            checkpoint=tmp_path / "run.pt", checkpoint_every=3, progress=False,
        )  # fmt: skip
    whole, resumed = trained(6), trained(6, tmp_path / "run.pt")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_walks_cells_and_boards_are_judged_by_an_exact_search():
    for kind in ("tree", "loops_50", "open"):
        mazes = asked(9, 30, 5, kind)
        right = puzzles.shortest_moves(mazes.walls, distances(mazes))
        scores = np.where(right, 1.0, -1.0)
        assert judged(mazes, scores) == {"walks": 1, "cells": 1, "exact": 1}
        one = scores.copy()
        one.reshape(30, -1, 4)[0, mazes.start[0]] *= -1  # the first board's start
        told = judged(mazes, one)
        assert told["walks"] == told["exact"] == pytest.approx(29 / 30)
        assert told["cells"] == pytest.approx(1 - 1 / (30 * 81))


def test_the_lessons_have_loops_several_goals_and_cells_that_are_cut_off():
    data = lessons()
    assert data.inputs.shape == (12_000, 8, 8)
    assert set(np.unique(data.inputs)) <= set(range(32))
    goals = (data.inputs >= 16).sum((1, 2))
    np.testing.assert_array_equal((data.labels == 0).sum((1, 2)), goals)
    assert 0.2 < (goals > 1).mean() < 0.4
    assert 0.1 < (data.labels < 0).any((1, 2)).mean() < 0.25
    rng = np.random.default_rng(1)
    mazes = puzzles.generate_mazes(8, 500, rng, "loops", 0.3, "random", "random")
    many = some_goals(mazes, rng)
    assert not (many.goals == many.start[:, None]).any()
    closed = with_closed_cells(many, rng)
    more = (puzzles.passages(closed.walls) & ~puzzles.passages(many.walls)).sum()
    assert more == 0
    assert puzzles.passages(closed.walls).sum() < puzzles.passages(many.walls).sum()
