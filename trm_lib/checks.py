"""Numbers that come from outside, checked once and said clearly."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real

import numpy as np


def whole(value: object, name: str, least: int) -> int:
    """The value as an int.

    Raises:
        ValueError: it is not a whole number, is a bool, or is below `least`.
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise ValueError(f"{name} expected a whole number >= {least}, got {value!r}")


def number(value: object, name: str, accepts: Callable[[float], bool], expected: str) -> float:
    """The value as a float.

    Args:
        value: what came.
        name: what it is called.
        accepts: whether a finite number will do.
        expected: that condition in words.

    Raises:
        ValueError: it is not a finite number, is a bool, or `accepts` says no.
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        if math.isfinite(number) and accepts(number):
            return number
    raise ValueError(f"{name} expected {expected}, got {value!r}")


def check_rng(rng: object) -> None:
    """Refuse a source of randomness that is not a NumPy Generator.

    Raises:
        ValueError: it is something else, such as a seed.
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"expected rng to be a NumPy Generator, got {rng!r}: pass np.random.default_rng(seed)"
        )
