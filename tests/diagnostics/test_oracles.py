"""Probes against what is known: closed forms, counts, and tables worked out by hand."""

from dataclasses import replace
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from tests.diagnostics.conftest import CORE, WALKER, mazes, on_a_grid, trm
from tests.training.worlds import OneStep, Table
from trm_lib.diagnostics import (
    Finding,
    carried,
    certainty,
    contradictions,
    credit,
    dead_units,
    diagnose_puzzles,
    drift,
    first_choices,
    gradients,
    leak,
    learned,
    listening,
    overlap,
    page,
    reach,
    targets,
    value,
    what_labels_need,
    yardsticks,
)
from trm_lib.diagnostics.networks import REST, gradient_in
from trm_lib.models import BoardPolicy, FlatPolicyConfig, MLPPolicy, ReluMLP, SwiGLU
from trm_lib.training import IGNORE, History, Player, PuzzleData, ReinforceConfig

RNG = np.random.default_rng
BLANK = PuzzleData(np.zeros((1, 3, 3), int), np.zeros((1, 3, 3), int))


def chebyshev(side):
    """(L, L): how many king's moves apart two cells are."""
    y, x = np.divmod(np.arange(side**2), side)
    return np.maximum(abs(y[:, None] - y), abs(x[:, None] - x))


@pytest.mark.parametrize(("n", "T"), [(1, 1), (2, 1), (1, 2)])
def test_a_3x3_convolution_sees_one_cell_farther_with_every_call(n, T):
    model = on_a_grid((6, 6), 4, positions="none", n_latent=n, n_cycles=T)
    boards, calls = RNG(0).integers(0, 4, (2, 6, 6)), T * (n + 1)
    for k, seen in enumerate(reach(model, boards, 3), start=1):
        # the last call of a cycle adds y and z, which have both heard as far as z has
        np.testing.assert_array_equal(seen, chebyshev(6) <= calls * k)


def test_what_each_mixing_can_see():
    boards, everybody = RNG(0).integers(0, 5, (2, 4, 4)), np.ones((16, 16), bool)
    for mixing, expected in (("none", np.eye(16, dtype=bool)), ("mlp", everybody),
                             ("attention", everybody)):  # fmt: skip
        model = on_a_grid((4, 4), 5, mixing=mixing, positions="none")
        np.testing.assert_array_equal(reach(model, boards, 1)[0], expected)


def test_the_fixed_answer_is_counted_cell_by_cell_and_drawn():
    labels = np.array([[1, 2, 3], [1, 2, 4], [1, 5, 4], [1, 2, IGNORE]])
    found = targets(PuzzleData(np.zeros_like(labels), labels))
    assert found.numbers["answer"].tolist() == [1, 2, 4]
    assert found.numbers["exact"] == 2 / 4
    assert found.numbers["cell"] == 9 / 11
    np.testing.assert_allclose(found.numbers["varying"], [0, 1 / 4, 1 / 4])
    titles = [axes.get_title() for axes in found.figure().axes]
    assert titles[0].endswith("white 0, black 4")
    assert titles[1].endswith("black 100%, most 25.0%")
    same = targets(PuzzleData(labels[:1], labels[:1]))
    assert same.figure().axes[1].get_title().endswith("0% everywhere")


@pytest.mark.parametrize(
    ("label", "need"),
    [
        (lambda x: 0 * x + 1, "nothing"),
        (lambda x: (3 * x) % 7, "token"),
        (lambda x: (x + np.arange(6)) % 7, "place"),
        (lambda x: x[:, ::-1], "cells"),
        (lambda x: np.broadcast_to(x.sum(1, keepdims=True) % 7, x.shape), "cells"),
    ],
)
def test_what_labels_need_is_read_from_tables(label, need):
    x = RNG(0).integers(0, 7, (400, 6))
    data = PuzzleData(x, np.ascontiguousarray(label(x)))
    assert what_labels_need(data) == need
    assert (leak(data).fault == "leaked targets") == (need == "token")


def test_contradictions_and_overlap_are_counted():
    inputs = np.array([[0, 0], [0, 0], [1, 0], [1, 1]])
    labels = np.array([[1, 1], [1, 2], [1, 1], [1, 1]])
    train = PuzzleData(inputs, labels)
    test = PuzzleData(np.array([[1, 1], [2, 2]]), np.array([[1, 1], [1, 1]]))
    found = contradictions(train, test).numbers
    assert found["contradicted"] == 2 / 6
    assert found["repeated"] == pytest.approx(2 / 6)
    assert overlap(train, test).numbers["share"] == 1 / 2
    asked_elsewhere = PuzzleData(inputs[:2], np.array([[1, IGNORE], [IGNORE, 2]]))
    assert contradictions(asked_elsewhere, test).healthy


class Alike(gym.vector.VectorWrapper):
    """Every copy shows what the first one shows."""

    def reset(self, **options):
        observations, infos = super().reset(**options)
        return observations[[0] * self.num_envs], infos

    def step(self, actions):
        observations, *rest = super().step(actions)
        return observations[[0] * self.num_envs], *rest


