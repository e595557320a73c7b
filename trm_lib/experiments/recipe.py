"""A recipe: a named, frozen description of a run, and a function of a seed to carry it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trm_lib.experiments.task import PolicyTask, PuzzleTask


@dataclass(frozen=True)
class Recipe:
    """One learner of one experiment.

    Attributes:
        name: "experiment/learner", for example "basic_trm/recursion"; also its result's path.
        about: one sentence for tables and lists.
        config: a frozen dataclass with everything that is not the seed.
        run: (config, seed, checkpoint) -> what was measured, a dict of JSON values. Must be a
            function of config and seed alone, so that `verify` can repeat it; only keys that end
            in "seconds" are times, and may differ. `checkpoint` is a file that the run may write
            its unfinished state to (whole or not at all) and must go on from if it is there.
        task: config -> what is trained on what, for `trm_lib.experiments.debug`; or None.
    """

    name: str
    about: str
    config: Any
    run: Callable[[Any, int, Path], dict[str, Any]]
    task: Callable[[Any], PuzzleTask | PolicyTask] | None = None

    def settings(self) -> dict[str, Any]:
        """The config as plain JSON values."""
        return _plain(asdict(self.config))

    def describes(self, settings: dict[str, Any]) -> bool:
        """Whether stored settings mean the same config."""
        return not self.differences(settings)

    def differences(self, settings: dict[str, Any]) -> list[str]:
        """The fields, by dotted names, in which stored settings mean another config.

        A field that the library has learnt since they were stored had its default value then.
        """
        try:
            stored = _plain(asdict(_rebuilt(self.config, settings)))
        except (TypeError, ValueError):  # fields that are gone, or values no longer allowed
            stored = settings
        return _differing(stored, self.settings())


def _rebuilt(like: Any, settings: Any) -> Any:
    """The stored settings as dataclasses of the same types as `like`.

    Raises:
        TypeError: they are those of another class. Where all that a class adds to its base is
            missing, they were the base's.
    """
    if not is_dataclass(like) or not isinstance(settings, dict):
        return settings
    base = type(like).__base__
    if is_dataclass(base):
        own = {field.name for field in fields(like)} - {field.name for field in fields(base)}
        if own and own.isdisjoint(settings):
            raise TypeError(f"none of {own}")
    known = {name: _rebuilt(getattr(like, name, None), v) for name, v in settings.items()}
    return type(like)(**known)


def _differing(a: Any, b: Any, name: str = "") -> list[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        keys = sorted(a.keys() | b.keys())
        return [d for key in keys for d in _differing(a.get(key), b.get(key), f"{name}.{key}")]
    return [] if a == b else [name.lstrip(".")]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
