"""Supervised training with deep supervision: correct the model after each improvement step.

It is done in lessons. `deep_supervision` is the pseudocode of the paper: a batch is thought about
`n_sup` times, every time followed by an optimizer step, and then leaves as a whole.
`persistent_carry` is what the official code does, with models that halt: every batch is followed
by one optimizer step, boards that halted are replaced one by one, the others are thought about on.

Source: arXiv 2510.04871, figure 3; github.com/SamsungSAILMontreal/TinyRecursiveModels at e7b6871,
pretrain.py and models/recursive_reasoning/trm.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trm_lib.checks import ABOVE_0, BELOW_1, FROM_0, SHARE, at_least, check, one_of, true_or_false
from trm_lib.models import Carry, device_of, fast_mode
from trm_lib.training.adam_atan2 import AdamAtan2
from trm_lib.training.data import IGNORE, Augment, Batches, PuzzleData, as_tokens
from trm_lib.training.history import History
from trm_lib.training.losses import act_loss, answer_loss
from trm_lib.training.run import Evaluate, Run

OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.95)),
    "adam_atan2": AdamAtan2,
    "muon": partial(torch.optim.Muon, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
}
"""What `SupervisedConfig.optimizer` may name.

Muon is for networks whose parameters are all matrices, and refuses others. It makes the momentum's
matrix orthogonal before it subtracts it, scaled to the size of a step of AdamW, so rates compare.

Source: Jordan et al., 2024 (kellerjordan.github.io/posts/muon); the scale of Liu et al., "Muon is
Scalable for LLM Training" (arXiv 2502.16982).
"""


@dataclass(frozen=True, kw_only=True)
class SupervisedConfig:
    """How to train.

    Attributes:
        n_batches: batches of puzzles.
        batch_size: puzzles in a batch.
        n_sup: improvement steps supervised on each batch, each followed by an optimizer step. With
            a model that halts, which has an `n_sup` of its own, it is one.
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
    """

    n_batches: int = 500
    batch_size: int = 128
    n_sup: int = 4
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
        check(
            self, n_batches=at_least(1), batch_size=at_least(1), n_sup=at_least(1), lr=ABOVE_0,
            warmup=at_least(0), decay=SHARE, weight_decay=FROM_0, optimizer=one_of(OPTIMIZERS),
            ema_decay=BELOW_1, carry=true_or_false, eval_every=at_least(1), seed=at_least(0),
            fast=true_or_false,
        )  # fmt: skip


class TrainingRun(Run):
    """A model in training, as `fit` is told, with its moving average, place in the data, and carry.

    Attributes:
        carry: what boards that are still being thought about hand to the next batch, or None.
        labels: (B, *grid) their right answers, or None.
    """

    def __init__(
        self,
        model: nn.Module,
        data: PuzzleData,
        config: SupervisedConfig,
        augment: Augment | None = None,
        lesson: Lesson | None = None,
    ):
        _require_known_tokens(data, model, own_lesson=lesson is not None)
        optimizer = OPTIMIZERS[config.optimizer](
            model.parameters(), lr=config.lr, weight_decay=config.weight_decay
        )
        halting = getattr(getattr(model, "config", None), "halting", False)
        self.lesson = lesson or (persistent_carry if halting else deep_supervision)
        n_steps = config.n_batches * (1 if halting else config.n_sup)
        super().__init__(model, optimizer, config, config.n_batches, n_steps)
        self.data, self.device = data, device_of(model)
        self.stream = Batches(data, config.batch_size, np.random.default_rng(config.seed), augment)
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
        self.evaluated = self.average.module
        self.parts |= {"stream": self.stream, "average": self.average}
        if hasattr(lesson, "state_dict"):
            self.parts["lesson"] = lesson
        self.carry: Carry | None = None
        self.labels: Tensor | None = None

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """Inputs and labels, (B, *grid) int64 each, where the model is."""
        inputs, labels = next(self.stream)
        return inputs.to(self.device), labels.to(self.device)

    def learn(self, loss: Tensor) -> None:
        """Take one optimizer step, see `Run.learn`, and let the average follow."""
        super().learn(loss)
        self.average.update_parameters(self.model)

    def identity(self) -> dict[str, str]:
        arrays = np.array([self.data.inputs, self.data.labels], np.int64)
        return super().identity() | {
            "boards": str(self.data.inputs.shape),
            "data": hashlib.sha256(arrays.tobytes()).hexdigest(),
            "lesson": getattr(self.lesson, "__qualname__", type(self.lesson).__name__),
        }

    def state(self) -> dict[str, Any]:
        return super().state() | {"carry": self.carry and vars(self.carry), "labels": self.labels}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        if state["carry"] is not None:
            self.labels = state["labels"].to(self.device)
            kept = replace(self.model.initial_carry(self.labels), **state["carry"])
            self.carry = kept.map(lambda part: part.to(self.device))


Lesson = Callable[[TrainingRun], Tensor]
"""Teaches the model of a run from its next batch, and returns the loss of the last step.

