"""The fast mode: a model's blocks compiled, with matrices multiplied in bfloat16.

    with fast_mode(model, inputs) as report:
        print(report)
        ...  # call, train, evaluate `model` as ever

It is never needed: where it is not to be had, a warning says why and everything goes on in eager
float32. Parameters, their gradients, what the steps carry and the logits are float32 in both; only
inside the stacks of blocks are the factors of each product rounded to bfloat16 (8 bits of 24).

Only the stacks are compiled, not the loops around them: a small graph compiles in seconds and
serves every n, T and K. It is made for the batch size of `inputs`: a smaller batch is filled up
with zeros, a larger one cut into pieces, which changes no answer, since boards do not see each
other. Boards of another shape take the eager way.

Axes: B batch, P puzzle tokens, L cells, D width.
"""

from __future__ import annotations

import time
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from trm_lib.models.layers import Stack
from trm_lib.models.trm import BoardNet


@dataclass(frozen=True)
class FastReport:
    """What `fast_mode` does; `print` it."""

    compile_seconds: float = 0.0  # how long compiling took, or trying to
    fallback: str | None = None  # why it is eager; None if it is not

    def __str__(self) -> str:
        if self.fallback:
            return f"fast mode: float32, eager: {self.fallback}"
        return f"fast mode: bfloat16, compiled in {self.compile_seconds:.1f} s"


@contextmanager
def fast_mode(model: BoardNet, inputs: Tensor) -> Iterator[FastReport]:
    """Inside the `with`, the stacks of `model` run compiled and in bfloat16.

    Compiling takes place at the start: the way without a gradient, and in training mode also the
    one with; in evaluation mode, calls with gradients on are eager. Copies of the model made inside
    (an average of its weights, for one) are eager, and its state dict keeps its names.

    Args:
        model: a `TRM`, `FeedForward` or `HierarchicalTRM`, in training mode if it will be trained.
        inputs: (B, *grid) int64, a batch of the usual size; only its shape counts.

    Yields:
        What was done. If it is nothing, a warning has said why.
    """
    stacks = [module for module in model.modules() if isinstance(module, Stack)]
    before = [stack._compiled_call_impl for stack in stacks]
    calls, start, reason = before, time.perf_counter(), _unsupported(stacks, inputs.device)
    if reason is None:
        grid = tuple(inputs.shape[1:])
        try:
            shape = (len(inputs), model.config.length(grid))
            calls = [_fast_call(stack, shape, grid, model.training) for stack in stacks]
        except Exception as error:  # whatever a compiler may raise: there is always the eager way
            said = " ".join(str(error).split())[:200]
            reason = f"compiling failed with {type(error).__name__}: {said}"
    report = FastReport(time.perf_counter() - start, reason)
    if reason is not None:
        warnings.warn(f"{report}; results are right, only slower", stacklevel=3)
    try:
        for stack, call in zip(stacks, calls, strict=True):
            # PyTorch's own place for this; it stays behind when a module is copied or saved
            stack._compiled_call_impl = call
        yield report
    finally:
        for stack, call in zip(stacks, before, strict=True):
            stack._compiled_call_impl = call


def _unsupported(stacks: list[Stack], device: torch.device) -> str | None:
    """Why there is no fast mode here, before anything is tried; None if it may work."""
    if not stacks:
        return "the model has no stack of blocks to compile"
    if device.type != "cpu":
        return f"it is made for processors, got inputs on {device}"
    if not getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)():
        return "this processor cannot multiply bfloat16"
    return None


FastCall = Callable[[Tensor, tuple[int, ...]], Tensor]


def _fast_call(
    stack: Stack, shape: tuple[int, int], grid: tuple[int, ...], with_gradient: bool
) -> FastCall:
    """Compile `stack` for h of shape (B, P + L, D), and return what takes its place."""
    shape, made_for = (*shape, stack.blocks[0].swiglu.down.weight.shape[0]), grid
    ways = {False: _compiled(stack, shape, grid, False)}
    if with_gradient:
        ways[True] = _compiled(stack, shape, grid, True)

    def call(h: Tensor, grid: tuple[int, ...]) -> Tensor:
        run = ways.get(torch.is_grad_enabled())
        if run is None or h.shape[1:] != shape[1:] or grid != made_for:
            return stack._call_impl(h, grid)
        padded = F.pad(h, (0, 0, 0, 0, 0, -len(h) % shape[0]))
        return torch.cat([run(part) for part in padded.split(shape[0])])[: len(h)]

    return call


def _compiled(
    stack: Stack, shape: tuple[int, ...], grid: tuple[int, ...], with_gradient: bool
) -> Callable[[Tensor], Tensor]:
    """One way through `stack`, and its gradient, compiled by running it once."""
    # PyTorch counts compilations by code object and stops at eight: a fresh one for each
    fresh = types.FunctionType(Stack.forward.__code__.replace(), Stack.forward.__globals__)

    def run(h: Tensor) -> Tensor:
        with torch.inference_mode(False), torch.set_grad_enabled(with_gradient):
            if h.is_inference():
                h = h.clone()  # an ordinary tensor, for which the same compiled way serves
            with torch.autocast("cpu", torch.bfloat16):
                return compiled(stack, h, grid)

    h = torch.zeros(shape, requires_grad=with_gradient)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # compilers talk; what matters to the caller is raised
        compiled = torch.compile(fresh, dynamic=False)
        with torch.no_grad():
            stack.forward(h, grid)  # makes the rotary tables, which then are not compiled in
        out = run(h)
        if with_gradient:
            torch.autograd.grad(out.sum(), [h, *stack.parameters()])
    return run
