"""Chapter 03's recipes: matched but for what their names say, on mazes kept apart."""

from dataclasses import replace

import numpy as np
import pytest

from book.recipes.improved_shaping import (
    LEARNER,
    NEARER,
    SETTINGS,
    hinted_mazes,
    hints,
    run,
    settings,
    small_trees,
)
from trm_lib.puzzles import all_trees, layout_class
from trm_lib.tasks import PolicyLearner

GAMMA = LEARNER.training.gamma


def test_the_parts_are_all_192_mazes_and_share_no_class() -> None:
    parts = small_trees()
    together = np.concatenate(list(parts.values()))
    assert sorted(map(bytes, together)) == sorted(map(bytes, all_trees(3)))
    classes = [set(layout_class(walls).tolist()) for walls in parts.values()]
    assert sum(map(len, classes)) == len(set.union(*classes))
    assert min(len(walls) for walls in parts.values()) > 20


def test_hints_differ_in_the_hint_alone() -> None:
    configs = [recipe.config for recipe in hints()]
    assert [c.hint for c in configs] == ["none", "manhattan", "shortest path", "bonus"]
    assert all(replace(c, hint="none") == configs[0] for c in configs)


def test_settings_differ_in_one_field_from_the_learner_without_hints() -> None:
    plain = hints()[0].config
    for recipe, change in zip(settings(), SETTINGS.values(), strict=True):
        (name,) = change
        assert getattr(LEARNER.training, name) != change[name]
        training = replace(
            recipe.config.learner.training, **{name: getattr(LEARNER.training, name)}
        )
        assert replace(recipe.config, learner=replace(LEARNER, training=training)) == plain


@pytest.mark.parametrize("hint", ["bonus", "manhattan"])
def test_what_a_hint_pays(hint: str) -> None:
    """The scripts' 0.2 (d - d'); or 0.2 (d - gamma d') as a potential. d' is 0 on the goal."""
    num_envs = 8
    plain, shaped = (hinted_mazes(kind, num_envs, GAMMA) for kind in ("none", hint))
    before, _ = plain.reset(seed=0)
    shaped.reset(seed=0)
    rng, ends = np.random.default_rng(0), np.zeros(2, int)
    for _ in range(200):
        actions = rng.integers(4, size=num_envs)
        after, reward, terminated, truncated, infos = plain.step(actions)
        following = after.copy()
        done = terminated | truncated
        if done.any():
            following[done] = infos["final_obs"][done]
        near = np.where(terminated, 0, distance(following))
        beta = 1.0 if hint == "bonus" else GAMMA
        expected = reward + NEARER * (distance(before) - beta * near)
        np.testing.assert_allclose(shaped.step(actions)[1], expected, atol=1e-6)
        before = after
        ends += terminated.sum(), truncated.sum()
    assert ends.min() > 5


def distance(observations: np.ndarray) -> np.ndarray:
    agent, goal = (np.argwhere(observations[:, channel])[:, 1:] for channel in (4, 5))
    return abs(agent - goal).sum(axis=1)


def test_a_run_measures_without_hints() -> None:
    training = replace(LEARNER.training, total_steps=256, num_steps=8, eval_every=1)
    learner = PolicyLearner(LEARNER.policy, training, num_envs=16)
    numbers = run(replace(hints()[3].config, learner=learner), 0, None)
    assert numbers["watched_steps"] == [128, 256]
    (success,) = numbers["test_success_by_k"]
    assert 0 <= success <= 1
