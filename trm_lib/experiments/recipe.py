"""A recipe: a named task; and how recipes are found, by folder.

A folder of recipes holds Python files, imported as `book.recipes.NAME` when a recipe of theirs is
asked for. Each says which experiments it holds, `EXPERIMENTS = ("maze4", ...)`, which is read
without running it, and lists its `RECIPES`.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

BOOK = Path(__file__).parents[2] / "book"  # beside the library, in a checkout


@dataclass(frozen=True)
class Recipe:
    """One learner of one experiment.

    Attributes:
        name: "experiment/learner", for example "basic_trm/recursion"; also its result's path.
        about: one sentence for tables and lists.
        task: a frozen dataclass with everything that is not the seed, as those of `trm_lib.tasks`,
            and a method `run(seed, checkpoint)` that measures: a dict of JSON values. It must be a
            function of task and seed alone, so that `verify` can repeat it; only keys that end in
            "seconds" are times, and may differ. `checkpoint` is a file that the run may keep its
            unfinished state in (whole or not at all) and must go on from if it is there.
    """

    name: str
    about: str
    task: Any

    def settings(self) -> dict[str, Any]:
        """The task as plain JSON values."""
        return json.loads(json.dumps(asdict(self.task)))

    def differences(self, settings: dict[str, Any]) -> list[str]:
        """The fields, by dotted names, in which stored settings mean another task; [] for none.

        A field that the library has learnt since they were stored had its default value then.
        """
        try:
            stored = replace(self, task=_rebuilt(self.task, settings)).settings()
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
    folder = (BOOK / "recipes" if folder is None else Path(folder)).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"expected a folder of recipes at {folder}, found none: recipes are in the book's "
            f"repository, not in the installed library; name their folder with --recipes"
        )
    experiment, known, found = name.split("/")[0], [], []
    for path in sorted(folder.glob("*.py")):
        says = re.search(r"^EXPERIMENTS = (\(.*?\))", path.read_text(encoding="utf-8"), re.M | re.S)
        held = ast.literal_eval(says[1]) if says else ()
        known += held
        if experiment in held or (held and not name):
            recipes = _imported(path).RECIPES
            found += [r for r in recipes if name in ("", r.name, r.name.split("/")[0])]
    if not found:
        raise ValueError(
            f"no recipe is called {name!r}: expected one of {', '.join(sorted(known))}, or a name "
            f"that `python -m trm_lib list` prints"
        )
    return found


def find_recipe(name: str, folder: str | Path | None = None) -> Recipe:
    """The one recipe of this name.

    Raises:
        FileNotFoundError, ValueError: as `find_recipes`; ValueError also if there are several.
    """
    found = find_recipes(name, folder)
    if len(found) > 1:
        names = ", ".join(recipe.name for recipe in found)
        raise ValueError(f"expected the name of one recipe, {name!r} has several: {names}")
    return found[0]


def _imported(path: Path) -> ModuleType:
    """A file of recipes as `book.recipes.STEM`, whichever folders were looked at before."""
    for name, folder in (("book", path.parents[1]), ("book.recipes", path.parent)):
        try:
            package = importlib.import_module(name)
        except ModuleNotFoundError:  # no checkout is on the path of imports
            package = sys.modules[name] = ModuleType(name)
            package.__path__ = []
        others = [place for place in package.__path__ if Path(place).resolve() != folder]
        package.__path__ = [str(folder), *others]
    name = f"book.recipes.{path.stem}"
    if name in sys.modules and Path(sys.modules[name].__file__).resolve() != path:
        del sys.modules[name]  # that of another folder
    return importlib.import_module(name)
