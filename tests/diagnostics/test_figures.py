"""Figures of findings: what is drawn is what was measured, and its scale does not mislead."""

from dataclasses import replace

import numpy as np
import pytest

from tests.diagnostics.conftest import mazes
from tests.diagnostics.script_puzzles import obstacles, toy
from trm_lib.diagnostics import (
    credit,
    diagnose_puzzles,
    gains_of,
    leak,
    practice,
    targets,
)
from trm_lib.diagnostics.thinking import REST
from trm_lib.models import MLPPolicy
from trm_lib.models.policies import FlatPolicyConfig
from trm_lib.training import PuzzleData, ReinforceConfig


def test_every_figure_is_drawn_from_the_numbers_and_told_in_words(sudoku, solver):
    for finding in diagnose_puzzles(solver, *sudoku, 4):
        figure = finding.figure()
        assert len(figure.alt) > 20
        assert figure.axes


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def test_the_fixed_answer_says_what_its_shades_mean():
    fixed, differ = titles(targets(obstacles(20, np.random.default_rng(0))).figure())
    assert fixed.endswith("white 0, black 1")
    assert differ.endswith("0% everywhere")
    x = np.array([[1, 2], [1, 3], [1, 3], [1, 3]])
    fixed, differ = titles(found := targets(PuzzleData(x, x)).figure())
    assert fixed.endswith("white 0, black 3")
    assert differ.endswith("black 100%, most 25.0%")
    np.testing.assert_array_equal(found.axes[1].images[0].get_array(), [[0, 0.25]])
    assert found.axes[1].images[0].get_clim() == (0, 1)
    assert "black 100%, most 25.0%" in found.alt


def test_the_axis_of_a_share_ends_at_one():
    rng = np.random.default_rng(0)
    for data in (toy(20, rng), obstacles(20, rng)):
        assert leak(data).figure().axes[0].get_xlim() == (0, 1)


def test_the_threshold_of_a_fixed_point_is_drawn(sudoku, solver):
    found = next(f for f in diagnose_puzzles(solver, *sudoku, 4) if f.name == "drift").figure()
    drawn = {line.get_label(): line for line in found.axes[0].lines}
    assert list(drawn[f"fixed point below {REST:g}"].get_ydata()) == [REST, REST]
    assert list(drawn["usual K"].get_xdata()) == [4, 4]


@pytest.mark.parametrize("baseline", ["episode", "batch"])
def test_credit_draws_a_dot_an_episode_beside_the_spread_of_all_gains(baseline):
    policy = MLPPolicy(FlatPolicyConfig(n_inputs=54, n_actions=4))
    config = replace(ReinforceConfig(use_masks=False), baseline=baseline)
    found = credit([(r, gains_of(r, config)) for r in practice(policy, mazes, config, 16)])
    numbers, axes = found.numbers, (figure := found.figure()).axes[0]
    for dots, ended_well in zip(axes.collections, (False, True), strict=True):
        chosen = numbers["success"] == ended_well
        expected = np.stack([numbers["returns"], numbers["mean_gain"]], 1)[chosen]
        np.testing.assert_array_equal(dots.get_offsets(), expected)
    low, high = axes.get_ylim()  # a gain of 1e-8 must not fill the axis
    assert low < -numbers["gains_std"] < numbers["gains_std"] < high
    won = numbers["success"].sum()
    assert f"{64 - won} failures" in figure.alt
    assert f"{won} successes" in figure.alt
