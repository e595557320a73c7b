"""Each planted fault is named, and nothing else; healthy runs have no fault.

"nothing learned" is a symptom: it stands beside the cause where nothing can be learned at all.
"""

import copy
from dataclasses import replace
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch

from book.recipes.basic_trm import MODEL, SAME_BLOCK
from tests.diagnostics import faulty
from tests.diagnostics.conftest import (
    FLAT,
    PPO,
    WALKER,
    E,
    K,
    mazes,
    on_a_grid,
    open_mazes,
    trained,
    trm,
)
from trm_lib.diagnostics import diagnose_policy, diagnose_puzzles
from trm_lib.evaluation import exact_by_k
from trm_lib.models import BoardPolicy, FeedForward, FlatPolicyConfig, GRUPolicy, MLPPolicy
from trm_lib.puzzles import all_grids_4x4, generate_mazes, shortest_path_cells
from trm_lib.training import History, PuzzleData, ReinforceConfig, SupervisedConfig, reinforce

ALONE = ReinforceConfig(n_updates=4, use_masks=False)


def faults(findings):
    """What is wrong, each finding having been asked for its words, and a fault for its figure."""
    for finding in findings:
        assert finding.evidence in " ".join(str(finding).split())
        assert finding.healthy or (finding.remedy and finding.figure().axes)
    return {finding.fault for finding in findings} - {None}


def joined(a, b):
    return PuzzleData(np.concatenate([a.inputs, b.inputs]), np.concatenate([a.labels, b.labels]))


def few(n_batches, n_sup, batch_size=64):
    """A short training."""
    return SupervisedConfig(
        n_batches=n_batches, batch_size=batch_size, n_sup=n_sup, lr=2e-2, warmup=5, ema_decay=0.9
    )


# Puzzles and their models: what is planted, by the name that the battery must give it.


