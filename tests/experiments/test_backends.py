"""Where seeds run: what is not there is said before anything runs."""

import pytest

from trm_lib.experiments import find_recipes, run_recipe
from trm_lib.experiments.runner import BACKENDS, worker_backend

RECIPES = {recipe.name: recipe for recipe in find_recipes()}


def test_an_unknown_backend_is_refused(tmp_path):
    recipe = RECIPES["maze4/mlp"]
    with pytest.raises(ValueError, match="backend expected one of loky, dask, ray, got 'slurm'"):
        run_recipe(recipe, [0], tmp_path, backend="slurm")
    assert list(tmp_path.iterdir()) == []


def test_a_backend_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(BACKENDS, "ray", "no_such_package")
    missing = pytest.raises(ValueError, match="pip install no_such_package, or use loky")
    with missing, worker_backend("ray", 1):
        pass
