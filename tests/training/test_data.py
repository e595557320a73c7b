"""Data and batches: every puzzle once an epoch, pairs kept together."""

import numpy as np
import torch

from trm_lib.training import Batches, PuzzleData


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


def test_questions_keep_their_answers_through_selection_shuffling_and_augmentation():
    def double(inputs, labels, rng):
        return 2 * inputs, 2 * labels

    part = numbered()[np.array([7, 2, 5])]
    assert part.inputs[:, 0].tolist() == [7, 2, 5]
    for batch_size, count in ((2, 2), (64, 3)):  # a batch larger than the data is all of it
        inputs, labels = next(Batches(part, batch_size, np.random.default_rng(0), double))
        assert inputs.dtype == labels.dtype == torch.int64
        assert len(set(inputs[:, 0].tolist())) == len(inputs) == count
        assert torch.equal(inputs + 200, labels)


def test_a_stream_goes_on_from_a_position_of_another():
    def noisy(inputs, labels, rng):
        return inputs + rng.integers(0, 1000, inputs.shape), labels

    def stream(seed):
        return Batches(numbered(), 3, np.random.default_rng(seed), noisy)

    for n_before in range(8):  # before, inside and after an epoch of three batches
        whole, again = stream(0), stream(99)
        for _ in range(n_before):
            next(whole)
        again.load_state_dict(whole.state_dict())
        for _ in range(7):
            for a, b in zip(next(whole), next(again), strict=True):
                assert torch.equal(a, b)
