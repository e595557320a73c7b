"""A history draws what it holds, and refuses to draw nothing."""

import numpy as np
import pytest

from trm_lib.training import History


def test_the_plot_shows_accuracy_at_powers_of_two():
    history = History()
    rng = np.random.default_rng(0)
    rows = rng.random((3, 6))
    for i, row in enumerate(rows):
        history.log_evaluation(10 * (i + 1), float(i), row)
    figure = history.plot()
    (axes,) = figure.axes
    drawn = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    for k in (1, 2, 4):
        np.testing.assert_allclose(drawn[f"K = {k}"][:, 0], [10, 20, 30])
        np.testing.assert_allclose(drawn[f"K = {k}"][:, 1], rows[:, k - 1])
    assert "K = 8" not in drawn
    assert "K = 4" in figure.alt


def test_a_run_without_evaluations_says_what_to_do():
    with pytest.raises(ValueError, match="pass evaluate= to fit"):
        History().plot()
