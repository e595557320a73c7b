"""What a policy plays is kept as it was: every number can be found again by hand."""

import numpy as np
import pytest
import torch

from tests.training.worlds import MAZE, PAYS, POLICIES, OneStep, Table, new_policy
from trm_lib.envs import MazeVectorEnv
from trm_lib.training import Player

S, E = 14, 6
MAZE = MAZE | {"max_steps": 4}


def new_player(name="mlp", envs=None, seed=0, **how):
    envs = MazeVectorEnv(E, **MAZE) if envs is None else envs
    return Player(new_policy(name), envs, seed, **how)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_environments_say_the_same_when_the_actions_are_played_again():
    """Two rollouts, one after the other, against the same environments stepped by hand."""
    player = new_player(seed=5)
    parts = [player.play(S, rng()), player.play(S, rng(1))]
    envs = MazeVectorEnv(E, **MAZE)
    observations, infos = envs.reset(seed=5)
    ended = 0
    for rollout in parts:
        for t in range(S):
            assert np.array_equal(rollout.observations[t], observations)
            assert np.array_equal(rollout.masks[t], infos["action_mask"] > 0)
            returned = envs.step(rollout.actions[t].numpy())
            observations, rewards, terminated, truncated, infos = returned
            np.testing.assert_allclose(rollout.rewards[t], rewards, rtol=1e-6)
            done = terminated | truncated
            assert np.array_equal(rollout.done[t], done)
            success = infos["final_info"]["is_success"] if done.any() else np.zeros(E, bool)
            assert np.array_equal(rollout.success[t], success)
            ended += done.sum()
    assert ended > 2 * E


def test_previous_and_first_tell_where_episodes_begin():
    player = new_player()
    one, two = player.play(S, rng()), player.play(S, rng(1))
    begun = torch.full((1, E), 4)
    actions = torch.cat([one.actions, two.actions])
    done = torch.cat([one.done, two.done])
    expected = torch.cat([begun, torch.where(done, 4, actions)[:-1]])
    assert torch.equal(torch.cat([one.previous, two.previous]), expected)
    for env in range(E):
        ends = one.done[:, env].nonzero()[0, 0]
        assert one.first[:, env].tolist() == [t <= ends for t in range(S)]


@pytest.mark.parametrize("name", POLICIES)
def test_unrolled_with_the_same_weights_it_says_what_it_said_at_play(name):
    """The second begins amid episodes, with what is remembered of them; but after learning."""
    player = new_player(name)
    for seed in range(2):
        with torch.no_grad():
            for parameter in player.policy.parameters():
                parameter.mul_(1.2)
        rollout = player.play(S, rng(seed))
        assert seed == 0 or (rollout.previous[0] < 4).any()
        out = player.policy.unroll(rollout.observations, rollout.previous, rollout.memory)
        log_p = out.logits[-1].masked_fill(~rollout.masks, -torch.inf).log_softmax(-1)
        actions = rollout.actions[..., None]
        torch.testing.assert_close(
            rollout.log_probs, log_p.gather(-1, actions)[..., 0], atol=1e-5, rtol=1e-5
        )
        torch.testing.assert_close(rollout.values, out.values[-1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", POLICIES)
@torch.no_grad()
def test_what_follows_has_the_value_of_what_is_seen_then(name):
    """Stepped by hand: the final observation where cut off, 0 at the end, else the next one."""
    rollout = new_player(name, seed=5).play(S, rng())
    policy, envs = new_policy(name), MazeVectorEnv(E, **MAZE)
    observations, _ = envs.reset(seed=5)
    memory = None
    for t in range(S):
        out, memory = policy(torch.from_numpy(observations), rollout.previous[t], memory)
        torch.testing.assert_close(rollout.values[t], out.values[-1])
        actions = rollout.actions[t]
        observations, _, terminated, truncated, infos = envs.step(actions.numpy())
        for env in range(E):
            alone = policy.rows(memory, torch.tensor([env]))
            seen = infos["final_obs"] if truncated[env] else observations
            asked = torch.from_numpy(seen[[env]]), actions[[env]], alone
            expected = torch.zeros(())
            if not terminated[env]:
                expected = policy(*asked)[0].values[-1, 0]
                assert expected != 0
            torch.testing.assert_close(rollout.next_values[t, env], expected)
    in_time = rollout.next_values[rollout.done] == 0
    assert in_time.any()
    assert not in_time.all()


@pytest.mark.parametrize("name", ["mlp", "gru", "trm, over time"])
def test_play_once_begins_anew_and_ends_every_first_episode(name):
    player = new_player(name)
    before = player.play(5, rng())
    assert not before.done[-1].all()  # some are amid an episode, which is given up
    rollout = player.play_once(rng())
    assert (rollout.previous[0] == 4).all()
    assert rollout.done.any(0).all()
    assert not rollout.done[:-1].any(0).all()  # and stops as soon as they have
    assert (rollout.done & rollout.first).sum(0).tolist() == [1] * E
    afresh = player.policy.unroll(rollout.observations, rollout.previous, None)
    torch.testing.assert_close(rollout.values, afresh.values[-1])  # nothing is left of before


def test_without_masks_what_is_forbidden_is_drawn_too():
    envs, again = (MazeVectorEnv(E, size=3) for _ in range(2))  # a tree forbids half of all moves
    rollout = new_player(envs=envs, use_masks=False).play(20, rng())
    assert rollout.masks.all()
    allowed = again.reset(seed=0)[1]["action_mask"][np.arange(E), rollout.actions[0]]
    assert not allowed.all()


class Reusing(OneStep):
    """Environments that write each step over the one before; every third ends twice over."""

    steps, kept = 0, None

    def step(self, actions):
        self.steps += 1
        observations, *told, infos = super().step(actions)
        told[1][:] = told[2][:] = self.steps % 3 == 0
        self.kept = self.kept or told
        for mine, new in zip(self.kept, told, strict=True):
            mine[:] = new
        return observations, *self.kept, infos


def test_environments_may_reuse_what_they_return_and_who_ends_is_not_out_of_time():
    rollout = Player(Table(), Reusing(), 0).play(S, rng())
    states = rollout.observations.argmax(-1).numpy()
    np.testing.assert_allclose(rollout.rewards, PAYS[states, rollout.actions.numpy()], rtol=1e-6)
    assert rollout.done[:, 0].tolist() == [t % 3 == 0 for t in range(1, S + 1)]
    assert (rollout.next_values[rollout.done] == 0).all()
