"""What happened while a policy learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from trm_lib.training.rollout import Rollout
    from trm_lib.viz import BookFigure


EVERY_UPDATE = (
    "steps", "episodes", "successes", "rewards", "policy_loss", "value_loss", "entropy",
)  # fmt: skip
"""What a `PolicyHistory` holds one number an update of."""


@dataclass
class PolicyHistory:
    """A number an update, unless said otherwise.

    Attributes:
        steps: environment steps so far, over all environments.
        episodes: episodes that ended in this update.
        successes: how many of these ended well.
        rewards: mean reward of a step.
        policy_loss, value_loss, entropy: what was learned from; the last in nats.
        eval_steps, eval_seconds: environment steps and training seconds at each evaluation.
        eval_success: one list an evaluation: success after 1, 2, ... K improvement steps.
        seconds: of training, evaluations left out.
    """

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

    def log_update(self, rollout: Rollout, counts: Tensor, losses: np.ndarray) -> None:
        """Keep one more update.

        Args:
            rollout: what was played, S steps in E environments.
            counts: (S, E) bool, which of these steps were learned from.
            losses: (3,) float, of the policy, of the values, and the entropy.
        """
        self.steps.append(int(counts.sum()) + (self.steps[-1] if self.steps else 0))
        self.episodes.append(int((rollout.done & counts).sum()))
        self.successes.append(int((rollout.success & counts).sum()))
        self.rewards.append(float(rollout.rewards[counts].mean()))
        for name, value in zip(("policy_loss", "value_loss", "entropy"), losses, strict=True):
            getattr(self, name).append(float(value))

    def log_evaluation(self, success: np.ndarray) -> None:
        """Keep one evaluation: success (K,)."""
        self.eval_steps.append(self.steps[-1])
        self.eval_seconds.append(self.seconds)
        self.eval_success.append([float(share) for share in success])

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

    def best(self) -> float:
        """The best evaluation so far, 0 before the first."""
        return max((max(row) for row in self.eval_success), default=0.0)

    def summary(self) -> str:
        """A few words for a progress bar."""
        rate = self.success_rate()[-1] if self.episodes else 0.0
        best = f", best test {self.best():.1%}" if self.eval_success else ""
        return f"success {rate:.1%}{best}"

    def plot(self, window: int = 11) -> BookFigure:
        """Draw the success of the training episodes against steps, raw faint and smooth bold.

        Raises:
            ValueError: no episode has ended, so there is nothing to draw.
        """
        from trm_lib.viz import learning_curves

        ended = np.array(self.episodes) > 0
        if not ended.any():
            raise ValueError("expected a run in which an episode ended, got none")
        rate = np.array(self.successes)[ended] / np.array(self.episodes)[ended]
        return learning_curves(
            {"training episodes": (np.array(self.steps)[ended], rate)},
            xlabel="environment steps",
            ylabel="success",
            window=min(window, (len(rate) - 1) // 2 * 2 + 1),
        )
