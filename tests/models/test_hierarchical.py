"""The hierarchical TRM: what a cycle computes, what is carried, who sees whom."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from trm_lib.evaluation import answer_flops, exact_by_k
from trm_lib.models import (
    HierarchicalConfig,
    HierarchicalTRM,
    count_parameters,
    load_model,
    save_model,
)
from trm_lib.training import PuzzleData, SupervisedConfig, fit

SMALL = {"vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1, "low_width": 8}


def boards(batch=3, seed=0):
    return torch.randint(0, 5, (batch, 4, 4), generator=torch.Generator().manual_seed(seed))


def model(seed=0, **changes):
    config = HierarchicalConfig(**{**SMALL, **changes})
    return HierarchicalTRM(config, torch.Generator().manual_seed(seed))


def think(trm, inputs, k_steps):
    """The answers after each of K calls."""
    carry, answers = trm.initial_carry(inputs), []
    for _ in range(k_steps):
        carry, out = trm(carry, inputs)
        answers.append(out.logits)
    return answers


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv", "none"])
def test_a_call_answers_every_cell_and_hands_on_a_detached_state(mixing):
    trm = model(mixing=mixing)
    carry, out = trm(trm.initial_carry(boards()), boards())
    assert out.logits.shape == (3, 4, 4, 5)
    assert out.logits.requires_grad
    assert carry.high.shape == (3, 16, 16)
    assert carry.low.shape == (3, 16, 8)
    assert not carry.high.requires_grad
    assert not carry.low.requires_grad


def test_plain_sequences_other_sizes_and_no_boards_are_answered():
    sequence = model(grid=(16,))
    inputs = boards().flatten(1)
    assert sequence(sequence.initial_carry(inputs), inputs)[1].logits.shape == (3, 16, 5)
    convolution, larger = model(mixing="conv"), torch.zeros(2, 6, 7, dtype=torch.int64)
    assert think(convolution, larger, 1)[0].shape == (2, 6, 7, 5)
    assert think(model(), boards()[:0], 2)[1].shape == (0, 4, 4, 5)


def test_a_cycle_is_what_the_docstring_says():
    """Recomputed with plain matrices: high level, projection, low level, feedback, answer."""
    trm = model(mixing="none", n_cycles=2).requires_grad_(False)
    w = {name: tensor for name, tensor in trm.state_dict().items()}

    def norm(h):
        return h / (h.square().mean(-1, keepdim=True) + 1e-5).sqrt()

    x = 16**0.5 * w["embedding"][boards().flatten(1)]
    high, low = w["h0"], w["l0"]
    for _ in range(2):
        high = high + x
        gate, up = (high @ w["stack.blocks.0.swiglu.gate_up.weight"].T).chunk(2, -1)
        high = norm(high + (F.silu(gate) * up) @ w["stack.blocks.0.swiglu.down.weight"].T)
        low = low + high @ w["high_to_low.weight"].T
        hidden = (low @ w["low_stack.blocks.0.swiglu.up.weight"].T).clamp(min=0)
        low = norm(low + hidden @ w["low_stack.blocks.0.swiglu.down.weight"].T)
        high = norm(high + low @ w["low_to_high.weight"].T)
    carry, out = trm(trm.initial_carry(boards()), boards())
    torch.testing.assert_close(out.logits.flatten(1, 2), high @ w["head.weight"].T)
    torch.testing.assert_close(carry.high, high)
    torch.testing.assert_close(carry.low, low)


def test_without_a_full_gradient_early_cycles_add_thought_and_no_gradient():
    inputs = boards()
    short, long = model(n_cycles=1), model(n_cycles=3, full_gradient=False)
    carry = short.initial_carry(inputs)
    for _ in range(2):
        carry, _ = short(carry, inputs)
    _, expected = short(carry, inputs)
    _, out = long(long.initial_carry(inputs), inputs)
    torch.testing.assert_close(out.logits, expected.logits)
    expected.logits.square().sum().backward()
    out.logits.square().sum().backward()
    for ours, theirs in zip(long.parameters(), short.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_seed_fixes_the_model_and_disturbs_nothing_else():
    before = torch.get_rng_state()
    first, again, other = model().state_dict(), model().state_dict(), model(seed=1).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    for name, tensor in first.items():
        assert torch.equal(tensor, again[name]), name
        assert not torch.equal(tensor, other[name]), name


def test_initial_values_are_fixed_not_learned():
    trm = model()
    assert {name for name, _ in trm.named_buffers()} == {"h0", "l0"}
    assert not {"h0", "l0"} & {name for name, _ in trm.named_parameters()}
    start = trm.initial_carry(boards())
    assert torch.equal(start.high, trm.h0.expand(3, 16, 16))
    assert torch.equal(start.low, trm.l0.expand(3, 16, 8))


def test_calls_go_on_from_the_carry_and_from_nothing_else():
    trm = model()
    first, one = trm(trm.initial_carry(boards()), boards())
    _, two = trm(first, boards())
    think(trm, boards(seed=9), 2)  # something else in between
    assert torch.equal(two.logits, trm(first, boards())[1].logits)
    assert not torch.allclose(one.logits, two.logits)


def test_both_levels_are_carried():
    trm = model()
    start = trm.initial_carry(boards())
    plain = trm(start, boards())[1].logits
    for level in ("high", "low"):
        moved = trm.initial_carry(boards())
        setattr(moved, level, getattr(moved, level) + 1)
        assert not torch.allclose(plain, trm(moved, boards())[1].logits), level


def test_without_carry_every_call_says_the_same():
    one, two, three = think(model(carry=False), boards(), 3)
    assert torch.equal(one, two)
    assert torch.equal(one, three)
    assert torch.equal(one, think(model(carry=True), boards(), 1)[0])


def test_two_cycles_in_a_call_are_two_calls_with_the_gradient_of_both():
    short, long = model(n_cycles=1), model(n_cycles=2)
    two_calls, one_call = think(short, boards(), 2)[1], think(long, boards(), 1)[0]
    torch.testing.assert_close(one_call, two_calls)
    two_calls.square().sum().backward()
    one_call.square().sum().backward()
    assert not torch.allclose(short.embedding.grad, long.embedding.grad)


@pytest.mark.parametrize("activation", ["swiglu", "relu"])
@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv", "none"])
def test_the_gradient_of_one_cycle_reaches_every_parameter(mixing, activation):
    trm = model(
        mixing=mixing, activation=activation, low_activation=activation, n_layers=2, n_low=2,
        positions="learned", grid=(4, 4),
    )  # fmt: skip
    target = boards(seed=1)
    F.cross_entropy(think(trm, boards(), 1)[0].flatten(0, 2), target.flatten()).backward()
    for name, parameter in trm.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def answers_changed_by_one_cell(trm, k_steps=4):
    """Which cells answer differently after K calls once the cell in row 1, column 2 changes."""
    changed = boards(1)
    changed[0, 1, 2] = (changed[0, 1, 2] + 1) % 5
    before, after = (think(trm, inputs, k_steps)[-1][0] for inputs in (boards(1), changed))
    return ~torch.isclose(before, after, atol=1e-6).all(-1)


def test_without_mixing_no_cell_ever_hears_of_another():
    only_itself = torch.zeros(4, 4, dtype=torch.bool)
    only_itself[1, 2] = True
    assert torch.equal(answers_changed_by_one_cell(model(mixing="none", n_cycles=3)), only_itself)


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv"])
def test_with_mixing_in_the_high_level_every_cell_does(mixing):
    assert answers_changed_by_one_cell(model(mixing=mixing)).all()


def test_the_low_level_holds_no_mixing():
    trm = model(mixing="attention", n_low=3)
    low = torch.randn(1, 16, 8, generator=torch.Generator().manual_seed(2))
    moved = low.clone()
    moved[0, 5] += 1
    same = (trm.low_stack(low, (4, 4)) == trm.low_stack(moved, (4, 4))).all(-1)
    assert same.sum() == 15
    assert not same[0, 5]


def test_boards_of_a_batch_do_not_see_each_other():
    trm = model()
    alone = torch.cat([think(trm, board[None], 2)[1] for board in boards()])
    torch.testing.assert_close(think(trm, boards(), 2)[1], alone)


def test_parameters_counted_by_hand():
    exact = {"hidden_multiple": 1, "expansion": 3.0, "mixing": "none"}
    around = 5 * 16 + 5 * 16 + 16 * 8 + 8 * 16  # embedding, head, down and up between the levels
    # SwiGLU: three matrices, hidden 2 * width; ReLU: two matrices, hidden 3 * width
    swiglu = model(**exact, activation="swiglu", low_activation="swiglu", n_layers=2, n_low=3)
    relu = model(**exact, activation="relu", low_activation="relu", n_layers=2, n_low=3)
    assert count_parameters(swiglu) == around + 2 * (3 * 16 * 32) + 3 * (3 * 8 * 16)
    assert count_parameters(relu) == around + 2 * (2 * 16 * 48) + 3 * (2 * 8 * 24)
    assert count_parameters(relu) == count_parameters(swiglu)
    # with hidden sizes rounded up to 32: high SwiGLU 64, low ReLU 32, and SwiGLU over 16 cells 64
    assert count_parameters(model()) == around + 3 * 16 * 64 + 3 * 16 * 64 + 2 * 8 * 32


def test_the_mixing_keeps_its_swiglu_when_the_cells_use_relu():
    a, b = (model(activation=name).stack.blocks[0] for name in ("swiglu", "relu"))
    assert type(a.swiglu).__name__ == "SwiGLU"
    assert type(b.swiglu).__name__ == "ReluMLP"
    assert type(a.mixing.swiglu) is type(b.mixing.swiglu) is type(a.swiglu)


def test_cycles_and_carry_cost_no_parameters_but_cycles_cost_arithmetic():
    assert count_parameters(model(n_cycles=5)) == count_parameters(model(carry=False))
    one_call = answer_flops(model(), (4, 4))
    head = 2 * 16 * 5 * 16
    matrices = count_parameters(model()) - 5 * 16 - 5 * 16  # without embedding and head
    # every matrix meets each of 16 cells once; that of the mixing meets each of 16 channels
    assert one_call == 2 * 16 * matrices + head
    assert answer_flops(model(), (4, 4), 3) == 3 * one_call
    assert answer_flops(model(n_cycles=3), (4, 4)) == 3 * one_call - 2 * head


def test_puzzle_tokens_think_along_and_are_cut_off():
    trm = model(puzzle_tokens=2, n_puzzles=3, mixing="attention")
    torch.nn.init.normal_(trm.puzzle_embedding, generator=torch.Generator().manual_seed(0))
    start = trm.initial_carry(boards())
    carry, plain = trm(start, boards())
    _, other = trm(start, boards(), torch.tensor([0, 1, 2]))
    assert carry.high.shape == (3, 18, 16)
    assert carry.low.shape == (3, 18, 8)
    assert plain.logits.shape == (3, 4, 4, 5)
    assert torch.equal(plain.logits[0], other.logits[0])
    assert not torch.allclose(plain.logits[1:], other.logits[1:])


def mirrored():
    """Every cell's answer is the token at the opposite end: only cells that meet can know it."""
    inputs = np.random.default_rng(0).integers(0, 5, (512, 2, 2))
    return PuzzleData(inputs, inputs[:, ::-1, ::-1])


