"""Equal to the official code: on its own numbers, and on other configurations.

`fidelity/` holds what the official code at e7b6871 computed, in float32 on one processor: outputs
of four steps, losses, halting, and every gradient of two training steps, for one model with
attention and one with mixing by MLP. Rounding differs between processors. Where a model is steady
(attention) the numbers agree to 1e-5 everywhere. The one with MLP mixing, untrained, is chaotic:
it enlarges whatever it is handed about a thousandfold in a step, rounding included. There the
bar is that ours differ from the official ones no more than ours differ from themselves when the
weights are moved in their last digit.

Other configurations are held to the last bit against `ReadableTRM`, which does the official
operations in the official order.
"""

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tests.bench.readable_trm import ReadableTRM
from trm_lib.models import HaltingTRM, load_official, official_config, official_names
from trm_lib.training import IGNORE, act_loss

FIDELITY = Path(__file__).parent / "fidelity"
STEADY, CHAOTIC = "attention", "mlp"
OUTPUTS = ("logits", "q_halt", "y", "z")


@cache
def official(name):
    """Config, weights and everything else that the official code computed."""
    with safe_open(FIDELITY / f"official_{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        config = json.loads(file.metadata()["config"])
    weights = {key: tensor for key, tensor in tensors.items() if key.startswith("weight/")}
    return config, weights, tensors


def loaded(name, nudge=None):
    """The official model in the library; `nudge` moves every weight in its last digit."""
    config, weights, _ = official(name)
    if nudge is not None:
        generator = torch.Generator().manual_seed(nudge)
        weights = {
            key: tensor * (1 + 6e-8 * torch.randn(tensor.shape, generator=generator))
            for key, tensor in weights.items()
        }
    return load_official(config, weights)


def evaluated(model, inputs):
    """logits, q_halt, y and z after each of four steps."""
    carry, steps = model.initial_carry(inputs), []
    with torch.no_grad():
        for _ in range(4):
            carry, out = model(carry, inputs)
            steps.append((out.logits, out.halt_logit, carry.y, carry.z))
    return steps


def trained(model, inputs, labels):
    """Loss, halted flags and gradients of two training steps, by official names."""
    model.train()
    names = official_names(model.config)
    parameters = dict(model.named_parameters())
    carry, steps = model.initial_carry(inputs), []
    for _ in range(2):
        model.zero_grad()
        carry, out = model(carry, inputs)
        loss = act_loss(out, labels)
        loss.backward()
        gradients = {
            name: parameters[ours].grad for name, ours in names.items() if ours in parameters
        }
        steps.append((loss.item(), carry.halted, gradients))
    return steps


def official_gradients(tensors, step):
    """The stored gradients; the puzzle embedding's came for each board and are summed."""
    found = {}
    for key, gradient in tensors.items():
        name = key.removeprefix(f"train/step{step}/grad/inner.")
        if name != key:
            found[name] = gradient
    found["puzzle_emb.weights"] = found.pop("puzzle_emb").sum(0, keepdim=True)
    return found


def relative(ours, theirs):
    return float((ours - theirs).norm() / theirs.norm().clamp(min=1e-30))


@pytest.mark.parametrize("name", [STEADY, CHAOTIC])
def test_four_steps_are_the_official_ones_as_far_as_rounding_lets_them(name):
    tensors = official(name)[2]
    ours = evaluated(loaded(name), tensors["inputs"])
    nudges = range(5) if name == CHAOTIC else ()
    nudged = [evaluated(loaded(name, nudge), tensors["inputs"]) for nudge in nudges]
    for step in range(4):
        for place, output in enumerate(OUTPUTS):
            value, theirs = ours[step][place], tensors[f"eval/step{step}/{output}"]
            spread = [(other[step][place] - value).abs().max().item() for other in nudged]
            bar = max([1e-5, *(3 * nudge for nudge in spread)])
            assert (value - theirs).abs().max() <= bar, (output, step)
    # chaos is no excuse for the first step, where rounding has had little time to grow
    assert (ours[0][2] - tensors["eval/step0/y"]).abs().max() < 1e-3


@pytest.mark.parametrize("name", [STEADY, CHAOTIC])
def test_losses_halting_and_gradients_are_the_official_ones(name):
    tensors = official(name)[2]
    inputs, labels = tensors["inputs"], tensors["labels"]
    ours = trained(loaded(name), inputs, labels)
    nudged = [trained(loaded(name, nudge), inputs, labels) for nudge in range(3)]
    for step, (loss, halted, gradients) in enumerate(ours):
        assert loss == pytest.approx(tensors[f"train/step{step}/loss"].item(), rel=1e-5)
        assert torch.equal(halted, tensors[f"train/step{step}/halted"])
        theirs = official_gradients(tensors, step)
        assert theirs.keys() == gradients.keys()
        for key, gradient in theirs.items():
            bar = 1e-5
            if name == CHAOTIC:
                bar = max(bar, 3 * max(relative(n[step][2][key], gradients[key]) for n in nudged))
            assert relative(gradients[key], gradient) <= bar, (key, step)


BASE = {
    "batch_size": 8, "seq_len": 16, "num_puzzle_identifiers": 1, "vocab_size": 6,
    "H_cycles": 3, "L_cycles": 6, "H_layers": 0, "L_layers": 2, "hidden_size": 32, "expansion": 4,
    "num_heads": 4, "pos_encodings": "rope", "halt_max_steps": 3, "halt_exploration_prob": 0.0,
    "forward_dtype": "float32", "mlp_t": False, "puzzle_emb_ndim": 32, "puzzle_emb_len": 4,
}  # fmt: skip
MLP = {"mlp_t": True, "pos_encodings": "none"}
NO_PUZZLE = {"puzzle_emb_ndim": 0, "puzzle_emb_len": 0}
OTHERS = {
    "attention": {},
    "mlp": MLP,
    "learned positions": {"pos_encodings": "learned"},
    "no positions, odd heads": {"pos_encodings": "none", "hidden_size": 36},
    "no puzzle tokens": NO_PUZZLE,
    "mlp without puzzle tokens": MLP | NO_PUZZLE,
    "wide and shallow": {"hidden_size": 64, "num_heads": 8, "L_layers": 1},
    "deep, T = 2, n = 3": {"L_layers": 3, "hidden_size": 48, "H_cycles": 2, "L_cycles": 3},
    "T = 1, n = 2": {"H_cycles": 1, "L_cycles": 2, "expansion": 2.5},
    "padded puzzle tokens": {"puzzle_emb_ndim": 80, "puzzle_emb_len": 0, "mlp_t": True,
                             "pos_encodings": "learned", "num_puzzle_identifiers": 5},
    "81 cells": MLP | {"seq_len": 81, "vocab_size": 11, "hidden_size": 64},
}  # fmt: skip


def random_official_weights(config):
    """Random tensors under official names, the halt head's included, so that boards do halt."""
    model, generator = HaltingTRM(official_config(config)), torch.Generator().manual_seed(1)
    state = model.state_dict()
    state["halt_head.weight"].normal_(0, 0.3, generator=generator)
    state["halt_head.bias"].fill_(-0.1)
    if "puzzle_embedding" in state:
        state["puzzle_embedding"].normal_(0, 1, generator=generator)
    return {
        f"_orig_mod.model.inner.{theirs}": state[ours]
        for theirs, ours in official_names(model.config).items()
        if ours in state
    }


def stream(config, seed):
    """Endless boards, labels (some cells not asked for) and puzzle numbers."""
    generator = torch.Generator().manual_seed(seed)
    shape = (config["batch_size"], config["seq_len"])
    while True:
        inputs = torch.randint(0, config["vocab_size"], shape, generator=generator)
        asked = torch.rand(shape, generator=generator) < 0.7
        puzzle = torch.randint(0, config["num_puzzle_identifiers"], shape[:1], generator=generator)
        yield inputs, inputs.where(asked, IGNORE), puzzle


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS.keys())
def test_training_with_halting_equals_a_plain_version_bit_for_bit(changes):
    """Six steps: halted boards restart on fresh ones; logits, states and gradients are equal."""
    config = BASE | changes
    model = load_official(config, random_official_weights(config)).train()
    plain = ReadableTRM(model.config)
    plain.load_state_dict(model.state_dict())
    boards = stream(config, seed=0)
    inputs, labels, puzzle = next(boards)
    carry = model.initial_carry(inputs)
    kept, kept_labels, kept_puzzle = inputs, labels, puzzle
    (y, z), steps, n_halted = plain.start(inputs), torch.zeros(len(inputs)), 0
    for _ in range(6):
        model.zero_grad()
        plain.zero_grad()
        fresh = carry.halted
        for row in fresh.nonzero().flatten().tolist():  # by hand, board by board
            kept[row], kept_labels[row], kept_puzzle[row] = inputs[row], labels[row], puzzle[row]
            y, z = y.clone(), z.clone()
            y[row], z[row], steps[row] = plain.y0, plain.z0, 0
        carry, out = model(carry, inputs.clone(), puzzle.clone())
        y, z, logits, halt_logit = plain(y, z, kept, kept_puzzle)
        steps += 1
        act_loss(out, kept_labels).backward()
        act_loss(type(out)(logits, halt_logit), kept_labels).backward()
        assert torch.equal(carry.inputs, kept)
        assert torch.equal(carry.puzzle, kept_puzzle)
        assert torch.equal(carry.steps, steps.long())
        assert torch.equal(carry.halted, (steps >= config["halt_max_steps"]) | (halt_logit > 0))
        for ours, theirs in [
            (out.logits, logits), (out.halt_logit, halt_logit), (carry.y, y), (carry.z, z)
        ]:  # fmt: skip
            assert torch.equal(ours, theirs)
        theirs = dict(plain.named_parameters())
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter.grad, theirs[name].grad), name
        n_halted += int(carry.halted.sum())
        kept, kept_labels, kept_puzzle = kept.clone(), kept_labels.clone(), kept_puzzle.clone()
        inputs, labels, puzzle = next(boards)
    assert n_halted > 6


