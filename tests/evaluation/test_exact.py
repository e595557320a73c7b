"""Exact accuracy by K, on a model whose answers are known in advance."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from trm_lib.evaluation import answers_by_k, exact_by_k
from trm_lib.training import IGNORE, PuzzleData


@dataclass
class Says:
    logits: torch.Tensor


class Counter(nn.Module):
    """After step k it answers k in every cell of every board."""

    def initial_carry(self, inputs):
        return 0

    def forward(self, carry, inputs):
        k = carry + 1
        return k, Says(nn.functional.one_hot(torch.full(inputs.shape, k), 6).float())


def test_every_step_is_kept():
    model = Counter().train()
    answers = answers_by_k(model, np.zeros((5, 2, 2), dtype=np.int8), 4)
    assert model.training  # the mode it was in
    assert answers.shape == (4, 5, 2, 2)
    assert [set(step.ravel()) for step in answers] == [{1}, {2}, {3}, {4}]


def test_exact_means_every_labelled_cell():
    labels = np.array([[[1, 1], [1, 1]], [[2, 2], [2, 2]], [[1, 2], [1, 1]], [[2, IGNORE]] * 2])
    data = PuzzleData(np.zeros_like(labels), labels)
    for batch_size in (1, 3, 100):
        exact = exact_by_k(Counter(), data, 3, batch_size)
        np.testing.assert_allclose(exact, [1 / 4, 2 / 4, 0])
