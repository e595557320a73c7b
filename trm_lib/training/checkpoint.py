"""A training run on disk: killed at any moment, it goes on as if nothing had happened.

One safetensors file holds it all: tensors (weights, moving average, optimizer, carry, state of
the random generator), and, as JSON in its metadata, the configs, the place in the data, and the
history. It is renewed in one move, so that there is always a whole one. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from trm_lib.files import leftovers, write_whole
from trm_lib.models.trm import Carry
from trm_lib.models.weights import open_weights
from trm_lib.training.data import PuzzleData
from trm_lib.training.history import History
from trm_lib.training.run import TrainingRun

FORMAT = "trm_lib training run 1"


def save_run(run: TrainingRun, path: Path) -> None:
    """Write the whole state of a run; the file is replaced in one move or left as it is."""
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in _tensors(run).items()
    }
    state = {
        **run.identity,
        "batch": run.batch,
        "step": run.step,
        "stream": run.stream.position(),
        "history": asdict(run.history),
    }
    write_whole(path, save(tensors, {"format": FORMAT, "state": json.dumps(state)}))


def load_run(run: TrainingRun, path: str | Path) -> None:
    """Bring a new run to where the one in the file was.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: the file is damaged, of another format, or of a run with another model, data
            or config; the message says which. The run is then left as it was.
    """
    path = Path(path)
    metadata, tensors = open_weights(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path.name} expected to be a training run that fit left with checkpoint=, but its "
            f"format is {metadata.get('format')!r}: give another file, or train without resume_from"
        )
    try:
        state = json.loads(metadata["state"])
        _require_same(path, state, belongs_to(run))
        groups: dict[str, dict[str, Tensor]] = {"optimizer": {}}
        for name, tensor in tensors.items():
            group, rest = name.split("/", 1)
            groups.setdefault(group, {})[rest] = tensor
        _require_fitting(run, groups)
        batch, step, position = state["batch"], state["step"], state["stream"]
        history, rng = History(**state["history"]), torch.Generator(run.device)
        rng.set_state(groups["generator"]["state"])
        np.random.default_rng().bit_generator.state = position["rng"]
        carry = {name: t.to(run.device) for name, t in groups.get("carry", {}).items()}
        labels = carry.pop("labels", None)
        carry = Carry(**carry) if carry else None
    except (KeyError, TypeError, RuntimeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} says it is a training run, but it is not a whole one ({error!r}): delete it "
            f"and start anew without resume_from"
        ) from error
    # all of it has been read: only now is anything changed
    run.model.load_state_dict(groups["model"])
    run.average.load_state_dict(groups["average"])
    _load_optimizer(run, groups["optimizer"])
    run.generator, run.carry, run.labels = rng, carry, labels
    run.batch, run.step, run.history = batch, step, history
    run.stream.go_to(position)


def require_place(path: str | Path, resume_from: str | Path | None) -> Path:
    """The path for a checkpoint, if one may be written there.

    Raises:
        ValueError: no .safetensors name, no such folder, one that cannot be written to, or a file
            that is not the one resumed.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"checkpoint expected a name ending in .safetensors, got {path.name!r}")
    if not path.parent.is_dir():
        raise ValueError(f"checkpoint expected an existing folder, got {path.parent}: make it")
    if path.is_dir():
        raise ValueError(f"checkpoint expected the name of a file, got the folder {path}")
    if path.exists() and (resume_from is None or path.resolve() != Path(resume_from).resolve()):
        raise ValueError(
            f"checkpoint {path.name} exists already and would be overwritten: pass it as "
            f"resume_from to go on from it, delete it, or choose another name"
        )
    for left in leftovers(path):  # of runs that were killed while they wrote
        left.unlink(missing_ok=True)
    try:
        write_whole(trial := path.with_name(f"{path.name}.trial"), b"")
        trial.unlink()
    except OSError as error:
        raise ValueError(f"checkpoint cannot be written: {error}") from error
    return path


