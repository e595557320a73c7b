"""A progress bar that looks right in a terminal, in JupyterLab and in Colab.

What happened during a training run.

One training run: everything that changes from one optimizer step to the next.

`fit` drives it and shows the algorithm; this file is the bookkeeping, and `checkpoint.py` puts it
on disk.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from trm_lib.checks import number, whole
from trm_lib.models import Carry, FastReport, device_of, fast_mode
from trm_lib.training.checkpoint import (
    describe_model,
    load_optimizer,
    read_history,
    require_fitting,
    tensors_of,
)
from trm_lib.training.data import Augment, Batches, PuzzleData, as_tokens
from trm_lib.training.optimizers import AdamAtan2, descend, rate_factor

if TYPE_CHECKING:
    from trm_lib.viz import BookFigure


def progress_bar(
    steps: int, description: str, unit: str, shown: bool = True, done: int = 0
) -> tqdm:
    """Count to `steps`, showing how far it is.

    Args:
        steps: how many there are.
        description: what is going on.
        unit: what a step is.
        shown: False for silence. The environment variable TQDM_DISABLE=1 silences every bar; in a
            notebook tqdm alone would overlook it.
        done: how many of them are done already.
    """
    silenced = os.environ.get("TQDM_DISABLE", "0").lower() not in ("", "0", "false")
    return tqdm(
        range(done, steps),
        desc=description,
        unit=unit,
        total=steps,
        initial=done,
        disable=silenced or not shown,
    )


@dataclass
class History:
    """Losses and evaluations of one run.

    Attributes:
        loss: the loss after the last improvement step of each batch.
        batch: batches seen at each evaluation.
        elapsed: seconds since the start at each evaluation.
        accuracy: one list per evaluation: exact accuracy after 1, 2, ..., K steps.
        finished: boards that halted after each batch; of models that halt only.
        steps: how many improvement steps those had taken, summed.
        seconds: the whole run.
    """

    loss: list[float] = field(default_factory=list)
    batch: list[int] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)
    accuracy: list[list[float]] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def log_loss(self, loss: float) -> None:
        """Keep the loss of one more batch."""
        self.loss.append(loss)

    def log_halting(self, steps: Tensor) -> None:
        """Keep how many steps the boards that just halted had taken: (H,) int64."""
        self.finished.append(len(steps))
        self.steps.append(int(steps.sum()))

    def log_evaluation(self, batch: int, elapsed: float, accuracy: np.ndarray) -> None:
        """Keep one evaluation: batches seen, seconds, exact accuracy (K,)."""
        self.batch.append(batch)
        self.elapsed.append(elapsed)
        self.accuracy.append([float(a) for a in accuracy])

    def plot(self) -> BookFigure:
        """Draw exact accuracy against batches, one line for K = 1, 2, 4, ... as far as measured.

        Raises:
            ValueError: the run was not evaluated, so there is nothing to draw.
        """
        from trm_lib.viz import learning_curves

        if not self.accuracy:
            raise ValueError("expected a run with evaluations: pass evaluate= to fit")
        accuracy = np.array(self.accuracy)  # (evaluations, K)
        shown = [2**i for i in range(int(accuracy.shape[1]).bit_length())]
        return learning_curves(
            {f"K = {k}": (np.array(self.batch), accuracy[:, k - 1]) for k in shown},
            xlabel="batches seen",
            ylabel="share of puzzles exactly right",
        )


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam_atan2": AdamAtan2,
}
"""What `SupervisedConfig.optimizer` may name."""


@dataclass(frozen=True, kw_only=True)
class SupervisedConfig:
    """How to train.

    Attributes:
        n_batches: batches of puzzles. Each is followed by `n_sup` optimizer steps; with a model
            that halts, by one.
        batch_size: puzzles in a batch.
        n_sup: improvement steps supervised on each batch. A model that halts has an `n_sup` of
            its own.
        silent_steps: improvement steps on each batch before the supervised ones, without gradient.
        due: supervised step, from 1, by which an answer is due. Before it, only cells whose right
            token is not 0 are judged: an answer may be late, but must not give up what is right.
        lr: learning rate after warm-up.
        warmup: optimizer steps over which the rate rises linearly from 0.
        decay: share of the run, at its end, over which the rate falls linearly to 0.
        weight_decay: share of a weight taken away each optimizer step, in units of the rate.
        optimizer: one of `OPTIMIZERS`; betas are 0.9 and 0.95.
        ema_decay: the evaluated weights are an exponential moving average with this decay;
            0 means the last weights.
        carry: hand (y, z) from one improvement step to the next; False restarts each step.
        eval_every: batches between evaluations.
        seed: fixes the order of the puzzles, their augmentation, and who must think longer.
        fast: train in the fast mode, see `trm_lib.models.fast_mode`.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    n_batches: int = 500
    batch_size: int = 128
    n_sup: int = 4
    silent_steps: int = 0
    due: int = 1
    lr: float = 1e-3
    warmup: int = 50
    decay: float = 0.3
    weight_decay: float = 0.1
    optimizer: str = "adamw"
    ema_decay: float = 0.99
    carry: bool = True
    eval_every: int = 50
    seed: int = 0
    fast: bool = False

    def __post_init__(self) -> None:
        for name, least in [
            ("n_batches", 1), ("batch_size", 1), ("n_sup", 1), ("due", 1), ("eval_every", 1),
            ("silent_steps", 0), ("warmup", 0), ("seed", 0),
        ]:  # fmt: skip
            self._set(name, whole(getattr(self, name), name, least))
        for name, accepts, expected in [
            ("lr", lambda v: v > 0, "a number > 0"),
            ("weight_decay", lambda v: v >= 0, "a number >= 0"),
            ("decay", lambda v: 0 <= v <= 1, "a share from 0 to 1"),
            ("ema_decay", lambda v: 0 <= v < 1, "a number in [0, 1)"),
        ]:
            self._set(name, number(getattr(self, name), name, accepts, expected))
        if self.due > self.n_sup:
            raise ValueError(
                f"due expected a step of those that are supervised, 1 to n_sup = {self.n_sup}, got "
                f"{self.due}"
            )
        if self.optimizer not in tuple(OPTIMIZERS):
            raise ValueError(
                f"optimizer expected one of {sorted(OPTIMIZERS)}, got {self.optimizer!r}"
            )
        for name in ("carry", "fast"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ValueError(f"{name} expected True or False, got {value!r}")

    def _set(self, name: str, value: object) -> None:
        """Store a checked value; a frozen dataclass allows it only this way, while it is made."""
        object.__setattr__(self, name, value)


class TrainingRun:
    """A model in training, with its optimizer, moving average, place in the data, and carry.

    Args:
        model: anything with the interface of `TRM`; trained in place.
        data: N puzzles with their answers.
        config: how long, how fast, which seed.
        augment: dresses each batch of puzzles anew.

    Attributes:
        batch: batches done.
        step: optimizer steps done.
        carry: what boards that are still being thought about hand to the next batch, or None.
        labels: (B, *grid) their right answers, or None.
        history: what happened so far.
        identity: what a checkpoint must share with this run; kept if one is to be written.
    """

    def __init__(
        self,
        model: nn.Module,
        data: PuzzleData,
        config: SupervisedConfig,
        augment: Augment | None = None,
    ):
        self.model, self.data, self.config = model, data, config
        self.device = device_of(model)
        self.halting = bool(getattr(getattr(model, "config", None), "halting", False))
        for name, usual in (("due", 1), ("silent_steps", 0)):
            value = getattr(config, name)
            if self.halting and value != usual:
                raise ValueError(
                    f"{name} expected {usual} with a model that halts, which must know after every "
                    f"step whether it is right; got {value}: build the model with halting=False"
                )
        self.n_steps = config.n_batches * (1 if self.halting else config.n_sup)
        rng = np.random.default_rng(config.seed)
        self.stream = Batches(data, config.batch_size, rng, augment)
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.optimizer = OPTIMIZERS[config.optimizer](
            model.parameters(), lr=config.lr, betas=(0.9, 0.95), weight_decay=config.weight_decay
        )
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
        self.history = History()
        self.batch = self.step = 0
        self.carry: Carry | None = None
        self.labels: Tensor | None = None
        self.identity: dict[str, Any] = {}

    def identify(self, lesson: Callable | None = None) -> None:
        """Work out what a checkpoint must share with this run; `lesson` is one of its own."""
        training = json.loads(json.dumps(asdict(self.config)))
        self.identity = {
            "model": describe_model(self.model),
            "training": training,
            "data": _fingerprint(self.data),
            "lesson": lesson and getattr(lesson, "__qualname__", repr(lesson)),
        }

    def fast_mode(self) -> AbstractContextManager[FastReport | None]:
        """The fast mode for batches of this run if its config wants it; what it does, or None."""
        if not self.config.fast:
            return nullcontext()
        return fast_mode(self.model, as_tokens(self.data.inputs[: self.stream.size]))

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """Inputs and labels, (B, *grid) int64 each, where the model is."""
        inputs, labels = next(self.stream)
        return inputs.to(self.device), labels.to(self.device)

    def learn(self, loss: Tensor) -> None:
        """Take one optimizer step down the gradient of `loss`, and let the average follow.

        Raises:
            FloatingPointError: the loss or a gradient is not finite; raised before the weights
                change.
        """
        config = self.config
        factor = rate_factor(config.warmup, config.decay, self.step, self.n_steps)
        descend(self.model, self.optimizer, loss, config.lr * factor)
        self.average.update_parameters(self.model)
        self.step += 1

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the run, named group/rest."""
        tensors = tensors_of(self.model, self.optimizer)
        tensors |= {f"average/{name}": t for name, t in self.average.state_dict().items()}
        tensors["generator/state"] = self.generator.get_state()
        if self.carry is not None:
            tensors |= {f"carry/{f.name}": getattr(self.carry, f.name) for f in fields(self.carry)}
            tensors["carry/labels"] = self.labels
        return tensors

    def progress(self) -> dict[str, Any]:
        """Place in the data, and history: JSON values."""
        return {
            "batch": self.batch,
            "step": self.step,
            "stream": self.stream.position(),
            "history": asdict(self.history),
        }

    def restore(self, groups: dict[str, dict[str, Tensor]], progress: dict[str, Any]) -> None:
        """Go to where another run was, or raise and change nothing."""
        batch = whole(progress["batch"], "batch", 0)
        step = batch * self.n_steps // self.config.n_batches
        if batch > self.config.n_batches or progress["step"] != step:
            raise KeyError(f"batch {batch} of {self.config.n_batches}, step {progress['step']}")
        each = ("loss", "finished", "steps") if self.halting else ("loss",)
        history = read_history(History, progress["history"], batch, each)
        require_fitting(groups, {"model": self.model, "average": self.average}, learned=batch > 0)
        position = progress["stream"]
        order, start = position["order"], whole(position["start"], "start", 0)
        if order and (sorted(order) != list(range(len(self.data))) or start > len(order)):
            raise KeyError("stream")
        rng = torch.Generator(self.device)
        rng.set_state(groups["generator"]["state"])
        np.random.default_rng().bit_generator.state = position["rng"]
        parts = {name: t.to(self.device) for name, t in groups.get("carry", {}).items()}
        if bool(parts) != (self.halting and batch > 0):
            raise KeyError("carry")
        if len({len(part) for part in parts.values()}) > 1:
            raise KeyError("the carry's parts are of several batches")
        labels = parts.pop("labels") if parts else None
        carry = Carry(**parts) if parts else None
        # all of it has been read: only now is anything changed
        self.model.load_state_dict(groups["model"])
        self.average.load_state_dict(groups["average"])
        load_optimizer(self.optimizer, self.model, groups["optimizer"])
        self.generator, self.carry, self.labels = rng, carry, labels
        self.batch, self.step, self.history = batch, step, history
        self.stream.go_to(position)


def _fingerprint(data: PuzzleData) -> dict[str, Any]:
    digest = hashlib.sha256()
    for array in (data.inputs, data.labels):
        digest.update(np.ascontiguousarray(array, dtype=np.int64).tobytes())
    return {"boards": list(data.inputs.shape), "sha256": digest.hexdigest()}
