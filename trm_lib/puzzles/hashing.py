"""A small hash on 64-bit integers, the same on every machine and in every Python process."""

import numpy as np

_DRAWS = 1 << 40  # apart from the numbers of cells and episodes that are hashed elsewhere


def mix64(values: np.ndarray) -> np.ndarray:
    """Scramble integers so that every input bit moves about half of the output bits.

    A bijection on 64-bit integers: different inputs never collide.

    Args:
        values: (...) integers of any width; signed ones are read as two's complement.

    Returns:
        (...) uint64.

    Source:
        The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014; constants by
        David Stafford and Sebastiano Vigna).
    """
    mixed = np.array(values, ndmin=1).astype(np.uint64)  # at least 1-d: arrays wrap silently
    mixed += np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed.reshape(np.shape(values))


def draw_below(keys: np.ndarray, stream: int, limit: int) -> np.ndarray:
    """Draw a number for each key: the same key and stream always give the same one.

    Args:
        keys: (count,) uint64.
        stream: Names what is drawn, 0 to 2**32 - 1; different streams are independent.
        limit: At most 2**32.

    Returns:
        (count,) int64, uniform in 0 .. limit - 1.
    """
    draws = mix64(keys ^ mix64(np.array([_DRAWS + stream]))) >> np.uint64(32)
    return (draws * np.uint64(limit) >> np.uint64(32)).astype(np.int64)
