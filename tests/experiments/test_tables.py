"""Tables and charts of results: K chosen on validation, every seed shown, whatever was measured."""

import numpy as np
import pytest
from scipy.stats import trim_mean

from trm_lib.experiments import (
    Result,
    best_step,
    costs,
    draw,
    draw_by_k,
    report,
    scores,
    speeds,
    verdicts,
)
from trm_lib.statistics import bootstrap_interval


def result(name, *seeds, seconds=2.0):
    runs = {i: {"seconds": seconds, "measured": seed} for i, seed in enumerate(seeds)}
    return Result(f"test/{name}", "a test", {}, runs)


def by_k(name="thinks", share="exact", k=3, seeds=5):
    """Validation is best at K = 2 in every seed; test is best at K = 1, which must not matter."""
    return result(
        name,
        *(
            {
                f"validation_{share}_by_k": [0.5, 0.9, 0.7][:k],
                f"test_{share}_by_k": [1.0, i / 8, 0.25][:k],
            }
            for i in range(seeds)
        ),
    )


PLAIN = [{"test_success": i / 10, "return": i - 3.0} for i in range(8)]


@pytest.mark.parametrize("share", ["exact", "success"])
def test_k_is_chosen_on_validation_and_never_on_test(share):
    found = scores(by_k(share=share))
    assert (found.share, found.k, best_step(by_k(share=share))) == (share, 2, 2)
    np.testing.assert_array_equal(found.test, np.arange(5) / 8)
    np.testing.assert_array_equal(found.validation, np.full(5, 0.9))
    assert found.test_by_k.shape == (5, 3)


def test_a_learner_without_k_has_scores_too():
    found = scores(result("acts", *PLAIN))
    np.testing.assert_array_equal(found.test, np.arange(8) / 10)
    assert (found.share, found.validation, found.k, found.test_by_k) == ("success",) + (None,) * 3
    with pytest.raises(ValueError, match="no K to choose"):
        best_step(result("acts", *PLAIN))


def test_a_table_of_success_rates_leaves_out_what_nobody_measured():
    low, high = bootstrap_interval(np.arange(8) * 10.0)
    assert report([result("acts", *PLAIN)]).splitlines() == [
        "| learner | test % [95%] | worst | s |",
        "|---|--:|--:|--:|",
        f"| acts | 35.00 [{low:.2f}, {high:.2f}] | 0.00 | 2 |",  # the middle: 20, 30, 40, 50
        "",
        "Seeds: 8. Success: interquartile mean over seeds, 95% bootstrap interval, worst seed. "
        "s: median seconds to train and measure one seed.",
    ]


def test_a_cell_is_blank_where_only_others_measured_it():
    once = result("once", *({"test_exact": 0.5, "parameters": 1234} for _ in range(2)))
    table = report([by_k(), once], ["TRM", "MLP"]).splitlines()
    assert table[0] == "| learner | test % [95%] | worst | K | parameters | validation % | s |"
    assert table[2].endswith("| 0.00 | 2 |  | 90.00 | 2 |")
    assert table[3] == "| MLP | 50.00 [50.00, 50.00] | 50.00 |  | 1,234 |  | 2 |"


def test_the_chart_draws_every_seed_at_the_chosen_k():
    results = [by_k(), result("plain", *({"test_exact": x} for x in (0.25, 0.75)))]
    figure = draw(results)
    rows = [d.get_xdata() for d in figure.axes[0].lines if d.get_marker() in ("o", "s")]
    np.testing.assert_array_equal(rows[0], np.arange(5) * 12.5)
    np.testing.assert_array_equal(rows[1], [25, 75])
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["thinks", "plain"]
    assert figure.axes[0].get_xlabel() == "exactly right on test puzzles, %"


def test_the_chart_by_k_draws_who_has_several_and_names_the_others():
    figure = draw_by_k([by_k(), by_k("once", k=1)], ["TRM", "MLP"])
    [bold] = [line for line in figure.axes[0].lines if line.get_label() == "TRM"]
    np.testing.assert_array_equal(bold.get_xdata(), [1, 2, 3])
    expected = trim_mean([[1.0, i / 8, 0.25] for i in range(5)], 0.25)
    np.testing.assert_allclose(bold.get_ydata(), expected)
    said = "Only one K, not drawn: MLP."
    assert figure.get_supxlabel().endswith(said)
    assert figure.alt.endswith(said)
    assert "not drawn" not in draw_by_k([by_k()]).alt


def test_labels_are_as_long_as_needed_to_tell_results_apart():
    again = by_k()
    again.recipe = "other/thinks"
    for figure in (draw([by_k(), again]), draw([by_k(), again], ["test/thinks", "other/thinks"])):
        names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
        assert names == ["test/thinks", "other/thinks"]


