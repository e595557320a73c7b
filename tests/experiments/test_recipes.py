"""Every recipe of the book: found, fair, recorded as it is, and on data kept apart."""

import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from book.recipes import (
    ablations,
    comparisons,
    improved_shaping,
    paper_trm,
    rl_adaptation,
    unseen_mazes,
)
from book.recipes.data import minimal_sudoku4
from trm_lib.evaluation import answer_flops
from trm_lib.experiments import (
    RECORDED,
    find_recipe,
    find_recipes,
    load_result,
    verify,
)
from trm_lib.models import TRMConfig, build_model, count_parameters
from trm_lib.tasks import PolicyTask, Task
from trm_lib.training import PPOConfig

ROOT = Path(__file__).resolve().parents[2]
RECIPES = {recipe.name: recipe for recipe in find_recipes()}
RESULTS = {
    path.relative_to(RECORDED).with_suffix("").as_posix() for path in RECORDED.glob("*/*.json")
}
EXPERIMENTS = sorted({name.split("/")[0] for name in RECIPES})
TEN_SEEDS = ("basic_trm", "basic_trm_splits", "paper_trm", "sudoku6", "rl_adaptation", "maze4")


def of(experiment):
    learners = (name.split("/") for name in RECIPES)
    return {who: RECIPES[f"{what}/{who}"] for what, who in learners if what == experiment}


def size(config):
    return count_parameters(build_model(config, 0))


# Every experiment: found by its name in the file that says so, recorded as it is.


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_is_found_and_its_results_are_of_its_recipes_as_they_are(experiment):
    found = find_recipes(experiment)
    assert found == list(of(experiment).values())
    assert all(isinstance(recipe.task, Task) for recipe in found)
    for recipe in (recipe for recipe in found if recipe.name in RESULTS):
        result = load_result(recipe.name)
        assert recipe.differences(result.config) == [], recipe.name
        assert result.measured("parameters")[0] == count_parameters(recipe.task.build(0))
        assert sorted(result.seeds) == list(range(len(result.seeds)))
        if experiment in TEN_SEEDS:
            commits = {run["provenance"]["commit"] for run in result.seeds.values()}
            assert not any(commit.endswith("dirty") for commit in commits)
    if experiment in TEN_SEEDS:
        assert {len(load_result(recipe.name).seeds) for recipe in found} == {10}


