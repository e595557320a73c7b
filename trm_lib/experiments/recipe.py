"""A recipe: a named, frozen description of a run; and how recipes are found, by folder.

A folder of recipes holds Python files, imported as `book.recipes.NAME` when a recipe of theirs is
asked for. Each says which experiments it holds, `EXPERIMENTS = ("maze4", ...)`, which is read
without running it, and lists its `RECIPES`.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trm_lib.tasks import PolicyTask, PuzzleTask

BOOK = Path(__file__).parents[2] / "book"  # beside the library, in a checkout


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


def find_recipes(name: str = "", folder: str | Path | None = None) -> list[Recipe]:
    """Recipes by name.

    Args:
        name: a recipe's full name, or the part before the slash for all of an experiment; "" for
            all there are.
        folder: of the files of recipes; by default the book's.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no such recipe.
    """
    folder = recipe_folder(folder)
    experiment = name.split("/")[0]
    by_file = {path.stem: experiments_in(path) for path in sorted(folder.glob("*.py"))}
    asked = [stem for stem, held in by_file.items() if experiment in held or (held and not name)]
    recipes = [recipe for stem in asked for recipe in recipe_module(stem, folder).RECIPES]
    found = [recipe for recipe in recipes if name in ("", recipe.name, recipe.name.split("/")[0])]
    if not found:
        known = sorted(experiment for held in by_file.values() for experiment in held)
        raise ValueError(
            f"no recipe is called {name!r}: expected one of {', '.join(known)}, or a name "
            f"that `python -m trm_lib list` prints"
        )
    return found


def recipe_folder(folder: str | Path | None) -> Path:
    """The folder, or the book's.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    found = (BOOK / "recipes" if folder is None else Path(folder)).resolve()
    if not found.is_dir():
        raise FileNotFoundError(
            f"expected a folder of recipes at {found}, found none: recipes are in the book's "
            f"repository, not in the installed library; name their folder with --recipes"
        )
    return found


def experiments_in(path: Path) -> tuple[str, ...]:
    """What a file of recipes says it holds, without running it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXPERIMENTS":
            return ast.literal_eval(node.value)
    return ()


def recipe_module(stem: str, folder: Path) -> ModuleType:
    """A file of recipes as `book.recipes.STEM`, from this folder whichever was looked at before."""
    here = sys.modules.get("book.recipes")
    if here is None or {Path(path).resolve() for path in here.__path__} != {folder}:
        for name in [name for name in sys.modules if name.split(".")[0] == "book"]:
            del sys.modules[name]
        for name, path in (("book", folder.parent), ("book.recipes", folder)):
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__path__ = [str(path)]
    return importlib.import_module(f"book.recipes.{stem}")
