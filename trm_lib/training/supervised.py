"""Supervised training with deep supervision: correct the model after each improvement step.

Source: arXiv 2510.04871, figure 3 (the pseudocode: every improvement step of a batch is
followed by an optimizer step, and hands its state on, detached).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trm_lib.checks import number, whole
from trm_lib.training.data import IGNORE, Augment, PuzzleData, batches
from trm_lib.training.history import History
from trm_lib.training.losses import answer_loss
from trm_lib.training.progress import progress_bar

Evaluate = Callable[[nn.Module], np.ndarray]
"""model -> accuracy after each step, (K,) float in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class SupervisedConfig:
    """How to train.

    Attributes:
        n_batches: batches of puzzles; each is followed by `n_sup` optimizer steps.
        batch_size: puzzles in a batch.
        n_sup: improvement steps supervised on each batch.
        lr: learning rate of AdamW after warm-up.
        warmup: optimizer steps over which the rate rises linearly from 0.
        decay: share of the run, at its end, over which the rate falls linearly to 0.
        weight_decay: of AdamW.
        ema_decay: the evaluated weights are an exponential moving average with this decay;
            0 means the last weights.
        carry: hand (y, z) from one improvement step to the next; False restarts each step.
        eval_every: batches between evaluations.
        seed: fixes the order of the puzzles and their augmentation.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    n_batches: int = 500
    batch_size: int = 128
    n_sup: int = 4
    lr: float = 1e-3
    warmup: int = 50
    decay: float = 0.3
    weight_decay: float = 0.1
    ema_decay: float = 0.99
    carry: bool = True
    eval_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_batches", "batch_size", "n_sup", "eval_every"):
            whole(getattr(self, name), name, 1)
        for name in ("warmup", "seed"):
            whole(getattr(self, name), name, 0)
        number(self.lr, "lr", lambda v: v > 0, "a number > 0")
        number(self.weight_decay, "weight_decay", lambda v: v >= 0, "a number >= 0")
        number(self.decay, "decay", lambda v: 0 <= v <= 1, "a share from 0 to 1")
        number(self.ema_decay, "ema_decay", lambda v: 0 <= v < 1, "a number in [0, 1)")
        if not isinstance(self.carry, bool):
            raise ValueError(f"carry expected True or False, got {self.carry!r}")


def fit(
    model: nn.Module,
    data: PuzzleData,
    config: SupervisedConfig,
    *,
    evaluate: Evaluate | None = None,
    augment: Augment | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place; it ends with its averaged weights.

    Args:
        model: anything with the interface of `TRM` (`initial_carry`, `forward(carry, inputs)`).
        data: N puzzles with their answers.
        config: how long, how fast, which seed.
        evaluate: called on the averaged model every `eval_every` batches and at the end.
        augment: dresses each batch of puzzles anew.
        progress: show a bar.

    Returns:
        What happened: losses, evaluations, seconds.

    Raises:
        ValueError: the data holds tokens the model does not know, or `evaluate` does not return
            accuracies (K,); raised before training.
        FloatingPointError: the loss is not finite; raised before the optimizer step it would feed.
    """
    _require_known_tokens(data, model)
    if evaluate:
        _accuracies(evaluate(model))
    rng = np.random.default_rng(config.seed)
    stream = batches(data, config.batch_size, rng, augment)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=(0.9, 0.95), weight_decay=config.weight_decay
    )
    schedule = LambdaLR(optimizer, _trapezoid(config))
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
    history = History()
    start = time.perf_counter()

    model.train()
    bar = progress_bar(config.n_batches, "training", "batch", shown=progress)
    for batch in bar:
        inputs, labels = next(stream)
        carry = model.initial_carry(inputs)
        for k in range(config.n_sup):
            carry, out = model(carry, inputs)
            loss = answer_loss(out.logits, labels)
            _require_finite(loss, batch * config.n_sup + k)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            average.update_parameters(model)
            if not config.carry:
                carry = model.initial_carry(inputs)
        history.log_loss(loss.item())

        if evaluate and ((batch + 1) % config.eval_every == 0 or batch + 1 == config.n_batches):
            accuracy = _accuracies(evaluate(average.module))
            history.log_evaluation(batch + 1, time.perf_counter() - start, accuracy)
            bar.set_postfix_str(f"exact {accuracy.max():.1%}")

    model.load_state_dict(average.module.state_dict())
    history.seconds = time.perf_counter() - start
    return history


def _trapezoid(config: SupervisedConfig) -> Callable[[int], float]:
    """The learning rate's factor at an optimizer step: up, level, down."""
    total = config.n_batches * config.n_sup

    def factor(step: int) -> float:
        up = (step + 1) / max(1, config.warmup)
        down = (total - step) / max(1.0, config.decay * total)
        return min(1.0, up, down)

    return factor


def _require_finite(loss: Tensor, step: int) -> None:
    if not torch.isfinite(loss):
        raise FloatingPointError(
            f"the loss became {loss.item()} before optimizer step {step}, which was not taken: "
            f"lower lr, lengthen warmup, or look for non-finite values in the model"
        )


def _require_known_tokens(data: PuzzleData, model: nn.Module) -> None:
    V = getattr(getattr(model, "config", None), "vocab_size", None)
    if V is None:
        return
    for name, tokens in (("inputs", data.inputs), ("labels", data.labels[data.labels != IGNORE])):
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= V:
            raise ValueError(
                f"{name} expected tokens from 0 to {V - 1}, which the model knows, got {low} to "
                f"{high}: fix the data, or build the model with a larger vocab_size"
            )


def _accuracies(returned: object) -> np.ndarray:
    accuracy = np.asarray(returned)
    if accuracy.ndim != 1 or accuracy.size == 0 or accuracy.dtype.kind != "f":
        raise ValueError(
            f"evaluate expected to return accuracies, an array of shape (K,), got {returned!r}: "
            f"return what trm_lib.evaluation.exact_by_k gives"
        )
    return accuracy
