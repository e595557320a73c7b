"""Models trained with the official TRM code, in this library's `HaltingTRM`.

Axes: P puzzle tokens, L cells, D width.

Source: github.com/SamsungSAILMontreal/TinyRecursiveModels at e7b6871,
models/recursive_reasoning/trm.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from trm_lib.models.halting import HaltingTRM
from trm_lib.models.trm import TRMConfig

PREFIXES = ("weight/", "_orig_mod.", "model.", "inner.")
"""What stands before every name: put there by the files of tests/models/fidelity, by
torch.compile, by the loss head, and by the ACT wrapper, in this order."""

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

FIXED = {"rms_norm_eps": 1e-5, "rope_theta": 10_000.0, "no_ACT_continue": True}


def official_names(config: TRMConfig) -> dict[str, str]:
    """Official name -> ours, for every tensor a model of this config may have."""
    blocks = {
        f"L_level.layers.{i}.{theirs}": f"stack.blocks.{i}.{ours}"
        for i in range(config.n_layers)
        for theirs, ours in BLOCK_NAMES.items()
    }
    return NAMES | blocks


def official_config(config: dict[str, Any], grid: tuple[int, ...] | None = None) -> TRMConfig:
    """The official settings in this library's words.

    Args:
        config: the official names; the ones with a default there may be missing.
        grid: shape of a board; (seq_len,) if not given.

    Raises:
        ValueError: a setting is missing, or one that this library does not have.
    """
    needed = (
        "seq_len", "vocab_size", "H_cycles", "L_cycles", "L_layers", "hidden_size", "expansion",
        "num_heads", "pos_encodings", "num_puzzle_identifiers", "halt_max_steps",
        "halt_exploration_prob",
    )  # fmt: skip
    given = config if isinstance(config, Mapping) else {}
    missing = [name for name in needed if name not in given]
    if missing:
        raise ValueError(
            f"config expected a dict of the official settings, got none for {', '.join(missing)}"
        )
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
        n_puzzles=config["num_puzzle_identifiers"], fused=False, n_latent=config["L_cycles"],
        n_cycles=config["H_cycles"], halting=True, n_sup=config["halt_max_steps"],
        explore=config["halt_exploration_prob"],
    )  # fmt: skip


def load_official(
    config: dict[str, Any], weights: dict[str, Tensor], grid: tuple[int, ...] | None = None
) -> HaltingTRM:
    """A `HaltingTRM` with the weights of a model of the official code.

    It computes in float32 with the official order of operations: on the same processor and
    thread count, every number comes out the same to the last bit.

    Args:
        config: the official settings by their official names ("H_cycles", "hidden_size", ...).
        weights: the official state dict; names may carry `PREFIXES`.
        grid: shape of a board, if its rows and columns are to be seen, for example (9, 9);
            (seq_len,) if not given.

    Returns:
        The model in evaluation mode.

    Raises:
        ValueError: a setting is missing or not supported, or the weights do not fit it.
    """
    model = HaltingTRM(official_config(config, grid))
    names = official_names(model.config)
    expected = model.state_dict()
    found, unknown = {}, []
    for name, tensor in weights.items():
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            raise ValueError(f"weights expected a tensor of floats for {name!r}, got {tensor!r}")
        bare = name
        for prefix in PREFIXES:
            bare = bare.removeprefix(prefix)
        ours = names.get(bare)
        if ours in found:
            raise ValueError(f"weights expected one tensor for {bare}, got two")
        if ours in expected:
            found[ours] = tensor
        else:
            unknown.append(name)
    theirs = {ours: name for name, ours in names.items()}
    missing = [theirs[name] for name in expected if name not in found]
    misshapen = [
        f"{theirs[name]} {tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
        for name, tensor in found.items()
        if tensor.shape != expected[name].shape
    ]
    if missing or unknown or misshapen:
        raise ValueError(
            "weights expected to be the official model's that config describes; "
            f"missing: {missing or 'none'}, left over: {unknown or 'none'}, "
            f"of another shape: {misshapen or 'none'}"
        )
    model.load_state_dict({name: tensor.float() for name, tensor in found.items()})
    return model.eval()
