"""What a recipe's task is, apart from running it: enough to train one seed and to look inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gymnasium.vector import VectorEnv
from torch import nn

from trm_lib.experiments.learners import PolicyLearner
from trm_lib.training import PuzzleData, SupervisedConfig
from trm_lib.training.data import Augment


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
