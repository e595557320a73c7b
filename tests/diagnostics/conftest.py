"""What a few seconds of training make: each is trained once, and never changed by a test."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch

import trm_lib.envs  # noqa: F401  registers trm/Maze-v0
from book.recipes.basic_trm import MODEL
from trm_lib.models import (
    BoardPolicyConfig,
    FlatPolicyConfig,
    HierarchicalConfig,
    HierarchicalTRM,
    MLPPolicy,
    TRMConfig,
    build_model,
)
from trm_lib.puzzles import augment_sudoku, minimal_sudokus_4x4
from trm_lib.training import PPOConfig, PuzzleData, SupervisedConfig, fit, ppo

K = 4
TRAINING = SupervisedConfig(
    n_batches=60, batch_size=64, n_sup=K, lr=32e-3, warmup=20, ema_decay=0.95
)
CORE = TRMConfig(
    vocab_size=32, grid=(3, 3), width=16, n_layers=1, mixing="conv", expansion=2.0,
    hidden_multiple=1, positions="none", n_answers=5, n_latent=2, n_cycles=1,
)  # fmt: skip
WALKER = BoardPolicyConfig(core=CORE, n_actions=4, marker=4)
FLAT = FlatPolicyConfig(n_inputs=54, n_actions=4)
PPO = PPOConfig(total_steps=30_000, lr=3e-3, ent_coef=0.005, use_masks=False)
E = 64


def mazes(count, **options):
    where = {"size": 3, "start": "random", "goal": "random"} | options
    return gym.make_vec("trm/Maze-v0", count, **where)


def open_mazes(count):
    return mazes(count, layout="open")


def trained(model, data, training=TRAINING, augment=None):
    """The model after training in place."""
    fit(model, data, training, augment=augment, progress=False)
    return model


def trm(config, **changes):
    return build_model(replace(config, **changes))


@pytest.fixture(scope="session")
def sudoku():
    """4,000 minimal 4x4 Sudokus to train on, and 1,000 others."""
    puzzles, solutions = minimal_sudokus_4x4()
    order = np.random.default_rng(0).permutation(len(puzzles))[:5000]
    data = PuzzleData(puzzles[order], solutions[order])
    return data[:4000], data[4000:]


@pytest.fixture(scope="session")
def solver(sudoku):
    return trained(trm(MODEL), sudoku[0], augment=augment_sudoku)


@pytest.fixture(scope="session")
def hierarchical(sudoku):
    config = HierarchicalConfig(
        vocab_size=5, grid=(4, 4), width=16, n_layers=1, expansion=1.5, hidden_multiple=1,
        low_width=16, n_cycles=2,
    )  # fmt: skip
    model = HierarchicalTRM(config, torch.Generator().manual_seed(0))
    return trained(model, sudoku[0], replace(TRAINING, lr=16e-3), augment_sudoku)


def on_a_grid(side, vocabulary, **options):
    """A small TRM for boards of another size."""
    sizes = {"width": 16, "n_layers": 1, "mixing": "conv", "positions": "learned"}
    sizes |= {"expansion": 2.0, "hidden_multiple": 1, "n_latent": 1, "n_cycles": 1}
    return trm(TRMConfig(vocab_size=vocabulary, grid=side, **sizes | options))


@pytest.fixture(scope="session")
def walker():
    """A policy that learned by PPO on 3x3 mazes, the policy before that, and the history."""
    policy, untrained = (MLPPolicy(FLAT, torch.Generator().manual_seed(0)) for _ in range(2))
    history = ppo(policy, open_mazes(E), PPO, progress=False)
    return policy, untrained, history
