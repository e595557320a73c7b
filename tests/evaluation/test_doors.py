"""What the public doors of evaluation refuse, and that they say what was expected."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from tests.training.worlds import BOARD, CORE, FLAT, MAZE, new_policy
from trm_lib.envs import optimal_maze_policy
from trm_lib.evaluation import (
    answers_at_rest,
    answers_by_k,
    answers_with_halting,
    calibration,
    every_maze,
    halt_logits_by_k,
    play_each,
    play_episodes,
    success_by_k,
)
from trm_lib.models import TRM, BoardPolicy, HaltingTRM, MLPPolicy, TRMConfig
from trm_lib.puzzles import generate_mazes

BOARDS = np.zeros((2, 4, 4), int)
SMALL = TRMConfig(vocab_size=5, grid=(4, 4), width=8)
TRM_ONLY, HALTING = TRM(SMALL), HaltingTRM(replace(SMALL, halting=True))
CASES = every_maze(generate_mazes(3, 1, np.random.default_rng(0)).walls)
WHOLE = "expected a whole number >= 1"


def mazes(count):
    return gym.make_vec("trm/Maze-v0", num_envs=count, **MAZE)


def other_autoreset():
    return gym.make_vec("trm/Maze-v0", num_envs=2, vectorization_mode="sync")


@pytest.mark.parametrize(
    ("call", "given", "message"),
    [
        (answers_by_k, (TRM_ONLY, BOARDS, 0), rf"k_steps \(K\) {WHOLE}"),
        (answers_by_k, (TRM_ONLY, BOARDS / 2, 1), "boards expected an array of integers"),
        (answers_with_halting, (HALTING, BOARDS, 0), rf"k_steps \(K\) {WHOLE}"),
        (answers_with_halting, (HALTING, BOARDS / 2), "an array of integers"),
        *(
            (ask, (TRM_ONLY, BOARDS, 2), "expected a TRM with halting, got a TRM without")
            for ask in (answers_with_halting, halt_logits_by_k)
        ),
        (answers_at_rest, (TRM_ONLY, BOARDS, 0, 1), "k_steps"),
        (answers_at_rest, (TRM_ONLY, BOARDS, 3, 1, 1.5), "batch_size"),
        (calibration, ([0.0], [True, False]), r"got \(1,\) and \(2,\)"),
        (calibration, ([], []), "N >= 1"),
        (play_episodes, (mazes(4), optimal_maze_policy, 6), "expected a multiple of 4, got 6"),
        (play_episodes, (other_autoreset(), optimal_maze_policy, 2), r"envs expected .*SAME_STEP"),
        (play_each, (mazes, CASES[:0], optimal_maze_policy), "at least one maze or puzzle"),
        *(
            (success_by_k, (new_policy(name), mazes, CASES[:0]), "at least one maze or puzzle")
            for name in ("mlp", "trm")
        ),
        (success_by_k, (new_policy("mlp"), mazes, CASES, 2), "has no improvement steps: k_steps "),
        *((success_by_k, (new_policy("trm"), mazes, CASES, k), WHOLE) for k in (0, 1.5, True, "2")),
    ],
)
def test_bad_arguments_say_what_was_expected(call, given, message):
    with pytest.raises(ValueError, match=message):
        call(*given)


@pytest.mark.parametrize("n_actions", [1, 3, 5])
def test_policies_with_other_actions_are_refused(n_actions):
    board = replace(BOARD, core=replace(CORE, n_answers=n_actions + 1), n_actions=n_actions)
    for policy in (MLPPolicy(replace(FLAT, n_actions=n_actions)), BoardPolicy(board)):
        with pytest.raises(ValueError, match=f"policy expected 4 actions, .*, got {n_actions}"):
            success_by_k(policy, mazes, CASES[:5])
