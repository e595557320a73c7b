"""Speed and memory of the TRM: ``python tests/bench/bench_trm.py [--quick]``.

Speed is given as a ratio to `readable_trm.py`, the same architecture written plainly (eager,
float32), with the same weights and boards. The two take turns within this process, so that whatever
else the machine does meets both; a ratio is the median over turns, and behind it stand the
quartiles. Train step: forward, loss, backward, AdamW. Inference: one improvement step.

"Of peak" is the arithmetic of the matrix products, by count, a second, against the fastest that
PyTorch multiplies two large matrices here: in float32, by MKL or oneDNN, for the eager columns, in
bfloat16 for the fast mode.

Memory is counted, not read from the process, so that no allocator is in the way: the most bytes
that autograd kept at any moment for a backward pass, each storage once, parameters not. It is what
grows with the model; what a single operation needs while it runs comes on top.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.readable_trm import ReadableTRM
from trm_lib.models import TRM, TRMConfig, fast_mode
from trm_lib.models.fused import ONEDNN
from trm_lib.models.layers import swiglu_hidden

SHAPES = ((16, 64, 128, 4), (81, 128, 32, 8), (900, 64, 8, 4))  # L, D, B, heads
MIXINGS = ("mlp", "attention")
VOCAB = 11


def build(L: int, D: int, heads: int, mixing: str, **changes) -> tuple[ReadableTRM, TRM]:
    """The plain model and the library's, with the same weights and the official settings."""
    settings = {"n_latent": 6, "n_cycles": 3} | changes
    config = TRMConfig(
        vocab_size=VOCAB, grid=(L,), width=D, n_layers=2, mixing=mixing, expansion=4.0,
        hidden_multiple=256, n_heads=heads, positions="rope", **settings,
    )  # fmt: skip
    model = TRM(config)
    plain = ReadableTRM(config)
    plain.load_state_dict(model.state_dict())
    return plain, model


def boards(B: int, L: int, seed: int) -> torch.Tensor:
    return torch.randint(0, VOCAB, (B, L), generator=torch.Generator().manual_seed(seed))


def caller(model: ReadableTRM | TRM, inputs: torch.Tensor) -> Callable[[], torch.Tensor]:
    """A function that takes one improvement step from the beginning and returns its logits."""
    if isinstance(model, TRM):
        carry = model.initial_carry(inputs)
        return lambda: model(carry, inputs)[1].logits
    y, z = model.start(inputs)
    return lambda: model(y, z, inputs, None)[2]


def inference(model: ReadableTRM | TRM, inputs: torch.Tensor) -> Callable[[], torch.Tensor]:
    return torch.inference_mode()(caller(model, inputs))


def train_step(model: ReadableTRM | TRM, inputs: torch.Tensor, labels: torch.Tensor):
    """A function that makes one optimizer step."""
    call, optimizer = caller(model, inputs), torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        F.cross_entropy(call().flatten(0, -2), labels.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def take_turns(a: Callable, b: Callable, turns: int) -> tuple[list[float], list[float]]:
    """Seconds of `a` and of `b`, called one after the other, `turns` times."""
    a(), b()
    pairs = [(seconds(a), seconds(b)) for _ in range(turns)]
    return [p[0] for p in pairs], [p[1] for p in pairs]


def peak(dtype: torch.dtype) -> float:
    """The fastest product of two large matrices: operations a second."""
    n = 2048
    a = torch.randn(n, n).to(dtype)
    ways = [lambda: a @ a]
    if dtype == torch.float32 and ONEDNN:
        ways.append(lambda: torch.ops.mkldnn._linear_pointwise(a, a, None, "none", [], ""))
    return 2 * n**3 / min(seconds(way) for way in ways for _ in range(8))


def product_flops(config: TRMConfig) -> int:
    """Operations in the matrix products of one improvement step of one board, forward only."""
    L, D = config.n_cells, config.width

    def gated(width: int, rows: int) -> int:
        hidden = swiglu_hidden(width, config.expansion, config.hidden_multiple)
        return 2 * rows * width * 3 * hidden

    mixing = gated(L, rows=D) if config.mixing == "mlp" else 2 * L * 4 * D * D + 4 * L * L * D
    calls = config.n_cycles * (config.n_latent + 1)
    return calls * config.n_layers * (mixing + gated(D, rows=L)) + 2 * L * D * config.vocab_size


def ratio(reference: list[float], ours: list[float]) -> str:
    """Median of the ratios of neighbours, and their quartiles."""
    low, middle, high = statistics.quantiles(
        (r / o for r, o in zip(reference, ours, strict=True)), n=4, method="inclusive"
    )
    return f"{middle:4.2f} ({low:4.2f}-{high:4.2f})"


def check(plain: ReadableTRM, model: TRM, inputs: torch.Tensor, bar: float, name: str) -> None:
    """Speed counts only for the same numbers: the logits of the two models must agree."""
    a, b = inference(plain, inputs)(), inference(model, inputs)()
    difference = float((a - b).norm() / a.norm())
    if not difference < bar:
        raise SystemExit(f"{name}: logits differ by {difference:.1e} of their size, over {bar}")


def compare(L: int, D: int, B: int, heads: int, mixing: str, turns: int, peaks) -> None:
    """Print the rows of one shape: train step and inference, float32 and fast mode."""
    name, inputs, labels = f"{L}, {D}, {B}", boards(B, L, seed=0), boards(B, L, seed=1)
    # agreement is tested with few calls of the network: an untrained one enlarges rounding
    pair = build(L, D, heads, mixing, n_latent=1, n_cycles=1)
    check(*pair, inputs, 1e-4, f"{name} {mixing}, float32")
    with fast_mode(pair[1].eval(), inputs):
        check(*pair, inputs, 5e-2, f"{name} {mixing}, fast mode")

    plain, model = build(L, D, heads, mixing)
    forward = B * product_flops(model.config)
    # the last of T cycles has a gradient, which takes two products for each one forward
    tasks = {
        "train": (train_step, (inputs, labels), forward * (1 + 2 / model.config.n_cycles)),
        "inference": (inference, (inputs,), forward),
    }

    def both(work: Callable, data: tuple) -> tuple[list[float], list[float]]:
        return take_turns(work(plain, *data), work(model, *data), turns)

    eager = {task: both(work, data) for task, (work, data, _) in tasks.items()}
    with fast_mode(model, inputs) as report:
        fast = {task: both(work, data) for task, (work, data, _) in tasks.items()}
    for task, (_, _, flops) in tasks.items():
        reference = statistics.median(eager[task][0])
        rates = (flops / statistics.median(side) for side in (*eager[task], fast[task][1]))
        shares = (rate / peak for rate, peak in zip(rates, peaks, strict=True))
        of_plain, of_float, of_fast = (f"{share:7.0%}" for share in shares)
        print(
            f"{name:12} {mixing:9} {task:9} {1e3 * reference:5.0f} ms {of_plain}  "
            f"{ratio(*eager[task]):>17} {of_float}  {ratio(*fast[task]):>17} {of_fast} "
            f"{report.compile_seconds:6.1f} s{' (eager)' if report.fallback else ''}",
            flush=True,
        )


class Kept:
    """What autograd keeps in the place of a tensor: the tensor, counted for as long as it lives."""

    def __init__(self, tensor: torch.Tensor, ledger: "Ledger"):
        self.tensor, self.ledger = tensor, ledger
        self.storage = tensor.untyped_storage()
        ledger.enter(self.storage)

    def __del__(self):
        self.ledger.leave(self.storage)


class Ledger:
    """Bytes of the storages kept for a backward pass: now, and the most so far."""

    def __init__(self, model: torch.nn.Module):
        self.holders = Counter({p.untyped_storage().data_ptr(): 1 for p in model.parameters()})
        self.now = self.most = 0

    def enter(self, storage: torch.UntypedStorage) -> None:
        self.holders[storage.data_ptr()] += 1
        if self.holders[storage.data_ptr()] == 1:
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)

    def leave(self, storage: torch.UntypedStorage) -> None:
        self.holders[storage.data_ptr()] -= 1
        if self.holders[storage.data_ptr()] == 0:
            self.now -= storage.nbytes()


