"""The networks that think in the page answer as those of the library do: the script, in Node."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from trm_lib.__main__ import main
from trm_lib.export import exported
from trm_lib.models import (
    BoardConfig,
    BoardPolicy,
    HierarchicalConfig,
    LoopedConfig,
    TRMConfig,
    build_model,
    load_model,
)
from trm_lib.puzzles import (
    generate_mazes,
    generate_sudoku,
    is_solution,
    maze_tokens,
    minimal_sudokus_4x4,
    move_tokens,
)
from trm_lib.solving import weights_folder

SCRIPT = Path(__file__).resolve().parents[2] / "book" / "_static" / "think.js"
IN_NODE = """
const fs = require("fs"), [script, folder] = process.argv.slice(1);
(0, eval)(fs.readFileSync(script, "utf8"));
const asked = JSON.parse(fs.readFileSync(folder + "/asked.json"));
const network = trmNetwork(JSON.parse(fs.readFileSync(folder + "/network.json")));
const logits = [];
asked.boards.forEach((board, i) => {
  let carry = network.start(board, asked.grid);
  for (let k = 0; k < asked.steps[i]; k++) {
    carry = network.step(carry);
    logits.push(Buffer.from(carry.logits.buffer));
  }
});
fs.writeFileSync(folder + "/logits", Buffer.concat(logits));
"""
FIRST, LONG, MOST = 4, 3, 64  # K of most boards; how many boards go on, and to which K
WANDERS = {"candidates": 4}
"""How far the thoughts of a network can be told: where one is lost, rounding grows tenfold every
two steps, and at K = 64 two ways to sum in double precision give different digits."""
NETWORKS = sorted(path.stem for path in weights_folder().glob("*.safetensors"))


def boards_for(name: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Questions (count, n, m) for a shipped network, of a shape that its training did not use."""
    if name == "sudoku4":
        return rng.permutation(minimal_sudokus_4x4()[0])[:count]
    if name in ("sudoku6", "candidates"):
        return generate_sudoku(6, count, rng)[0]
    mazes = generate_mazes((5, 6), count, rng, "loops", 0.1, "random", "random")
    return maze_tokens(mazes) if name == "maze_paths" else move_tokens(mazes)


