"""What learns from what, and how it is measured: puzzles with answers, and worlds to act in.

A task is data: a network or a policy, its training, and where it learns; all of it is the `config`
of a stored result. Recipes and chapters share its `train` and `measure`; `debug` is its `diagnose`.

Axes: M puzzles or mazes, n rows and columns, K improvement steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from trm_lib import evaluation
from trm_lib.diagnostics import Finding, diagnose_policy, diagnose_puzzles
from trm_lib.models import (
    BoardConfig,
    BoardNet,
    BoardPolicyConfig,
    FlatPolicyConfig,
    Policy,
    build_model,
    count_parameters,
)
from trm_lib.training import (
    History,
    Lesson,
    PPOConfig,
    PuzzleData,
    ReinforceConfig,
    SupervisedConfig,
    fit,
    ppo,
    reinforce,
)

GOAL = 0.95  # right or successful: how soon is it reached?
Split = tuple[PuzzleData, PuzzleData, PuzzleData]


class Task:
    """What a recipe does: train, then measure.

    `train(seed, checkpoint, progress)` gives the trained model and its history. The seed is that of
    its weights and batches, the checkpoint a file to keep the unfinished run in, and to go on from
    if it is there. `measure(model, history, seed)` gives JSON values. `diagnose(seed, progress)`
    trains, and probes what came out.
    """

    def run(self, seed: int, checkpoint: Path | None = None) -> dict[str, Any]:
        """Everything a result says of one seed: JSON values."""
        model, history = self.train(seed, checkpoint)
        return self.measure(model, history, seed)

    def diagnose(self, seed: int = 0, progress: bool = True) -> list[Finding]:
        """What is wrong, by measurement; ValueError for tasks that have no probes."""
        raise ValueError(
            f"{type(self).__name__} has no probes: train it, and call those of trm_lib.diagnostics"
        )


@dataclass(frozen=True)
class PuzzleTask(Task):
    """A network that learns puzzles from their answers.

    Attributes:
        model: the network.
        training: how it learns; its seed is replaced by the run's.
        data: what from: a frozen dataclass with `split(seed)`, which gives training, validation and
            test `PuzzleData`, `watched(validation)`, some to look at, and `augment`, or None. If it
            has a `measure(test, exact)`, exact (K, M) bool, what that gives is measured as well.
        k_steps: K, when it is measured.
        k_watched: K, when it is looked at, on validation puzzles, while it learns.
    """

    model: BoardConfig
    training: SupervisedConfig
    data: Any
    k_steps: int
    k_watched: int

    def build(self, seed: int) -> BoardNet:
        """The untrained network of this seed."""
        return build_model(self.model, seed)

    def lesson(self) -> Lesson | None:
        """What `fit` does with a batch, for subclasses to choose."""
        return None

    @property
    def _halts(self) -> bool:
        return getattr(self.model, "halting", False)

    def train(
        self, seed: int, checkpoint: Path | None = None, progress: bool = False
    ) -> tuple[BoardNet, History]:
        train, validation, _ = self.data.split(seed)
        watched, model = self.data.watched(validation), self.build(seed)
        history = fit(
            model,
            train,
            replace(self.training, seed=seed),
            augment=self.data.augment,
            lesson=self.lesson(),
            evaluate=lambda network: evaluation.exact_by_k(network, watched, self.k_watched),
            progress=progress,
            checkpoint=checkpoint,
            checkpoint_every=100,
        )
        return model, history

    def diagnose(self, seed: int = 0, progress: bool = True) -> list[Finding]:
        model, _ = self.train(seed, progress=progress)
        train, validation, _ = self.data.split(seed)
        n_sup = (self.model if self._halts else self.training).n_sup
        return diagnose_puzzles(model, train, validation, n_sup)

    def measure(self, model: BoardNet, history: History, seed: int = 0) -> dict[str, Any]:
        """Accuracy by K on validation and test puzzles, and what it cost."""
        train, validation, test = self.data.split(seed)
        answers = evaluation.answers_by_k(model, test.inputs, self.k_steps)  # (K, M, n, n)
        right, grid, steps = answers == test.labels, test.inputs.shape[1:], range(self.k_steps)
        exact = right.all(tuple(range(2, right.ndim)))
        known = evaluation.exact_by_k(model, validation, self.k_steps)
        numbers = {
            "parameters": count_parameters(model),
            "flops_by_k": [evaluation.answer_flops(model, grid, k + 1) for k in steps],
            "training_seconds": round(history.seconds, 1),
            "batch": history.eval_steps,
            "watched_exact_by_k": [[round(a, 4) for a in row] for row in history.eval_success],
            "test_cells_by_k": right.reshape(self.k_steps, -1).mean(1).tolist(),
            "validation_exact_by_k": known.tolist(),
            "test_exact_by_k": exact.mean(1).tolist(),
        }
        if hasattr(self.data, "measure"):
            numbers |= self.data.measure(test, exact)
        more = self._halting(model, history, test) if self._halts else self._pace(history, train)
        return numbers | more

    def _pace(self, history: History, train: PuzzleData) -> dict[str, Any]:
        """How soon the watched puzzles were right."""
        watched, seconds, there = seen(history)
        boards = [self.training.batch_size * batch for batch in history.eval_steps]
        return {
            "boards": boards,
            "watched_exact": watched,
            "watched_seconds": seconds,
            "epochs_to_95": -1.0 if there is None else boards[there] / len(train),
            "to_95_seconds": -1.0 if there is None else seconds[there],
        }

    def _halting(self, model: BoardNet, history: History, test: PuzzleData) -> dict[str, Any]:
        """What halting makes of it."""
        halted = evaluation.answers_with_halting(model, test.inputs, self.k_steps)
        right = (halted.answers == test.labels).reshape(len(test), -1).all(1)
        finished, steps = (
            np.add.reduceat(each, range(0, len(each), 100))
            for each in (history.finished, history.halted_after)
        )
        return {
            "training_steps_a_puzzle": (steps / np.maximum(finished, 1)).tolist(),
            "halted_test_exact": float(right.mean()),
            "halted_test_steps": float(halted.steps.mean()),
            "halted_calibration_error": evaluation.calibration(halted.halt_logit, right).error,
        }


def seen(history: History) -> tuple[list[float], list[float], int | None]:
    """What was watched: shares at the last K, the seconds, and which is the first at the goal."""
    shares = [row[-1] for row in history.eval_success]
    there = next((place for place, share in enumerate(shares) if share >= GOAL), None)
    seconds = [round(second, 1) for second in history.eval_seconds]
    return [round(share, 4) for share in shares], seconds, there


# Worlds to act in.


class World:
    """Where a policy acts: a frozen dataclass that gives environments and success.

    `envs(count)` are those to train in, `success(policy, part, k_steps, use_masks)` is success (K,)
    on cases of a part, "watched", "validation" or "test", that are not among these.
    """

    watches: ClassVar[bool] = True  # whether success is asked, and policies watched as they learn

    def measure(self, policy: Policy, task: PolicyTask, seed: int) -> dict[str, Any]:
        """What else is measured here: JSON values."""
        return {}


@dataclass(frozen=True)
class PolicyTask(Task):
    """A policy that learns by acting.

    Attributes:
        policy: its config; one that `build_model` does not know has a method `build(generator)`.
        training: how it learns; its seed is replaced by the run's.
        num_envs: E, environments played at once.
        world: where it acts.
        k_steps: K, when it is measured.
    """

    policy: BoardPolicyConfig | FlatPolicyConfig | Any
    training: PPOConfig | ReinforceConfig
    num_envs: int
    world: World
    k_steps: int = 1

    def build(self, seed: int) -> Policy:
        """The policy of this seed before it has learned anything."""
        if hasattr(self.policy, "build"):
            return self.policy.build(torch.Generator().manual_seed(seed))
        return build_model(self.policy, seed)

    def train(
        self, seed: int, checkpoint: Path | None = None, progress: bool = False
    ) -> tuple[Policy, History]:
        learn = ppo if isinstance(self.training, PPOConfig) else reinforce
        policy, evaluate = self.build(seed), None
        if self.world.watches:
            how = {"k_steps": getattr(self.policy, "k_steps", 1), "part": "watched"}
            evaluate = partial(self.world.success, use_masks=self.training.use_masks, **how)
        history = learn(
            policy,
            self.world.envs(self.num_envs),
            replace(self.training, seed=seed),
            evaluate=evaluate,
            progress=progress,
            checkpoint=checkpoint,
            checkpoint_every=20,
        )
        return policy.eval(), history

    def diagnose(self, seed: int = 0, progress: bool = True) -> list[Finding]:
        policy, history = self.train(seed, progress=progress)
        told = {"untrained": self.build(seed), "history": history, "seed": seed}
        return diagnose_policy(policy, self.world.envs, self.training, self.num_envs, **told)

    def measure(self, policy: Policy, history: History, seed: int = 0) -> dict[str, Any]:
        """What it did while it learned, and success in its world."""
        numbers = {
            "parameters": count_parameters(policy),
            "training_seconds": round(history.seconds, 1),
            "updates": len(history.steps),
            "episodes": sum(history.episodes),
            "steps": history.steps[-1],
            "training_successes": history.successes,
        }
        if self.world.watches:
            watched, seconds, there = seen(history)
            shape, steps = self.world.envs(1).single_observation_space.shape, range(self.k_steps)
            how = self.k_steps, self.training.use_masks
            numbers |= {
                "watched_steps": history.eval_steps,
                "watched_seconds": seconds,
                "watched_success": watched,
                "steps_to_goal": -1 if there is None else history.eval_steps[there],
                "to_goal_seconds": -1 if there is None else seconds[there],
                "flops_by_k": [evaluation.decision_flops(policy, shape, k + 1) for k in steps],
                "validation_success_by_k": self.world.success(policy, "validation", *how).tolist(),
                "test_success_by_k": self.world.success(policy, "test", *how).tolist(),
            }
        return numbers | self.world.measure(policy, self, seed)
