"""Tables and charts of results: K chosen on validation, every seed shown, whatever was measured."""

import numpy as np
import pytest

from book.recipes.comparisons import speeds
from trm_lib.experiments import (
    Result,
    draw,
    draw_by_k,
    report,
    scores,
    verdicts,
)
from trm_lib.statistics import bootstrap_interval


def result(name, config=None, **measured):
    """A result from what every seed measured, a list over seeds each; they took 2, 3, ... s."""
    seeds = {
        seed: {"seconds": 2.0 + seed, "measured": dict(zip(measured, values, strict=True))}
        for seed, values in enumerate(zip(*measured.values(), strict=True))
    }
    return Result(f"test/{name}", "a test", config or {}, seeds)


def by_k(name="thinks", share="exact", k=3, seeds=5, **more):
    """Validation is best at K = 2 in every seed; test is best at K = 1, which must not matter."""
    measured = {
        f"validation_{share}_by_k": [[0.5, 0.9, 0.7][:k]] * seeds,
        f"test_{share}_by_k": [[1.0, i / 8, 0.25][:k] for i in range(seeds)],
    }
    return result(name, **measured, **more)


PLAIN = result("acts", test_success=[i / 10 for i in range(8)])
ONCE = result("once", test_exact=[0.25, 0.75], parameters=[1234] * 2)
RNG = np.random.default_rng(0)
HIGH, ALIKE = (result(name, test_exact=RNG.uniform(0.9, 0.95, 10)) for name in ("high", "alike"))
LOW = result("low", test_exact=RNG.uniform(0.2, 0.4, 10))


