"""Numbers that come from outside, checked once and said clearly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np


def whole(value: object, name: str, least: int, most: int | None = None) -> int:
    """The value as an int.

    Raises:
        ValueError: it is not a whole number, is a bool, or is below `least` or above `most`.
    """
    top = math.inf if most is None else most
    if isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= top:
        return int(value)
    expected = f">= {least}" if most is None else f"from {least} to {most}"
    raise ValueError(f"{name} expected a whole number {expected}, got {value!r}")


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


Rule = Callable[[Any, str], Any]
"""(value, name) -> the value to keep; it raises ValueError for one that will not do."""


def check(config: object, **rules: Rule) -> None:
    """Hold fields of a frozen dataclass to their rules, in its `__post_init__`.

    Raises:
        ValueError: a field breaks its rule; the message names it and says what was expected.
    """
    for name, rule in rules.items():
        object.__setattr__(config, name, rule(getattr(config, name), name))


def at_least(least: int) -> Rule:
    """A whole number from `least`."""
    return lambda value, name: whole(value, name, least)


def within(accepts: Callable[[float], bool], expected: str) -> Rule:
    """A finite number for which `accepts` holds, which is `expected` in words."""
    return lambda value, name: number(value, name, accepts, expected)


def one_of(options: Iterable[str]) -> Rule:
    """One of some names."""
    names = tuple(options)

    def rule(value: Any, name: str) -> str:
        if value not in names:
            raise ValueError(f"{name} expected one of {names}, got {value!r}")
        return value

    return rule


def true_or_false(value: Any, name: str) -> bool:
    """A bool."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} expected True or False, got {value!r}")
    return value


def optional(rule: Rule) -> Rule:
    """None, or what `rule` says."""
    return lambda value, name: None if value is None else rule(value, name)


ABOVE_0 = within(lambda v: v > 0, "a number > 0")
FROM_0 = within(lambda v: v >= 0, "a number >= 0")
SHARE = within(lambda v: 0 <= v <= 1, "a share from 0 to 1")
