"""What happened while a policy learned.

One run of a policy learner: what changes from one update to the next.

`reinforce` and `ppo` drive it and show their algorithms; this file is the bookkeeping they share.

Axes: S time steps, E environments, K improvement steps.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from trm_lib.checks import number, whole
from trm_lib.models import Policy, PolicyMemory
from trm_lib.training.checkpoint import (
    describe_model,
    load_optimizer,
    load_run,
    read_history,
    require_both,
    require_fitting,
    require_place,
    require_same_forms,
    save_run,
    tensors_of,
)
from trm_lib.training.optimizers import descend, rate_factor
from trm_lib.training.rollout import Player, require_playable
from trm_lib.training.run import progress_bar

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


Evaluate = Callable[[Policy], np.ndarray]
"""policy -> success after 1, 2, ... K improvement steps, (K,) float in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """What every policy learner must be told.

    Attributes:
        total_steps: environment steps, over all environments; the last update may pass it.
        lr: learning rate after warm-up (Adam).
        warmup: updates over which the rate rises linearly from 0.
        decay: share of the run, at its end, over which the rate falls linearly to 0.
        gamma: discount.
        ent_coef: weight of the entropy, which is rewarded.
        max_grad_norm: longer gradients are cut to this length.
        deep_supervision: weight of `trm_lib.training.distribution.imitation_loss`, which teaches
            the answers after earlier improvement steps to be the last one; with 0 that alone
            learns.
        use_masks: draw only actions that the environment allows.
        eval_every: updates between evaluations.
        seed: fixes environments and actions.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    total_steps: int = 100_000
    lr: float = 1e-3
    warmup: int = 0
    decay: float = 1.0
    gamma: float = 0.98
    ent_coef: float = 0.01
    max_grad_norm: float = 0.5
    deep_supervision: float = 0.0
    use_masks: bool = True
    eval_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("total_steps", 1), ("warmup", 0), ("eval_every", 1), ("seed", 0)):
            self._set(name, whole(getattr(self, name), name, least))
        if self.seed >= 2**63:
            raise ValueError(f"seed expected a whole number below 2**63, got {self.seed}")
        for name, accepts, expected in [
            ("lr", lambda v: v > 0, "a number > 0"),
            ("decay", lambda v: 0 <= v <= 1, "a share from 0 to 1"),
            ("gamma", lambda v: 0 <= v <= 1, "a discount from 0 to 1"),
            ("ent_coef", lambda v: v >= 0, "a number >= 0"),
            ("deep_supervision", lambda v: v >= 0, "a number >= 0"),
            ("max_grad_norm", lambda v: v > 0, "a number > 0"),
        ]:
            self._set(name, number(getattr(self, name), name, accepts, expected))
        if not isinstance(self.use_masks, bool):
            raise ValueError(f"use_masks expected True or False, got {self.use_masks!r}")

    def _set(self, name: str, value: object) -> None:
        """Store a checked value; a frozen dataclass allows it only this way, while it is made."""
        object.__setattr__(self, name, value)


def require_runnable(
    policy: Policy, envs: VectorEnv, config: PolicyConfig, kind: type[PolicyConfig]
) -> None:
    """Refuse what does not go together, before anything begins.

    Raises:
        ValueError: the config is not of this kind, or as `require_playable`.
    """
    if not isinstance(config, kind):
        raise ValueError(f"config expected a {kind.__name__}, got {config!r}")
    require_playable(policy, envs)


class PolicyRun:
    """A policy in training, with its environments, optimizer and random numbers.

    Args:
        policy: trained in place.
        envs: vector environments that begin anew in the same step.
        config: of the learner.
        n_updates: how many there will be.

    Attributes:
        player: the policy at play.
        generator: draws actions, and whatever else the learner draws.
        update: updates done.
        history: what happened so far.
        identity: what a checkpoint must share with this run.

    Raises:
        ValueError: policy and environments do not fit each other.
    """

    def __init__(self, policy: Policy, envs: VectorEnv, config: PolicyConfig, n_updates: int):
        self.policy, self.envs, self.config, self.n_updates = policy, envs, config, n_updates
        self.player = Player(policy, envs, config.seed, config.use_masks)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.optimizer = torch.optim.Adam(policy.parameters(), lr=config.lr, eps=1e-5, fused=True)
        self.history = PolicyHistory()
        self.update = 0
        self.identity: dict[str, Any] = {}

    def updates(
        self,
        name: str,
        evaluate: Evaluate | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: int | None = None,
        resume_from: str | Path | None = None,
        progress: bool = True,
    ) -> Iterator[int]:
        """Count the updates, and do between them what every learner does: measure and keep.

        The arguments are those of `ppo` and `reinforce`.
        """
        require_both(checkpoint, checkpoint_every)
        if checkpoint is not None:
            checkpoint = require_place(checkpoint, resume_from)
        if checkpoint is not None or resume_from is not None:
            self.identify()
        if evaluate:
            _successes(evaluate(self.policy))
        if resume_from is not None:
            load_run(self, resume_from)
        history = self.history
        bar = progress_bar(self.n_updates, name, "update", shown=progress, done=self.update)
        self.policy.train()
        for _ in bar:
            start = time.perf_counter()
            yield self.update
            history.seconds += time.perf_counter() - start
            self.update += 1
            last = self.update == self.n_updates
            if evaluate and (last or self.update % self.config.eval_every == 0):
                history.log_evaluation(_successes(evaluate(self.policy)))
                self.policy.train()
            bar.set_postfix_str(history.summary())
            if checkpoint is not None and (last or self.update % checkpoint_every == 0):
                save_run(self, checkpoint)

    def learn(self, loss: Tensor) -> None:
        """Take one optimizer step down the gradient of `loss`.

        Raises:
            FloatingPointError: the loss or a gradient is not finite; raised before the weights
                change.
        """
        config = self.config
        factor = rate_factor(config.warmup, config.decay, self.update, self.n_updates)
        descend(self.policy, self.optimizer, loss, config.lr * factor, config.max_grad_norm)

    def identify(self) -> None:
        """Work out what a checkpoint must share with this run."""
        try:
            environments = self.envs.fingerprint()
        except AttributeError as error:  # of these, or of what they wrap
            raise ValueError(
                f"envs expected environments that can be kept in a checkpoint (with fingerprint, "
                f"state and set_state, as those of trm/ have), got {self.envs}: train without "
                f"checkpoint"
            ) from error
        self.identity = {
            "model": describe_model(self.policy) | {"k_steps": getattr(self.policy, "k_steps", 1)},
            "training": json.loads(json.dumps(asdict(self.config))),
            "environments": environments,
        }

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the run, named group/rest."""
        return (
            tensors_of(self.policy, self.optimizer)
            | {"generator/state": self.generator.get_state()}
            | {f"envs/{name}": _as_tensor(a) for name, a in self.envs.state().items()}
            | {f"player/{name}": t for name, t in self.player.tensors().items()}
            | {f"memory/{n}": t for n, t in self._remembered(self.player.memory).items()}
        )

    def _remembered(self, memory: PolicyMemory | None) -> PolicyMemory:
        """What the next update goes on from."""
        return memory if memory and self.policy.remembers else {}

    def progress(self) -> dict[str, Any]:
        """Place and history: JSON values."""
        return {"update": self.update, "history": asdict(self.history)}

    def restore(self, groups: dict[str, dict[str, Tensor]], progress: dict[str, Any]) -> None:
        """Go to where another run was, or raise and change nothing."""
        update = whole(progress["update"], "update", 0)
        if update > self.n_updates:
            raise KeyError(f"update {update} of {self.n_updates}")
        history = read_history(PolicyHistory, progress["history"], update, EVERY_UPDATE)
        require_fitting(groups, {"model": self.policy}, learned=update > 0)
        player, kept = self.player, groups.get("memory", {})
        require_same_forms(groups["player"], player.tensors(), "player")
        previous = groups["player"]["previous"]
        if previous.min() < 0 or previous.max() > self.policy.n_actions:
            raise KeyError("player.previous")
        with torch.no_grad():
            _, fresh = self.policy(player.observations, player.previous)
        require_same_forms(kept, self._remembered(fresh), "memory")
        rng = torch.Generator()
        rng.set_state(groups["generator"]["state"])
        memory = {name: tensor.clone() for name, tensor in kept.items()} or None
        self.envs.set_state({name: t.numpy() for name, t in groups["envs"].items()})
        # all of it has been read: only now is the rest changed
        self.policy.load_state_dict(groups["model"])
        load_optimizer(self.optimizer, self.policy, groups["optimizer"])
        self.generator, self.history, self.update = rng, history, update
        player.restore(groups["player"], memory)


def _as_tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array))


def _successes(returned: object) -> np.ndarray:
    success = np.asarray(returned)
    if success.ndim != 1 or success.size == 0 or not ((success >= 0) & (success <= 1)).all():
        raise ValueError(
            f"evaluate expected to return shares from 0 to 1 of shape (K,), got {returned!r}: "
            f"return what trm_lib.evaluation.success_by_k gives"
        )
    return success
