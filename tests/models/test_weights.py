"""Weights on disk: the same model comes back, and nothing else is ever accepted."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from book.recipes.ablations import MultiScaleConfig
from tests.models.small import SMALL, seeded
from trm_lib import models

CONFIG = models.TRMConfig(**SMALL)
WALKER = models.BoardPolicyConfig(
    core=models.HierarchicalConfig(
        vocab_size=32, grid=(3, 3), width=8, low_width=4, mixing="conv", n_answers=5
    ),
    n_actions=4, marker=4, k_steps=3, previous_action=True,
)  # fmt: skip
MODELS = {
    "trm": models.TRM(CONFIG, seeded(3)),
    "halting": models.build_model(models.TRMConfig(**SMALL, halting=True), 3),
    "looped": models.build_model(models.LoopedConfig(**SMALL), 3),
    "scales": models.build_model(MultiScaleConfig(**SMALL), 3),
    "levels": models.build_model(models.HierarchicalConfig(**SMALL, low_width=8), 3),
    "feed-forward": models.FeedForward(
        models.BoardConfig(vocab_size=7, grid=(6, 6), width=8, mixing="conv")
    ),
    "policy": models.BoardPolicy(WALKER, seeded(3)),
}


@pytest.fixture
def path(tmp_path):
    """Where the TRM is saved, with a card."""
    models.save_model(MODELS["trm"], tmp_path / "model.safetensors", {"made by": "a test"})
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_comes_back_the_same_and_nothing_is_left_half_written(model, tmp_path):
    path = tmp_path / "model.safetensors"
    models.save_model(model, path)
    again = models.load_model(path)
    assert type(again) is type(model)
    assert again.config == model.config
    assert not again.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert list(tmp_path.iterdir()) == [path]


def test_a_pickle_is_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was executed",))

    torch.save({"weights": Bomb()}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="pickled .pt files are never opened"):
        models.load_model(tmp_path / "model.safetensors")


def test_other_files_and_other_modules_are_refused(path):
    assert models.read_card(path) == {"made by": "a test"}  # which travels with the weights
    save_file({"weight": torch.zeros(2)}, path.with_stem("foreign"))
    with pytest.raises(ValueError, match="not one that trm_lib wrote"):
        models.load_model(path.with_stem("foreign"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="model.safetensors expected to be a whole safetensors"):
        models.load_model(path)
    with pytest.raises(FileNotFoundError, match="nowhere.safetensors"):
        models.load_model(path.with_stem("nowhere"))
    with pytest.raises(ValueError, match="ending in .safetensors"):
        models.save_model(MODELS["trm"], path.with_suffix(".pt"))
    with pytest.raises(ValueError, match="got Linear"):
        models.save_model(torch.nn.Linear(2, 2), path)


SIZES = {"vocab_size": 5, "grid": [4, 4]}


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("trm", {"config": json.dumps(SIZES | {"width": 32, "n_layers": 1})}),  # other sizes
        ("trm", {"config": json.dumps(SIZES | {"colour": "blue"})}),  # unknown field
        ("trm", {"config": json.dumps(SIZES | {"width": 0})}),  # invalid field
        ("policy", {"core": None}),  # not named
        ("policy", {"core": "TRMConfig"}),  # another
    ],
)
def test_weights_that_do_not_fit_their_config_are_refused(path, model, changes):
    models.save_model(MODELS[model], path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() | changes
    save_file(load_file(path), path, {k: v for k, v in metadata.items() if v is not None})
    with pytest.raises(ValueError, match="does not fit this version of trm_lib"):
        models.load_model(path)
