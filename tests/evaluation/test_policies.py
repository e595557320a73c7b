"""A trained policy is measured as it acts: greedily, by K, and with nothing left of other cases."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from tests.training.worlds import FLAT, MAZE, POLICIES, new_policy
from trm_lib.envs import exact_sudoku_policy, optimal_maze_policy
from trm_lib.evaluation import every_maze, play_each, play_episodes, success_by_k, thinking
from trm_lib.models import MLPPolicy, Policy, PolicyOutput
from trm_lib.puzzles import Mazes, generate_mazes, generate_sudoku
from trm_lib.training import Acting

CASES = every_maze(generate_mazes(3, 2, np.random.default_rng(0)).walls)  # 144


def mazes(count):
    return gym.make_vec("trm/Maze-v0", num_envs=count, max_steps=9, **MAZE)


class Knowing(Policy):
    """Says what `answer` says from improvement step `right_from` on, and "up" before."""

    def __init__(self, answer, n_actions=4, right_from=1):
        super().__init__()
        self.answer, self.n_actions, self.right_from = answer, n_actions, right_from
        self.k_steps = 2

    def forward(self, observations, previous, memory=None):
        masks = np.ones((len(observations), self.n_actions), bool)
        if self.n_actions == 4:  # walls are in the first four channels, read at the agent
            walls = observations[:, :4].flatten(2)
            cells = observations[:, 4].flatten(1).argmax(1)
            masks = walls[torch.arange(len(walls)), :, cells].numpy() == 0
        right = torch.from_numpy(self.answer(observations.numpy(), masks))
        up = torch.zeros_like(right)
        said = [right if k + 1 >= self.right_from else up for k in range(self.k_steps)]
        logits = torch.nn.functional.one_hot(torch.stack(said), self.n_actions).float()
        return PolicyOutput(logits, logits.sum(-1)), None


def test_perfect_play_is_a_success_of_one():
    success = success_by_k(Knowing(optimal_maze_policy), mazes, CASES, k_steps=3)
    assert success.tolist() == [1.0, 1.0, 1.0]
    puzzles = generate_sudoku(4, 20, np.random.default_rng(0), 11)[0]
    make = lambda count: gym.make_vec("trm/Sudoku-v0", num_envs=count)  # noqa: E731
    knowing = Knowing(exact_sudoku_policy, n_actions=64)
    assert success_by_k(knowing, make, puzzles, k_steps=1, use_masks=False).tolist() == [1.0]


@pytest.mark.parametrize("use_masks", [True, False])
def test_success_by_k_is_that_of_the_answer_after_k_steps(use_masks):
    """Up for a step, then right: as a function that only goes up, and as the perfect one."""

    def up(observations, masks):  # or, where that is not allowed, the first that is
        return masks.argmax(axis=1) if use_masks else np.zeros(len(masks), np.int64)

    policy = Knowing(optimal_maze_policy, right_from=3).train()
    ours = success_by_k(policy, mazes, CASES, k_steps=4, use_masks=use_masks)
    going_up = play_each(mazes, CASES, up).success.mean()
    assert 0 < going_up < 0.5
    assert ours.tolist() == [going_up, going_up, 1.0, 1.0]
    assert policy.k_steps == 2
    assert not policy.training


@pytest.mark.parametrize("name", ["mlp", "trm"])
def test_greedy_takes_the_likeliest_allowed_action_and_always_the_same(name):
    policy = new_policy(name)
    observations, infos = mazes(40).reset(seed=0)
    masks = infos["action_mask"]
    begun = torch.full((40,), 4)
    with torch.no_grad():
        logits = policy(torch.from_numpy(observations), begun)[0].logits[-1].numpy()
    allowed = np.where(masks > 0, logits, -np.inf)
    assert (allowed.argmax(1) != logits.argmax(1)).any()
    assert np.array_equal(Acting(policy)(observations, masks), allowed.argmax(1))
    unmasked = Acting(policy, use_masks=False)(observations, masks)
    assert np.array_equal(unmasked, logits.argmax(1))
    undecided = Knowing(lambda observations, masks: np.zeros(len(masks), np.int64))
    equal = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]], np.int8)  # the first is taken
    assert Acting(undecided)(observations[:3], equal).tolist() == [2, 1, 0]
    one, two = (play_episodes(mazes(8), Acting(policy), 24, seed=0) for _ in range(2))
    assert np.array_equal(one.lengths, two.lengths)
    assert np.array_equal(one.success, two.success)


class Asked(MLPPolicy):
    """Keeps the previous actions it is told, and counts in its memory how often it was asked."""

    def __init__(self):
        super().__init__(FLAT)
        self.told, self.remembered = [], []

    def forward(self, observations, previous, memory=None):
        self.told.append(previous.clone())
        self.remembered.append(memory)
        return super().forward(observations, previous)[0], 1 if memory is None else memory + 1


def test_the_previous_action_is_told_and_forgotten_where_an_episode_ends():
    policy, acting, done, actions = Asked(), None, [], []

    class Watched(Acting):
        def __call__(self, observations, masks):
            actions.append(super().__call__(observations, masks))
            return actions[-1]

        def ended(self, now):
            done.append(now.copy())
            super().ended(now)

    acting = Watched(policy, generator=torch.Generator().manual_seed(0))
    for _ in range(2):  # played twice, it begins twice
        policy.told, policy.remembered = [], []
        done.clear(), actions.clear()
        play_episodes(mazes(6), acting, 18, seed=0)
        assert policy.told[0].tolist() == [4] * 6
        assert policy.remembered == [None, *range(1, len(actions))]
        for t in range(1, len(actions)):
            expected = np.where(done[t - 1], 4, actions[t - 1])
            assert policy.told[t].tolist() == expected.tolist()
        assert 18 <= np.sum(done) <= 18 + 6 * len(done)
        assert not np.all(done, axis=1).all()  # they do not end together


@pytest.mark.parametrize("name", POLICIES)
def test_every_episode_is_played_as_if_it_were_the_first(name):
    """90 episodes one after the other in three environments, and side by side in 90."""
    policy, envs = new_policy(name), mazes(3)
    parts = []
    for seed in (0, *[None] * 29):
        envs.reset(seed=seed)
        parts.append((envs.walls.copy(), envs.start.copy(), envs.goal.copy()))
    walls, start, goal = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    cases = Mazes(walls.reshape(90, 3, 3), start.reshape(90), goal.reshape(90))
    in_turn = play_episodes(mazes(3), Acting(policy), 90, seed=0)
    at_once = play_each(mazes, cases, Acting(policy))
    assert np.array_equal(in_turn.lengths, at_once.lengths)
    assert np.array_equal(in_turn.success, at_once.success)
    assert len(set(in_turn.lengths)) > 1


def test_thinking_is_for_a_while_whatever_happens():
    policy = new_policy("trm")
    policy.k_steps = 5
    with thinking(policy, 2) as same:
        assert same is policy
        assert policy.k_steps == 2
        with thinking(policy, 3):
            assert policy.k_steps == 3
        assert policy.k_steps == 2
    with pytest.raises(KeyError), thinking(policy, 2):
        raise KeyError
    assert policy.k_steps == 5
