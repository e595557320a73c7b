"""Values that come from outside, checked once and said clearly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

Rule = Callable[[Any, str], Any]
"""(value, name) -> the value to keep; it raises ValueError for one that will not do."""


def whole(value: object, name: str, least: int, most: float = math.inf) -> int:
    """The value as an int; ValueError if it is no whole number from `least` to `most`."""
    if isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= most:
        return int(value)
    limits = f">= {least}" if most == math.inf else f"from {least} to {most}"
    raise ValueError(f"{name} expected a whole number {limits}, got {value!r}")


def check_rng(rng: object) -> None:
    """Refuse a source of randomness that is not a NumPy Generator, such as a seed."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"expected rng to be a NumPy Generator, got {rng!r}: pass np.random.default_rng(seed)"
        )


def check(config: object, **rules: Rule) -> None:
    """Hold fields of an object, a frozen dataclass too, to their rules, as it is made.

    Raises:
        ValueError: a field breaks its rule; the message names it and says what was expected.
    """
    for name, rule in rules.items():
        object.__setattr__(config, name, rule(getattr(config, name), name))


def at_least(least: int, most: float = math.inf) -> Rule:
    """A whole number from `least`, or from `least` to `most`."""
    return lambda value, name: whole(value, name, least, most)


def within(accepts: Callable[[float], bool], expected: str) -> Rule:
    """A finite number, kept as a float, for which `accepts` holds: `expected` in words."""

    def rule(value: Any, name: str) -> float:
        if isinstance(value, Real) and not isinstance(value, bool):
            number = float(value)
            if math.isfinite(number) and accepts(number):
                return number
        raise ValueError(f"{name} expected {expected}, got {value!r}")

    return rule


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


FINITE = within(lambda v: True, "a finite number")
ABOVE_0 = within(lambda v: v > 0, "a number > 0")
FROM_0 = within(lambda v: v >= 0, "a number >= 0")
BELOW_1 = within(lambda v: 0 <= v < 1, "a number in [0, 1)")
SHARE = within(lambda v: 0 <= v <= 1, "a share from 0 to 1")
