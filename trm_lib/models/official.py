"""Models trained with the official TRM code, in this library's `HaltingTRM`.

Axes: P puzzle tokens, L cells, D width.

Source: github.com/SamsungSAILMontreal/TinyRecursiveModels at e7b6871,
models/recursive_reasoning/trm.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trm_lib.models.halting import HaltingTRM
from trm_lib.models.trm import TRMConfig
from trm_lib.models.weights import open_weights

PREFIXES = ("weight/", "module.", "_orig_mod.", "model.", "inner.")
"""What may stand before every name: put there by the files of tests/models/fidelity, by
DistributedDataParallel, by torch.compile, by the loss head, and by the ACT wrapper."""

NAMES = {
    "embed_tokens.embedding_weight": "embedding",
    "embed_pos.embedding_weight": "position",
    "puzzle_emb.weights": "puzzle_embedding",
    "lm_head.weight": "head.weight",
    "q_head.weight": "halt_head.weight",
    "q_head.bias": "halt_head.bias",
    "H_init": "y0",
    "L_init": "z0",
}
"""The official name of each tensor outside the blocks, and ours."""

BLOCK_NAMES = {
    "self_attn.qkv_proj.weight": "mixing.qkv.weight",
    "self_attn.o_proj.weight": "mixing.out.weight",
    "mlp_t.gate_up_proj.weight": "mixing.swiglu.gate_up.weight",
    "mlp_t.down_proj.weight": "mixing.swiglu.down.weight",
    "mlp.gate_up_proj.weight": "swiglu.gate_up.weight",
    "mlp.down_proj.weight": "swiglu.down.weight",
}
"""The same inside a block."""

FROM_WEIGHTS = {
    "vocab_size": "embed_tokens.embedding_weight", "num_puzzle_identifiers": "puzzle_emb.weights"
}  # fmt: skip
OFFICIAL_CELLS = {"11": 81, "6": 900}
"""Cells of the official boards, 9x9 Sudoku and 30x30 mazes, by the number of tokens."""

FIXED = {"rms_norm_eps": 1e-5, "rope_theta": 10_000.0, "no_ACT_continue": True}


def official_names(config: TRMConfig) -> dict[str, str]:
    """Official name -> ours, for every tensor a model of this config may have."""
    blocks = {
        f"L_level.layers.{i}.{theirs}": f"stack.blocks.{i}.{ours}"
        for i in range(config.n_layers)
        for theirs, ours in BLOCK_NAMES.items()
    }
    return NAMES | blocks


def _settings(config: object) -> dict[str, Any]:
    """Official settings without levels and references."""
    if not isinstance(config, Mapping):
        raise ValueError(f"config expected a dict of official settings, got {config!r}")
    inner = config.get("arch", {})
    config = {**config, **inner} if isinstance(inner, Mapping) else dict(config)
    for name, value in config.items():
        referred = re.fullmatch(r"\$\{\.?(?:arch\.)?(\w+)\}", str(value))
        if referred:
            config[name] = config.get(referred[1], value)
    return config


def official_config(config: dict[str, Any], grid: tuple[int, ...] | None = None) -> TRMConfig:
    """The official settings in this library's words.

    Args:
        config: the official names; the ones with a default there may be missing. Settings may lie
            under "arch", and refer to others as "${.hidden_size}", as in the official YAML files.
        grid: shape of a board; (seq_len,) if not given.

    Raises:
        ValueError: a setting is missing, or one that this library does not have.
    """
    needed = (
        "seq_len", "vocab_size", "H_cycles", "L_cycles", "L_layers", "hidden_size", "expansion",
        "num_heads", "pos_encodings", "num_puzzle_identifiers", "halt_max_steps",
        "halt_exploration_prob",
    )  # fmt: skip
    config = _settings(config)
    missing = [name for name in needed if name not in config]
    if missing:
        raise ValueError(
            f"config expected a dict of the official settings, got none for {', '.join(missing)}"
        )
    for name in set(needed) - {"pos_encodings"}:
        if isinstance(config[name], bool) or not isinstance(config[name], int | float):
            raise ValueError(f"{name} expected a number, got {config[name]!r}")
    for name, value in FIXED.items():
        if config.get(name, value) != value:
            raise ValueError(f"{name} expected {value}, got {config[name]!r}: not supported")
    if not isinstance(config.get("mlp_t", False), bool):
        raise ValueError(f"mlp_t expected True or False, got {config['mlp_t']!r}")
    if grid is not None and math.prod(grid) != config["seq_len"]:
        raise ValueError(f"grid expected {config['seq_len']} cells (seq_len), got {tuple(grid)}")
    D, ndim = config["hidden_size"], config.get("puzzle_emb_ndim", 0)
    tokens = (config.get("puzzle_emb_len", 16) or -(-ndim // D)) if ndim else 0
    return TRMConfig(
        vocab_size=config["vocab_size"], grid=(config["seq_len"],) if grid is None else grid,
        width=D, n_layers=config["L_layers"], expansion=config["expansion"], hidden_multiple=256,
        mixing="mlp" if config.get("mlp_t", False) else "attention", n_heads=config["num_heads"],
        positions=config["pos_encodings"], puzzle_tokens=tokens, puzzle_width=ndim or None,
        n_puzzles=config["num_puzzle_identifiers"], n_latent=config["L_cycles"],
        n_cycles=config["H_cycles"], halting=True, n_sup=config["halt_max_steps"],
        explore=config["halt_exploration_prob"],
    )  # fmt: skip


def load_official(
    config: dict[str, Any] | str | Path,
    weights: dict[str, Any] | str | Path,
    grid: tuple[int, ...] | None = None,
) -> HaltingTRM:
    """A `HaltingTRM` with the weights of a model of the official code.

    It computes in float32 with the official order of operations: on the same processor and
    thread count, every number comes out the same to the last bit.

    Args:
        config: the official settings by their official names ("H_cycles", "hidden_size", ...), or
            the YAML file they stand in. What the official code takes from its data may be missing:
            vocab_size and num_puzzle_identifiers are then those of the weights, and seq_len that
            of 9x9 Sudoku (81) or of 30x30 mazes (900).
        weights: the official state dict, or its file, .pt or .safetensors. Names may carry
            `PREFIXES`, and the state dict may lie inside another dict, beside an optimizer's.
        grid: shape of a board, if its rows and columns are to be seen, for example (9, 9);
            (seq_len,) if not given.

    Returns:
        The model in evaluation mode.

    Raises:
        FileNotFoundError: no file at a path.
        ValueError: a file cannot be read, a setting is missing or not supported, or the weights do
            not fit it or are not finite.
    """
    settings = _settings(_read_yaml(Path(config)) if isinstance(config, str | Path) else config)
    given: dict[str, Tensor] = {}
    for name, tensor in _state_dict(weights).items():
        bare = re.sub(f"^({'|'.join(map(re.escape, PREFIXES))})*", "", str(name))
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or not tensor.dim():
            came = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ValueError(f"weights expected a tensor of floats for {name!r}, got {came}")
        if not tensor.isfinite().all():
            raise ValueError(f"weights expected finite numbers, got NaN or infinite in {name!r}")
        if bare in given:
            raise ValueError(f"weights expected one tensor for {bare}, got two")
        given[bare] = tensor
    for setting, name in FROM_WEIGHTS.items():
        if name in given:
            settings.setdefault(setting, len(given[name]))
    if isinstance(layers := settings.get("L_layers"), int) and layers > len(given):
        raise ValueError(f"weights expected those of {layers} L_layers, got {len(given)} tensors")
    width = given.get("H_init")
    D = settings.get("hidden_size")
    if width is not None and isinstance(D, int) and 16 * width.numel() < D:  # before it is built
        raise ValueError(f"weights expected an H_init of hidden_size {D}, got {width.numel()}")
    seq_len = OFFICIAL_CELLS.get(str(settings.get("vocab_size")))
    model = HaltingTRM(official_config(({"seq_len": seq_len} if seq_len else {}) | settings, grid))
    names, expected = official_names(model.config), model.state_dict()
    theirs = {ours: name for name, ours in names.items()}
    found = {names[name]: tensor for name, tensor in given.items() if names.get(name) in expected}
    missing = [theirs[name] for name in expected if name not in found]
    unknown = [name for name in given if names.get(name) not in expected]
    misshapen = [
        f"{theirs[name]} {tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
        for name, tensor in found.items()
        if tensor.shape != expected[name].shape
    ]
    if missing or unknown or misshapen:
        raise ValueError(
            "weights expected to be the official model's that config describes; "
            f"missing: {_some(missing)}, left over: {_some(unknown)}, "
            f"of another shape: {_some(misshapen)}"
        )
    model.load_state_dict({name: tensor.float() for name, tensor in found.items()})
    return model.eval()


def _some(names: list[str]) -> str:
    """The first few of a list, and how many more there are."""
    more = f", and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more or "none"


def _state_dict(weights: object) -> dict[str, Any]:
    """The dict of tensors in a file or in dicts of dicts."""
    if isinstance(weights, str | Path):
        weights = _read_weights(Path(weights))
    if not isinstance(weights, Mapping):
        raise ValueError(
            f"weights expected a state dict or the path of one, got a {type(weights).__name__}"
        )
    held = list(_dicts(weights))
    most = max(n for n, _ in held)
    fullest = [tensors for n, tensors in held if n == most]
    if not most or len(fullest) > 1:
        raise ValueError(
            f"weights expected one state dict, got {len(fullest) if most else 0} among "
            f"{_some([repr(key) for key in weights])}: pass the one to load, weights[...]"
        )
    return fullest[0]


def _dicts(weights: Mapping) -> Iterator[tuple[int, dict[str, Any]]]:
    """A dict and those inside, each with how many tensors it holds."""
    yield sum(isinstance(value, Tensor) for value in weights.values()), dict(weights)
    for value in weights.values():
        if isinstance(value, Mapping):
            yield from _dicts(value)


def _read_weights(path: Path) -> Mapping[str, Any]:
    """Tensors of a safetensors file, or of one that torch.save wrote; no code in it is run."""
    if path.suffix == ".safetensors":
        return open_weights(path)[1]
    if not path.is_file():
        raise FileNotFoundError(f"expected a checkpoint at {path}, found none")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or foreign file may cause
        raise ValueError(
            f"{path} expected to be a state dict that torch.save wrote, of tensors and numbers "
            "alone; it is damaged, or of another format, or would run code, which is refused"
        ) from error


def _read_yaml(path: Path) -> Any:
    import yaml  # late: only these files need it

    if not path.is_file():
        raise FileNotFoundError(f"expected official settings at {path}, found no file")
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} expected official settings in YAML: {reason}") from error