def one_answer(sudoku, solver):
    train, validation = sudoku
    same = train[(train.labels == train.labels[0]).all((1, 2))]
    return solver, joined(same, train[: len(same) // 2]), validation, K


def answer_shown(sudoku, solver):
    grids = np.random.default_rng(0).permutation(all_grids_4x4())
    data = PuzzleData(grids, grids)
    return solver, data[:200], data[200:], K


def two_answers(sudoku, solver):
    train, validation = sudoku
    torn = PuzzleData(train.inputs[:200], train.labels[200:400])
    return solver, joined(train, torn), validation, K


def near_sighted(sudoku, solver):
    drawn = generate_mazes(6, 400, np.random.default_rng(0), start="random", goal="random")
    marks = np.zeros((400, 36), int)
    marks[np.arange(400), drawn.start] = marks[np.arange(400), drawn.goal] = 1
    tokens = drawn.walls + 16 * marks.reshape(drawn.walls.shape)
    data = PuzzleData(tokens.astype(int), shortest_path_cells(drawn).astype(int))
    model = trained(on_a_grid((6, 6), 32, positions="none"), data[:300], few(40, 1))
    return model, data[:300], data[300:], 1


def brief(grid, vocabulary, label, **options):
    """The labels of random tokens, and a model that has seen some of them for a moment."""
    inputs = np.random.default_rng(0).integers(0, vocabulary, (360, *grid))
    data = PuzzleData(inputs, np.broadcast_to(label(inputs), inputs.shape))
    model = trained(on_a_grid(grid, vocabulary, **options), data[:300], few(25, 2, batch_size=32))
    return model, data[:300], data[300:], 2


def crammed(sudoku, solver):
    long = SupervisedConfig(n_batches=40, batch_size=40, n_sup=4, lr=2e-2, ema_decay=0.9)
    return trained(trm(MODEL), sudoku[0][:40], long), sudoku[0][:40], sudoku[1], K


def altered(alter, *how):
    return lambda sudoku, solver: (alter(solver, *how), *sudoku, K)


PUZZLES = {
    # as in the seed's obstacle mazes, rooms whose goal cannot be reached, and toy
    "constant targets": lambda *_: brief((4, 4), 4, lambda x: np.eye(4, dtype=int)),
    "empty targets": lambda *_: brief((4, 4), 4, lambda x: 0 * x),
    "position-blind": lambda *_: brief(
        (16,), 10, lambda x: (x + np.arange(16)) % 10, mixing="none", positions="none"
    ),
    "near-constant targets": one_answer,
    "leaked targets": answer_shown,
    "contradictory labels": two_answers,
    "test puzzles in training": lambda sudoku, solver: (
        solver, sudoku[0], joined(sudoku[1], sudoku[0][:10]), K
    ),
    "cells never meet": lambda sudoku, solver: (
        trained(trm(MODEL, mixing="none"), sudoku[0], few(15, 2)), *sudoku, 2
    ),
    "short sight": near_sighted,
    "nothing learned": lambda sudoku, solver: (trm(MODEL), *sudoku, K),
    "learnt by heart": crammed,
    "vanishing gradient": altered(faulty.with_gradient_times, 1e-4),
    "exploding gradient": altered(faulty.with_gradient_times, 1e5),
    "exploding state": altered(faulty.turned_into, faulty.Hoarding),
    "flipping answers": altered(faulty.turned_into, faulty.Swinging),
    "carry ignored": altered(faulty.turned_into, faulty.Forgetful),
    "overthinking": altered(faulty.turned_into, faulty.Tiring),
    "dead units": altered(faulty.with_idle_units),
    "misjudged answers": altered(faulty.with_halting, 0.3),
}  # fmt: skip


@pytest.mark.parametrize("fault", PUZZLES)
def test_the_battery_names_what_is_planted_in_a_model_or_its_puzzles(fault, sudoku, solver):
    named = faults(diagnose_puzzles(*PUZZLES[fault](sudoku, solver)))
    assert named - ({"nothing learned"} if fault == "position-blind" else set()) == {fault}


def test_a_solver_that_is_well_has_no_fault(sudoku, solver, hierarchical):
    train, validation = sudoku
    assert exact_by_k(solver, validation, K)[-1] > 0.9
    assert exact_by_k(hierarchical, validation, K)[-1] > 0.5
    assert faults(found := diagnose_puzzles(solver, train, validation, K)) == set()
    assert all(len(finding.figure().alt) > 20 for finding in found)
    assert faults(diagnose_puzzles(hierarchical, train, validation, K)) == set()
    halting = faulty.with_halting(solver, float(exact_by_k(solver, validation, 1)[0]))
    assert faults(diagnose_puzzles(halting, train, validation, 1)) == set()


# Policies: what is planted, by the name that the battery must give it.


def board_policy(**changes):
    return BoardPolicy(replace(WALKER, **changes), torch.Generator().manual_seed(0))


def one_maze(count):
    return mazes(count, layout="open", start="fixed", goal="fixed")


def mask_holds_the_answer(walker):
    policy = MLPPolicy(FlatPolicyConfig(n_inputs=80, n_actions=4))
    cells = partial(gym.make_vec, "trm/SudokuCell-v0")
    return diagnose_policy(policy, cells, replace(ALONE, use_masks=True), 16)


def made_up_its_mind(walker):
    policy = board_policy()
    with torch.no_grad():
        policy.core.head.weight.mul_(1000)
    return diagnose_policy(policy, mazes, ALONE, 16)


def standing_still(walker):
    still, policy = replace(ALONE, lr=1e-9), board_policy()
    history = reinforce(policy, mazes(16), still, progress=False)
    return diagnose_policy(policy, mazes, still, 16, untrained=board_policy(), history=history)


def sure_and_failing(walker):
    policy, untrained, _ = walker
    history = History(
        steps=list(range(50)), episodes=[100] * 50, successes=[42] * 50,
        entropy=np.geomspace(1.3, 0.001, 50).tolist(),
    )  # fmt: skip
    short = partial(mazes, layout="tree", max_steps=6)  # chance has less
    return diagnose_policy(policy, short, ALONE, 16, untrained=untrained, history=history)


def without_a_value(walker):
    policy, untrained, history = copy.deepcopy(walker)
    with torch.no_grad():
        policy.critic[-1].weight.zero_()
    return diagnose_policy(policy, open_mazes, PPO, E, untrained=untrained, history=history)


def deaf_to_its_last_action(walker):
    policy = board_policy(previous_action=True)
    policy.y_of_action[:] = policy.y_of_action[0].clone()
    return diagnose_policy(policy, mazes, ALONE, 16)


def gru():
    return GRUPolicy(FLAT, torch.Generator().manual_seed(0))


def forgetting(walker):
    policy = gru()
    with torch.no_grad():
        policy.gru.weight_hh.zero_()
        policy.gru.bias_ih.chunk(3)[1].fill_(-100.0)  # the gate that keeps what was remembered
    return diagnose_policy(policy, mazes, ALONE, 16)


POLICIES = {
    "one and only task": lambda _: diagnose_policy(board_policy(), one_maze, ALONE, 16),
    "chance solves it": mask_holds_the_answer,
    "prejudiced start": made_up_its_mind,
    # the seed's: one episode a batch, standardised inside
    "success and failure praised alike": lambda _: diagnose_policy(board_policy(), mazes, ALONE, 1),
    "nothing learned": standing_still,
    "entropy collapse": sure_and_failing,
    "the value explains nothing": without_a_value,
    "previous action ignored": deaf_to_its_last_action,
    "memory ignored": forgetting,
}


@pytest.mark.parametrize("fault", POLICIES)
def test_the_battery_names_what_is_planted_in_a_policy_or_its_task(fault, walker):
    assert faults(POLICIES[fault](walker)) == {fault}


def test_a_policy_that_learned_has_no_fault(walker):
    policy, untrained, history = walker
    found = diagnose_policy(policy, open_mazes, PPO, E, untrained=untrained, history=history)
    assert faults(found) == set()
    assert all(len(finding.figure().alt) > 20 for finding in found)
    assert history.success_rate()[-1] > 0.95


@pytest.mark.parametrize(
    ("policy", "config", "num_envs"),
    [
        (board_policy(), PPO, E),
        (board_policy(previous_action=True, k_steps=2), ALONE, 16),
        (board_policy(carry_over_time=True), PPO, E),
        (gru(), PPO, E),
        (MLPPolicy(FLAT), ALONE, 16),
    ],
    ids=["trm", "previous action", "carry over time", "gru", "mlp"],
)
def test_untrained_policies_have_no_fault(policy, config, num_envs):
    assert faults(diagnose_policy(policy, mazes, config, num_envs)) == set()


def test_models_and_policies_are_left_as_they_came(sudoku, solver, walker):
    model, policy = copy.deepcopy(solver).train(), copy.deepcopy(walker[0]).train()
    one_pass = FeedForward(SAME_BLOCK)
    for module in (model, policy, one_pass):
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
    before = [copy.deepcopy(m.state_dict()) for m in (model, policy, one_pass)]
    diagnose_puzzles(model, *sudoku, K)
    diagnose_puzzles(one_pass, *sudoku, 1)
    diagnose_policy(policy, open_mazes, PPO, E, history=walker[2])
    for module, state in zip((model, policy, one_pass), before, strict=True):
        assert module.training
        assert all((parameter.grad == 1).all() for parameter in module.parameters())
        torch.testing.assert_close(module.state_dict(), state, rtol=0, atol=0)
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