def test_a_deaf_policy_cannot_be_told_where_all_observations_are_alike():
    policy = BoardPolicy(replace(WALKER, previous_action=True), torch.Generator().manual_seed(0))
    policy.y_of_action[:] = policy.y_of_action[0].clone()
    (found,) = listening(policy, lambda count: Alike(mazes(count)))
    assert found.healthy
    assert "cannot tell, because all observations are alike" in found.evidence


def test_the_gradient_of_every_call_is_the_product_of_what_comes_after():
    layer = nn.Linear(3, 3, bias=False)
    layer.weight.data = 2 * torch.eye(3)
    x = torch.ones(1, 3)
    found = gradient_in(layer, lambda: layer(layer(layer(x))).sum())
    np.testing.assert_allclose(found.numbers["norms"], np.sqrt(3) * np.array([4, 2, 1]))
    elsewhere = gradient_in(layer, lambda: (layer(x).detach() * layer.weight).sum())
    assert elsewhere.healthy
    assert elsewhere.figure().axes  # a network without a gradient is drawn too
    faded = gradient_in(layer, lambda: (layer(x) + 0 * layer(x)).sum())
    assert faded.fault == "exploding gradient"


def test_the_gradient_is_looked_at_in_the_cycle_that_has_one():
    model = on_a_grid((4, 4), 5, n_latent=3, n_cycles=2)
    x = RNG(0).integers(0, 5, (8, 4, 4))
    assert len(gradients(model, PuzzleData(x, x), k_steps=2).numbers["norms"]) == 4  # n + 1 of 8


class Moving(nn.Module):
    """Carries a matrix's powers: state_k = A^k state_0; answers the first number, rounded."""

    def __init__(self, A, state):
        super().__init__()
        self.A, self.state = nn.Parameter(torch.tensor(A, dtype=torch.float32)), torch.tensor(state)

    def initial_carry(self, inputs):
        return self.state.expand(len(inputs), 1, -1)

    def forward(self, carry, inputs):
        carry = carry @ self.A.T
        sign = (carry[:, 0, :1] > 0).long().expand(inputs.shape)
        return carry.detach(), SimpleNamespace(logits=nn.functional.one_hot(sign, 2).float())


@pytest.mark.parametrize(
    ("A", "kind", "fault"),
    [
        ([[0.5, 0.0], [0.0, 1.0]], "fixed point", None),
        ([[-1.0, 0.0], [0.0, 1.0]], "oscillation", "flipping answers"),
        ([[1.0, 0.0], [0.0, -1.0]], "oscillation", None),  # no answer changes
        ([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]], "wandering", None),
        ([[3.0, 0.0], [0.0, 3.0]], "explosion", "exploding state"),
        ([[1e20, 0.0], [0.0, 1e20]], "explosion", "exploding state"),  # no longer finite
    ],
)
def test_a_linear_state_goes_where_its_eigenvalues_send_it(A, kind, fault):
    found = drift(Moving(A, [1.0, 1.0]), np.zeros((2, 3), int), 4)
    assert found.numbers["kinds"] == {"carry": kind}
    assert found.fault == fault
    drawn = {line.get_label(): line for line in found.figure().axes[0].lines}
    assert list(drawn[f"fixed point below {REST:g}"].get_ydata()) == [REST, REST]
    assert list(drawn["usual K"].get_xdata()) == [4, 4]


@pytest.mark.parametrize("kind", [SwiGLU, ReluMLP])
def test_units_that_never_speak_are_counted(kind):
    size = SimpleNamespace(width=4, expansion=3.75 if kind is SwiGLU else 2.5, hidden_multiple=1)
    width = (4,) if kind is SwiGLU else ()
    layer = kind(*width, size, torch.Generator().manual_seed(0))  # 10 hidden units
    with torch.no_grad():
        (layer.gate_up if kind is SwiGLU else layer.up).weight[:6] = 0
    model = nn.Sequential(layer)
    h = torch.randn(200, 4, generator=torch.Generator().manual_seed(1))
    assert dead_units(model, lambda: model(h)).numbers["worst"] == pytest.approx(0.6)
    relu = nn.Sequential(nn.ReLU())
    both = torch.cat([h.abs(), -h.abs()], dim=1)
    assert dead_units(relu, lambda: relu(both)).numbers["worst"] == 0.5


def test_explained_variance_is_the_textbook_s():
    rollout = Player(Table(), OneStep(64), 0).play(8, torch.Generator().manual_seed(0))
    G = rollout.rewards
    for values, expected in ((G, 1.0), (0 * G + 3, 0.0), (2 * G, 0.0), (0.5 * G, 0.75)):
        found = value(replace(rollout, values=values), gamma=0.9)
        assert found.numbers["explained"] == pytest.approx(expected, abs=1e-5)
        assert (found.fault is None) == (expected > 0.1)


