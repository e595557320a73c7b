"""What a comparison says: a winner only where seeds tell, speed, and what a row costs."""

import numpy as np
import pytest

from trm_lib.experiments import Result, costs, report, speeds, verdicts

RNG = np.random.default_rng(0)


def result(name, scores, config=None, **measured):
    runs = {
        seed: {
            "seconds": 30.0 + seed,
            "measured": {"test_exact": score} | {key: v[seed] for key, v in measured.items()},
        }
        for seed, score in enumerate(scores)
    }
    return Result(f"test/{name}", "a test", config or {}, runs)


HIGH = result("high", RNG.uniform(0.90, 0.95, 10))
ALIKE = result("alike", RNG.uniform(0.90, 0.95, 10))
LOW = result("low", RNG.uniform(0.2, 0.4, 10))


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
    fast = result(
        "fast", [1.0] * 3, config, **watched, epochs_to_95=[0.1, 0.3, -1],
        to_95_seconds=[9.0, 21.0, -1], watched_exact=[[0, 0.96, 0.9], [0, 0.9, 0.95], [0, 0, 0]],
    )  # fmt: skip
    slow = result(
        "slow", [1.0] * 3, config, **watched, epochs_to_95=[-1, 3.0, -1],
        to_95_seconds=[-1, 99.0, -1], watched_exact=[[0, 0, 0], [0, 0, 1], [0, 0, 0]],
    )  # fmt: skip
    assert cells(speeds([fast, slow]))[2:] == [
        ["fast", "2 of 3", "40", "0.30", "21"],  # seen at 16 mazes: 4 batches, 10 steps each
        ["slow", "1 of 3", "never", "never", "never"],
    ]


def test_costs_name_a_command_that_there_is():
    table = costs([result("a", [0.1] * 4)], ["A"])
    assert cells(table)[2] == ["A", "`run test/a --seeds 4`", "32", "2"]


@pytest.mark.parametrize(("flops", "said"), [(15_680, "0.0157"), (1_234_567_890, "1,235")])
def test_cells_and_operations_stand_beside_exact_where_they_were_measured(flops, said):
    by_k = {
        "validation_exact_by_k": [[0.2, 0.6]] * 2,
        "test_exact_by_k": [[0.1, 0.5]] * 2,
        "test_cells_by_k": [[0.7, 0.9]] * 2,
        "flops_by_k": [[flops // 2, flops]] * 2,
    }
    header, _, row, *_ = cells(report([result("thinks", [0, 0], **by_k)]))
    found = dict(zip(header, row, strict=True))
    assert (found["cells %"], found["MFLOPs"]) == ("90.00", said)