def test_a_name_runs_no_file_but_its_own_and_a_result_none():
    """`import trm_lib` loads no torch; a result no recipe; a recipe only what it is made of."""
    program = """
import sys
import trm_lib
assert not {"torch", "numpy"} & set(sys.modules)
from trm_lib.experiments import find_recipe, load_result
load_result("maze4/mlp")
recipes = lambda: {name for name in sys.modules if name.startswith("book.recipes.")}
assert not recipes()
find_recipe("maze4/mlp")
assert recipes() == {"book.recipes.data", "book.recipes.unseen_mazes"}, recipes()
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_name_is_of_one_recipe_or_one_experiment_that_a_file_says_it_holds():
    assert len(RECIPES) == len(find_recipes())
    assert RECIPES.keys() >= RESULTS
    assert find_recipe("basic_trm/recursion") == RECIPES["basic_trm/recursion"]
    with pytest.raises(ValueError, match=r"no recipe is called 'basic'.*basic_trm") as refused:
        find_recipes("basic")
    assert f"expected one of {', '.join(EXPERIMENTS)}, or" in str(refused.value)
    with pytest.raises(ValueError, match="one recipe, 'sudoku_rl' has several: sudoku_rl/trm"):
        find_recipe("sudoku_rl")


@pytest.mark.parametrize(
    ("name", "seed", "tolerance", "walks"),
    [
        ("ablation/one_pass", 3, 0.3, ()),
        ("sudoku_rl/mlp", 0, 0.05, ()),
        # Elsewhere other rounding makes other walks.
        ("rl_adaptation/inside_vector_16", 0, 0.3, ("steps", "training_suc", "drawn_length")),
    ],
)
def test_a_recorded_seed_can_be_repeated(name, seed, tolerance, walks):
    """The machine that made it gives the same bits; training amplifies how others round."""
    said = verify(RECIPES[name], load_result(name), seed, tolerance)
    assert [difference for difference in said if not difference.startswith(walks)] == []


# Chosen on validation, none by taste.


@pytest.mark.parametrize(
    ("tuning", "family", "used"),
    [
        *(("basic_trm_tuning", name, f"basic_trm/{name}")
          for name in ("recursion", "same_block", "same_parameters", "same_flops")),
        *(("maze8_tuning", name, f"maze8/{name}") for name in comparisons.CHOSEN),
    ],
)  # fmt: skip
def test_shape_and_rate_are_the_best_of_the_tuning(tuning, family, used):
    shapes = re.compile(rf"{family}(_n\d|_\d+x\d+)?_lr_[\d.]+")
    scores = {
        name: load_result(recipe.name).measured("validation_exact_by_k").mean(0).max()
        for name, recipe in of(tuning).items()
        if shapes.fullmatch(name)
    }
    assert len(scores) >= 3
    best = [of(tuning)[name].task for name in scores if scores[name] == max(scores.values())]
    task = RECIPES[used].task
    assert (task.model, task.training.lr) in [(b.model, b.training.lr) for b in best]


# Fair: as many optimizer steps on batches of one size, and as many parameters.


def optimizer_steps(task):
    halts = getattr(task.model, "halting", False)
    return task.training.n_batches * (1 if halts else task.training.n_sup)


@pytest.mark.parametrize(
    ("experiment", "steps", "batch_size"),
    [
        ("basic_trm", 2000, 128), ("basic_trm_splits", 2000, 128), ("maze8", 3000, 48),
        ("maze5_pixels", 3000, 48), ("ablation", 256, 128), ("ablation_long", 1024, 128),
        ("ablation_6x6", 384, 128), ("ablation_6x6_slower", 384, 128), ("easy_to_hard", 3000, 128),
        ("paper_trm", 1000, 128), ("ablation_mazes", 500, 48),
    ],
)  # fmt: skip
def test_everybody_takes_as_many_optimizer_steps_on_batches_of_one_size(
    experiment, steps, batch_size
):
    for name, recipe in of(experiment).items():
        times = ablations.LONG if name == "attention_long" else 1
        assert optimizer_steps(recipe.task) == pytest.approx(times * steps, rel=0.015), name
        assert recipe.task.training.batch_size == batch_size


def test_networks_match_the_trm_in_what_their_names_say():
    basic = {name: recipe.task.model for name, recipe in of("basic_trm").items()}
    trm, flops = build_model(basic["recursion"], 0), build_model(basic["same_flops"], 0)
    assert size(basic["same_block"]) == count_parameters(trm)
    assert size(basic["same_parameters"]) == pytest.approx(count_parameters(trm), rel=0.07)
    assert answer_flops(flops, (4, 4)) == pytest.approx(answer_flops(trm, (4, 4), 8), rel=0.02)
    shapes = dict(comparisons.SHAPES)
    untied = build_model(shapes.pop("cnn_same_flops")["30x32"], 0)
    trm = build_model(shapes["trm"]["n2"], 0)
    assert answer_flops(untied, (8, 8)) == pytest.approx(answer_flops(trm, (8, 8), 10), rel=0.01)
    assert size(shapes.pop("cnn_script")["10x32"]) == pytest.approx(74_850, rel=0.02)
    for first, *others in (
        [shapes["trm"]["n2"], *(m for models in shapes.values() for m in models.values())],
        [unseen_mazes.trm(4), *(p for ps in unseen_mazes.SHAPES.values() for p in ps.values())],
        [policy for _, policy, _ in improved_shaping.FILLERS.values()],
    ):
        assert [size(other) for other in others] == pytest.approx(
            [size(first)] * len(others), rel=0.1
        )


# One thing changed at a time.


def changed(task, other):
    """The dotted names of what differs in two tasks."""
    plain = RECIPES["basic_trm/recursion"]
    return set(replace(plain, task=task).differences(replace(plain, task=other).settings()))


@pytest.mark.parametrize(
    ("name", "from_", "what"),
    [
        ("paper_trm/no_ema", "paper_trm/official", {"training.ema_decay"}),
        ("paper_trm/last_call", "paper_trm/official", {"model.gradient"}),
        ("paper_trm/no_exploration", "paper_trm/official", {"model.explore"}),
        ("paper_trm/adam_atan2", "paper_trm/official", {"training.optimizer"}),
        ("paper_trm/pseudocode", "paper_trm/official",
         {"model.halting", "training.n_batches", "training.n_sup", "training.eval_every"}),
        *((f"basic_trm_splits/{name}", f"basic_trm/{name}", {"data.own_split"})
          for name in ("recursion", "same_parameters")),
        *((f"shaping/{hint}", "shaping/none", {"world.hint"})
          for hint in ("manhattan", "shortest_path", "bonus")),
        *((f"shaping_settings/{name}", "shaping/none", {f"training.{field}"})
          for name, change in improved_shaping.SETTINGS.items() for field in change),
        ("curriculum/masks_by_way", "curriculum/masks_straight", {"stages"}),
        ("curriculum/free_straight", "curriculum/masks_straight", {"training.use_masks"}),
        ("carry/over_time", "carry/reset", {"policy.carry_over_time"}),
        ("carry/action", "carry/over_time", {"policy.previous_action"}),
        ("deep_supervision/weak", "deep_supervision/none", {"training.deep_supervision"}),
        *((f"rl_adaptation/{how}_{policy}_16", f"rl_adaptation/{how}_{policy}_1",
           {"num_envs", "training.n_updates"}) for how in ("script", "cure")
          for policy in ("vector", "board")),
        ("rl_adaptation/inside_board_16", "rl_adaptation/script_board_16", {"training.baseline"}),
        ("rl_adaptation/slow_vector_1", "rl_adaptation/script_vector_1", {"training.lr"}),
        ("rl_adaptation/constant_board_16", "rl_adaptation/cure_board_16", {"training.decay"}),
        ("maze8_longer/trm", "maze8/trm", {"training.n_batches", "training.eval_every"}),
        ("maze8_cycles/trm", "maze8/trm", {"model.n_cycles"}),
        ("fast_mode/fast", "fast_mode/float32", {"training.fast"}),
    ],
)  # fmt: skip
def test_a_recipe_differs_from_another_in_what_its_name_says(name, from_, what):
    assert changed(RECIPES[name].task, RECIPES[from_].task) == what


@pytest.mark.parametrize("rows", [ablations.SUDOKU, ablations.SUDOKU6], ids=["4x4", "6x6"])
def test_a_row_of_the_ablation_changes_one_thing_or_says_why_two(rows):
    whole = rows["whole"][1]
    found = {
        name: {
            f.name for f in fields(TRMConfig) if getattr(model, f.name) != getattr(whole, f.name)
        }
        for name, (_, model, _) in rows.items()
        if isinstance(model, TRMConfig)
    }  # fmt: skip
    assert found["whole"] == found["no_ema"] == found["no_carry"] == set()
    assert found["more_layers"] == {"n_layers", "n_latent"}  # as many calls of a block
    assert found["fewer_calls"] == {"n_latent", "n_cycles"}
    assert found["attention"] == {"mixing", "n_heads", "positions"}
    assert found["act_continue"] - found["act"] == {"continuing"}
    assert all(len(found[name]) == 1 for name in ("separate", "last_call", "seeing"))
    single = rows["one_state"][1]
    assert (single.n_calls, single.n_cycles) == (whole.n_latent + 1, whole.n_cycles)
    assert size(single) == size(whole)
    assert set(ablations.PAPER) <= set(rows)
    assert ablations.MODEL in [recipe.task.model for recipe in of("ablation_grid").values()]
    assert paper_trm.MODEL.n_sup == of("paper_trm")["pseudocode"].task.training.n_sup


def test_batches_and_updates_of_chapter_02_play_as_many_episodes():
    for settings, episodes in (("script", 500), ("cure", 960)):
        for policy in ("vector", "board"):
            for batch in (1, 16):
                task = of("rl_adaptation")[f"{settings}_{policy}_{batch}"].task
                assert task.num_envs == batch
                assert episodes - 16 < task.training.n_updates * batch <= episodes
    assert not any(r.task.training.use_masks for r in of("rl_adaptation").values())


# Debugged.


def test_a_recipe_of_puzzles_is_trained_and_probed():
    recipe = RECIPES["basic_trm/no_mixing"]
    findings = short(recipe.task).diagnose(progress=False)
    assert "cells never meet" in {finding.fault for finding in findings}


def test_an_untrained_policy_does_about_as_well_as_chance():
    policy = build_model(rl_adaptation.BOARD, 0)
    drawn = rl_adaptation.outcomes(policy, drawn=True)
    assert len(drawn) == 1000
    assert 0.2 < drawn.success.mean() < 0.4
    assert len(rl_adaptation.outcomes(policy, drawn=False)) == 1


# What a run measures: at least what was stored.


def short(task):
    """The task with next to no training."""
    how = {"n_batches": 3, "n_sup": 2, "batch_size": 16, "eval_every": 2}
    if isinstance(task.training, PPOConfig):
        how = {"total_steps": 64, "num_steps": 4, "n_epochs": 1, "eval_every": 1}
    elif isinstance(task, PolicyTask):
        how = {"n_updates": 2}
    task = replace(task, training=replace(task.training, **how))
    if hasattr(task, "stages"):
        task = replace(task, stages=((1, 64), (8, 64)))
    return replace(task, num_envs=8) if isinstance(task, PolicyTask) else task


SMALL_MAZES = comparisons.on(
    comparisons.MarkedMazes(4, count=400), comparisons.SHAPES["looped"]["1x32"]
)
SHORT = {
    "maze8/looped": replace(SMALL_MAZES, k_steps=3, k_watched=2),
    **{name: RECIPES[name].task for name in (
        "shaping/bonus", "maze4/hierarchical_K5", "sudoku_rl/one_pass", "curriculum/free_by_way",
        "open_maze/mlp", "paper_trm/official")},
}  # fmt: skip


@pytest.fixture
def few(monkeypatch):
    """Few boards to measure on."""
    monkeypatch.setattr(unseen_mazes, "FEW", 8)
    monkeypatch.setattr(unseen_mazes, "MANY", 16)
    parts = tuple(part[::200] for part in minimal_sudoku4())
    monkeypatch.setattr("book.recipes.data.minimal_sudoku4", lambda _: parts)


@pytest.mark.parametrize("name", SHORT)
def test_a_run_measures_what_is_stored_and_goes_on_from_its_end(name, few, tmp_path):
    task = short(SHORT[name])
    found, again = (task.run(0, tmp_path / "checkpoint.pt") for _ in range(2))
    timeless = {key for key in found if not key.endswith("seconds")}
    assert {key: found[key] for key in timeless} == {key: again[key] for key in timeless}
    assert found.keys() >= load_result(name).quantities()
    if name == "curriculum/free_by_way":
        assert found["watched_steps"] == [32, 64, 96, 128]
    elif "watched_steps" in found:
        assert found["watched_steps"][-1] == found["steps"] == 64
    if name == "maze4/hierarchical_K5":
        assert len(found["test_success_by_k"]) == len(found["flops_by_k"]) == 4
        assert found["flops_by_k"][1] == pytest.approx(2 * found["flops_by_k"][0], rel=0.01)
        assert len(found["size7_success_by_k"]) == 16
    if name == "sudoku_rl/one_pass":
        assert 0 <= found["random_legal_success"] <= 1
    if name == "paper_trm/official":
        assert found["parameters"] == 1730
        assert found["halted_test_steps"] == 16.0  # untrained: never sure
        assert found["training_steps_a_puzzle"] == [0.0]
        assert found["halted_calibration_error"] < 0.02  # says no, and is wrong
    if name == "maze8/looped":
        assert (found["boards"], len(found["watched_seconds"])) == ([32, 48], 2)
        assert found["epochs_to_95"] == found["to_95_seconds"] == -1
        exact, cells = np.array(found["test_exact_by_k"]), np.array(found["test_cells_by_k"])
        assert (exact <= cells).all()
        assert (cells > 0.3).all()
        length = task.data.split()[2].labels.sum((1, 2))
        counts = np.array([(length <= 8).sum(), (length > 8).sum()])
        by_length = np.array(found["test_exact_by_length_and_k"])[:2]
        np.testing.assert_allclose(counts @ by_length / counts.sum(), exact, atol=1e-9)


def test_the_untied_loop_calls_every_block_once_in_turn_and_learns_as_the_loop_does():
    task = comparisons.UntiedTask(
        replace(comparisons.LOOP, n_layers=6, n_calls=3), comparisons.RECURSIVE, None, 2, 2
    )
    network, boards = task.build(0), torch.randint(48, (3, 8, 8))
    carry = network.initial_carry(boards)
    x, h = network.embed(boards), carry.h
    for block in network.stack.blocks:
        h = block(h + x, (8, 8))
    for step in range(2):
        network.zero_grad()
        carry, out = network(carry, boards)
        out.logits.sum().backward()
        learns = [block.swiglu.down.weight.grad is not None for block in network.stack.blocks]
        assert learns == [step == 0] * 3 + [step == 1] * 3  # judged by itself
    torch.testing.assert_close(carry.h, h.detach())
