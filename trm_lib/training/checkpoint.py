"""A training run on disk: killed at any moment, it goes on as if nothing had happened.

One safetensors file holds it all: tensors (weights, moving average, optimizer, carry, state of
the random generator), and, as JSON in its metadata, the configs, the place in the data, and the
history. It is renewed in one move, so that there is always a whole one. Nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor, nn

from trm_lib.checks import number, whole
from trm_lib.files import leftovers, write_whole
from trm_lib.models.weights import open_weights

H = TypeVar("H")

FORMAT = "trm_lib training run 1"


class Run(Protocol):
    """What can be kept in a checkpoint: `TrainingRun`, or a policy's `PolicyRun`.

    Attributes:
        identity: what two runs must share for one to go on with the other's state, as JSON values.
    """

    identity: dict[str, Any]

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state, named group/rest."""

    def progress(self) -> dict[str, Any]:
        """The rest of the state, as JSON values."""

    def restore(self, groups: dict[str, dict[str, Tensor]], progress: dict[str, Any]) -> None:
        """Take over a state. If it is broken, raise KeyError, TypeError, ValueError, RuntimeError
        or AttributeError before anything changes."""


def save_run(run: Run, path: Path) -> None:
    """Write the whole state of a run; the file is replaced in one move or left as it is."""
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in run.tensors().items()
    }
    state = {**run.identity, **run.progress()}
    write_whole(path, save(tensors, {"format": FORMAT, "state": json.dumps(state)}))


def load_run(run: Run, path: str | Path) -> None:
    """Bring a new run to where the one in the file was.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: the file is damaged, of another format, or of another run; the message says
            which. The run is then left as it was.
    """
    path = Path(path)
    metadata, tensors = open_weights(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path.name} expected to be a training run that was left with checkpoint=, but its "
            f"format is {metadata.get('format')!r}: give another file, or train without resume_from"
        )
    with _expected_whole(path):
        state = dict(json.loads(metadata["state"]))
    _require_same(path, state, run.identity)
    with _expected_whole(path):
        groups: dict[str, dict[str, Tensor]] = {"optimizer": {}}
        for name, tensor in tensors.items():
            group, rest = name.split("/", 1)
            groups.setdefault(group, {})[rest] = tensor
        run.restore(groups, state)


@contextmanager
def _expected_whole(path: Path) -> Iterator[None]:
    """Say of whatever is found amiss in a file that it is not a whole run."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(
            f"{path} says it is a training run, but it is not a whole one ({error!r}): delete it "
            f"and start anew without resume_from"
        ) from error


def require_both(checkpoint: str | Path | None, checkpoint_every: int | None) -> None:
    """Refuse a file without how often, or the reverse.

    Raises:
        ValueError: only one of them was given, or the second is not a whole number >= 1.
    """
    if (checkpoint is None) != (checkpoint_every is None):
        raise ValueError(
            f"checkpoint and checkpoint_every expected both or neither, got checkpoint="
            f"{checkpoint!r} and checkpoint_every={checkpoint_every!r}"
        )
    if checkpoint_every is not None:
        whole(checkpoint_every, "checkpoint_every", 1)


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


def tensors_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Every tensor of a model and of its optimizer, named group/rest."""
    names = [name for name, _ in model.named_parameters()]
    tensors = {f"model/{name}": t for name, t in model.state_dict().items()}
    for i, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{names[i]}/{key}": t for key, t in values.items()}
    return tensors


def require_fitting(
    groups: dict[str, dict[str, Tensor]], copies: dict[str, nn.Module], learned: bool
) -> None:
    """Raise KeyError unless every tensor has the name and the form that there is a place for.

    Args:
        groups: what a file holds.
        copies: what its groups are to be put into; "model" is the one the optimizer trains.
        learned: whether the optimizer has taken a step.
    """
    for group, expected in copies.items():
        require_same_forms(groups[group], expected.state_dict(), group)
    kept, parameters = groups["optimizer"], dict(copies["model"].named_parameters())
    if bool(kept) != learned:  # one that was given no gradient has no state
        raise KeyError("optimizer")
    expected = {}
    for name in {name.rsplit("/", 1)[0] for name in kept}:
        expected[f"{name}/step"] = torch.zeros(())
        expected |= {f"{name}/{moment}": parameters[name] for moment in ("exp_avg", "exp_avg_sq")}
    require_same_forms(kept, expected, "optimizer")


def require_same_forms(found: dict[str, Tensor], expected: dict[str, Tensor], group: str) -> None:
    """Raise KeyError unless both hold the same names, types and shapes."""
    forms = [{name: _form(t) for name, t in tensors.items()} for tensors in (found, expected)]
    if forms[0] != forms[1]:
        raise KeyError(_difference(*forms, group))


def read_history(kind: type[H], stored: dict[str, Any], length: int, each: tuple[str, ...]) -> H:
    """A history from JSON values.

    Args:
        kind: its dataclass: lists, and seconds.
        stored: its fields.
        length: how many updates, or batches, it tells of.
        each: the lists that hold one number for each of these.

    Raises:
        KeyError, TypeError, ValueError: it does not look like that.
    """
    history = kind(**stored)
    for name, values in vars(history).items():
        if name == "seconds":
            number(values, name, lambda s: s >= 0, "a number >= 0")
        elif not isinstance(values, list) or (name in each and len(values) != length):
            raise KeyError(f"history.{name}")
    return history


def load_optimizer(
    optimizer: torch.optim.Optimizer, model: nn.Module, tensors: dict[str, Tensor]
) -> None:
    """Put back what `tensors_of` took from an optimizer."""
    state: dict[int, dict[str, Tensor]] = {}
    places = {name: i for i, (name, _) in enumerate(model.named_parameters())}
    for name, tensor in tensors.items():
        parameter, key = name.rsplit("/", 1)
        state.setdefault(places[parameter], {})[key] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def describe_model(model: nn.Module) -> dict[str, Any]:
    """What two models must share for one to take the other's weights, as JSON values."""
    config = getattr(model, "config", None)
    described = {
        "class": type(model).__name__,
        "config": asdict(config) if is_dataclass(config) else repr(config),
        "tensors": {name: _form(tensor) for name, tensor in model.state_dict().items()},
    }
    return json.loads(json.dumps(described))


def _form(tensor: Tensor) -> str:
    """Type and shape of a tensor: "float32 (16, 16)"."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


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
    return f"{name or 'it'} is {theirs!r} there and {mine!r} here"
