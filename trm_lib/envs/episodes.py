"""The episodes that environments play, each named by a key and made many at a time.

What an episode is about (its maze, its puzzle) is a function of its key alone, and its key of the
environment's seed and of how many episodes it has begun. So a lone environment and one among many
play the same episodes under the same seed, whoever ends first.

Axes: E environments, Q episodes kept ready for each, M episodes asked for.
"""

from collections.abc import Callable

import numpy as np

from trm_lib.puzzles.hashing import mix64

_MOST_READY = 64
_CELLS_READY = 1 << 17


class Episodes:
    """Hands each environment its next episode.

    Args:
        make: (M,) uint64 keys to a tuple of arrays, (M, ...) each: what the episodes are about.
        num_envs: E.
        cells: How many cells an episode's board has; large boards are kept ready in small numbers.
    """

    def __init__(
        self, make: Callable[[np.ndarray], tuple[np.ndarray, ...]], num_envs: int, cells: int
    ) -> None:
        self._make = make
        self._capacity = int(np.clip(_CELLS_READY // (num_envs * cells), 1, _MOST_READY))
        self._streams = np.zeros(num_envs, np.uint64)
        self._made = np.zeros(num_envs, np.int64)
        self._taken = np.zeros(num_envs, np.int64)
        self._ready: tuple[np.ndarray, ...] = ()  # (E * Q, ...) each, episode e in place e % Q

    def restart(self, env: int, stream: int) -> None:
        """Begin the sequence of one environment anew; ``stream`` is any 64 bits."""
        self._streams[env] = stream
        self._made[env] = self._taken[env] = 0

    def take(self, which: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the next episode of each environment in ``which``, (M,) distinct numbers."""
        taken = self._taken[which]
        if (taken == self._made[which]).any():
            self._refill()
        self._taken[which] = taken + 1
        places = which * self._capacity + taken % self._capacity
        return tuple(array.take(places, axis=0) for array in self._ready)

    def _refill(self) -> None:
        """Make the episodes of every environment that has used up half of its own or more."""
        room = self._capacity - (self._made - self._taken)
        wanted = np.where(2 * room >= self._capacity, room, 0)
        envs = np.repeat(np.arange(len(room)), wanted)
        first = np.repeat(np.cumsum(wanted) - wanted, wanted)
        numbers = self._made[envs] + np.arange(len(envs)) - first
        made = self._make(mix64(self._streams[envs] ^ mix64(numbers)))
        if not self._ready:
            rows = len(room) * self._capacity
            self._ready = tuple(np.zeros((rows, *array.shape[1:]), array.dtype) for array in made)
        for ready, array in zip(self._ready, made, strict=True):
            ready[envs * self._capacity + numbers % self._capacity] = array
        self._made += wanted

    def state(self) -> dict[str, np.ndarray]:
        """Where each environment is in its sequence, (E,) each; the episodes follow from it."""
        return {"streams": self._streams.view(np.int64).copy(), "taken": self._taken.copy()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self._streams = state["streams"].copy().view(np.uint64)
        self._taken = state["taken"].copy()
        self._made = self._taken.copy()  # what was kept ready is made again when it is needed