def kept_bytes(model: ReadableTRM | TRM, inputs: torch.Tensor, k_steps: int = 1) -> int:
    """The most that is kept while a batch is trained on for K improvement steps."""
    ledger = Ledger(model)
    ours = isinstance(model, TRM)
    state = model.initial_carry(inputs) if ours else model.start(inputs)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: Kept(tensor, ledger), lambda kept: kept.tensor
    ):
        for _ in range(k_steps):
            if ours:
                state, out = model(state, inputs)
                logits = out.logits
            else:
                *state, logits, _ = model(*state, inputs, None)
            F.cross_entropy(logits.flatten(0, -2), inputs.flatten()).backward()
    return ledger.most


def memory() -> None:
    """Print what is kept, in MiB, against K, T and L."""
    L, D, B, heads = 16, 64, 32, 4
    print(f"\nkept for the backward pass, MiB: plain, library\n\nL, D, B = {L}, {D}, {B}")
    for mixing in MIXINGS:
        for what, values in (("K", (1, 2, 4, 8)), ("T", (1, 2, 4, 8))):
            row = []
            for value in values:
                changes = {"n_cycles": value} if what == "T" else {}
                pair = build(L, D, heads, mixing, **changes)
                k_steps = value if what == "K" else 1
                row.append([kept_bytes(m, boards(B, L, seed=0), k_steps) for m in pair])
            print(f"{mixing:9} {what} = {values}: {as_mib(row)}")
    print("D, B = 64, 4")
    for mixing in MIXINGS:
        lengths = (16, 81, 225, 900)
        row = [
            [kept_bytes(m, boards(4, L, seed=0)) for m in build(L, 64, 4, mixing)] for L in lengths
        ]
        print(f"{mixing:9} L = {lengths}: {as_mib(row)}")


def as_mib(row: list[list[int]]) -> str:
    return "; ".join(", ".join(f"{b / 2**20:.1f}" for b in pair) for pair in row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few turns, and no boards of 900")
    quick = parser.parse_args().quick
    print(
        f"PyTorch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}, "
        f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
    )
    in_float, in_bfloat = peak(torch.float32), peak(torch.bfloat16)
    print(f"peak: {in_float / 1e9:.0f} GFLOP/s in float32, {in_bfloat / 1e9:.0f} in bfloat16\n")
    print(
        f"{'L, D, B':12} {'mixing':9} {'task':9} {'plain':>8} {'of peak'}  "
        f"{'library, float32':>17} of peak  {'fast mode':>17} of peak  compile"
    )
    for shape in SHAPES[: 2 if quick else None]:
        for mixing in MIXINGS:
            compare(*shape, mixing, 5 if quick else 9, (in_float, in_float, in_bfloat))
    memory()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:  # nothing is found compiled from a time before
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        main()