def in_the_page(network: dict, boards: np.ndarray, steps: list[int], folder: Path) -> list:
    """The logits (K, L, A) float64 of each board, as the script computes them."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is missing, so the script that thinks in the page was not run")
    asked = {"boards": boards.reshape(len(boards), -1).tolist(), "grid": boards.shape[1:]}
    (folder / "asked.json").write_text(json.dumps(asked | {"steps": steps}))
    (folder / "network.json").write_text(json.dumps(network))
    subprocess.run([node, "-e", IN_NODE, str(SCRIPT), str(folder)], check=True)
    cells = boards[0].size
    logits = np.fromfile(folder / "logits").reshape(sum(steps), cells, -1)
    return np.split(logits, np.cumsum(steps)[:-1])


@torch.inference_mode()
def in_torch(model, boards: np.ndarray, k_steps: int) -> np.ndarray:
    """The logits (B, K, L, A) of the library."""
    inputs, said = torch.from_numpy(boards.astype(np.int64)), []
    carry = model.initial_carry(inputs)
    for _ in range(k_steps):
        carry, out = model(carry, inputs)
        said.append(out.logits.flatten(1, -2).numpy())
    return np.stack(said, axis=1)


def compare(model, boards: np.ndarray, steps: list[int], folder: Path) -> None:
    """Equal logits to float64, equal answers to float32, at every K up to that of each board.

    The script computes in double precision. Float32 is no measure for logits: at K = 64 its own
    rounding has grown to 0.5, in logits up to 180, on boards that the 6x6 network does not solve.
    """
    core = model.core if isinstance(model, BoardPolicy) else model
    found = in_the_page(exported(model), boards, steps, folder)
    for K in set(steps):
        some = np.flatnonzero(np.array(steps) == K)
        logits = np.stack([found[i] for i in some])
        assert (logits.argmax(-1) == in_torch(core, boards[some], K).argmax(-1)).all()
        assert np.abs(logits - in_torch(core.double(), boards[some], K)).max() < 1e-4
        core.float()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_network_answers_in_the_page_as_in_the_library(name, tmp_path):
    boards = boards_for(name, 200, np.random.default_rng(0))
    compare(
        load_model(weights_folder() / f"{name}.safetensors"),
        boards,
        [WANDERS.get(name, MOST)] * LONG + [FIRST] * (200 - LONG),
        tmp_path,
    )


def test_a_thought_in_the_page_may_begin_with_random_numbers_always_the_same(tmp_path):
    board = generate_sudoku(9, 1, np.random.default_rng(0), clues=40)[0]
    network = exported(load_model(weights_folder() / "candidates.safetensors"))
    own = in_the_page(network, board, [9], tmp_path)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "IN_NODE", IN_NODE.replace("grid)", "grid, true)"))
        drawn, again = (in_the_page(network, board, [9], tmp_path)[0] for _ in range(2))
    assert (drawn == again).all()
    assert not np.allclose(drawn, own, atol=0.1)
    assert is_solution(board[0], drawn[-1].argmax(-1).reshape(9, 9))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_all_boards_at_every_k(name, tmp_path):
    boards = boards_for(name, 200, np.random.default_rng(1))
    compare(
        load_model(weights_folder() / f"{name}.safetensors"),
        boards,
        [WANDERS.get(name, MOST)] * 200,
        tmp_path,
    )


COMMON = {"vocab_size": 32, "grid": (3, 5), "width": 8, "hidden_multiple": 1}


@pytest.mark.parametrize(
    "config",
    [
        LoopedConfig(**COMMON, n_layers=2, mixing="conv", bounded=True, n_cycles=2, n_calls=2),
        TRMConfig(**COMMON, n_layers=2, mixing="mlp", halting=True),
        TRMConfig(**COMMON, mixing="none", n_latent=0),
        LoopedConfig(**COMMON | {"grid": (6, 6)}, mixing="constraints", positions="none"),
        HierarchicalConfig(
            **COMMON, mixing="conv", low_width=5, n_low=2, activation="relu",
            low_activation="swiglu", n_cycles=2,
        ),
    ],
    ids=lambda config: type(config).__name__,
)  # fmt: skip
def test_every_layer_that_is_exported_is_computed_alike(config, tmp_path):
    most = 7 if config.candidates else 32
    boards = np.random.default_rng(0).integers(most, size=(7, *config.grid))
    compare(build_model(config), boards, [4] * 7, tmp_path)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (
            TRMConfig(**COMMON, mixing="attention"),
            "mixing expected none or conv or mlp or constraints",
        ),
        (TRMConfig(**COMMON, seeing=True), "model expected .* got AblatedTRM"),
        (TRMConfig(**COMMON, positions="learned"), "positions expected"),
        (TRMConfig(**COMMON, puzzle_tokens=1), "puzzle_tokens expected 0"),
        (HierarchicalConfig(**COMMON, mixing="conv", carry=False), "carry expected True"),
        (BoardConfig(**COMMON), "got FeedForward"),
    ],
)
def test_what_the_script_does_not_know_is_not_exported(config, named):
    with pytest.raises(ValueError, match=named):
        exported(build_model(config))


def test_the_command_writes_a_script_or_json(tmp_path, capsys):
    script, data = tmp_path / "a.js", tmp_path / "a.json"
    assert main(["export", "sudoku4", "--to", str(data)]) == 0
    assert main(["export", str(weights_folder() / "sudoku4.safetensors"), "--to", str(script)]) == 0
    network = json.loads(data.read_text())
    assert network["kind"] == "TRM"
    assert script.read_text() == f'(self.trmExports ??= {{}})["sudoku4"] = {json.dumps(network)};\n'
    assert main(["export", "sudoku4", "--to", str(tmp_path / "a.txt")]) == 2
    assert main(["export", "sudoku9", "--to", str(script)]) == 2
    assert "trm_lib: " in capsys.readouterr().err
