"""How the benchmarks time: ways of doing the same take turns, so that whatever else the machine
does meets them all."""

import time
from collections.abc import Callable

Work = Callable[[], object]


def seconds(work: Work) -> float:
    """Wall time of one call."""
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def take_turns(works: list[Work], turns: int) -> list[list[float]]:
    """Seconds of each call, a list for each of the works; a first turn warms up."""
    for work in works:
        work()
    rounds = [[seconds(work) for work in works] for _ in range(turns)]
    return [list(times) for times in zip(*rounds, strict=True)]


def rates(*ways: tuple[Work, int], span: float = 6.0) -> list[float]:
    """Items a second of (work, items), each at the quickest of the turns that fill `span`."""
    best, started = [float("inf")] * len(ways), time.perf_counter()
    while time.perf_counter() - started < span:
        best = [min(b, seconds(work)) for b, (work, _) in zip(best, ways, strict=True)]
    return [items / b for b, (_, items) in zip(best, ways, strict=True)]