@pytest.mark.parametrize("show", [report, draw, draw_by_k])
@pytest.mark.parametrize(
    ("results", "labels", "message"),
    [
        ([], None, "at least one result"),
        ([by_k()], ["a", "b"], "a label of its own; got 1 results"),
        ([by_k(), by_k("b")], ["a", "a"], "a label of its own"),
        ([by_k(), result("b", *PLAIN)], None, "measured the same, got thinks: exact, b: success"),
        ([result("b", {"loss": 0.1})], None, "test/b expected .*test_exact_by_k with .*got loss"),
        ([result("b", {"test_exact": 1}, {"x": 1})], None, "got nothing in common"),
        ([result("b", {"test_exact": 70.0})], None, r"test_exact of test/b .*\[0, 1\].*70"),
        ([result("b", {"test_exact": float("nan")})], None, "a share in"),
        ([result("b", {"test_exact": [0.5]})], None, r"a share in .* got shape \(1, 1\)"),
    ],
)
def test_results_that_cannot_stand_side_by_side_are_refused(show, results, labels, message):
    with pytest.raises(ValueError, match=message):
        show(results, labels)


@pytest.mark.parametrize(
    "results", [[by_k(k=1)], [result("acts", *PLAIN)], [by_k(), by_k("longer", k=2)]]
)
def test_a_chart_by_k_needs_the_same_several_k(results):
    with pytest.raises(ValueError, match="expected results that were measured up to the same K"):
        draw_by_k(results)


# What a comparison lets one say.

RNG = np.random.default_rng(0)


def scored(name, scores, config=None, **measured):
    runs = {
        seed: {
            "seconds": 30.0 + seed,
            "measured": {"test_exact": score} | {key: v[seed] for key, v in measured.items()},
        }
        for seed, score in enumerate(scores)
    }
    return Result(f"test/{name}", "a test", config or {}, runs)


HIGH = scored("high", RNG.uniform(0.90, 0.95, 10))
ALIKE = scored("alike", RNG.uniform(0.90, 0.95, 10))
LOW = scored("low", RNG.uniform(0.2, 0.4, 10))


def cells(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_a_winner_is_named_only_where_the_seeds_tell():
    header, _, low, alike = cells(verdicts([LOW, HIGH, ALIKE], against="high"))
    assert header[0] == "against"
    assert (low[0], low[2], low[-1]) == ("low", "1 [1, 1]", "high")
    assert float(low[1]) == pytest.approx(62.5, abs=6)
    assert (alike[0], alike[-1]) == ("alike", "no winner")
    *_, turned = cells(verdicts([LOW, HIGH], against="low"))
    assert turned[-1] == "high"
    assert float(turned[1]) < -50


@pytest.mark.parametrize("results", [[HIGH, LOW], [HIGH]])
def test_verdicts_need_somebody_to_compare_with(results):
    with pytest.raises(ValueError, match="against expected one of several rows, high"):
        verdicts(results, against="nobody" if len(results) > 1 else "high")


def test_speed_is_a_median_over_all_seeds_and_never_is_last():
    config = {"training": {"batch_size": 4, "n_sup": 10}}
    watched = {"boards": [[0, 8, 16]] * 3}
    fast = scored(
        "fast", [1.0] * 3, config, **watched, epochs_to_95=[0.1, 0.3, -1],
        to_95_seconds=[9.0, 21.0, -1], watched_exact=[[0, 0.96, 0.9], [0, 0.9, 0.95], [0, 0, 0]],
    )  # fmt: skip
    slow = scored(
        "slow", [1.0] * 3, config, **watched, epochs_to_95=[-1, 3.0, -1],
        to_95_seconds=[-1, 99.0, -1], watched_exact=[[0, 0, 0], [0, 0, 1], [0, 0, 0]],
    )  # fmt: skip
    assert cells(speeds([fast, slow]))[2:] == [
        ["fast", "2 of 3", "40", "0.30", "21"],  # seen at 16 mazes: 4 batches, 10 steps each
        ["slow", "1 of 3", "never", "never", "never"],
    ]


def test_costs_name_a_command_that_there_is():
    table = costs([scored("a", [0.1] * 4)], ["A"])
    assert cells(table)[2] == ["A", "`run test/a --seeds 4`", "32", "2"]


@pytest.mark.parametrize(("flops", "said"), [(15_680, "0.0157"), (1_234_567_890, "1,235")])
def test_cells_and_operations_stand_beside_exact_where_they_were_measured(flops, said):
    by_k = {
        "validation_exact_by_k": [[0.2, 0.6]] * 2,
        "test_exact_by_k": [[0.1, 0.5]] * 2,
        "test_cells_by_k": [[0.7, 0.9]] * 2,
        "flops_by_k": [[flops // 2, flops]] * 2,
    }
    header, _, row, *_ = cells(report([scored("thinks", [0, 0], **by_k)]))
    found = dict(zip(header, row, strict=True))
    assert (found["cells %"], found["MFLOPs"]) == ("90.00", said)
