"""Speed of the TRM: ``python tests/bench/bench_trm.py``.

Speed is given as a ratio to `readable_trm.py`, the same architecture written plainly (eager,
float32), with the same weights and boards. The two take turns within this process, so that whatever
else the machine does meets both; a ratio is the median over turns, and behind it stand the
quartiles. Train step: forward, loss, backward, AdamW. Inference: one improvement step.
"""

import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from timeit import timeit

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.readable_trm import ReadableTRM
from trm_lib.models import TRM, TRMConfig, fast_mode

SHAPES = ((16, 64, 128, 4), (81, 128, 32, 8), (900, 64, 8, 4))  # L, D, B, heads
MIXINGS = ("mlp", "attention")
VOCAB, TURNS = 11, 9


def build(L: int, D: int, heads: int, mixing: str) -> tuple[ReadableTRM, TRM]:
    """The plain model and the library's, with the same weights and the official settings."""
    config = TRMConfig(
        vocab_size=VOCAB, grid=(L,), width=D, n_layers=2, mixing=mixing, expansion=4.0,
        hidden_multiple=256, n_heads=heads, positions="rope", n_latent=6, n_cycles=3,
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


def take_turns(works: list[Callable[[], object]]) -> list[list[float]]:
    """Seconds of each call, a list for each of the works; a first turn warms up."""
    rounds = [[timeit(work, number=1) for work in works] for _ in range(1 + TURNS)]
    return [list(times) for times in zip(*rounds[1:], strict=True)]


def ratio(reference: list[float], ours: list[float]) -> str:
    """Median of the ratios of neighbours, and their quartiles."""
    low, middle, high = statistics.quantiles(
        (r / o for r, o in zip(reference, ours, strict=True)), n=4, method="inclusive"
    )
    return f"{middle:4.2f} ({low:4.2f}-{high:4.2f})"


def compare(L: int, D: int, B: int, heads: int, mixing: str) -> None:
    """Print the rows of one shape: train step and inference, float32 and fast mode."""
    name, inputs, labels = f"{L}, {D}, {B}", boards(B, L, seed=0), boards(B, L, seed=1)
    pair = build(L, D, heads, mixing)
    tasks = {"train": (train_step, (inputs, labels)), "inference": (inference, (inputs,))}

    def both() -> dict[str, list[list[float]]]:
        return {
            task: take_turns([work(model, *data) for model in pair])
            for task, (work, data) in tasks.items()
        }

    eager = both()
    with fast_mode(pair[1], inputs) as report:
        fast = both()
    for task in tasks:
        print(
            f"{name:12} {mixing:9} {task:9} {1e3 * statistics.median(eager[task][0]):5.0f} ms  "
            f"{ratio(*eager[task]):>17}  {ratio(*fast[task]):>17} {report.compile_seconds:6.1f} s"
            f"{' (eager)' if report.fallback else ''}",
            flush=True,
        )


def main() -> None:
    print(
        f"PyTorch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}, "
        f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}\n"
        f"{'L, D, B':12} {'mixing':9} {'task':9} {'plain':>8}  {'library, float32':>17}  "
        f"{'fast mode':>17}  compile"
    )
    for shape in SHAPES:
        for mixing in MIXINGS:
            compare(*shape, mixing)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:  # nothing is found compiled from a time before
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        main()
