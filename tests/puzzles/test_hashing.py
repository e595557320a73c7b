"""The 64-bit hash against SplitMix64's published stream, and its avalanche."""

import numpy as np
import pytest
from scipy.stats import chisquare

from trm_lib.puzzles.splits import draw_below, mix64


def test_stream_of_splitmix64():
    # The first outputs of SplitMix64 from state 0: state k * golden ratio, then the same mixing.
    golden = 0x9E3779B97F4A7C15
    states = np.array([(k * golden) % 2**64 for k in range(3)], dtype=np.uint64)
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert mix64(states).tolist() == expected


def test_every_input_bit_moves_about_half_of_the_output():
    values = np.random.default_rng(0).integers(2**63, size=1000).astype(np.uint64)
    for bit in range(64):
        changed = mix64(values) ^ mix64(values ^ np.uint64(1 << bit))
        moved = np.unpackbits(changed.view(np.uint8)).mean()
        assert abs(moved - 0.5) < 0.02


def test_keeps_shape_and_argument():
    values = np.array([[-1, 0], [1, 2]])
    assert mix64(values).shape == (2, 2)
    assert values.tolist() == [[-1, 0], [1, 2]]
    assert mix64(np.int8(-1)) == mix64(np.uint64(2**64 - 1))


@pytest.mark.parametrize("limit", [1, 7, 192])
def test_draws_are_uniform_and_streams_independent(limit):
    keys = np.arange(40_000, dtype=np.uint64)
    one, other = draw_below(keys, 0, limit), draw_below(keys, 1, limit)
    assert chisquare(np.bincount(one, minlength=limit)).pvalue > 0.001 or limit == 1
    assert one.max() < limit
    if limit == 7:
        pairs = np.bincount(one * 7 + other, minlength=49)
        assert chisquare(pairs).pvalue > 0.001
    np.testing.assert_array_equal(draw_below(keys[5:6], 0, limit), one[5:6])
