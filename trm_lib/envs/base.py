"""What all worlds share: seeds, episodes, checked actions, autoreset, infos and pictures.

A world is batched: a `BatchedEnv` moves the boards of E environments in one NumPy call. A
`SingleEnv` is a batch of one without the axis E, so the rules are written once.

What an episode is about (its maze, its puzzle) is a function of its key alone, and its key of the
environment's seed and of how many episodes it has begun. So a lone environment and one among many
play the same episodes under the same seed, whoever ends first.

Axes: E environments, A actions, M episodes, Q episodes kept ready for each environment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from trm_lib.checks import FINITE, at_least, check, one_of, optional
from trm_lib.puzzles import mix64

_MOST_READY = 64
_CELLS_READY = 1 << 17


class Episodes:
    """Hands each environment its next episode.

    Args:
        make: (M,) uint64 keys to a tuple of arrays, (M, ...) each: what the episodes are about.
        num_envs: E.
        cells: of an episode's board; large boards are kept ready in small numbers.

    Attributes:
        streams: (E,) uint64, names the sequence of each environment.
        taken: (E,) int64, how many of it have begun.
    """

    def __init__(
        self, make: Callable[[np.ndarray], tuple[np.ndarray, ...]], num_envs: int, cells: int
    ) -> None:
        self._make = make
        self._capacity = int(np.clip(_CELLS_READY // (num_envs * cells), 1, _MOST_READY))
        self._ready: tuple[np.ndarray, ...] = ()  # (E * Q, ...) each, episode e in place e % Q
        unseeded = np.random.default_rng().integers(1 << 64, size=num_envs, dtype=np.uint64)
        self.go_on(unseeded, np.zeros(num_envs, np.int64))

    def go_on(self, streams: np.ndarray, taken: np.ndarray) -> None:
        """Go on where so many of these sequences have begun, (E,) each."""
        self.streams, self.taken = streams, taken
        self._made = taken.copy()  # what was kept ready is made again when it is needed

    def restart(self, env: int, stream: int) -> None:
        """Begin another sequence in one environment."""
        self.streams[env] = stream
        self._made[env] = self.taken[env] = 0

    def take(self, which: np.ndarray) -> tuple[np.ndarray, ...]:
        """The next episode of each environment in `which`, (M,) distinct numbers."""
        taken = self.taken[which]
        if (taken == self._made[which]).any():
            self._refill()
        self.taken[which] = taken + 1
        places = which * self._capacity + taken % self._capacity
        return tuple(array.take(places, axis=0) for array in self._ready)

    def _refill(self) -> None:
        """Make the episodes of every environment that has used up half of its own or more."""
        room = self._capacity - (self._made - self.taken)
        wanted = np.where(2 * room >= self._capacity, room, 0)
        envs = np.repeat(np.arange(len(room)), wanted)
        first = np.repeat(np.cumsum(wanted) - wanted, wanted)
        numbers = self._made[envs] + np.arange(len(envs)) - first
        made = self._make(mix64(self.streams[envs] ^ mix64(numbers)))
        if not self._ready:
            rows = len(room) * self._capacity
            self._ready = tuple(np.zeros((rows, *array.shape[1:]), array.dtype) for array in made)
        for ready, array in zip(self._ready, made, strict=True):
            ready[envs * self._capacity + numbers % self._capacity] = array
        self._made += wanted


class BatchedEnv(VectorEnv):
    """E environments over boards that step together.

    Environment i plays what a single one plays under the seed seed + i.
    Environments that end begin their next episode in the same step (`AutoresetMode.SAME_STEP`):
    observation and info are then those of the new episode, and `infos["final_obs"]` and
    `infos["final_info"]` hold the last ones of the old. `final_obs` is one array (E, ...), zero
    where nothing ended; Gymnasium's own vector environments give an array of objects there.

    A subclass takes its options by keyword, names the one of `reset`, `option`, and defines
    `_legal`, which actions are, (E, A) bool, and

    - `_draw`: keys (M,) to what the episodes of these keys are about; `_read`: the same from
      what `reset(options={option: ...})` was given;
    - `_prepare`: that to attributes by name, (M, ...) each, as they are when the episodes begin,
      among them `_observations`;
    - `_advance`: actions (E,) to rewards and whether terminated, (E,) each; sets `_success`;
    - `_text` and `_pixels`: the number of an environment to its picture.

    Args:
        n_actions: A.
        max_steps: Time limit of an episode.
        cells: What an episode costs to make, see `Episodes`.
    """

    metadata = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    option: str
    _observations: np.ndarray

    def __new__(cls, *_: Any, **options: Any) -> BatchedEnv:
        """Note the options, for `fingerprint`."""
        if "max_episode_steps" in options:
            raise ValueError(
                "max_episode_steps is for gymnasium.make, which wraps one environment; here the "
                "time limit is max_steps"
            )
        env = super().__new__(cls)
        env._options = {n: o for n, o in options.items() if n not in ("num_envs", "render_mode")}
        return env

    def __init__(
        self,
        num_envs: int,
        render_mode: str | None,
        observation_space: spaces.Space,
        n_actions: int,
        max_steps: int,
        cells: int,
    ) -> None:
        self.num_envs, self.render_mode, self.max_steps = num_envs, render_mode, max_steps
        shown = optional(one_of(self.metadata["render_modes"]))
        check(self, num_envs=at_least(1), max_steps=at_least(1), render_mode=shown)
        self.single_observation_space = observation_space
        self.single_action_space = spaces.Discrete(n_actions)
        self.observation_space = batch_space(observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._n_actions, self._everybody = n_actions, np.arange(num_envs)
        self._episodes = Episodes(self._make, num_envs, cells)
        nothing = self._prepare(*self._draw(np.zeros(0, np.uint64)))
        self._parts = tuple(nothing)
        for name, rows in nothing.items():
            setattr(self, name, np.zeros((num_envs, *rows.shape[1:]), rows.dtype))
        self._steps = np.zeros(num_envs, np.int64)
        self._one, self._most_steps = np.ones(1, np.int64), np.full(1, self.max_steps)
        self._success = np.zeros(num_envs, bool)
        self._running = False

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

        Raises:
            ValueError: If there is not one seed an environment, or the options are others;
                the sequences of episodes are then where they were.
        """
        options, episodes = options or {}, None
        if options.keys() - {self.option}:
            raise ValueError(
                f"reset options expected {{{self.option!r}: ...}} or none, got {list(options)}"
            )
        if options:
            episodes = self._prepare(*self._read(options[self.option])).values()
        if seed is None or isinstance(seed, int | np.integer):
            seeds = [None if seed is None else seed + env for env in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"expected {self.num_envs} seeds, one an environment, got {seeds}")
        streams = [
            None if seed is None else np.random.default_rng(seed).integers(1 << 64, dtype=np.uint64)
            for seed in seeds
        ]
        for env, stream in enumerate(streams):
            if stream is not None:
                self._episodes.restart(env, stream)
        if episodes is None:
            episodes = self._episodes.take(self._everybody)
        self._begin(self._everybody, episodes)
        self._running = True
        return self._observations.copy(), self._info(np.ones(self.num_envs, bool))

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action everywhere: (E,) whole numbers from 0 to A - 1."""
        if not self._running:
            raise ResetNeeded("no episode has begun: call reset() before step()")
        actions = np.asarray(actions)
        whole = actions.shape == self._everybody.shape and actions.dtype.kind in "iu"
        # as unsigned numbers negative ones are large
        if not whole or actions.astype(np.uint64).max() >= self._n_actions:
            raise InvalidAction(
                f"expected {self.num_envs} whole numbers from 0 to {self._n_actions - 1}, an "
                f"action for each environment, got {actions!r}"
            )
        rewards, terminated, truncated = self._play(actions)
        done = terminated | truncated
        infos: dict[str, Any] = {}
        if done.any():
            which = np.flatnonzero(done)
            last = np.zeros(self._observations.shape, self._observations.dtype)
            last[which] = self._observations[which]
            infos = {"final_obs": last, "_final_obs": done}
            infos |= {"final_info": self._info(done), "_final_info": done}
            self._begin(which, self._episodes.take(which))
        infos |= self._info(np.ones(self.num_envs, bool))
        return self._observations.copy(), rewards, terminated, truncated, infos

    def render(self) -> tuple[str | np.ndarray, ...] | None:
        """Show every board: texts for "ansi", (H, W, 3) uint8 arrays for "rgb_array"."""
        if self.render_mode is None:
            return None
        if not self._running:
            raise ResetNeeded("no episode has begun: call reset() before render()")
        draw = self._text if self.render_mode == "ansi" else self._pixels
        return tuple(draw(env) for env in range(self.num_envs))

    def action_masks(self) -> np.ndarray:
        """(E, A) bool: which actions are legal."""
        if not self._running:
            raise ResetNeeded("no episode has begun: call reset() before action_masks()")
        return self._legal()

    def fingerprint(self) -> dict[str, str]:
        """What two environments must share for one to take the other's state."""
        options = {name: _described(value) for name, value in self._options.items()}
        return {"kind": type(self).__name__, "num_envs": str(self.num_envs)} | options

    def state(self) -> dict[str, np.ndarray]:
        """Where every episode stands, as arrays: `set_state` brings equal environments there."""
        kept = {name: getattr(self, name) for name in (*self._parts, "_steps", "_success")}
        kept |= {"streams": self._episodes.streams.view(np.int64), "taken": self._episodes.taken}
        return {name: array.copy() for name, array in kept.items()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Stand where `state` was taken; ValueError if it is that of other environments."""
        require_same_forms(state, self.state())
        kept = {name: array.copy() for name, array in state.items()}
        self._episodes.go_on(kept.pop("streams").view(np.uint64), kept.pop("taken"))
        vars(self).update(kept)
        self._running = True

    def _make(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(self._prepare(*self._draw(keys)).values())

    def _begin(self, which: np.ndarray, episodes: Any) -> None:
        """Begin episodes, one array (M, ...) a part, in the environments `which`, (M,)."""
        for name, rows in zip(self._parts, episodes, strict=True):
            getattr(self, name)[which] = rows
        self._steps[which] = 0
        self._success[which] = False

    def _play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Move all boards, but begin no episode: rewards, terminated and truncated, (E,) each."""
        rewards, terminated = self._advance(actions)
        self._steps = self._steps + self._one  # arrays, not in place: quicker for one
        # bool > bool: the first and not the second
        return rewards, terminated, (self._steps >= self._most_steps) > terminated

    def _info(self, which: np.ndarray) -> dict[str, Any]:
        """The info of `which`, (E,) bool, with zeros for the others."""
        masks = self._legal().view(np.int8)
        masks[~which] = 0
        return {
            "action_mask": masks,
            "_action_mask": which,
            "is_success": self._success & which,
            "_is_success": which,
        }


class SingleEnv(gym.Env):
    """One environment: a batch of one, without the axis E.

    A subclass names the world it is one of, `world`, and those of its attributes, `shows`, that
    it has too: arrays (E, ...) there are (...) here, and copies.

    Args:
        render_mode: None, "ansi" or "rgb_array".
        options: As for the world.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 4}  # noqa: RUF012
    world: type[BatchedEnv]
    shows: tuple[str, ...]

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        self.render_mode = render_mode
        self._batch = self.world(1, render_mode, **options)
        self.observation_space = self._batch.single_observation_space
        self.action_space = self._batch.single_action_space
        self._over = True

    def __getattr__(self, name: str) -> Any:
        """What the world shows, of the one environment."""
        if name not in self.shows:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        value = getattr(self._batch, name)
        if not isinstance(value, np.ndarray):
            return value
        return value[0].copy() if value.ndim > 1 else value.item()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the next episode, or, with a seed, the first one of that seed."""
        super().reset(seed=seed)
        observations, _ = self._batch.reset(seed=seed, options=options)
        self._over = False
        return observations[0], self._info()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one action, a whole number from 0 to A - 1."""
        if self._over:
            raise ResetNeeded("the episode is over, or none has begun: call reset() before step()")
        batch, actions = self._batch, np.array([action])
        whole = actions.shape == (1,) and actions.dtype.kind in "iu"
        if not whole or not 0 <= actions.item() < batch._n_actions:
            raise InvalidAction(
                f"expected a whole number from 0 to {batch._n_actions - 1}, got {action!r}"
            )
        rewards, terminated, truncated = batch._play(actions)
        ends = terminated.item(), truncated.item()
        self._over = ends[0] or ends[1]
        return batch._observations[0].copy(), rewards.item(), *ends, self._info()

    def render(self) -> str | np.ndarray | None:
        """Show the board: text for "ansi", (H, W, 3) uint8 for "rgb_array"."""
        shown = self._batch.render()
        return None if shown is None else shown[0]

    def action_masks(self) -> np.ndarray:
        """(A,) bool: which actions are legal."""
        return self._batch.action_masks()[0]

    def _info(self) -> dict[str, Any]:
        return {
            "action_mask": self._batch._legal()[0].view(np.int8),
            "is_success": self._batch._success.item(),
        }


@dataclass(frozen=True)
class Reward:
    """What one step pays: one finite number for each way it may turn out."""

    def __post_init__(self) -> None:
        check(self, **{field.name: FINITE for field in fields(self)})


def find_reward(reward: str | Reward, schemes: dict[str, Reward]) -> Reward:
    """The reward scheme of a name, or the one given."""
    if isinstance(reward, Reward):
        return reward
    return schemes[one_of(schemes)(reward, "reward")]


def require_same_forms(state: dict[str, np.ndarray], ours: dict[str, np.ndarray]) -> None:
    """Refuse a state whose arrays have other names, shapes or dtypes than our own."""
    theirs, ours = (
        {(name, array.shape, str(array.dtype)) for name, array in arrays.items()}
        for arrays in (state, ours)
    )
    if theirs != ours:
        names = sorted({name for name, *_ in theirs ^ ours})
        raise ValueError(f"state expected that of equal environments, got others in {names}")


def _described(value: Any) -> str:
    """A value in words; of arrays, what tells them from others."""
    if not isinstance(value, np.ndarray | list):
        return repr(value)
    array = np.ascontiguousarray(value)
    return f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
