"""Weights on disk: the same model comes back, and nothing else is ever accepted."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from trm_lib.models import (
    TRM,
    BoardConfig,
    BoardPolicy,
    BoardPolicyConfig,
    FeedForward,
    HierarchicalConfig,
    TRMConfig,
    load_model,
    read_card,
    save_model,
)

CONFIG = TRMConfig(vocab_size=5, grid=(4, 4), width=16, n_layers=1)
WALKER = BoardPolicyConfig(
    core=HierarchicalConfig(
        vocab_size=32, grid=(3, 3), width=8, low_width=4, mixing="conv", n_answers=5
    ),
    n_actions=4,
    marker=4,
    k_steps=3,
    previous_action=True,
)


@pytest.fixture
def saved(tmp_path):
    model = TRM(CONFIG, torch.Generator().manual_seed(3))
    path = tmp_path / "model.safetensors"
    save_model(model, path, {"made by": "a test"})
    return model, path


@pytest.mark.parametrize(
    "model",
    [
        TRM(CONFIG, torch.Generator().manual_seed(3)),
        FeedForward(BoardConfig(vocab_size=7, grid=(6, 6), width=8, mixing="conv")),
        BoardPolicy(WALKER, torch.Generator().manual_seed(3)),
    ],
)
def test_a_model_comes_back_the_same(model, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(model, path)
    again = load_model(path)
    assert type(again) is type(model)
    assert again.config == model.config
    assert not again.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_the_card_travels_with_the_weights(saved):
    assert read_card(saved[1]) == {"made by": "a test"}


def test_saving_leaves_nothing_half_written(saved):
    assert [p.name for p in saved[1].parent.iterdir()] == ["model.safetensors"]


def test_a_truncated_file_is_refused(saved):
    path = saved[1]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="model.safetensors expected to be a whole safetensors"):
        load_model(path)


def test_a_pickle_is_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was executed",))

    path = tmp_path / "model.safetensors"
    torch.save({"weights": Bomb()}, path)
    with pytest.raises(ValueError, match="pickled .pt files are never opened"):
        load_model(path)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="not one that trm_lib wrote"):
        load_model(path)


@pytest.mark.parametrize(
    "config",
    [
        {"vocab_size": 5, "grid": [4, 4], "width": 32, "n_layers": 1},  # other sizes
        {"vocab_size": 5, "grid": [4, 4], "colour": "blue"},  # unknown field
        {"vocab_size": 5, "grid": [4, 4], "width": 0},  # invalid field
    ],
)
def test_weights_that_do_not_fit_their_config_are_refused(saved, config):
    path = saved[1]
    metadata = {"trm_lib": "1", "kind": "TRM", "config": json.dumps(config)}
    save_file(load_file(path), path, metadata)
    with pytest.raises(ValueError, match="does not fit this version of trm_lib"):
        load_model(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.safetensors"):
        load_model(tmp_path / "nowhere.safetensors")


def test_saving_refuses_other_endings_and_other_modules(tmp_path):
    with pytest.raises(ValueError, match="ending in .safetensors"):
        save_model(TRM(CONFIG), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="got Linear"):
        save_model(torch.nn.Linear(2, 2), tmp_path / "model.safetensors")


def test_a_policy_whose_core_is_not_named_is_refused(tmp_path):
    path = tmp_path / "policy.safetensors"
    save_model(BoardPolicy(WALKER), path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    for core in (None, "TRMConfig"):
        said = {k: v for k, v in metadata.items() if k != "core"} | ({"core": core} if core else {})
        save_file(load_file(path), tmp_path / "other.safetensors", said)
        with pytest.raises(ValueError, match="does not fit this version of trm_lib"):
            load_model(tmp_path / "other.safetensors")
