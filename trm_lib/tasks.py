"""What is trained on what, and how it is measured.

Axes: K improvement steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import nn

from trm_lib.evaluation import decision_flops
from trm_lib.models import (
    BoardPolicy,
    GRUPolicy,
    MLPPolicy,
    Policy,
    count_parameters,
)
from trm_lib.training import (
    Augment,
    Evaluate,
    History,
    PPOConfig,
    PuzzleData,
    ReinforceConfig,
    SupervisedConfig,
    ppo,
    reinforce,
)

KINDS: dict[str, type[Policy]] = {
    "board": BoardPolicy, "mlp": MLPPolicy, "gru": GRUPolicy
}  # fmt: skip
"""Classes of policies by the name `PolicyLearner.kind` takes."""


@dataclass(frozen=True)
class PolicyLearner:
    """A policy and how it learns.

    Attributes:
        policy: its config; one that is in no `KINDS` has a method `build(generator)`.
        training: `PPOConfig` or `ReinforceConfig`; its seed is replaced by the run's.
        num_envs: E, environments played at once.
        kind: which class of policy, one of `KINDS`.
    """

    policy: Any
    training: PPOConfig | ReinforceConfig
    num_envs: int
    kind: str = "board"

    def new_policy(self, seed: int) -> Policy:
        """The policy of this seed before it has learned anything."""
        generator = torch.Generator().manual_seed(seed)
        if self.kind not in KINDS:
            return self.policy.build(generator)
        return KINDS[self.kind](self.policy, generator)

    @property
    def k_steps(self) -> int:
        """K in training; 1 for policies without improvement steps."""
        return getattr(self.policy, "k_steps", 1)


@dataclass(frozen=True)
class PuzzleTask:
    """Puzzles with answers.

    Attributes:
        build: seed to untrained model.
        training: how it is trained; its seed is replaced.
        train, validation: puzzles to learn from, and others.
        augment: dresses batches anew, or None.
        k_steps: K, improvement steps it is trained for.
    """

    build: Callable[[int], nn.Module]
    training: SupervisedConfig
    train: PuzzleData
    validation: PuzzleData
    augment: Augment | None
    k_steps: int


@dataclass(frozen=True)
class PolicyTask:
    """An environment to act in.

    Attributes:
        learner: policy and training.
        envs: training environments, of so many copies.
    """

    learner: PolicyLearner
    envs: Callable[[int], VectorEnv]


def kept_in(checkpoint: Path, every: int) -> dict[str, Any]:
    """What a recipe gives to `fit` so that a killed seed goes on from its checkpoint.

    Args:
        checkpoint: the path the runner gave the recipe.
        every: batches between two checkpoints.
    """
    return {
        "checkpoint": checkpoint,
        "checkpoint_every": every,
    }


def train_policy(
    learner: PolicyLearner,
    envs: VectorEnv,
    seed: int,
    checkpoint: Path | None = None,
    evaluate: Evaluate | None = None,
    progress: bool = False,
) -> tuple[Policy, History]:
    """The policy of this seed, trained in these environments."""
    learn = ppo if isinstance(learner.training, PPOConfig) else reinforce
    policy = learner.new_policy(seed)
    keep = {} if checkpoint is None else kept_in(checkpoint, every=20)
    config = replace(learner.training, seed=seed)
    history = learn(policy, envs, config, evaluate=evaluate, progress=progress, **keep)
    return policy.eval(), history


def measured(
    policy: Policy,
    history: History,
    success_by_k: Callable[[str], np.ndarray],
    envs: VectorEnv,
    goal: float = 0.95,
) -> dict[str, Any]:
    """Everything a result says of a trained policy: JSON values.

    Args:
        policy: trained.
        history: of its training; its evaluations were on validation cases.
        success_by_k: "validation" or "test" to success (K,).
        envs: an environment, for the shape of what is seen.
        goal: the success to reach, for "steps_to_goal"; -1 where it was not reached.
    """
    watched = np.array([row[-1] for row in history.eval_success])
    there = int((watched >= goal).argmax()) if (watched >= goal).any() else -1
    test = success_by_k("test")
    shape = envs.single_observation_space.shape
    return {
        "parameters": count_parameters(policy),
        "flops_by_k": [decision_flops(policy, shape, k + 1) for k in range(len(test))],
        "training_seconds": round(history.seconds, 1),
        "steps": history.steps[-1],
        "watched_steps": history.eval_steps,
        "watched_seconds": [round(s, 1) for s in history.eval_seconds],
        "watched_success": [round(float(s), 4) for s in watched],
        "steps_to_goal": history.eval_steps[there] if there >= 0 else -1,
        "to_goal_seconds": round(history.eval_seconds[there], 1) if there >= 0 else -1,
        "validation_success_by_k": success_by_k("validation").tolist(),
        "test_success_by_k": test.tolist(),
    }
