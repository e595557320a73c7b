"""Chapter 08's recipes: one thing changed at a time, as many optimizer steps for everybody."""

from dataclasses import fields

import pytest

from trm_lib.experiments.ablations import LONG, MODEL, PAPER, SUDOKU, TRAINING, grid, mazes, sudoku
from trm_lib.models import TRMConfig, count_parameters

STEPS = TRAINING.n_batches * TRAINING.n_sup


@pytest.mark.parametrize("recipe", sudoku(), ids=lambda recipe: recipe.name)
def test_everybody_takes_as_many_optimizer_steps(recipe):
    training, halting = recipe.config.training, getattr(recipe.config.model, "halting", False)
    times = LONG if recipe.name.startswith("ablation_long/") else 1
    assert training.n_batches * (1 if halting else training.n_sup) == times * STEPS
    kept = {"batch_size", "lr", "decay", "weight_decay", "optimizer", "seed"}
    assert all(getattr(training, name) == getattr(TRAINING, name) for name in kept)


def test_a_row_changes_one_thing_or_says_why_two():
    changed = {
        name: {
            f.name for f in fields(TRMConfig) if getattr(model, f.name) != getattr(MODEL, f.name)
        }
        for name, (_, model, _) in SUDOKU.items()
        if isinstance(model, TRMConfig)
    }
    assert changed["whole"] == changed["no_ema"] == changed["no_carry"] == set()
    assert changed["more_layers"] == {"n_layers", "n_latent"}  # as many calls of a block
    assert changed["fewer_calls"] == {"n_latent", "n_cycles"}
    assert changed["attention"] == {"mixing", "n_heads", "positions"}
    assert changed["act_continue"] - changed["act"] == {"continuing"}
    for name in ("separate", "last_call", "seeing"):
        assert len(changed[name]) == 1


def test_one_state_makes_as_many_calls_and_has_as_many_parameters():
    whole, single = (recipe.config for recipe in sudoku() if recipe.name in
                     ("ablation/whole", "ablation/one_state"))  # fmt: skip
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
