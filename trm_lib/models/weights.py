"""Models by their configs: built, written to disk, and read again.

Weights are safetensors files with what is needed to rebuild the model inside. Nothing is ever
unpickled, so a weight file can hold numbers but cannot run code.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from trm_lib.files import write_whole
from trm_lib.models.layers import BoardConfig
from trm_lib.models.policies import (
    BoardPolicy,
    BoardPolicyConfig,
    FlatPolicyConfig,
    GRUPolicy,
    GRUPolicyConfig,
    MLPPolicy,
    MLPPolicyConfig,
    Policy,
)
from trm_lib.models.rivals import NETWORKS, network_of
from trm_lib.models.trm import BoardNet

POLICIES = {
    BoardPolicyConfig: BoardPolicy, MLPPolicyConfig: MLPPolicy, GRUPolicyConfig: GRUPolicy,
}  # fmt: skip


def _kinds() -> dict[str, type]:
    """The config of every kind of model, by the name in its file, which for all TRMs is "TRM"."""
    return {kind.__name__: config for config, kind in (NETWORKS | POLICIES).items()}


def build_model(
    config: BoardConfig | BoardPolicyConfig | FlatPolicyConfig, generator: torch.Generator | int = 0
) -> BoardNet | Policy:
    """The untrained network or policy that a config describes: `TRM`, `HaltingTRM`, and so on.

    Args:
        config: of any network or policy; a plain `BoardConfig` is for `FeedForward`.
        generator: source of the initial weights, or its seed.

    Raises:
        ValueError: no network is described by a config of this class.
    """
    if isinstance(generator, int):
        generator = torch.Generator().manual_seed(generator)
    if type(config) not in NETWORKS | POLICIES:
        known = ", ".join(kind.__name__ for kind in NETWORKS | POLICIES)
        raise ValueError(f"config expected one of {known}, got {config!r}")
    kind = POLICIES.get(type(config)) or network_of(config)
    return kind(config, generator)


def save_model(model: BoardNet | BoardPolicy, path: str | Path, card: dict | None = None) -> None:
    """Write a model so that `load_model` can rebuild it; the file appears whole or not at all.

    Args:
        model: one that `build_model` makes.
        path: where to, ending in .safetensors.
        card: what a reader should know about the weights (JSON values): data, seed, accuracy.

    Raises:
        ValueError: a path that does not end in .safetensors, or an unknown kind of model.
    """
    path = Path(path)
    described = type(getattr(model, "config", None))
    kind = next((kind for kind, config in _kinds().items() if config is described), None)
    if path.suffix != ".safetensors":
        raise ValueError(f"path expected a name ending in .safetensors, got {path.name!r}")
    if kind is None:
        raise ValueError(f"model expected one of {sorted(_kinds())}, got {type(model).__name__}")
    metadata = {
        "trm_lib": "1",
        "kind": kind,
        "config": json.dumps(asdict(model.config)),
        "card": json.dumps(card or {}),
    }
    if isinstance(model, BoardPolicy):
        metadata["core"] = type(model.config.core).__name__
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    write_whole(path, save(tensors, metadata))


def load_model(path: str | Path) -> BoardNet | BoardPolicy:
    """Rebuild a model that `save_model` wrote, in evaluation mode.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: not a safetensors file, damaged, or not written by this library.
    """
    path = Path(path)
    metadata, tensors = open_weights(path)
    if metadata.get("kind") not in _kinds():
        raise ValueError(
            f"{path.name} is a safetensors file, but not one that trm_lib wrote: expected its "
            f"metadata to name a kind among {sorted(_kinds())}, got {metadata.get('kind')!r}"
        )
    config = _kinds()[metadata["kind"]]
    try:
        fields = json.loads(metadata["config"])
        if config is BoardPolicyConfig:
            core = {kind.__name__: kind for kind in NETWORKS}[metadata["core"]]
            fields["core"] = core(**fields["core"])
        described = config(**fields)
        layers = getattr(getattr(described, "core", described), "n_layers", 1)
        if layers > len(tensors):
            raise ValueError(f"its config has {layers} layers, it holds {len(tensors)} tensors")
        damaged = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
        if damaged:
            raise ValueError(f"{damaged[0]} holds numbers that are not finite")
        model = build_model(described)
        model = model.to(next(t.dtype for n, t in tensors.items() if n.endswith("embedding")))
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError, StopIteration) as error:
        raise ValueError(
            f"{path.name} does not fit this version of trm_lib: {error}. Train it again with the "
            f"recipe its model card names"
        ) from error
    return model.eval()


def read_card(path: str | Path) -> dict:
    """The model card stored with the weights, {} if there is none; errors as `load_model`."""
    return json.loads(open_weights(Path(path))[0].get("card", "{}"))


def open_weights(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file."""
    if not path.is_file():
        raise FileNotFoundError(f"expected a weight file at {path}, found none")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return file.metadata() or {}, tensors
    except SafetensorError as error:
        raise ValueError(
            f"{path} expected to be a whole safetensors file, but: {error}. It is damaged or "
            f"of another format (pickled .pt files are never opened); fetch or train it again"
        ) from error
