"""Networks for the page: weights and config as text that `book/_static/think.js` reads."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path

from trm_lib.files import write_whole
from trm_lib.models import BoardNet, BoardPolicy, load_model
from trm_lib.solving import weights_folder

KINDS = ("Looped", "TRM", "HierarchicalTRM")
MIXINGS = ("none", "conv", "mlp", "constraints")
"""What the script can think with."""
UNREAD = ("halt_head.weight", "halt_head.bias")  # when to stop is left to the reader


def exported(model: BoardNet | BoardPolicy) -> dict:
    """Kind, config and weights of a network, in JSON values; of a policy, those of its core.

    Returns:
        "kind", "config", and "weights": by name, little-endian float32 in base64.

    Raises:
        ValueError: the script does not know a layer of this network; the message names it.
    """
    model = model.core if isinstance(model, BoardPolicy) else model
    config, kind = model.config, type(model).__name__.replace("HaltingTRM", "TRM")
    for what, value, known in (
        ("model", kind, KINDS),
        ("mixing", config.mixing, MIXINGS),
        ("positions", config.positions, ("none", "rope", "rope2d")),  # unread without attention
        ("puzzle_tokens", config.puzzle_tokens, (0,)),
        ("carry", getattr(config, "carry", True), (True,)),
    ):
        if value not in known:
            wanted = " or ".join(map(str, known))
            raise ValueError(f"{what} expected {wanted} for a page to think with, got {value}")
    tensors = {name: t for name, t in model.state_dict().items() if name not in UNREAD}
    return {
        "kind": kind,
        "config": asdict(config),
        "weights": {
            name: base64.b64encode(t.float().numpy().astype("<f4").tobytes()).decode()
            for name, t in tensors.items()
        },
    }


def export(name: str, path: Path) -> None:
    """Write a network for a page: as JSON, or as a script that fills `trmExports[stem of name]`.

    Args:
        name: a shipped model (`sudoku4`) or a weight file.
        path: ends in .json or .js.

    Raises:
        ValueError: as `exported` and `load_model`, or another ending.
        FileNotFoundError: no such weights.
    """
    shipped = weights_folder() / f"{name}.safetensors"
    source = shipped if shipped.is_file() else Path(name)
    if path.suffix not in (".json", ".js"):
        raise ValueError(f"--to expected a name ending in .json or .js, got {path.name!r}")
    text = json.dumps(exported(load_model(source)))
    if path.suffix == ".js":
        text = f"(self.trmExports ??= {{}})[{json.dumps(source.stem)}] = {text};"
    write_whole(path, f"{text}\n".encode())