@pytest.mark.parametrize("prefix", ["", "inner.", "model.inner.", "_orig_mod.model.inner."])
def test_names_may_carry_the_prefixes_of_saved_checkpoints(prefix):
    config, weights, _ = official(STEADY)
    renamed = {prefix + key.removeprefix("weight/inner."): t for key, t in weights.items()}
    plain, again = loaded(STEADY).state_dict(), load_official(config, renamed).state_dict()
    assert all(torch.equal(plain[key], again[key]) for key in plain)


def test_boards_may_keep_their_rows_and_columns():
    config, weights, tensors = official(STEADY)
    model = load_official(config, weights, grid=(4, 4))
    inputs = tensors["inputs"].view(-1, 4, 4)
    _, out = model(model.initial_carry(inputs), inputs)
    assert out.logits.shape == (4, 4, 4, 6)
    torch.testing.assert_close(
        out.logits.flatten(1, 2), tensors["eval/step0/logits"], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": None}, "got none for hidden_size"),
        ({"rms_norm_eps": 1e-6}, "rms_norm_eps expected 1e-05, got 1e-06"),
        ({"rope_theta": 500.0}, "rope_theta expected 10000.0"),
        ({"no_ACT_continue": False}, "no_ACT_continue expected True, got False"),
        ({"pos_encodings": "alibi"}, "positions expected one of .* got 'alibi'"),
        ({"mlp_t": "False"}, "mlp_t expected True or False, got 'False'"),
    ],
)
def test_settings_that_are_missing_or_unknown_are_named(changes, message):
    config, weights, _ = official(STEADY)
    config = {k: v for k, v in (config | changes).items() if v is not None}
    with pytest.raises(ValueError, match=message):
        load_official(config, weights)


def test_impossible_boards_and_weights_that_do_not_fit_are_named():
    config, weights, _ = official(STEADY)
    wrong = weights | {"weight/inner.H_init": torch.zeros(7)}
    wrong["inner.extra.weight"] = wrong.pop("weight/inner.lm_head.weight")
    refused = {
        r"missing: .*lm_head.*left over: .*extra.*H_init \(7,\)": (config, wrong),
        r"grid expected 16 cells \(seq_len\), got \(3, 3\)": (config, weights, (3, 3)),
        "expected one tensor for H_init, got two": (config, weights | {"H_init": torch.zeros(32)}),
        "expected a tensor of floats for 'inner.H_init'": (
            config, {"inner.H_init": torch.zeros(32, dtype=torch.int64)}
        ),
        "config expected a dict": (None, weights),
    }  # fmt: skip
    for message, arguments in refused.items():
        with pytest.raises(ValueError, match=message):
            load_official(*arguments)