def test_values_are_judged_by_episodes_that_ended_with_what_lay_beyond_a_cut():
    ended = torch.tensor([[False], [False], [True], [False]])
    # cut off after step 3, beyond which 2 was expected: 1, 2.5, 2.25, and step 4 does not count
    rollout = SimpleNamespace(
        rewards=torch.tensor([[1.0], [2.0], [0.0], [5.0]]), done=ended, truncated=ended,
        next_values=torch.full((4, 1), 2.0), values=torch.tensor([[2.25], [2.5], [1.0], [-99.0]]),
    )  # fmt: skip
    assert value(rollout, gamma=0.5).numbers["explained"] == 1


def practice(policy, num_envs):
    """Batches as a learner would play them, 64 episodes in all."""
    player, generator = Player(policy, mazes(num_envs), 0, False), torch.Generator().manual_seed(0)
    return [player.play_once(generator) for _ in range(64 // num_envs)]


def test_credit_is_zero_inside_an_episode_and_not_across():
    policy = MLPPolicy(FlatPolicyConfig(n_inputs=54, n_actions=4))
    inside = ReinforceConfig(baseline="episode", use_masks=False)
    across = replace(inside, baseline="batch")
    rollouts = practice(policy, 16)
    assert sum(int(r.done.any(0).sum()) for r in rollouts) == 64
    for config, like in ((inside, True), (across, False)):
        found = credit(rollouts, config)
        assert (abs(found.numbers["mean_gain"]).max() < 1e-5) == like
        assert (found.fault == "success and failure praised alike") == like
        low, high = found.figure().axes[0].get_ylim()  # a gain of 1e-8 must not fill the axis
        assert low < -found.numbers["gains_std"] < found.numbers["gains_std"] < high
    assert not credit(practice(policy, 1), across).healthy


def test_a_collapse_is_being_sure_and_failing():
    def history(last_entropy, rate):
        entropy = np.linspace(1.4, last_entropy, 40)
        entropy[-10:] = last_entropy
        return History(
            steps=list(range(40)), episodes=[50] * 40, successes=[int(50 * rate)] * 40,
            entropy=entropy.tolist(),
        )  # fmt: skip

    assert certainty(history(0.01, 0.1)).fault == "entropy collapse"
    assert certainty(history(0.01, 0.9)).healthy
    assert certainty(history(1.0, 0.1)).healthy
    assert learned(history(1.0, 0.3), chance=0.28).fault == "nothing learned"
    assert learned(history(1.0, 0.5), chance=0.28).healthy
    assert learned(history(1.0, 1.0), chance=1.0).healthy
    lost = replace(history(1.0, 0.0), successes=[50] * 20 + [0] * 20)
    assert learned(lost, chance=0.28).fault == "learned and lost"


def test_yardsticks_of_a_maze_and_a_sudoku_are_the_known_ones():
    open_maze = yardsticks(lambda n: mazes(n, size=5, layout="open", start="fixed", goal="fixed"))
    assert open_maze.numbers["length"]["optimal"] == 8
    assert open_maze.numbers["success"]["straight to the goal"] == 1  # no wall is in its way
    assert open_maze.numbers["different"] == 1
    # 20,000 episodes in chapter 02: 31%; here 512, two standard errors are 4%
    assert open_maze.numbers["success"]["random"] == pytest.approx(0.31, abs=0.05)
    sudoku = yardsticks(lambda n: gym.make_vec("trm/SudokuCell-v0", n), use_masks=False)
    assert sudoku.numbers["success"]["exact"] == 1
    assert sudoku.numbers["success"]["random legal"] == 1
    assert sudoku.numbers["chance"] == pytest.approx(0.25, abs=0.05)
    assert sudoku.healthy


def test_an_even_policy_has_all_the_entropy():
    policy = MLPPolicy(FlatPolicyConfig(n_inputs=54, n_actions=4))
    with torch.no_grad():
        policy.actor[-1].weight.zero_()
    assert first_choices(policy, mazes, use_masks=False).numbers["entropy"] == pytest.approx(1)
    assert first_choices(policy, mazes, use_masks=True).numbers["entropy"] == pytest.approx(1)


def test_a_page_begins_with_what_is_wrong():
    def found(name, fault):
        return Finding(name, fault, f"evidence of {name}", "mend it", {}, lambda numbers: None)

    words = page([found("a", None), found("b", "b is broken"), found("c " * 99, None)])
    assert words.startswith("1 of 3 probes found a fault.")
    order = [words.index(w) for w in ("FAULT  b is broken", "Do: mend it", "ok     a:", "ok     c")]
    assert order == sorted(order)
    assert words.count("mend it") == 1
    assert max(map(len, words.splitlines())) <= 80


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reach(trm(CORE), np.zeros((1, 3, 3), int), 1), "at least two different tokens"),
        (lambda: carried(trm(CORE), np.zeros((1, 3, 3)), 1), "boards expected an array of integ"),
        (lambda: certainty(History()), "history expected at least one update"),
        (lambda: diagnose_puzzles(trm(CORE), BLANK, BLANK, 0), "a whole number >= 1, got 0"),
    ],
)
def test_wrong_arguments_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