def _tensors(run: TrainingRun) -> dict[str, Tensor]:
    """Every tensor of the run, named group/rest."""
    names = [name for name, _ in run.model.named_parameters()]
    tensors = {f"model/{name}": t for name, t in run.model.state_dict().items()}
    tensors |= {f"average/{name}": t for name, t in run.average.state_dict().items()}
    for i, values in run.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{names[i]}/{key}": t for key, t in values.items()}
    tensors["generator/state"] = run.generator.get_state()
    if run.carry is not None:
        tensors |= {f"carry/{f.name}": getattr(run.carry, f.name) for f in fields(run.carry)}
        tensors["carry/labels"] = run.labels
    return tensors


def _require_fitting(run: TrainingRun, groups: dict[str, dict[str, Tensor]]) -> None:
    """Raise KeyError unless every tensor has the name and the form that the run has a place for."""
    for group, expected in (("model", run.model), ("average", run.average)):
        forms = {name: _form(tensor) for name, tensor in expected.state_dict().items()}
        found = {name: _form(tensor) for name, tensor in groups[group].items()}
        if found != forms:
            raise KeyError(_difference(found, forms, group))
    parameters = dict(run.model.named_parameters())
    for name, tensor in groups["optimizer"].items():
        parameter = parameters[name.rsplit("/", 1)[0]]
        if tensor.shape not in (torch.Size(), parameter.shape):
            raise KeyError(f"optimizer/{name} has shape {tuple(tensor.shape)}")
    if "carry" in groups:
        B = len(groups["carry"]["labels"])
        if any(len(tensor) != B for tensor in groups["carry"].values()):
            raise KeyError("the carry's parts are of several batches")


def _load_optimizer(run: TrainingRun, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    places = {name: i for i, (name, _) in enumerate(run.model.named_parameters())}
    for name, tensor in tensors.items():
        parameter, key = name.rsplit("/", 1)
        state.setdefault(places[parameter], {})[key] = tensor
    run.optimizer.load_state_dict(run.optimizer.state_dict() | {"state": state})


def belongs_to(run: TrainingRun) -> dict[str, Any]:
    """What two runs must share for one to go on with the other's state: JSON values."""
    return json.loads(
        json.dumps(
            {
                "model": _model(run.model),
                "training": asdict(run.config),
                "data": _fingerprint(run.data),
            }
        )
    )


def _model(model: nn.Module) -> dict[str, Any]:
    config = getattr(model, "config", None)
    return {
        "class": type(model).__name__,
        "config": asdict(config) if is_dataclass(config) else repr(config),
        "tensors": {name: _form(tensor) for name, tensor in model.state_dict().items()},
    }


def _form(tensor: Tensor) -> str:
    """Type and shape of a tensor: "float32 (16, 16)"."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _fingerprint(data: PuzzleData) -> dict[str, Any]:
    digest = hashlib.sha256()
    for array in (data.inputs, data.labels):
        digest.update(np.ascontiguousarray(array, dtype=np.int64).tobytes())
    return {"boards": list(data.inputs.shape), "sha256": digest.hexdigest()}


def _require_same(path: Path, stored: dict[str, Any], ours: dict[str, Any]) -> None:
    for part, mine in ours.items():
        theirs = stored.get(part)
        if theirs != mine:
            raise ValueError(
                f"{path.name} expected the same {part} as this run's, but "
                f"{_difference(theirs, mine)}: resume with the {part} it was made with, or start "
                f"anew without resume_from"
            )


def _difference(theirs: Any, mine: Any, name: str = "") -> str:
    """The first place where two JSON values differ, in words."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        for key in sorted(theirs.keys() | mine.keys()):
            if theirs.get(key) != mine.get(key):
                return _difference(theirs.get(key), mine.get(key), f"{name}.{key}".strip("."))
    return f"{name} is {theirs!r} there and {mine!r} here"
