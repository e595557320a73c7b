"""The fast mode: the same model, sooner; and eager float32 wherever it is not to be had.

One test compiles in earnest, and is skipped on a processor that cannot multiply bfloat16 or
without a C++ compiler. The others let the compiler's first half do, which records a graph and
its gradient and runs them operation by operation: the same path through this library, in seconds.
"""

import copy
import shutil
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from trm_lib.models import (
    TRM,
    BoardConfig,
    FeedForward,
    HierarchicalConfig,
    HierarchicalTRM,
    TRMConfig,
    fast_mode,
)
from trm_lib.models import fast as fast_module

SIZES = {"vocab_size": 5, "grid": (2, 2), "width": 16, "expansion": 2.0}
FASTER, EAGER = "bfloat16, compiled", "float32, eager"


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    """What is compiled goes to a folder of its own."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))


@pytest.fixture
def half_compiled(monkeypatch):
    """Graphs are recorded but not compiled, on any processor."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))


def boards(count, grid=(2, 2), seed=0):
    return torch.randint(0, 5, (count, *grid), generator=torch.Generator().manual_seed(seed))


def attention(n_cycles=2):
    return TRM(TRMConfig(**SIZES, mixing="attention", n_latent=2, n_cycles=n_cycles))


def answer(model, inputs, steps=2):
    carry = model.initial_carry(inputs)
    for _ in range(steps):
        carry, out = model(carry, inputs)
    return out.logits


def gradients(model, inputs, labels):
    loss = F.cross_entropy(answer(model, inputs, 1).flatten(0, -2), labels.flatten())
    return torch.autograd.grad(loss, list(model.parameters()))


KINDS = {
    "attention": attention,
    "mlp": lambda: TRM(TRMConfig(**SIZES, mixing="mlp", n_latent=1, n_cycles=1)),
    "feedforward": lambda: FeedForward(BoardConfig(**SIZES, mixing="conv")),
    "hierarchical": lambda: HierarchicalTRM(HierarchicalConfig(**SIZES, low_width=8)),
}


@pytest.mark.usefixtures("half_compiled")
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_answers_and_gradients_are_the_same_up_to_bfloat16(make):
    compare_with_eager(make())


@pytest.mark.skipif(not torch.cpu._is_avx512_bf16_supported(), reason="needs a newer processor")
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_the_same_compiled_in_earnest():
    compare_with_eager(attention())


def compare_with_eager(model):
    inputs, labels = boards(6), boards(6, seed=1)
    logits, expected = answer(model, inputs), gradients(model, inputs, labels)
    with fast_mode(model, inputs) as report:
        assert report.mode == FASTER
        assert report.compile_seconds > 0
        with torch.inference_mode():
            fast = answer(model, inputs)
        found = gradients(model, inputs, labels)
    assert fast.dtype == torch.float32
    # eight bits, through a dozen products one after the other
    assert 0 < (fast - logits).norm() < 0.05 * logits.norm()
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() <= 0.1 * theirs.norm()


@pytest.mark.usefixtures("half_compiled")
def test_any_number_of_boards_is_served_by_what_was_compiled_for_one():
    model, inputs = attention(), boards(11)
    model.eval()
    with fast_mode(model, boards(4)), torch.no_grad():
        together = answer(model, inputs)
        for some in (inputs[:1], inputs[:4], inputs[:7], inputs):
            torch.testing.assert_close(answer(model, some), together[: len(some)], rtol=0, atol=0)
    assert list(fast_module._compiled[model.stack]) == [((4, 4, 16), (2, 2), False)]


@pytest.mark.usefixtures("half_compiled")
def test_a_part_of_a_batch_has_its_own_gradient():
    model, inputs, labels = attention(), boards(4), boards(4, seed=1)
    alone = gradients(model, inputs[:3], labels[:3])
    with fast_mode(model, inputs):
        for ours, theirs in zip(gradients(model, inputs[:3], labels[:3]), alone, strict=True):
            assert (ours - theirs).norm() <= 0.1 * theirs.norm()


@pytest.mark.usefixtures("half_compiled")
def test_boards_of_another_shape_take_the_eager_way():
    config = TRMConfig(**SIZES, mixing="attention", positions="rope2d", n_latent=1)
    model, larger = TRM(config).eval(), boards(3, (3, 3))
    expected = answer(model, larger)
    with fast_mode(model, boards(3)):
        assert torch.equal(answer(model, larger), expected)


