"""One run of any learner: the rounds it goes through, and what is measured and kept between them.

`fit`, `reinforce` and `ppo` show their algorithms, each a loop over `Run.rounds`; this file is what
they share. A round is a batch of puzzles, or an update of a policy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from trm_lib.checks import whole
from trm_lib.models import device_of
from trm_lib.training.checkpoint import read_checkpoint, write_checkpoint
from trm_lib.training.history import History

Evaluate = Callable[[nn.Module], np.ndarray]
"""model -> the share that is solved after 1, 2, ... K improvement steps, (K,) float in [0, 1]."""


class Run:
    """A model in training, with its optimizer, random numbers and history.

    Args:
        model: trained in place.
        optimizer: of its parameters.
        config: of the learner, with `eval_every` and `seed`.
        n_rounds: how many there will be.

    Attributes:
        generator: draws what the learner draws, on the model's device.
        round: rounds done.
        history: what happened so far.
        evaluated: what evaluations are of.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, config: Any, n_rounds: int
    ):
        self.model, self.optimizer, self.config = model, optimizer, config
        self.n_rounds, self.round = n_rounds, 0
        self.generator = torch.Generator(device_of(model)).manual_seed(config.seed)
        self.history = History()
        self.evaluated = model

    def rounds(
        self,
        name: str,
        unit: str,
        evaluate: Evaluate | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 100,
        progress: bool = True,
    ) -> Iterator[int]:
        """Count the rounds, and do between them what every learner does: measure and keep.

        Args:
            name, unit: what the bar counts.
            evaluate, checkpoint, checkpoint_every, progress: as for `fit`.
        """
        whole(checkpoint_every, "checkpoint_every", 1)
        if evaluate is not None:
            _shares(evaluate(self.evaluated))  # before anything is learned, in case it is wrong
        if checkpoint is not None:
            state = read_checkpoint(checkpoint := Path(checkpoint), self.identity())
            self.keep(checkpoint) if state is None else self.set_state(state)
        bar = progress_bar(self.n_rounds, name, unit, shown=progress, done=self.round)
        self.model.train()
        for _ in bar:
            start = time.perf_counter()
            yield self.round
            history, last = self.history, self.round + 1 == self.n_rounds
            history.seconds += time.perf_counter() - start
            self.round += 1
            if evaluate is not None and (last or self.round % self.config.eval_every == 0):
                success = _shares(evaluate(self.evaluated))
                done = history.steps[-1] if history.steps else self.round
                history.log(eval_steps=done, eval_seconds=history.seconds, eval_success=success)
                self.model.train()
            bar.set_postfix_str(history.summary(), refresh=False)
            if checkpoint is not None and (last or self.round % checkpoint_every == 0):
                self.keep(checkpoint)

    def keep(self, path: Path) -> None:
        """Write a checkpoint."""
        write_checkpoint(path, self.identity(), self.state())

    def identity(self) -> dict[str, str]:
        """What two runs must share for one to go on with the other's state, in words."""
        said = {"model": type(self.model).__name__, "training": type(self.config).__name__}
        for part, config in {"model": self.model.config, "training": self.config}.items():
            said |= {f"{part}.{name}": repr(value) for name, value in vars(config).items()}
        return said

    def state(self) -> dict[str, Any]:
        """All that changes from round to round: tensors, numbers, words, and dicts and lists."""
        return {
            "round": self.round,
            "history": asdict(self.history),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Stand where `state` was taken."""
        self.model.load_state_dict(state["model"])
        self.round, self.history = state["round"], History(**state["history"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])


def descend(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    rate: float,
    max_grad_norm: float | None = None,
) -> None:
    """Take one step down the gradient of a loss; a gradient longer than the maximum is cut to it.

    Raises:
        FloatingPointError: the loss or a gradient is not finite; raised before the weights change.
    """
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    norm = nn.utils.get_total_norm(list(gradients.values()))
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        names = [name for name, gradient in gradients.items() if not gradient.isfinite().all()]
        optimizer.zero_grad()
        raise FloatingPointError(
            f"the loss became {loss.item()}, its gradient non-finite in {', '.join(names) or 'sum'}"
            f", so the optimizer step was not taken: lower lr, lengthen warmup, or look for "
            f"non-finite values in the model, its data or the rewards"
        )
    if max_grad_norm is not None:
        nn.utils.clip_grads_with_norm_(model.parameters(), max_grad_norm, norm)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()


def rate_factor(warmup: int, decay: float, step: int, n_steps: int) -> float:
    """What the learning rate is multiplied by at step 0, 1, ... of `n_steps`: up, level, down.

    It rises over `warmup` steps, and falls over the last share `decay` of the run.
    """
    up = (step + 1) / max(1, warmup)
    down = (n_steps - step) / max(1.0, decay * n_steps)
    return min(1.0, up, down)


def progress_bar(
    steps: int, description: str, unit: str, shown: bool = True, done: int = 0
) -> tqdm:
    """Count from `done` to `steps` and show how far it is, in a terminal, JupyterLab or Colab.

    TQDM_DISABLE=1 in the environment silences every bar; in a notebook tqdm alone overlooks it.
    """
    hidden = not shown or os.environ.get("TQDM_DISABLE", "0").lower() not in ("", "0", "false")
    how = {"desc": description, "unit": unit, "total": steps, "initial": done}
    return tqdm(range(done, steps), disable=hidden, **how)


def _shares(returned: Any) -> list[float]:
    shares = np.asarray(returned, dtype=float)
    if shares.ndim != 1 or not shares.size or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(
            f"evaluate expected to return shares from 0 to 1 of shape (K,), got {returned!r}: "
            f"return what trm_lib.evaluation.exact_by_k or success_by_k gives"
        )
    return shares.tolist()