def cells(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


@pytest.mark.parametrize("share", ["exact", "success"])
def test_k_is_chosen_on_validation_and_never_on_test(share):
    found = scores(by_k(share=share))
    assert (found.share, found.k) == (share, 2)
    np.testing.assert_array_equal(found.test, np.arange(5) / 8)
    np.testing.assert_array_equal(found.validation, np.full(5, 0.9))
    assert found.test_by_k.shape == (5, 3)


def test_a_learner_without_k_has_scores_and_a_row_of_what_was_measured():
    found = scores(PLAIN)
    np.testing.assert_array_equal(found.test, np.arange(8) / 10)
    assert (found.share, found.validation, found.k, found.test_by_k) == ("success",) + (None,) * 3
    low, high = bootstrap_interval(np.arange(8) * 10.0)
    assert report([PLAIN]).splitlines() == [
        "| learner | test % [95%] | worst | s |",
        "|---|--:|--:|--:|",
        f"| acts | 35.00 [{low:.2f}, {high:.2f}] | 0.00 | 6 |",  # the middle: 20, 30, 40, 50
        "",
        "Seeds: 8. Success: interquartile mean over seeds, 95% bootstrap interval, worst seed. "
        "s: median seconds to train and measure one seed.",
    ]


@pytest.mark.parametrize(("flops", "said"), [(15_680, "0.0157"), (1_234_567_890, "1,235")])
def test_a_cell_is_blank_where_only_others_measured_it(flops, said):
    more = {"test_cells_by_k": [[0.7, 0.9, 0]] * 5, "flops_by_k": [[1, flops, 9]] * 5}
    header, _, ours, theirs, *_ = cells(report([by_k(**more), ONCE], ["TRM", "MLP"]))
    assert header == ["learner", "test % [95%]", "worst", "cells %", "K", "parameters", "MFLOPs",
                      "validation %", "s"]  # fmt: skip
    assert ours[2:] == ["0.00", "90.00", "2", "", said, "90.00", "4"]
    assert (theirs[0], theirs[2:]) == ("MLP", ["25.00", "", "", "1,234", "", "", "2"])


def test_the_chart_draws_every_seed_at_the_chosen_k():
    figure = draw([by_k(), ONCE])
    rows = [d.get_xdata() for d in figure.axes[0].lines if d.get_marker() in ("o", "s")]
    np.testing.assert_array_equal(rows[0], np.arange(5) * 12.5)
    np.testing.assert_array_equal(rows[1], [25, 75])
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["thinks", "once"]
    assert figure.axes[0].get_xlabel() == "exactly right on test puzzles, %"


def test_the_chart_by_k_draws_test_scores_of_results_that_were_measured_alike():
    figure = draw_by_k([by_k(), by_k("other")], ["TRM", "MLP"])
    faint = [line.get_xydata() for line in figure.axes[0].lines if line.get_alpha()]
    np.testing.assert_array_equal(faint[4], [[1, 1], [2, 0.5], [3, 0.25]])
    for results in ([PLAIN], [by_k(), by_k("longer", k=2)]):
        with pytest.raises(ValueError, match="that were measured up to the same K"):
            draw_by_k(results)


def test_labels_are_as_long_as_needed_to_tell_results_apart():
    again = by_k()
    again.recipe = "other/thinks"
    names = [t.get_text() for t in draw([by_k(), again]).axes[0].get_yticklabels()]
    assert names == ["test/thinks", "other/thinks"]


@pytest.mark.parametrize(
    ("results", "labels", "message"),
    [
        ([], None, "at least one result"),
        ([by_k(), by_k("b")], ["a", "a"], "a label of its own"),
        ([by_k(), PLAIN], None, "measured the same, got thinks: exact, acts: success"),
        ([result("b", loss=[0.1])], None, "test/b expected .*test_exact_by_k with .*got loss"),
        ([result("b", test_exact=[70.0])], None, r"test_exact of test/b .*\[0, 1\].*70"),
        ([result("b", test_exact=[float("nan")])], None, "a share in"),
        ([result("b", test_exact=[[0.5]])], None, r"a share in .* got shape \(1, 1\)"),
    ],
)
def test_results_that_cannot_stand_side_by_side_are_refused(results, labels, message):
    for show in (report, draw, draw_by_k):
        with pytest.raises(ValueError, match=message):
            show(results, labels)


def test_a_winner_is_named_only_where_the_seeds_tell():
    header, _, low, alike = cells(verdicts([LOW, HIGH, ALIKE], against="high"))
    assert header[0] == "against"
    assert (*low[:2], low[3]) == ("low", "high", "1 [1, 1]")
    assert float(low[2].split()[0]) == pytest.approx(62.5, abs=6)
    assert tuple(alike[:2]) == ("alike", "no winner")
    *_, turned = cells(verdicts([LOW, HIGH], against="low"))
    assert turned[1] == "high"
    assert float(turned[2].split()[0]) < -50
    for results, against in (([HIGH, LOW], "nobody"), ([HIGH], "high")):
        with pytest.raises(ValueError, match="against expected one of several rows, high"):
            verdicts(results, against)


def test_speed_is_a_median_over_all_seeds_and_never_is_last():
    config = {"training": {"batch_size": 4, "n_sup": 10}}
    boards = [[0, 8, 16]] * 3
    fast = result(
        "fast", config, boards=boards, epochs_to_95=[0.1, 0.3, -1], to_95_seconds=[9.0, 21.0, -1],
        watched_exact=[[0, 0.96, 0.9], [0, 0.9, 0.95], [0, 0, 0]],
    )  # fmt: skip
    slow = result(
        "slow", config, boards=boards, epochs_to_95=[-1, 3.0, -1], to_95_seconds=[-1, 99.0, -1],
        watched_exact=[[0, 0, 0], [0, 0, 1], [0, 0, 0]],
    )  # fmt: skip
    assert cells(speeds({"fast": fast, "slow": slow}))[2:] == [
        ["fast", "2 of 3", "40", "0.30", "21"],  # seen at 16 mazes: 4 batches, 10 steps each
        ["slow", "1 of 3", "never", "never", "never"],
    ]
