"""The episodes that environments play, each named by a key and made many at a time.

What an episode is about (its maze, its puzzle) is a function of its key alone, and its key of the
environment's seed and of how many episodes it has begun. So a lone environment and one among many
play the same episodes under the same seed, whoever ends first.

Axes: E environments, Q episodes kept ready for each, M episodes asked for.

What the library's vector environments share: all boards of a batch move in one NumPy call.

Axes: E environments, A actions.

What the library's single environments share: seeds, options, checked actions, pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from trm_lib.checks import whole
from trm_lib.puzzles import mix64

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


class BatchedEnv(VectorEnv):
    """E environments over boards that step together, equal to E single ones step by step.

    Environments that end begin their next episode in the same step (``AutoresetMode.SAME_STEP``):
    observation and info are then those of the new episode, and ``infos["final_obs"]`` and
    ``infos["final_info"]`` hold the last ones of the old. ``final_obs`` is one array (E, ...), zero
    where nothing ended; Gymnasium's own vector environments give an array of objects there.

    ``state`` and ``set_state`` keep and restore a moment of play, for learners that can be resumed.

    A subclass sets ``self._episodes`` and ``self._observations``, (E, ...), and defines ``_begin``,
    ``_advance``, ``action_masks``, ``_texts`` and ``_pixels``. ``option`` is the key under which
    ``reset(options=...)`` takes E episodes to play.
    """

    metadata = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    option: str
    _episodes: Episodes
    _observations: np.ndarray

    def __init__(
        self, num_envs: int, single: gym.Env, render_mode: str | None, options: dict[str, Any]
    ) -> None:
        self._options = options
        self.num_envs = whole(num_envs, "num_envs", 1)
        self.render_mode = check_render_mode(render_mode)
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(single.observation_space, num_envs)
        self.action_space = batch_space(single.action_space, num_envs)
        self._everybody = np.arange(num_envs)
        self._generators: list[tuple[np.random.Generator, int] | None] = [None] * num_envs
        self._success = np.zeros(num_envs, bool)
        self._running = False

    @property
    def np_random(self) -> tuple[np.random.Generator, ...]:
        """The random generators of the environments."""
        return tuple(rng for rng, _ in self._seeded())

    @property
    def np_random_seed(self) -> tuple[int, ...]:
        """The seeds of the environments."""
        return tuple(seed for _, seed in self._seeded())

    def reset(
        self,
        *,
        seed: int | list[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode everywhere.

        Args:
            seed: Of the first environment, the others following with seed + 1, seed + 2 ...; or
                one seed each, None for those that shall just go on.
            options: Which E episodes to play; see the class.
        """
        given = given_episodes(options, self.option)
        episodes = None if given is None else self._read_option(given, self.num_envs)
        if seed is None:
            seeds = [None] * self.num_envs
        elif isinstance(seed, int | np.integer):
            seeds = [int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"expected {self.num_envs} seeds, one an environment, got {seeds}")
        fresh = {i: np_random(s) for i, s in enumerate(seeds) if s is not None}
        for env, generator in fresh.items():
            self._restart(env, generator)
        self._seeded()
        if episodes is None:
            episodes = self._episodes.take(self._everybody)
        self._begin(self._everybody, *episodes)
        self._success[:] = False
        self._running = True
        return self._observations.copy(), self._info()

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action everywhere: (E,) whole numbers from 0 to A - 1."""
        if not self._running:
            raise ResetNeeded("no episode has begun: call reset() before step()")
        rewards, terminated, truncated = self._advance(self._checked(actions))
        done = terminated | truncated
        infos: dict[str, Any] = {}
        if done.any():
            which = np.flatnonzero(done)
            last = np.zeros(self._observations.shape, self._observations.dtype)
            last[which] = self._observations[which]
            infos = {"final_obs": last, "_final_obs": done.copy()}
            infos |= {"final_info": self._info(done), "_final_info": done.copy()}
            self._begin(which, *self._episodes.take(which))
            self._success[which] = False
        infos |= self._info()
        return self._observations.copy(), rewards, terminated, truncated, infos

    def render(self) -> tuple[str | np.ndarray, ...] | None:
        """Show every board: texts for "ansi", (H, W, 3) uint8 arrays for "rgb_array"."""
        if self.render_mode is None:
            return None
        if not self._running:
            raise ResetNeeded("no episode has begun: call reset() before render()")
        draw = self._text if self.render_mode == "ansi" else self._pixels
        return tuple(draw(env) for env in range(self.num_envs))

    def fingerprint(self) -> dict[str, str]:
        """What two environments must share for one to take the other's state."""
        options = {name: described(value) for name, value in self._options.items()}
        return {"kind": type(self).__name__, "num_envs": str(self.num_envs)} | options

    def state(self) -> dict[str, np.ndarray]:
        """Where every episode stands, as arrays: `set_state` brings equal environments there.

        The generators behind ``np_random`` are left out: they serve only to begin a sequence of
        episodes, and the sequences are in the state.
        """
        own = {n: v.copy() for n, v in vars(self).items() if isinstance(v, np.ndarray)}
        return own | {f"episodes.{n}": v for n, v in self._episodes.state().items()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Stand where ``state`` was taken.

        Raises:
            ValueError: If it is that of other environments; nothing is changed then.
        """
        ours = {name: (v.shape, v.dtype) for name, v in self.state().items()}
        theirs = {name: (v.shape, v.dtype) for name, v in state.items()}
        if ours != theirs:
            differ = sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))
            raise ValueError(
                f"state expected arrays as those of {self.num_envs} environments of this kind, "
                f"got others in {', '.join(differ)}"
            )
        self._seeded()  # now: later it would begin other sequences of episodes
        first = "episodes."
        for name, value in state.items():
            if not name.startswith(first):
                setattr(self, name, value.copy())
        ready = {n.removeprefix(first): v for n, v in state.items() if n.startswith(first)}
        self._episodes.set_state(ready)
        self._running = True

    def _info(self, which: np.ndarray | None = None) -> dict[str, Any]:
        """Return the info of everybody, or of ``which``, (E,) bool, with zeros for the others."""
        masks, success = self.action_masks().view(np.int8), self._success.copy()
        if which is None:
            which = np.ones(self.num_envs, bool)
        else:
            masks = masks * which[:, None]
            success &= which
        return {
            "action_mask": masks,
            "_action_mask": which,
            "is_success": success,
            "_is_success": which.copy(),
        }

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        actions = np.asarray(actions)
        n_actions = int(self.single_action_space.n)
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise InvalidAction(
                f"expected ({self.num_envs},) whole numbers, one action an environment, got "
                f"{actions.dtype} of shape {actions.shape}"
            )
        if actions.astype(np.uint64).max() >= n_actions:  # negative ones turn into large ones
            env = int(np.argmax((actions < 0) | (actions >= n_actions)))
            raise InvalidAction(
                f"expected actions from 0 to {n_actions - 1}, environment {env} got {actions[env]}"
            )
        return actions

    def _restart(self, env: int, generator: tuple[np.random.Generator, int]) -> None:
        self._generators[env] = generator
        self._episodes.restart(env, draw_stream(generator[0]))

    def _seeded(self) -> list[tuple[np.random.Generator, int]]:
        """Return all generators; those that no seed was given for take one from the system."""
        for env, generator in enumerate(self._generators):
            if generator is None:
                self._restart(env, np_random(None))
        return self._generators


def described(value: Any) -> str:
    """A value in words; of an array, in lists too, what tells it from others."""
    if isinstance(value, list | tuple):
        inside = ", ".join(map(described, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if not isinstance(value, np.ndarray):
        return repr(value)
    digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return f"{value.dtype} {value.shape} {digest}"


class SingleEnv(gym.Env):
    """One environment over boards; a subclass says what an episode is and what a step does.

    A subclass sets ``observation_space``, ``action_space`` and ``self._episodes``, and defines
    ``_begin``, ``_advance``, ``_observation``, ``action_masks``, ``_text`` and ``_pixels``.
    ``option`` is the key under which ``reset(options=...)`` takes an episode to play.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 4}  # noqa: RUF012
    option: str
    _episodes: Episodes
    _seeded = False
    _running = False

    def __init__(self, render_mode: str | None) -> None:
        self.render_mode = check_render_mode(render_mode)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the next episode, or, with a seed, the first one of that seed."""
        given = given_episodes(options, self.option)
        episode = None if given is None else self._read_option(given, 1)
        super().reset(seed=seed)
        if seed is not None or not self._seeded:
            self._episodes.restart(0, draw_stream(self.np_random))
            self._seeded = True
        if episode is None:
            episode = self._episodes.take(np.zeros(1, np.int64))
        self._begin(*(array[0] for array in episode))
        self._success = False
        self._running = True
        return self._observation(), self._info()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one action."""
        if not self._running:
            raise ResetNeeded("the episode is over, or none has begun: call reset() before step()")
        whole = isinstance(action, int | np.integer) or (
            isinstance(action, np.ndarray) and action.ndim == 0 and action.dtype.kind in "iu"
        )
        if not whole or isinstance(action, bool) or not 0 <= action < self.action_space.n:
            raise InvalidAction(
                f"expected an action from 0 to {self.action_space.n - 1}, a whole number, "
                f"got {action!r}"
            )
        reward, terminated, truncated = self._advance(int(action))
        self._running = not (terminated or truncated)
        return self._observation(), reward, terminated, truncated, self._info()

    def render(self) -> str | np.ndarray | None:
        """Show the board: text for "ansi", (H, W, 3) uint8 for "rgb_array"."""
        if self.render_mode is None:
            gym.logger.warn(
                'render() needs a render mode: make the environment with render_mode="ansi" or '
                '"rgb_array"'
            )
            return None
        if not hasattr(self, "_success"):
            raise ResetNeeded("no episode has begun: call reset() before render()")
        return self._text() if self.render_mode == "ansi" else self._pixels()

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.action_masks().astype(np.int8), "is_success": self._success}


def check_render_mode(render_mode: str | None) -> str | None:
    """Refuse a render mode that the environments do not have."""
    if render_mode not in (None, "ansi", "rgb_array"):
        raise ValueError(
            f'render_mode expected None, "ansi" or "rgb_array", got {render_mode!r}: there is no '
            "window to draw in"
        )
    return render_mode


def check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of the known ones."""
    if value not in known:
        raise ValueError(f"{name} expected one of {', '.join(known)}, got {value!r}")


def given_episodes(options: dict[str, Any] | None, name: str) -> Any:
    """Return what ``options`` say to play, or None; refuse options that are not known."""
    unknown = set(options or ()) - {name}
    if unknown:
        raise ValueError(
            f"reset options expected {{{name!r}: ...}} or none, got {', '.join(map(repr, unknown))}"
        )
    return (options or {}).get(name)


def draw_stream(rng: np.random.Generator) -> int:
    """Draw the 64 bits that name an environment's sequence of episodes."""
    return int(rng.integers(1 << 64, dtype=np.uint64))
