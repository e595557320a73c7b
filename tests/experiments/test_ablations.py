"""Chapter 09's recipes: one thing changed at a time, as many optimizer steps for everybody."""

from dataclasses import fields

import pytest

from book.recipes.ablations import (
    LONG,
    MODEL,
    PAPER,
    SUDOKU,
    SUDOKU6,
    TRAINING,
    TRAINING6,
    grid,
    mazes,
    sudoku,
)
from trm_lib.models import TRMConfig, count_parameters


@pytest.mark.parametrize("recipe", sudoku(), ids=lambda recipe: recipe.name)
def test_everybody_takes_as_many_optimizer_steps(recipe):
    training, halting = recipe.config.training, getattr(recipe.config.model, "halting", False)
    whole = TRAINING6 if recipe.name.startswith("ablation_6x6") else TRAINING
    times = LONG if recipe.name.startswith("ablation_long/") else 1
    steps = training.n_batches * (1 if halting else training.n_sup)
    assert steps == times * whole.n_batches * whole.n_sup
    kept = {"batch_size", "lr", "decay", "weight_decay", "optimizer", "seed"}
    if recipe.name.startswith("ablation_6x6_slower/"):
        kept.remove("lr")
        assert training.lr == whole.lr / 2
    assert all(getattr(training, name) == getattr(whole, name) for name in kept)


@pytest.mark.parametrize("rows", [SUDOKU, SUDOKU6], ids=["4x4", "6x6"])
def test_a_row_changes_one_thing_or_says_why_two(rows):
    whole = rows["whole"][1]
    changed = {
        name: {
            f.name for f in fields(TRMConfig) if getattr(model, f.name) != getattr(whole, f.name)
        }
        for name, (_, model, _) in rows.items()
        if isinstance(model, TRMConfig)
    }
    assert changed["whole"] == changed["no_ema"] == changed["no_carry"] == set()
    assert changed["more_layers"] == {"n_layers", "n_latent"}  # as many calls of a block
    assert changed["fewer_calls"] == {"n_latent", "n_cycles"}
    assert changed["attention"] == {"mixing", "n_heads", "positions"}
    assert changed["act_continue"] - changed["act"] == {"continuing"}
    for name in ("separate", "last_call", "seeing"):
        assert len(changed[name]) == 1


@pytest.mark.parametrize("when", ["ablation", "ablation_6x6"])
def test_one_state_makes_as_many_calls_and_has_as_many_parameters(when):
    recipes = {recipe.name: recipe.config for recipe in sudoku()}
    whole, single = recipes[f"{when}/whole"], recipes[f"{when}/one_state"]
    assert single.model.n_calls == MODEL.n_latent + 1
    assert single.model.n_cycles == MODEL.n_cycles
    assert count_parameters(whole.build(0)) == count_parameters(single.build(0))


def test_the_papers_rows_are_ours():
    assert set(PAPER) <= set(SUDOKU)


def test_the_grid_holds_the_whole_machine():
    assert MODEL in [recipe.config.model for recipe in grid()]


def test_on_mazes_everybody_takes_as_many_steps_within_a_batch():
    counts = {
        r.name.removeprefix("ablation_mazes/"): r.config.training.n_batches
        * r.config.training.n_sup
        for r in mazes()
    }
    assert counts.pop("attention_long") == LONG * counts["attention"]
    assert max(counts.values()) - min(counts.values()) < 7