@pytest.mark.parametrize("activation", ["swiglu", "relu"])
def test_the_supervised_loop_teaches_it_what_only_mixing_can_know(activation):
    data = mirrored()
    config = SupervisedConfig(
        n_batches=60, batch_size=64, n_sup=2, lr=1e-2, warmup=10, ema_decay=0.0
    )
    sizes = {"grid": (2, 2), "activation": activation}
    mixed, alone = model(**sizes), model(**sizes, mixing="none")
    untrained = exact_by_k(mixed, data, 2)
    history = fit(mixed, data, config, progress=False)
    fit(alone, data, config, progress=False)
    assert history.loss[-1] < 0.1 * history.loss[0]
    assert untrained[1] < 0.1
    assert exact_by_k(mixed, data, 2)[1] > 0.95
    assert exact_by_k(alone, data, 2)[1] < 0.1


def test_weights_come_back_the_same(tmp_path):
    trm = model(activation="relu", n_cycles=2, carry=False, n_low=2)
    path = tmp_path / "model.safetensors"
    save_model(trm, path)
    again = load_model(path)
    assert type(again) is HierarchicalTRM
    assert again.config == trm.config
    assert torch.equal(think(again, boards(), 2)[1], think(trm, boards(), 2)[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low_width": 0}, "low_width expected a whole number >= 1, got 0"),
        ({"n_low": 0}, "n_low expected a whole number >= 1, got 0"),
        ({"n_cycles": 0}, "n_cycles expected a whole number >= 1, got 0"),
        ({"n_cycles": 1.5}, "n_cycles expected a whole number >= 1, got 1.5"),
        ({"n_layers": 0}, "n_layers expected a whole number >= 1, got 0"),
        ({"activation": "gelu"}, r"^activation expected one of .*'relu'.* got 'gelu'"),
        ({"low_activation": None}, "low_activation expected one of .*'relu'.* got None"),
        ({"carry": 1}, "carry expected True or False, got 1"),
        ({"mixing": "convolution"}, "mixing expected one of .* got 'convolution'"),
        (
            {"width": 18, "mixing": "attention"},
            "multiple of 8 for attention with n_heads=4 and positions=.rope., got 18",
        ),
    ],
)
def test_wrong_configurations_say_what_was_expected(changes, message):
    with pytest.raises(ValueError, match=message):
        HierarchicalConfig(**{**SMALL, **changes})


@pytest.mark.parametrize(
    ("start", "inputs", "message"),
    [
        (boards(), torch.zeros(3, 4, 4), r"int64 tokens of shape \(B, 4, 4\), got torch.float32"),
        (boards(), torch.full((3, 4, 4), 5), "tokens from 0 to 4, got 5 to 5"),
        (
            boards(2),
            boards(3),
            r"carry expected states of shapes \[\(3, 16, 16\).* got \[\(2, 16, 16\).*: start with",
        ),
        (
            torch.zeros(1, 6, 6),
            torch.zeros(1, 6, 6, dtype=torch.int64),
            r"boards of shape \(4, 4\).*got \(6, 6\)",
        ),
    ],
)
def test_wrong_inputs_say_what_was_expected(start, inputs, message):
    trm = model()
    with pytest.raises(ValueError, match=message):
        trm(trm.initial_carry(start), inputs)
