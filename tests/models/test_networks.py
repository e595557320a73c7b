"""The TRM and its rivals: one contract for all, and what a step of each rival computes."""

import pytest
import torch
from torch.nn import functional as F

from book.recipes.ablations import MultiScaleConfig
from tests.models.small import SMALL, boards, seeded, think
from trm_lib import models
from trm_lib.evaluation import answer_flops

KINDS = {
    "trm": (models.TRMConfig, {}),
    "looped": (models.LoopedConfig, {}),
    "scales": (MultiScaleConfig, {}),
    "levels": (models.HierarchicalConfig, {"low_width": 8}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def new(kind, seed=0, **changes):
    config, sizes = KINDS[kind]
    return models.build_model(config(**SMALL | sizes | changes), seed)


def states(carry):
    return list(vars(carry).values())


# --- one contract


@every_kind
def test_plain_sequences_other_sizes_and_no_boards_are_answered(kind):
    assert think(new(kind, grid=(16,)), boards().flatten(1), 1)[0].shape == (3, 16, 5)
    by_place = {"mixing": "attention", "positions": "rope2d", "puzzle_tokens": 3}
    for changes in ({"mixing": "conv"}, {"mixing": "gru"}, by_place):
        assert think(new(kind, **changes), boards(2, (6, 7)), 1)[0].shape == (2, 6, 7, 5)
    assert think(new(kind), boards()[:0], 2)[1].shape == (0, 4, 4, 5)


@every_kind
def test_steps_go_on_from_every_state_of_a_detached_carry_and_from_nothing_else(kind):
    model = new(kind)
    first, one = model(model.initial_carry(boards()), boards())
    _, two = model(first, boards())
    think(model, boards(seed=9), 2)  # something else in between
    assert torch.equal(two.logits, model(first, boards())[1].logits)
    assert not torch.allclose(one.logits, two.logits)
    assert two.logits.requires_grad
    assert not any(state.requires_grad for state in states(first))
    for name, state in vars(first).items():
        moved = type(first)(**vars(first) | {name: state + 1})
        assert not torch.allclose(two.logits, model(moved, boards())[1].logits), name


@every_kind
def test_boards_of_a_batch_do_not_see_each_other_and_rows_are_theirs(kind):
    model = new(kind)
    together = think(model, boards(), 2)[1]
    alone = torch.cat([think(model, board[None], 2)[1] for board in boards()])
    torch.testing.assert_close(together, alone)
    some = torch.tensor([True, False, True])
    carry, _ = model(model.initial_carry(boards()), boards())
    _, out = model(carry.rows(some), boards()[some])
    torch.testing.assert_close(out.logits, together[some])


@every_kind
def test_a_seed_fixes_the_model_and_starts_are_fixed_not_learned(kind):
    before = torch.get_rng_state()
    first, again, other = (new(kind, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    for name, tensor in first.items():
        assert torch.equal(tensor, again[name]), name
        assert not torch.equal(tensor, other[name]), name
    model = new(kind)
    starts = {name for name, _ in model.named_buffers()}
    assert starts == {f"{name[0]}0" for name in vars(model.initial_carry(boards()))}
    for name, state in vars(model.initial_carry(boards())).items():
        start = getattr(model, f"{name[0]}0").unsqueeze(-2)  # the same in every cell
        assert torch.equal(state, start.expand_as(state))


RELU = {"activation": "relu", "low_activation": "relu", "n_low": 2}


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv", "gru", "none"])
@pytest.mark.parametrize(("kind", "changes"), [*((kind, {}) for kind in KINDS), ("levels", RELU)])
def test_the_gradient_of_one_step_reaches_every_parameter(kind, changes, mixing):
    model = new(kind, mixing=mixing, n_layers=2, positions="learned", **changes)
    answer = think(model, boards(), 1)[0].flatten(0, 2)
    F.cross_entropy(answer, boards(seed=1).flatten()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("kind", "more", "few"),
    [
        ("trm", {"n_cycles": 3}, {"n_cycles": 1}),
        ("looped", {"n_calls": 2, "n_cycles": 3}, {"n_calls": 2, "n_cycles": 1}),
        ("scales", {"n_cycles": 3}, {"n_cycles": 1}),
        ("levels", {"n_cycles": 3, "full_gradient": False}, {"n_cycles": 1}),
    ],
)
def test_cycles_before_the_last_add_thought_but_no_gradient(kind, more, few):
    long, short = new(kind, **more), new(kind, **few)
    carry = short.initial_carry(boards())
    for _ in range(2):
        carry, _ = short(carry, boards())
    _, expected = short(carry, boards())
    _, out = long(long.initial_carry(boards()), boards())
    torch.testing.assert_close(out.logits, expected.logits)
    expected.logits.square().sum().backward()
    out.logits.square().sum().backward()
    for ours, theirs in zip(long.parameters(), short.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@every_kind
def test_puzzle_tokens_think_along_and_are_cut_off(kind):
    model = new(kind, puzzle_tokens=2, n_puzzles=3, mixing="attention")
    torch.nn.init.normal_(model.puzzle_embedding, generator=seeded())
    start = model.initial_carry(boards())
    carry, plain = model(start, boards())
    _, other = model(start, boards(), torch.tensor([0, 1, 2]))
    assert all(state.shape[-2] == 18 for state in states(carry))
    assert torch.equal(plain.logits[0], other.logits[0])
    assert not torch.allclose(plain.logits[1:], other.logits[1:])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (boards().float(), r"int64 tensor \(B, 4, 4\), got Tensor of torch.float32"),
        (boards().flatten(1), r"got Tensor of torch.int64, shape \(3, 16\)"),
        (boards() + 5, "tokens from 0 to 4, got 5 to 9"),
        (boards() - 5, "tokens from 0 to 4, got -5 to -1"),
        (
            boards(3, (6, 6)),
            r"boards of shape \(4, 4\), whose cells.*got \(6, 6\): use mixing='conv', .* "
            "with positions='rope2d', for boards of other sizes",
        ),
        (boards(2), r"carry expected .*\(2, .*got .*\(3, .*start with model.initial_carry"),
    ],
)
@every_kind
def test_wrong_inputs_and_carries_of_other_boards_are_refused(kind, inputs, message):
    model = new(kind)
    with pytest.raises(ValueError, match=message):
        model(model.initial_carry(boards()), inputs)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("looped", {"n_calls": 0}, "n_calls expected a whole number >= 1, got 0"),
        ("scales", {"n_latent": 0}, "n_latent expected a whole number >= 1, got 0"),
        ("levels", {"activation": "gelu"}, r"^activation expected one of .*'relu'.* got 'gelu'"),
        ("levels", {"carry": 1}, "carry expected True or False, got 1"),
        ("trm", {"n_latent": -1}, r"n_latent expected a whole number >= 0, got -1"),
        ("trm", {"mixing": "convolution"}, "mixing expected one of .*'conv'.* got 'convolution'"),
        ("trm", {"width": 18, "mixing": "attention"},
         "multiple of 8 for attention with n_heads=4 and positions=.rope., got 18"),
        ("trm", {"grid": (4, 4, 4)}, r"grid expected \(rows, columns\)"),
        ("trm", {"grid": (16,), "mixing": "conv"}, r"mixing='conv' expected a grid of \(rows, col"),
        ("trm", {"expansion": "4"}, "expansion expected a number > 0, got '4'"),
        ("trm", {"continuing": True}, "continuing expected halting=True"),
    ],
)  # fmt: skip
def test_wrong_configurations_say_what_was_expected(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        new(kind, **changes)


# --- one pass, and the loop


def test_feed_forward_is_one_pass_of_its_blocks_in_order_and_carries_nothing():
    rival = models.FeedForward(models.BoardConfig(**SMALL | {"n_layers": 2}))
    first, second = rival.stack.blocks
    h = second(first(rival.embed(boards()), (4, 4)), (4, 4))
    carry, out = rival(rival.initial_carry(boards()), boards())
    assert carry is None
    torch.testing.assert_close(out.logits, rival.read(h, boards()))


def test_a_step_of_the_loop_is_so_many_calls_on_state_and_question():
    model, step = new("looped", n_calls=3), new("looped", n_calls=1)
    x, h = model.embed(boards()), model.h0.expand(3, 16, -1)
    for _ in range(3):
        h = model.stack(h + x, (4, 4))
    model.read(h, boards()).sum().backward()
    by_hand = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    carry, out = model(model.initial_carry(boards()), boards())
    torch.testing.assert_close(carry.h, h)
    torch.testing.assert_close(out.logits, think(step, boards(), 3)[-1])
    out.logits.sum().backward()  # through every call
    for expected, parameter in zip(by_hand, model.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected)


# --- a state for every thought


@pytest.mark.parametrize("mixing", ["mlp", "attention", "conv"])
def test_with_one_thought_multi_scale_is_the_trm(mixing):
    sizes = {"mixing": mixing, "n_latent": 1, "n_cycles": 2}
    ours, trm = new("scales", **sizes), models.TRM(models.TRMConfig(**SMALL, **sizes))
    for a, b in zip(think(ours, boards(), 3), think(trm, boards(), 3), strict=True):
        torch.testing.assert_close(a, b)


def test_every_thought_sees_the_newest_of_the_others():
    model = new("scales", n_latent=2, n_cycles=2)
    x, y = model.embed(boards()), model.y0.expand(3, 16, -1)
    first, second = (z0.expand(3, 16, -1) for z0 in model.z0)
    for _ in range(2):
        first = model.stack(x + y + first + second, (4, 4))
        second = model.stack(x + y + first + second, (4, 4))
        y = model.stack(y + first + second, (4, 4))
    carry, out = model(model.initial_carry(boards()), boards())
    torch.testing.assert_close(out.logits, model.read(y, boards()))
    torch.testing.assert_close(carry.z, torch.stack([first, second], 1))
    torch.testing.assert_close(carry.y, y)


# --- two levels


def test_a_cycle_is_what_the_docstring_says():
    """Recomputed with plain matrices: high level, projection, low level, feedback, answer."""
    trm = new("levels", mixing="none", n_cycles=2).requires_grad_(False)
    w = trm.state_dict()

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


def test_without_carry_every_call_says_the_same():
    one, *others = think(new("levels", carry=False), boards(), 3)
    for answer in (*others, think(new("levels"), boards(), 1)[0]):
        assert torch.equal(one, answer)


def test_parameters_and_operations_counted_by_hand():
    exact = {"hidden_multiple": 1, "expansion": 3.0, "mixing": "none"}
    around = 5 * 16 + 5 * 16 + 16 * 8 + 8 * 16  # embedding, head, down and up between the levels
    # SwiGLU: three matrices, hidden 2 * width; ReLU: two matrices, hidden 3 * width
    for name, high, low in [("swiglu", 3 * 16 * 32, 3 * 8 * 16), ("relu", 2 * 16 * 48, 2 * 8 * 24)]:
        trm = new("levels", **exact, activation=name, low_activation=name, n_layers=2, n_low=3)
        assert models.count_parameters(trm) == around + 2 * high + 3 * low
    # with hidden sizes rounded up to 32: high SwiGLU 64, low ReLU 32, and SwiGLU over 16 cells 64
    whole = new("levels")
    assert models.count_parameters(whole) == around + 3 * 16 * 64 + 3 * 16 * 64 + 2 * 8 * 32
    head, matrices = 2 * 16 * 5 * 16, models.count_parameters(whole) - 5 * 16 - 5 * 16
    # every matrix meets each of 16 cells once; that of the mixing meets each of 16 channels
    once = 2 * 16 * matrices + head
    assert answer_flops(whole, (4, 4)) == once
    assert answer_flops(whole, (4, 4), 3) == 3 * once
    assert answer_flops(new("levels", n_cycles=3), (4, 4)) == 3 * once - 2 * head
