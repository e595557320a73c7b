"""REINFORCE and PPO climb the gradient that their papers give, and stop before harm."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from tests.training.worlds import BOARD, FLAT, MAZE, OneStep, Recall, Table
from trm_lib.envs import MazeEnv, MazeVectorEnv
from trm_lib.models import BoardPolicy, GRUPolicy, MLPPolicy
from trm_lib.training import (
    PolicyRun,
    PPOConfig,
    ReinforceConfig,
    ppo,
    ppo_update,
    reinforce,
    reinforce_update,
)

PPO = PPOConfig(total_steps=64, num_steps=4, n_epochs=1, n_minibatches=1, ent_coef=0.3)
REINFORCE = ReinforceConfig(n_updates=2, ent_coef=0.3)
LEARNERS = {"PPO": (ppo, PPO), "REINFORCE": (reinforce, REINFORCE)}
each_learner = pytest.mark.parametrize("name", LEARNERS)


def learner_for(name, updates, **changes):
    """A learner, and its config for so many updates of 8 environments."""
    learner, config = LEARNERS[name]
    n_updates = {"n_updates": updates} if learner is reinforce else {"total_steps": 32 * updates}
    return learner, replace(config, **n_updates | changes)


def played(learner, config, policy, envs=None):
    """A run, and the first rollout it learns from."""
    run = PolicyRun(policy, OneStep() if envs is None else envs, config, 2)
    if learner is ppo:
        return run, run.player.play(config.num_steps, run.generator)
    return run, run.player.play_once(run.generator)


def gradient(learner, run, rollout):
    """The gradient that the update learns from, of each parameter that has one."""
    run.model.zero_grad()
    run.learn = torch.Tensor.backward
    (ppo_update if learner is ppo else reinforce_update)(run, rollout)
    parameters = run.model.named_parameters()
    return {name: p.grad.double().clone() for name, p in parameters if p.grad is not None}


def gains_of(policy, rollout, learner=ppo):
    """Standardised r - V(s), what an episode of one step is worth; or r, which REINFORCE takes."""
    gains = rollout.rewards.double().flatten()
    if learner is ppo:
        gains = (
            gains - policy.values[0].detach().double()[rollout.observations.argmax(-1)].flatten()
        )
    return ((gains - gains.mean()) / gains.std(correction=0)).numpy()


def by_hand(policy, rollout, weights, ent_coef, mask=True):
    """-d/d logits of mean(weight * log pi(a|s)) + ent_coef * mean(entropy), by the formulas.

    d log pi(a|s) / d logit b = [a = b] - pi(b|s); d H / d logit b = -pi(b) (log pi(b) + H).
    """
    logits = np.where(mask, policy.logits[-1].detach().double().numpy(), -np.inf)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    log_p = np.log(p, where=p > 0, out=np.zeros_like(p))
    spread = -(p * log_p).sum(1, keepdims=True)
    total = np.zeros_like(p)
    states = rollout.observations.argmax(-1).flatten().tolist()
    for s, a, weight in zip(states, rollout.actions.flatten().tolist(), weights, strict=True):
        total[s] += weight * (np.eye(p.shape[1])[a] - p[s])
        total[s] -= ent_coef * p[s] * (log_p[s] + spread[s])
    return -torch.from_numpy(total / len(states))


@each_learner
@pytest.mark.parametrize("forbidden", [None, 1])
def test_the_first_gradient_is_the_policy_gradient(name, forbidden):
    """Before the first step every ratio of PPO is 1."""
    learner, config = LEARNERS[name]
    policy = Table()
    run, rollout = played(learner, config, policy, OneStep(forbidden=forbidden))
    assert rollout.rewards.unique().numel() > (2 if forbidden is None else 1)
    weights, mask = gains_of(policy, rollout, learner), np.arange(3)[None] != forbidden
    ours = gradient(learner, run, rollout)
    expected = by_hand(policy, rollout, weights, 0.3, mask)
    torch.testing.assert_close(ours["logits"][0], expected, atol=1e-6, rtol=1e-5)
    assert forbidden is None or (ours["logits"][0][:, forbidden] == 0).all()
    if learner is ppo:  # and half the square of V(s) - r is added
        states = rollout.observations.argmax(-1)
        far = (policy.values[0].detach()[states] - rollout.rewards).double()
        squares = torch.stack([far[states == s].sum() for s in range(2)]) / states.numel()
        torch.testing.assert_close(ours["values"][0], squares)


def test_what_has_changed_by_more_than_the_range_teaches_no_more():
    """Ratios from 0.5 to 1.6: only those on their way back, and those inside, have a gradient."""
    policy = Table()
    config = replace(PPO, ent_coef=0.0, clip_range=0.2, num_steps=20)
    run, rollout = played(ppo, config, policy)
    ratio = torch.linspace(0.5, 1.6, 160)[torch.randperm(160, generator=run.generator)]
    rollout.log_probs = rollout.log_probs - ratio.log().view(20, 8)
    ratio, gains = ratio.double().numpy(), gains_of(policy, rollout)
    spent = ((gains > 0) & (ratio > 1.2)) | ((gains < 0) & (ratio < 0.8))
    assert 0 < spent.sum() < len(spent)
    assert (((gains < 0) & (ratio > 1.2)) | ((gains > 0) & (ratio < 0.8))).any()
    weights = np.where(spent, 0.0, ratio * gains)
    ours = gradient(ppo, run, rollout)["logits"][0]
    torch.testing.assert_close(ours, by_hand(policy, rollout, weights, 0.0), atol=1e-6, rtol=1e-5)


def test_reinforce_learns_from_first_episodes_alone():
    """What an environment does while others are still at theirs has no influence."""
    envs = MazeVectorEnv(6, max_steps=9, **MAZE)
    run, rollout = played(reinforce, REINFORCE, MLPPolicy(FLAT), envs)
    later = ~rollout.first
    assert later.any()
    one = gradient(reinforce, run, rollout)
    other = replace(
        rollout,
        rewards=torch.where(later, 99.0, rollout.rewards),
        actions=torch.where(later, rollout.masks.long().argmax(-1), rollout.actions),
    )
    for name, part in gradient(reinforce, run, other).items():
        torch.testing.assert_close(part, one[name])


def test_ppo_unrolls_each_minibatch_from_what_its_environments_remembered():
    """Amid episodes, before anything is learned: every ratio is 1, every value as it was."""
    config = replace(PPO, n_minibatches=2, gae_lambda=0.0, gamma=0.9)
    run, _ = played(ppo, config, GRUPolicy(FLAT), MazeVectorEnv(6, size=3))
    rollout = run.player.play(4, run.generator)
    run.learn = lambda loss: None
    policy_loss, value_loss, _ = ppo_update(run, rollout)
    one_step = (
        rollout.rewards + 0.9 * rollout.next_values - rollout.values
    )  # so far from the value is its aim
    assert policy_loss == pytest.approx(0, abs=1e-6)
    assert value_loss == pytest.approx(one_step.square().mean().item(), rel=1e-5)


@each_learner
def test_the_rate_rises_and_falls_from_update_to_update(name, monkeypatch):
    learner, config = learner_for(name, 8, lr=0.1, warmup=2, decay=0.5)
    if name == "PPO":
        config = replace(config, n_epochs=2, n_minibatches=3)
    taken = []
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self: taken.append(self.param_groups[0]["lr"])
    )
    learner(Table(), OneStep(), config, progress=False)
    each = 1 if name == "REINFORCE" else 6  # optimizer steps an update
    rates = [0.05, 0.1, 0.1, 0.1, 0.1, 0.075, 0.05, 0.025]
    assert taken == pytest.approx(np.repeat(rates, each))


@pytest.mark.parametrize(("longest", "taken"), [(6.0, 5.0), (2.0, 2.0)])
def test_a_longer_gradient_is_cut_to_the_length_allowed(longest, taken):
    """Down 3 a + 4 b, whose gradient has length 5, at a rate of 0.1."""
    policy = Table()
    run = PolicyRun(policy, OneStep(), replace(PPO, lr=0.1, max_grad_norm=longest), 2)
    run.optimizer = torch.optim.SGD(policy.parameters(), lr=9.0)
    before = policy.values.detach().clone()
    run.learn((policy.values * torch.tensor([[3.0, 4.0]])).sum())
    step = 0.1 * taken * torch.tensor([[0.6, 0.8]])
    torch.testing.assert_close(policy.values.detach(), before - step)
    assert policy.values.grad is None


@each_learner
def test_deep_supervision_pulls_earlier_answers_to_the_last_and_leaves_that_alone(name):
    """Each step has a table of its own: the last learns as without, the others by imitation."""
    learner, config = LEARNERS[name]
    policy = Table(k_steps=3)
    run, rollout = played(learner, replace(config, deep_supervision=0.5), policy)
    together = gradient(learner, run, rollout)["logits"]
    run = PolicyRun(policy, OneStep(), config, 2)
    alone = gradient(learner, run, rollout)["logits"]
    torch.testing.assert_close(together[-1], alone[-1])
    assert (alone[:-1] == 0).all()  # without it only the last answer learns
    assert (alone[-1] != 0).all()
    states = rollout.observations.argmax(-1).flatten()
    p = policy.logits.detach().softmax(-1)[:, states]  # (K, steps, A)
    pull = 0.5 * (p[:-1] - p[-1]) / p[:-1, :, 0].numel()
    expected = torch.zeros_like(policy.logits[:-1]).index_add(1, states, pull)
    torch.testing.assert_close(together[:-1], expected.double(), atol=1e-6, rtol=1e-4)


@each_learner
def test_a_memory_learns_what_no_glance_can_tell(name):
    updates = 60 if name == "REINFORCE" else 4 * 60  # of 32 environments
    learner, config = learner_for(name, updates, lr=0.02, ent_coef=0.0, decay=0.0, gamma=0.9)
    rates = []
    for kind in (GRUPolicy, MLPPolicy):
        policy = kind(replace(FLAT, n_inputs=2, n_actions=2))
        history = learner(policy, Recall(), config, progress=False)
        rates.append(history.success_rate(window=20)[-1])
    assert rates[0] > 0.9
    assert rates[1] < 0.6


def test_minibatches_are_environments_each_in_one_of_them_once_an_epoch():
    """Five environments in four parts: 2, 1, 1, 1, with all their steps in order."""
    parts = []

    class Watched(Table):
        def unroll(self, observations, previous, memory=None):
            parts.append(observations[0, :, 2].tolist())
            assert (observations[..., 2] == observations[0, :, 2]).all()
            assert len(observations) == 4
            return super().unroll(observations[..., :2], previous, memory)

    class Numbered(OneStep):
        def observed(self):
            number = np.arange(self.num_envs, dtype=np.float32)[:, None] / 100
            return np.concatenate([super().observed(), number], axis=1)

    config = replace(PPO, n_minibatches=4, n_epochs=3, total_steps=20)
    ppo(Watched(), Numbered(5), config, progress=False)
    assert sorted(map(len, parts)) == [1] * 9 + [2] * 3
    epochs = [[env for part in parts[i : i + 4] for env in part] for i in (0, 4, 8)]
    for epoch in epochs:
        assert sorted(epoch) == pytest.approx([0, 0.01, 0.02, 0.03, 0.04])
    assert epochs[0] != epochs[1]  # drawn anew


@each_learner
def test_the_history_adds_up(name):
    asked, envs = [], MazeVectorEnv(6, size=3, layout="open", max_steps=7)

    def evaluate(policy):
        asked.append(policy)
        return [0.0, len(asked) / 10]

    learner, config = learner_for(name, 5, eval_every=2, gamma=0.9)
    if name == "PPO":
        config = replace(config, total_steps=290, num_steps=10, n_minibatches=2)
    history = learner(MLPPolicy(FLAT), envs, config, evaluate=evaluate, progress=False)
    for part in ("steps", "episodes", "successes", "rewards", "policy_loss", "value_loss"):
        assert len(getattr(history, part)) == 5, part
    new_steps = np.diff([0, *history.steps])
    if name == "PPO":
        assert (new_steps == 60).all()  # 5 updates of 6 * 10 steps are the first to pass 290
    else:
        assert history.episodes == [6] * 5
        assert ((new_steps >= 6 * 4) & (new_steps <= 6 * 7)).all()  # no way is shorter than 4
        assert history.value_loss == [0.0] * 5
    successes, episodes = np.array(history.successes), np.array(history.episodes)
    assert successes.sum() > 0
    assert (successes <= episodes).all()
    # "clean" pays 1 for the goal and -0.01 for any other step
    expected = (successes - 0.01 * (new_steps - successes)) / new_steps
    np.testing.assert_allclose(history.rewards, expected, atol=1e-6)
    expected = (successes[1:] + successes[:-1]) / (episodes[1:] + episodes[:-1])
    np.testing.assert_allclose(history.success_rate(window=2)[1:], expected)
    assert all(0 < spread <= np.log(4) for spread in history.entropy)
    assert len(asked) == 4  # before training, after 2, 4 and 5 updates
    assert history.eval_steps == [history.steps[i] for i in (1, 3, 4)]
    assert history.eval_success == [[0.0, 0.2], [0.0, 0.3], [0.0, 0.4]]


@each_learner
def test_a_state_that_allows_nothing_is_refused(name):
    learner, config = LEARNERS[name]
    policy, worlds = Table(), OneStep()
    worlds.mask[3] = 0
    before = policy.logits.detach().clone()
    with pytest.raises(ValueError, match="at least one allowed action .* got none in"):
        learner(policy, worlds, config, progress=False)
    assert torch.equal(policy.logits, before)


def test_there_are_no_more_minibatches_than_environments():
    with pytest.raises(ValueError, match="n_minibatches expected at most the 8 .*, got 9"):
        ppo(Table(), OneStep(), replace(PPO, n_minibatches=9), progress=False)


@pytest.mark.parametrize(
    ("policy", "spaces", "message"),
    [
        (Table(), {"action": Box(-1, 1)}, r"actions Discrete\(n\) .*, got Box"),
        (Table(), {"action": Discrete(3, start=1)}, "begin with 0, got Discrete"),
        (Table(), {"observation": Discrete(2)}, "float32\\), got Discrete"),
        (Table(), {"observation": Box(0, 1, (2,), np.float64)}, "got Box.*float64"),
        (BoardPolicy(BOARD), {"observation": Box(0, 1, (2, 2, 2)), "action": Discrete(4)},
         r"channel 4 among them for the marker, got shape \(2, 2, 2\)"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_before_it_begins(policy, spaces, message):
    envs = OneStep()
    for name, space in spaces.items():
        setattr(envs, f"single_{name}_space", space)
    envs.reset = pytest.fail
    with pytest.raises(ValueError, match=message):
        reinforce(policy, envs, REINFORCE, progress=False)
    with pytest.raises(ValueError, match="envs expected vector environments with"):
        reinforce(policy, MazeEnv(), REINFORCE, progress=False)
