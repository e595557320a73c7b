"""Supervised training with deep supervision: correct the model after each improvement step.

There are two ways to do it, and both are here as lessons. `deep_supervision` is the pseudocode of
the paper: a batch is thought about `n_sup` times, every time followed by an optimizer step, and
then leaves as a whole. `persistent_carry` is what the official code does: every batch is followed
by one optimizer step, boards that halted are replaced one by one, and the others are thought about
on. A model that can halt is trained in the second way, any other in the first, unless a lesson of
your own is given.

Source: arXiv 2510.04871, figure 3; github.com/SamsungSAILMontreal/TinyRecursiveModels at e7b6871,
pretrain.py and models/recursive_reasoning/trm.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.models import Carry
from trm_lib.training.checkpoint import load_run, require_both, require_place, save_run
from trm_lib.training.data import IGNORE, Augment, PuzzleData
from trm_lib.training.losses import act_loss, answer_loss
from trm_lib.training.run import History, SupervisedConfig, TrainingRun, progress_bar

Evaluate = Callable[[nn.Module], np.ndarray]
"""model -> accuracy after each step, (K,) float in [0, 1]."""

Lesson = Callable[[TrainingRun], Tensor]
"""Teaches the model of a run from its next batch, and returns the loss of the last step."""


def fit(
    model: nn.Module,
    data: PuzzleData,
    config: SupervisedConfig,
    *,
    evaluate: Evaluate | None = None,
    augment: Augment | None = None,
    lesson: Lesson | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume_from: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place; it ends with its averaged weights.

    A run that is killed and resumed from its last checkpoint ends with the same weights, to the
    last bit, as one that was left alone: on the same hardware, with as many threads, and with a
    model and `augment` that draw random numbers from the generators they are given and no others.

    Args:
        model: anything with the interface of `TRM` (`initial_carry`, `forward(carry, inputs)`).
        data: N puzzles with their answers.
        config: how long, how fast, which seed.
        evaluate: called on the averaged model every `eval_every` batches and at the end.
        augment: dresses each batch of puzzles anew.
        lesson: what is done with each batch, in `n_sup` calls of `run.learn`; `deep_supervision`
            if it is None, or `persistent_carry` with a model that halts.
        checkpoint: file to keep the whole state of the run in, ending in .safetensors.
        checkpoint_every: batches between its renewals; it is renewed at the end as well.
        resume_from: file that an earlier run with the same model, data and config left behind.
        progress: show a bar.

    Returns:
        What happened: losses, evaluations, seconds.

    Raises:
        ValueError: the data holds tokens the model does not know, `due` is late or a step is silent
            though the model halts, `evaluate` does not return accuracies (K,), or a checkpoint does
            not belong to this run, is damaged, or would be overwritten; raised before training,
            with everything left as it was.
        FileNotFoundError: there is nothing to resume from.
        FloatingPointError: the loss is not finite; raised before the optimizer step it would feed.
    """
    _require_known_tokens(data, model)
    require_both(checkpoint, checkpoint_every)
    if checkpoint is not None:
        checkpoint = require_place(checkpoint, resume_from)
    if evaluate:
        _accuracies(evaluate(model))
    run = TrainingRun(model, data, config, augment)
    if checkpoint is not None or resume_from is not None:
        run.identify(lesson)
    if resume_from is not None:
        load_run(run, resume_from)
    history = run.history
    start = time.perf_counter() - history.seconds
    lesson = lesson or (persistent_carry if run.halting else deep_supervision)

    model.train()
    with run.fast_mode() as fast:
        if fast and progress:
            print(fast)
        bar = progress_bar(config.n_batches, "training", "batch", shown=progress, done=run.batch)
        for _ in bar:
            loss = lesson(run)
            run.batch += 1
            history.log_loss(loss.item())

            last = run.batch == config.n_batches
            history.seconds = time.perf_counter() - start
            if evaluate and (last or run.batch % config.eval_every == 0):
                accuracy = _accuracies(evaluate(run.average.module))
                history.log_evaluation(run.batch, history.seconds, accuracy)
                bar.set_postfix_str(f"exact {accuracy.max():.1%}")
            if checkpoint is not None and (last or run.batch % checkpoint_every == 0):
                save_run(run, checkpoint)

    model.load_state_dict(run.average.module.state_dict())
    history.seconds = time.perf_counter() - start
    return history


def deep_supervision(run: TrainingRun) -> Tensor:
    """The paper's pseudocode: think about one batch `n_sup` times, learning every time.

    Deviation: there, no improvement step is silent and no answer is due later than at once.

    Returns:
        The loss of the last improvement step.
    """
    inputs, labels = run.next_batch()
    carry = think_silently(run, inputs, run.config.silent_steps)
    return correct(run, carry, inputs, late_answers(labels, run.config.due, 1, run.config.n_sup))


def late_answers(labels: Tensor, due: int, first: int, count: int) -> Iterator[Tensor]:
    """What is judged after `count` steps from number `first` on; before `due`, what must stay."""
    must_stay = labels.masked_fill(labels == 0, IGNORE)
    for step in range(first, first + count):
        yield labels if step >= due else must_stay


def think_silently(run: TrainingRun, inputs: Tensor, k_steps: int) -> Carry:
    """The carry after `k_steps` improvement steps from the model's own start, without gradient."""
    carry = run.model.initial_carry(inputs)
    with torch.no_grad():
        for _ in range(k_steps):
            carry, _ = run.model(carry, inputs)
    return carry


def correct(run: TrainingRun, carry: Carry, inputs: Tensor, targets: Iterable[Tensor]) -> Tensor:
    """Think on from `carry`, one improvement step for each of `targets`, learning every time.

    Args:
        run: the training run.
        carry: where the thought begins.
        inputs: (B, *grid) int64 questions.
        targets: (B, *grid) int64 each, the right answer after each step, or `IGNORE`.

    Returns:
        The loss of the last improvement step.
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

    Returns:
        The loss of the step.
    """
    inputs, labels = run.next_batch()
    if run.carry is None or not run.config.carry:
        run.carry, run.labels = run.model.initial_carry(inputs), labels
    makes_room = run.carry.halted.view(-1, *[1] * (labels.dim() - 1))
    run.labels = torch.where(makes_room, labels, run.labels)
    run.carry, out = run.model(run.carry, inputs, generator=run.generator)
    loss = act_loss(out, run.labels)
    run.learn(loss)
    run.history.log_halting(run.carry.steps[run.carry.halted])
    return loss


def _require_known_tokens(data: PuzzleData, model: nn.Module) -> None:
    V = getattr(getattr(model, "config", None), "vocab_size", None)
    if V is None:
        return
    if getattr(model.config, "n_puzzles", 1) > 1:
        raise ValueError(
            f"model expected n_puzzles=1, got {model.config.n_puzzles}: PuzzleData does not say "
            f"which puzzle each board is; call model(carry, inputs, puzzle) in a loop of your own"
        )
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
    if not ((accuracy >= 0) & (accuracy <= 1)).all():
        raise ValueError(f"evaluate expected to return shares from 0 to 1, got {returned!r}")
    return accuracy
