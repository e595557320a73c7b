"""Splitting data into train, validation and test by class, so that no class is on two sides.

Splits, random mazes and the names of layouts rest on one small hash of 64-bit integers, the same on
every machine and in every Python process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trm_lib.checks import whole

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


def draw_below(keys: np.ndarray, stream: int, limit: int | np.ndarray) -> np.ndarray:
    """Draw a number for each key: the same key and stream always give the same one.

    Args:
        keys: (count,) uint64.
        stream: names what is drawn, 0 to 2**32 - 1; different streams are independent.
        limit: at most 2**32; or (count,) int64 of these.

    Returns:
        (count,) int64, uniform in 0 .. limit - 1.
    """
    draws = mix64(keys ^ mix64(np.array([_DRAWS + stream]))) >> np.uint64(32)
    return (draws * np.uint64(limit) >> np.uint64(32)).astype(np.int64)


@dataclass(frozen=True)
class Split:
    """Positions of the items of each part, each (count,) int64 and increasing."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_by_class(
    keys: np.ndarray, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> Split:
    """Split items so that all items of a class fall into the same part.

    `fractions` are fractions of the classes, not of the items: with classes of very unequal size
    (the 36 of the minimal 4x4 Sudokus) the parts' shares of the items differ from them. The order
    in which classes are dealt out depends on their keys and `seed` alone.

    Args:
        keys: (count,) integers; items with equal keys are of one class.
        fractions: of the classes: train, validation, test; positive, with sum 1.
        seed: chooses among the splits, 0 to 2**64 - 1.

    Returns:
        The positions of the three parts, none of them empty: at least three classes are needed.
    """
    hashed, bounds = _hashed(keys, fractions, seed)
    classes, place = np.unique(hashed, return_inverse=True)  # a class's place in hashed order
    if len(classes) < 3:
        raise ValueError(
            f"expected at least 3 classes, one for each part, got {len(classes)} among "
            f"{len(hashed)} items: use more varied data"
        )
    first_cut = np.clip(round(bounds[0] * len(classes)), 1, len(classes) - 2)
    second_cut = np.clip(round(bounds[1] * len(classes)), first_cut + 1, len(classes) - 1)
    return _split(np.digitize(place, [first_cut, second_cut]))


def split_by_hash(
    keys: np.ndarray, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> Split:
    """Split items by a hash of their class alone: the split for puzzles generated as they come.

    A class falls on the same side whatever else is in the data, now or later. Fractions hold on
    average over many classes; a part of few classes may be empty. Arguments as `split_by_class`.
    """
    hashed, bounds = _hashed(keys, fractions, seed)
    uniform = (hashed >> np.uint64(11)) * 2.0**-53  # in [0, 1)
    return _split(np.digitize(uniform, bounds))


def _hashed(
    keys: np.ndarray, fractions: Sequence[float], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The keys scrambled, as `seed` has it, and the two bounds between the parts."""
    keys, shares = np.asarray(keys), np.asarray(fractions, dtype=float)
    if keys.ndim != 1 or keys.dtype.kind not in "iu":
        raise ValueError(
            f"keys expected integers of shape (count,), got {keys.dtype} of shape {keys.shape}: "
            "pass class_key(puzzles), or other names of the class of each item"
        )
    if shares.shape != (3,) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(
            f"fractions expected three positive numbers with sum 1, got {fractions!r}: for "
            "example (0.8, 0.1, 0.1)"
        )
    whole(seed, "seed", 0, 2**64 - 1)
    return mix64(keys.astype(np.uint64) ^ mix64(np.array([seed]))), np.cumsum(shares)[:2]


def _split(part: np.ndarray) -> Split:
    return Split(*(np.flatnonzero(part == number) for number in range(3)))