What it keeps from batch to batch, if anything, it gives and takes as `state_dict` does.
"""


def fit(
    model: nn.Module,
    data: PuzzleData,
    config: SupervisedConfig,
    *,
    evaluate: Evaluate | None = None,
    augment: Augment | None = None,
    lesson: Lesson | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    progress: bool = True,
) -> History:
    """Train `model` in place; it ends with its averaged weights.

    A run that was killed goes on from its checkpoint and ends with the same weights, to the last
    bit, as one that was left alone: on the same hardware, with as many threads, and with a model
    and `augment` that draw random numbers from no other generators than they are given.

    Args:
        model: anything with the interface of `TRM` (`initial_carry`, `forward(carry, inputs)`).
        data: N puzzles with their answers.
        config: how long, how fast, which seed.
        evaluate: called on the averaged model every `eval_every` batches and at the end.
        augment: dresses each batch of puzzles anew.
        lesson: what is done with each batch, in `n_sup` calls of `run.learn`; `deep_supervision`
            if it is None, or `persistent_carry` with a model that halts.
        checkpoint: file that keeps the whole state of the run. If it is there, the run goes on.
        checkpoint_every: batches between its renewals; it is renewed at the end as well.
        progress: show a bar.

    Returns:
        What happened: losses, evaluations, seconds.

    Raises:
        ValueError: the data holds tokens the model does not know, `evaluate` does not return
            shares (K,), or the checkpoint is damaged or of another run; raised before training.
        FloatingPointError: the loss is not finite; raised before the optimizer step it would feed.
    """
    run = TrainingRun(model, data, config, augment, lesson)
    boards = as_tokens(data.inputs[: run.stream.size])
    with fast_mode(model, boards) if config.fast else nullcontext() as fast:
        if fast and progress:
            print(fast)
        for _ in run.rounds("training", "batch", evaluate, checkpoint, checkpoint_every, progress):
            loss = run.lesson(run)
            run.history.log(loss=loss.item())
    model.load_state_dict(run.average.module.state_dict())
    return run.history


def deep_supervision(run: TrainingRun) -> Tensor:
    """The paper's pseudocode: think about one batch `n_sup` times, learning every time."""
    inputs, labels = run.next_batch()
    return correct(run, run.model.initial_carry(inputs), inputs, [labels] * run.config.n_sup)


def correct(run: TrainingRun, carry: Carry, inputs: Tensor, targets: Iterable[Tensor]) -> Tensor:
    """Think on from `carry`, one improvement step for each of `targets`, learning every time.

    Inputs are (B, *grid) int64 questions; each target, of the same shape, is the right answer after
    its step, or `IGNORE`. Returns the loss of the last step.
    """
    for target in targets:
        carry, out = run.model(carry, inputs)
        loss = answer_loss(out.logits, target)
        run.learn(loss)
        if not run.config.carry:
            carry = run.model.initial_carry(inputs)
    return loss


def persistent_carry(run: TrainingRun) -> Tensor:
    """The official code: one step on whatever is being thought about; the halted make room.

    Where nothing has halted, the board of the new batch is passed over, as there.
    """
    inputs, labels = run.next_batch()
    if run.carry is None or not run.config.carry:
        run.carry, run.labels = run.model.initial_carry(inputs), labels
    makes_room = run.carry.halted.view(-1, *[1] * (labels.dim() - 1))
    run.labels = torch.where(makes_room, labels, run.labels)
    run.carry, out = run.model(run.carry, inputs, generator=run.generator)
    loss = act_loss(out, run.labels)
    run.learn(loss)
    halted_after = run.carry.steps[run.carry.halted]
    run.history.log(finished=len(halted_after), halted_after=int(halted_after.sum()))
    return loss


def _require_known_tokens(data: PuzzleData, model: nn.Module, own_lesson: bool) -> None:
    config = getattr(model, "config", None)
    V = getattr(config, "vocab_size", None)
    if V is None:
        return
    if getattr(config, "n_puzzles", 1) > 1:
        raise ValueError(
            f"model expected n_puzzles=1, got {config.n_puzzles}: PuzzleData does not say which "
            f"puzzle each board is; call model(carry, inputs, puzzle) in a loop of your own"
        )
    A = getattr(config, "n_answers", None) or V
    judged = data.labels[data.labels != IGNORE]
    for name, tokens, most in (("inputs", data.inputs, V), ("labels", judged, A)):
        low, high = int(tokens.min()), int(tokens.max())
        if (low < 0 or high >= most) and not (name == "labels" and own_lesson):
            raise ValueError(
                f"{name} expected tokens from 0 to {most - 1}, which the model knows, got {low} to "
                f"{high}: fix the data, or build the model with a larger vocab_size or n_answers"
            )
