"""Easy to hard: larger mazes are asked, and the weights that are kept are the best ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from book.recipes import thinking_longer
from book.recipes.thinking_longer import LOOP, TRAINING, Student, mazes_of, run, trained

BRIEF = replace(TRAINING, n_batches=4, batch_size=16, n_sup=4, due=2, eval_every=1)


@pytest.fixture
def small(monkeypatch):
    """The same questions to fewer and smaller mazes."""
    monkeypatch.setattr(thinking_longer, "WATCHED", {3: (20, 4), 4: (20, 4)})
    monkeypatch.setattr(thinking_longer, "BY_K", {3: (10, 5), 6: (10, 5)})
    monkeypatch.setattr(thinking_longer, "AT_REST", {30: (2, 3), 31: (2, 3)})


def test_every_student_is_asked_when_the_answer_is_at_rest(small):
    measured = run(Student(LOOP, BRIEF), 0, None)
    assert measured["test_exact"] == measured["tree_30_exact"]
    assert max(measured["tree_30_steps"]) <= 3
    assert not any(name.startswith("tree_31") or "by_k" in name for name in measured)


def test_looking_closely_measures_trees_and_loops_of_every_size(small):
    measured = run(Student(LOOP, BRIEF, closely=True), 0, None)
    for name in ("tree_3", "loops_3", "tree_6", "loops_6"):
        assert len(measured[f"{name}_exact_by_k"]) == 5
    assert len(measured["watched_exact"]) == 4
    assert max(measured["tree_31_steps"]) <= 3


def test_the_best_watched_weights_are_kept(small, monkeypatch):
    shares = iter([0.1, 0.1, 0.3, 0.3, 0.9, 0.9, 0.2, 0.2, 0.9, 0.9])  # untrained, then 4 batches
    seen = []

    def scripted(network, data, k_steps):
        seen.append(torch.cat([p.detach().flatten() for p in network.parameters()]).clone())
        return np.array([next(shares)])

    monkeypatch.setattr(thinking_longer, "exact_by_k", scripted)
    network, history, batch = trained(Student(LOOP, BRIEF), 0)
    assert batch == 2
    assert [a[0] for a in history.eval_success] == pytest.approx([0.3, 0.9, 0.2, 0.9])
    kept = torch.cat([p.detach().flatten() for p in network.parameters()])
    assert torch.equal(kept, seen[4])
    assert not torch.equal(kept, seen[-1])


def test_watched_mazes_are_not_the_test_mazes():
    watched, asked, rested = (mazes_of(9, 300, seed).inputs.reshape(300, -1) for seed in (1, 2, 3))
    for one, other in ((watched, asked), (watched, rested), (asked, rested)):
        assert not set(map(bytes, one)) & set(map(bytes, other))
