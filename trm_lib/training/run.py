"""One run of any learner: its rounds, its optimizer steps, and what is measured and kept of them.

`fit`, `reinforce` and `ppo` show their algorithms, each a loop over `Run.rounds`; this file is what
they share. A round is a batch of puzzles, or an update of a policy.

A run that is killed goes on from its checkpoint as if nothing had happened, to the last bit. A
checkpoint is one file of tensors, numbers, words, lists and dicts, written whole or not at all, and
nothing else is ever unpickled from it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trm_lib.checks import whole
from trm_lib.files import leftovers, write_whole
from trm_lib.models import device_of
from trm_lib.training.history import History, progress_bar, shares_by_k

Evaluate = Callable[[nn.Module], np.ndarray]
"""model -> the share that is solved after 1, 2, ... K improvement steps, (K,) float in [0, 1]."""


class Run:
    """A model in training, for `n_rounds` with the `optimizer` and `config` of a learner.

    The learning rate follows the optimizer steps, if there will be `n_steps`, or else the rounds.

    Attributes:
        generator: draws what the learner draws, on the model's device.
        round, step: rounds and optimizer steps done.
        history: what happened so far.
        evaluated: what evaluations are of.
        parts: what a checkpoint keeps beside these, each with a `state_dict`, by name.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        config: Any,
        n_rounds: int,
        n_steps: int | None = None,
    ):
        self.model, self.optimizer, self.config = model, optimizer, config
        self.n_rounds, self.n_steps, self.round, self.step = n_rounds, n_steps, 0, 0
        self.generator = torch.Generator(device_of(model)).manual_seed(config.seed)
        self.history, self.evaluated = History(), model
        self.parts: dict[str, Any] = {"model": model, "optimizer": optimizer}

    def rounds(
        self,
        name: str,
        unit: str,
        evaluate: Evaluate | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 100,
        progress: bool = True,
    ) -> Iterator[int]:
        """Count the rounds, and measure and keep between them, as `fit` is told.

        The bar says `name`, and counts in `unit`.
        """
        whole(checkpoint_every, "checkpoint_every", 1)
        if evaluate is not None:
            shares_by_k(evaluate(self.evaluated))  # before anything is learned, in case it is wrong
        if checkpoint is not None:
            self.resume(checkpoint := Path(checkpoint))
        bar = progress_bar(self.n_rounds, name, unit, shown=progress, done=self.round)
        self.model.train()
        for _ in bar:
            start = time.perf_counter()
            yield self.round
            history, last = self.history, self.round + 1 == self.n_rounds
            history.seconds += time.perf_counter() - start
            self.round += 1
            if evaluate is not None and (last or self.round % self.config.eval_every == 0):
                success = shares_by_k(evaluate(self.evaluated))
                done = history.steps[-1] if history.steps else self.round
                history.log(eval_steps=done, eval_seconds=history.seconds, eval_success=success)
                self.model.train()
            bar.set_postfix_str(history.summary(), refresh=False)
            if checkpoint is not None and (last or self.round % checkpoint_every == 0):
                self.keep(checkpoint)

    def learn(self, loss: Tensor) -> None:
        """Take one step down the gradient of a loss, at the rate that is due.

        The rate rises to `lr` over the first `warmup` steps (or rounds), and falls over the last
        share `decay` of them. A gradient longer than a `max_grad_norm` of the config is cut to it.

        Raises:
            FloatingPointError: the loss or a gradient is not finite; the weights are as before.
        """
        loss.backward()
        gradients = {n: p.grad for n, p in self.model.named_parameters() if p.grad is not None}
        norm = nn.utils.get_total_norm(list(gradients.values()))
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            names = [name for name, gradient in gradients.items() if not gradient.isfinite().all()]
            self.optimizer.zero_grad()
            raise FloatingPointError(
                f"the loss became {loss.item()}, its gradient non-finite in "
                f"{', '.join(names) or 'sum'}, so the optimizer step was not taken: lower lr, "
                f"lengthen warmup, or look for non-finite values in the model, its data or rewards"
            )
        if (longest := getattr(self.config, "max_grad_norm", None)) is not None:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), longest, norm)
        done, of = (self.step, self.n_steps) if self.n_steps else (self.round, self.n_rounds)
        up = (done + 1) / max(1, self.config.warmup)
        down = (of - done) / max(1.0, self.config.decay * of)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * min(1.0, up, down)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1

    def keep(self, path: Path) -> None:
        """Write a checkpoint."""
        file = io.BytesIO()
        torch.save({"identity": self.identity(), "state": self.state()}, file)
        write_whole(path, file.getvalue())

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint, or write the first if there is none.

        Raises:
            ValueError: the file is damaged, or of a run with another identity.
        """
        for left in leftovers(path):  # of runs that were killed while they wrote
            left.unlink(missing_ok=True)
        if not path.exists():
            return self.keep(path)
        try:
            kept = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
            theirs, state = dict(kept["identity"]), kept["state"]
        except Exception as error:  # whatever a damaged or foreign file may cause
            raise ValueError(
                f"checkpoint {path} expected to be one of this run, but it cannot be read: delete "
                f"it to start anew, or choose another name"
            ) from error
        ours = self.identity()
        for name in [*ours, *theirs]:
            if ours.get(name) != theirs.get(name):
                raise ValueError(
                    f"checkpoint {path} was left by another run: {name} is {theirs.get(name)} "
                    f"there and {ours.get(name)} here. Delete it to start anew, or choose another "
                    f"name"
                )
        self.set_state(state)

    def identity(self) -> dict[str, str]:
        """What two runs must share for one to go on with the other's state, in words."""
        said = {"model": type(self.model).__name__, "training": type(self.config).__name__}
        for part, config in {"model": self.model.config, "training": self.config}.items():
            said |= {f"{part}.{name}": repr(value) for name, value in vars(config).items()}
        return said

    def state(self) -> dict[str, Any]:
        """All that changes from round to round: tensors, numbers, words, and dicts and lists."""
        done = {"round": self.round, "step": self.step, "history": asdict(self.history)}
        done |= {name: part.state_dict() for name, part in self.parts.items()}
        return done | {"generator": self.generator.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Stand where `state` was taken."""
        self.round, self.step = state["round"], state["step"]
        self.history = History(**state["history"])
        self.generator.set_state(state["generator"])
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
