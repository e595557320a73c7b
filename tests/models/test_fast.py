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
from torch._dynamo.utils import counters

from tests.models import small
from tests.models.small import think
from trm_lib import models

SIZES = {"vocab_size": 5, "grid": (2, 2), "width": 16, "n_layers": 1, "expansion": 2.0}
DEEP = {"n_layers": 2}


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
    return small.boards(count, grid, seed)


def attention(n_cycles=2):
    return models.TRM(models.TRMConfig(**SIZES, mixing="attention", n_latent=2, n_cycles=n_cycles))


def answer(model, inputs, steps=2):
    return think(model, inputs, steps)[-1]


def gradients(model, inputs, labels):
    loss = F.cross_entropy(answer(model, inputs, 1).flatten(0, -2), labels.flatten())
    return torch.autograd.grad(loss, list(model.parameters()))


KINDS = {
    "attention": attention,
    "mlp": lambda: models.TRM(models.TRMConfig(**SIZES, mixing="mlp", n_latent=1, n_cycles=1)),
    "feedforward": lambda: models.FeedForward(models.BoardConfig(**SIZES, mixing="conv")),
    "hierarchical": lambda: models.HierarchicalTRM(
        models.HierarchicalConfig(**SIZES | DEEP, low_width=8)
    ),
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
    logits = answer(model, inputs)
    parts = (inputs, labels), (inputs[:5], labels[:5])  # a part of a batch has its own gradient
    expected = [gradients(model, *part) for part in parts]
    with models.fast_mode(model, inputs) as report:
        assert report.fallback is None
        with torch.inference_mode():
            fast = answer(model, inputs)
        found = [gradients(model, *part) for part in parts]
    assert fast.dtype == torch.float32
    # eight bits, through a dozen products one after the other
    assert 0 < (fast - logits).norm() < 0.05 * logits.norm()
    for ours, theirs in zip(sum(found, ()), sum(expected, ()), strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() <= 0.1 * theirs.norm()


@pytest.mark.usefixtures("half_compiled")
def test_any_number_of_boards_is_served_by_what_was_compiled_for_one_and_no_other_shape():
    config = models.TRMConfig(**SIZES, mixing="attention", positions="rope2d")
    model, inputs, larger = models.TRM(config).eval(), boards(11), boards(3, (3, 3))
    expected = answer(model, larger)
    counters.clear()
    with models.fast_mode(model, boards(4)), torch.no_grad():
        assert torch.equal(answer(model, larger), expected)
        together = answer(model, inputs)
        for some in (inputs[:1], inputs[:4], inputs[:7], inputs):
            torch.testing.assert_close(answer(model, some), together[: len(some)], rtol=0, atol=0)
    assert counters["stats"]["unique_graphs"] == 1


@pytest.mark.usefixtures("half_compiled")
def test_what_is_learnt_inside_counts_and_the_rest_is_left_alone():
    model, inputs = attention(), boards(4)
    names, before, expected = list(model.state_dict()), torch.get_rng_state(), answer(model, inputs)
    with models.fast_mode(model, inputs):
        assert torch.equal(torch.get_rng_state(), before)
        assert all(parameter.grad is None for parameter in model.parameters())
        twin = copy.deepcopy(model)  # a copy is eager, and has weights of its own
        assert torch.equal(answer(twin, inputs), expected)
        for parameter in model.parameters():
            parameter.data.mul_(0.5)
        assert list(model.state_dict()) == names
        assert torch.equal(answer(twin, inputs), expected)
        fast = answer(model, inputs)
    after = answer(model, inputs)
    assert 0 < (fast - after).norm() < 0.05 * after.norm() < (expected - after).norm()
    with torch.no_grad():
        assert torch.equal(answer(model, inputs), after)  # eager again
    with pytest.raises(ZeroDivisionError), models.fast_mode(model, inputs):
        raise ZeroDivisionError
    assert torch.equal(answer(model, inputs), after)


@pytest.mark.usefixtures("half_compiled")
def test_many_models_can_be_fast_one_after_the_other():
    inputs = boards(2)
    for _ in range(10):  # PyTorch by itself stops after eight
        model = models.TRM(models.TRMConfig(**SIZES, mixing="none")).eval()
        expected = answer(model, inputs)
        with models.fast_mode(model, inputs), torch.no_grad():
            assert not torch.equal(answer(model, inputs), expected)


def broken_compile(*args, **kwargs):
    raise RuntimeError("no compiler to be found\nand a long story")


FALLBACKS = {
    "torch.compile": ("torch.compile", broken_compile, "RuntimeError: no compiler to be found"),
    "processor": (
        "torch.cpu._is_avx512_bf16_supported", lambda: False, "cannot multiply bfloat"
    ),
    "C compiler": ("torch._inductor.config.cpp.cxx", ("no-such-compiler",), "compiling failed"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "broken", "message"), FALLBACKS.values(), ids=FALLBACKS)
def test_without_a_compiler_or_bfloat16_everything_goes_on_in_eager_float32(
    monkeypatch, name, broken, message
):
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(name, broken)
    model, inputs = models.TRM(models.TRMConfig(**SIZES, mixing="none")).eval(), boards(4)
    expected = answer(model, inputs)
    context = models.fast_mode(model, inputs)
    with pytest.warns(UserWarning, match=f"float32, eager: .*{message}.*only slower"):
        report = context.__enter__()
    assert message in report.fallback
    assert "\n" not in str(report)
    assert torch.equal(answer(model, inputs), expected)
