"""What the library's single environments share: seeds, options, checked actions, pictures."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded

from trm_lib.envs.episodes import Episodes


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
