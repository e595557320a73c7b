"""What happened in a run, as plain numbers; and how far it is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

if TYPE_CHECKING:
    from trm_lib.viz import BookFigure


@dataclass
class History:
    """What happened in a run: lists of one number a round, unless said otherwise.

    A learner keeps what it has: `fit` the first three, policies the seven after these.

    Attributes:
        loss: after the last improvement step of a batch.
        finished: boards that halted; of models that halt only.
        halted_after: improvement steps that these had taken, summed.
        steps: environment steps so far, over all environments.
        episodes: how many ended.
        successes: how many of these ended well.
        rewards: mean reward of a step.
        policy_loss, value_loss, entropy: what was learned from; the last in nats.
        eval_steps: at each evaluation, how many batches or environment steps there were before.
        eval_seconds: at each evaluation, seconds of training before.
        eval_success: at each evaluation, the share solved after 1, 2, ... K improvement steps.
        seconds: of training in all; evaluations are left out.
    """

    loss: list[float] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    halted_after: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    episodes: list[int] = field(default_factory=list)
    successes: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    policy_loss: list[float] = field(default_factory=list)
    value_loss: list[float] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    eval_steps: list[int] = field(default_factory=list)
    eval_seconds: list[float] = field(default_factory=list)
    eval_success: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0

    def log(self, **numbers: Any) -> None:
        """Keep one more of each of these."""
        for name, value in numbers.items():
            getattr(self, name).append(value)

    def success_rate(self, window: int = 10) -> np.ndarray:
        """Share of the episodes of the last updates that ended well: (updates,) float.

        Where none ended in the window, the rate before stands, 0 at the beginning.
        """
        ended, well = (
            np.convolve(counts, np.ones(window))[: len(counts)]
            for counts in (self.episodes, self.successes)
        )
        rate, last = np.zeros(len(ended)), 0.0
        for i in range(len(rate)):
            rate[i] = last = well[i] / ended[i] if ended[i] else last
        return rate

    def summary(self) -> str:
        """A few words for a progress bar."""
        words = []
        if self.episodes:
            share = sum(self.successes[-10:]) / max(1, sum(self.episodes[-10:]))
            words.append(f"success {share:.1%}")
        if self.eval_success:
            words.append(f"evaluated {max(self.eval_success[-1]):.1%}")
        return ", ".join(words)

    def plot(self) -> BookFigure:
        """Draw what was learned: success of training episodes, smoothed, or exact accuracy by K.

        Raises:
            ValueError: no episode ended, and nothing was evaluated.
        """
        from trm_lib.viz import learning_curves

        ended = np.array(self.episodes, int) > 0
        if ended.any():
            rate = np.array(self.successes)[ended] / np.array(self.episodes)[ended]
            return learning_curves(
                {"training episodes": (np.array(self.steps)[ended], rate)},
                xlabel="environment steps",
                ylabel="success",
                window=min(11, (len(rate) - 1) // 2 * 2 + 1),
            )
        if not self.eval_success:
            raise ValueError("expected a run with evaluations: pass evaluate= to fit")
        success = np.array(self.eval_success)  # (evaluations, K)
        shown = [2**i for i in range(success.shape[1].bit_length())]
        return learning_curves(
            {f"K = {k}": (np.array(self.eval_steps), success[:, k - 1]) for k in shown},
            xlabel="batches seen",
            ylabel="share of puzzles exactly right",
        )


def shares_by_k(returned: Any) -> list[float]:
    """What an evaluation returned, shares (K,); ValueError if it is anything else."""
    shares = np.asarray(returned, dtype=float)
    if shares.ndim != 1 or not shares.size or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(
            f"evaluate expected to return shares from 0 to 1 of shape (K,), got {returned!r}: "
            f"return what trm_lib.evaluation.exact_by_k or success_by_k gives"
        )
    return shares.tolist()


def progress_bar(
    steps: int, description: str, unit: str, shown: bool = True, done: int = 0
) -> tqdm:
    """Count from `done` to `steps` and show how far it is, in a terminal, JupyterLab or Colab.

    TQDM_DISABLE=1 in the environment silences every bar; in a notebook tqdm alone overlooks it.
    """
    off = not shown or os.environ.get("TQDM_DISABLE", "0").lower() not in ("", "0", "false")
    return tqdm(range(done, steps), description, total=steps, initial=done, unit=unit, disable=off)
