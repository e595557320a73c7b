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
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

BOOK = Path(__file__).parents[2] / "book"  # beside the library, in a checkout
HOME = BOOK if BOOK.is_dir() else Path()  # where recipes and results are looked for


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
        found, pairs = [], [("", self.task, settings)]
        for name, now, stored in pairs:  # grows by what is inside
            if not (is_dataclass(now) and isinstance(stored, dict)):
                found += [] if json.loads(json.dumps(now)) == stored else [name.lstrip(".")]
                continue
            known = {field.name: field.default for field in fields(now)}
            inherited = getattr(type(now).__base__, "__dataclass_fields__", known)
            of_base = inherited.keys() < known.keys() and stored.keys() <= inherited.keys()
            pairs += [(f"{name}.{k}", getattr(now, k), stored[k]) for k in known if k in stored]
            missing = [k for k in known if k not in stored]
            wrong = [k for k in missing if of_base or getattr(now, k) != known[k]]
            found += [f"{name}.{k}".lstrip(".") for k in [*wrong, *(stored.keys() - known)]]
        return found


def find_recipes(name: str = "", folder: str | Path | None = None) -> list[Recipe]:
    """Recipes by name.

    Args:
        name: a recipe's full name, or the part before the slash for all of an experiment; "" for
            all there are.
        folder: of the files of recipes; by default the book's, or else ./recipes.

    Raises:
        ValueError, FileNotFoundError: there is no such recipe, or no such folder.
    """
    folder = Path(folder or HOME / "recipes").resolve()
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
            f"no recipe is called {name!r} in {folder} (--recipes names another): expected one of "
            f"{', '.join(sorted(known)) or 'none'}, or a name that `python -m trm_lib list` prints"
        )
    return found


def find_recipe(name: str, folder: str | Path | None = None) -> Recipe:
    """The one recipe of this name; ValueError if there are several."""
    if len(found := find_recipes(name, folder)) > 1:
        names = ", ".join(recipe.name for recipe in found)
        raise ValueError(f"expected the name of one recipe, {name!r} has several: {names}")
    return found[0]


def _imported(path: Path) -> ModuleType:
    """A file of recipes as `book.recipes.STEM`, whichever folders were looked at before."""
    ours = (BOOK, path.parents[1]), (BOOK / "recipes", path.parent)
    for name, folders in zip(("book", "book.recipes"), ours, strict=True):
        package = sys.modules.setdefault(name, ModuleType(name))
        package.__path__ = [str(folder) for folder in reversed(folders)]
    sys.modules["book"].recipes = package
    name = f"book.recipes.{path.stem}"
    if name in sys.modules and Path(sys.modules[name].__file__).resolve() != path:
        del sys.modules[name]  # that of another folder
    return importlib.import_module(name)
