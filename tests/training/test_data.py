"""Data and batches: every puzzle once an epoch, pairs kept together, bad data refused."""

import numpy as np
import pytest
import torch

from trm_lib.training import IGNORE, Batches, PuzzleData, answer_loss


def numbered(count=10) -> PuzzleData:
    inputs = np.arange(count)[:, None].repeat(4, 1)
    return PuzzleData(inputs, inputs + 100)


def test_an_epoch_holds_every_puzzle_once_in_an_order_the_seed_fixes():
    def epoch(seed):
        stream = Batches(numbered(), 5, np.random.default_rng(seed))
        return [inputs[:, 0].tolist() for inputs, _ in (next(stream), next(stream))]

    assert sorted(number for batch in epoch(0) for number in batch) == list(range(10))
    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)


def test_questions_keep_their_answers_through_shuffling_and_augmentation():
    def double(inputs, labels, rng):
        return 2 * inputs, 2 * labels

    inputs, labels = next(Batches(numbered(), 4, np.random.default_rng(0), double))
    assert inputs.dtype == labels.dtype == torch.int64
    assert torch.equal(inputs + 200, labels)


def test_a_batch_larger_than_the_data_is_all_of_it():
    inputs, _ = next(Batches(numbered(3), 64, np.random.default_rng(0)))
    assert sorted(inputs[:, 0].tolist()) == [0, 1, 2]


def test_a_stream_goes_on_from_a_position_of_another():
    def noisy(inputs, labels, rng):
        return inputs + rng.integers(0, 1000, inputs.shape), labels

    def stream(seed):
        return Batches(numbered(), 3, np.random.default_rng(seed), noisy)

    for n_before in range(8):  # before, inside and after an epoch of three batches
        whole, again = stream(0), stream(99)
        for _ in range(n_before):
            next(whole)
        again.set_state(whole.state())
        for _ in range(7):
            for a, b in zip(next(whole), next(again), strict=True):
                assert torch.equal(a, b)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_wrong_batch_sizes_are_refused(batch_size):
    with pytest.raises(ValueError, match="batch_size expected a whole number >= 1"):
        Batches(numbered(), batch_size, np.random.default_rng(0))


def test_selecting_keeps_pairs():
    part = numbered()[np.array([7, 2])]
    assert part.inputs[:, 0].tolist() == [7, 2]
    assert part.labels[:, 0].tolist() == [107, 102]


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.zeros((2, 4)), np.zeros((2, 4), int), "inputs expected an array of integers"),
        (np.zeros((2, 4), int), np.zeros((2, 4)), "labels expected an array of integers"),
        (np.zeros((2, 4), int), np.zeros((2, 5), int), r"got \(2, 4\) and \(2, 5\)"),
        (np.zeros((0, 4), int), np.zeros((0, 4), int), "N >= 1"),
        (np.zeros(4, int), np.zeros(4, int), r"one shape \(N, \*grid\)"),
        (np.zeros((2, 4), int), np.array([[1] * 4, [IGNORE] * 4]), "got none in puzzle 1"),
    ],
)
def test_bad_data_says_what_was_expected(inputs, labels, message):
    with pytest.raises(ValueError, match=message):
        PuzzleData(inputs, labels)


def test_loss_is_the_mean_over_labelled_cells():
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, IGNORE, 4], [IGNORE, 0, IGNORE]])
    logp = logits.log_softmax(-1)
    expected = -(logp[0, 0, 1] + logp[0, 2, 4] + logp[1, 1, 0]) / 3
    torch.testing.assert_close(answer_loss(logits, labels), expected)


def test_loss_refuses_labels_of_another_shape():
    with pytest.raises(ValueError, match=r"of shape \(2, 3\) .*torch.int64 of shape \(2, 4\)"):
        answer_loss(torch.zeros(2, 3, 5), torch.zeros(2, 4, dtype=torch.int64))