@pytest.mark.usefixtures("half_compiled")
def test_a_model_learns_in_fast_mode_and_is_afterwards_what_it_was():
    model, inputs = attention(n_cycles=1), boards(8)
    labels = (inputs + 1) % 5
    names = list(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    with fast_mode(model, inputs) as report:
        assert report.mode == FASTER
        assert list(model.state_dict()) == names
        for _ in range(60):
            loss = F.cross_entropy(answer(model, inputs, 1).flatten(0, -2), labels.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert list(model.state_dict()) == names
    assert model.stack._compiled_call_impl is None
    assert torch.equal(answer(model, inputs, 1).argmax(-1), labels)


@pytest.mark.usefixtures("half_compiled")
def test_entering_leaves_gradients_and_random_numbers_alone():
    model, inputs = attention(), boards(4)
    weight = model.stack.blocks[0].swiglu.down.weight
    weight.grad = torch.ones_like(weight)
    before = torch.get_rng_state()
    with fast_mode(model, inputs):
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(weight.grad, torch.ones_like(weight))
        assert sum(parameter.grad is not None for parameter in model.parameters()) == 1


@pytest.mark.usefixtures("half_compiled")
def test_a_copy_made_inside_is_eager_and_has_weights_of_its_own():
    model, inputs = attention(), boards(4)
    expected = answer(model, inputs)
    with fast_mode(model, inputs):
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
        assert torch.equal(answer(twin, inputs), expected)


@pytest.mark.usefixtures("half_compiled")
def test_a_second_time_nothing_is_compiled_again():
    model, inputs = attention().eval(), boards(4)
    with fast_mode(model, inputs):
        outer = model.stack._compiled_call_impl
        with fast_mode(model, inputs) as again:
            assert again.compile_seconds < 0.1
        assert model.stack._compiled_call_impl is outer
    assert model.stack._compiled_call_impl is None


@pytest.mark.usefixtures("half_compiled")
def test_many_models_can_be_fast_one_after_the_other():
    inputs = boards(2)
    for _ in range(10):  # PyTorch by itself stops after eight
        model = attention(n_cycles=1).eval()
        expected = answer(model, inputs)
        with fast_mode(model, inputs), torch.no_grad():
            assert not torch.equal(answer(model, inputs), expected)


def broken_compile(*args, **kwargs):
    raise RuntimeError("no compiler to be found\nand a long story")


FALLBACKS = {
    "torch.compile": (torch, "compile", broken_compile, "RuntimeError: no compiler to be found"),
    "processor": (torch.cpu, "_is_avx512_bf16_supported", lambda: False, "cannot multiply bfloat"),
}


@pytest.mark.parametrize(("owner", "name", "broken", "message"), FALLBACKS.values(), ids=FALLBACKS)
def test_without_a_compiler_or_bfloat16_everything_goes_on_in_eager_float32(
    monkeypatch, owner, name, broken, message
):
    model, inputs = attention(), boards(4)
    expected = answer(model, inputs)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(owner, name, broken)
    context = fast_mode(model, inputs)
    with pytest.warns(UserWarning, match=f"float32, eager: .*{message}.*only slower"):
        report = context.__enter__()
    assert report.mode == EAGER
    assert message in report.fallback
    assert "\n" not in str(report)
    assert torch.equal(answer(model, inputs), expected)


def test_a_missing_c_compiler_is_a_fallback_too(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    model, inputs = TRM(TRMConfig(**SIZES, mixing="none")).eval(), boards(4)
    expected = answer(model, inputs)
    context = fast_mode(model, inputs)
    with pytest.warns(UserWarning, match="float32, eager: compiling failed"):
        report = context.__enter__()
    assert report.mode == EAGER
    assert torch.equal(answer(model, inputs), expected)


@pytest.mark.usefixtures("half_compiled")
def test_after_an_exception_inside_the_model_is_what_it_was():
    model, inputs = attention().eval(), boards(4)
    expected = answer(model, inputs)
    with pytest.raises(ZeroDivisionError), fast_mode(model, inputs):
        raise ZeroDivisionError
    assert model.stack._compiled_call_impl is None
    assert torch.equal(answer(model, inputs), expected)
