"""What a probe found: a verdict, the evidence, a remedy, and a figure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from trm_lib.viz import BookFigure, bars

_WIDTH = 80  # characters of a page: what the text column of the book holds


@dataclass(frozen=True, eq=False)
class Finding:
    """What one probe found; `print` it."""

    name: str  # what was looked at, for example "targets"
    fault: str | None  # None where all is well, else what is wrong, "constant targets"
    evidence: str  # a sentence with the measured numbers
    remedy: str  # what to do about the fault
    numbers: dict[str, Any]  # what was measured, numbers and arrays
    figure: Callable[[], BookFigure]  # draws them

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None

    def __str__(self) -> str:
        if self.healthy:
            return _wrapped(f"ok     {self.name}: {self.evidence}")
        lines = (f"FAULT  {self.fault}", f"       {self.evidence}", f"       Do: {self.remedy}")
        return "\n".join(_wrapped(line) for line in lines)


def first_fault(*rules: tuple[bool, str, str]) -> tuple[str | None, str]:
    """Of (does it hold, fault, remedy), the fault and the remedy of the first that holds."""
    return next(((fault, remedy) for holds, fault, remedy in rules if holds), (None, ""))


def of_shares(
    name: str, fault: str | None, evidence: str, remedy: str, shares: dict[str, float],
    share_of: str, **numbers: Any,
) -> Finding:  # fmt: skip
    """A finding whose picture is bars, shares of what `share_of` says."""
    figure = partial(bars, shares, share_of)
    return Finding(name, fault, evidence, remedy, numbers | {"shares": shares}, figure)


def page(findings: list[Finding]) -> str:
    """All findings on one page: first what is wrong, then what is healthy."""
    faults = [finding for finding in findings if not finding.healthy]
    healthy = [finding for finding in findings if finding.healthy]
    verdict = f"{len(faults)} of {len(findings)} probes found a fault."
    parts = [verdict, *map(str, faults), "\n".join(map(str, healthy))]
    return "\n\n".join(part for part in parts if part)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent=" " * 7, break_on_hyphens=False)
