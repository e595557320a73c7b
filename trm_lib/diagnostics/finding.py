"""What a probe found: a verdict, the evidence, a remedy, and a figure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trm_lib.viz import BookFigure

_WIDTH = 80  # characters of a page: what the text column of the book holds


@dataclass(frozen=True, eq=False)
class Finding:
    """What one probe found; `print` it."""

    name: str  #: what was looked at, for example "targets"
    fault: str | None  #: None where all is well, else what is wrong, "constant targets"
    evidence: str  #: a sentence with the measured numbers
    remedy: str  #: what to do about the fault
    numbers: dict[str, Any]  #: what was measured, numbers and arrays
    figure: Callable[[], BookFigure]  #: draws them

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None

    def __str__(self) -> str:
        told = [f"FAULT  {self.fault}", f"       {self.evidence}", f"       Do: {self.remedy}"]
        if self.healthy:
            told = [f"ok     {self.name}: {self.evidence}"]
        wrap = textwrap.TextWrapper(_WIDTH, subsequent_indent=" " * 7, break_on_hyphens=False)
        return "\n".join(map(wrap.fill, told))


def first_fault(*rules: tuple[bool, str, str]) -> tuple[str | None, str]:
    """Of (does it hold, fault, remedy), the fault and the remedy of the first that holds."""
    return next(((fault, remedy) for holds, fault, remedy in rules if holds), (None, ""))


def page(findings: list[Finding]) -> str:
    """All findings on one page: first what is wrong, then what is healthy."""
    faults = [finding for finding in findings if not finding.healthy]
    healthy = [finding for finding in findings if finding.healthy]
    verdict = f"{len(faults)} of {len(findings)} probes found a fault."
    return "\n\n".join([verdict, *map(str, faults), "\n".join(map(str, healthy))]).rstrip()
