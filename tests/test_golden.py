"""The safety line of a refactoring: what the library computes stays what it was.

Texts and whole numbers are compared by their hash, to the last bit. What goes through floating
point is rounded otherwise on another processor, and is compared as a few sums instead. After a
change that is meant, write the file anew with `python tests/test_golden.py`, and say why.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from book.recipes import data, improved_shaping, thinking_longer, unseen_mazes
from book.recipes.ablations import MultiScaleConfig
from trm_lib import experiments, models, puzzles, solve, training, viz

GOLDEN = Path(__file__).with_name("golden.json")
RECIPES = {recipe.name: recipe for recipe in experiments.find_recipes()}
SMALL = {"vocab_size": 6, "grid": (4, 4), "width": 16, "expansion": 2.0}


def digest(value: Any) -> str:
    """The start of a sha256 of texts and whole numbers, in any nest of them."""
    sha = hashlib.sha256()

    def fold(value: Any) -> None:
        if isinstance(value, np.ndarray) and value.dtype != object:
            sha.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
        elif isinstance(value, dict):
            fold([[str(key), value[key]] for key in sorted(value, key=str)])
        elif isinstance(value, list | tuple | np.ndarray):
            sha.update(f"{len(value)}[".encode())
            for item in value:
                fold(item)
        elif is_dataclass(value):
            fold([getattr(value, field.name) for field in fields(value)])
        else:
            sha.update(repr(value.item() if isinstance(value, np.generic) else value).encode())

    fold(value)
    return sha.hexdigest()[:16]


def sums(tensors: Any) -> list[float]:
    """Sum, sum of absolutes, and a sum weighted by place, over all of some tensors."""
    flat = torch.cat([t.detach().flatten().double() for t in tensors])
    weighted = flat @ torch.linspace(-1, 1, len(flat), dtype=torch.float64)
    return [float(flat.sum()), float(flat.abs().sum()), float(weighted)]


# Data sets, by what recipes call for.


def generated_sudokus(size: int) -> list[Any]:
    rng = np.random.default_rng(2)
    boards, solutions = puzzles.generate_sudoku(size, 12, rng)
    turned = puzzles.augment_sudoku(boards, solutions, rng)
    filled = puzzles.augment_with_clues(boards, solutions, rng)
    return [boards, solutions, turned, filled, puzzles.class_key(boards)]


def generated_mazes(layout: str) -> list[Any]:
    some = puzzles.generate_mazes(
        6, 20, np.random.default_rng(2), layout, start="random", goal="random"
    )
    return [some.walls, some.start, some.goal, puzzles.maze_distances(some.walls, some.start),
            puzzles.shortest_path_cells(some), puzzles.pixel_tokens(some),
            puzzles.maze_text(some.walls[0], some.start[0], some.goal[0])]  # fmt: skip


DATA: dict[str, Callable[[], Any]] = {
    "sudoku4": data.minimal_sudoku4,
    "sudoku6": partial(data.minimal_sudoku6, 500),
    "marked mazes": data.MarkedMazes(3, "cells", 500).split,
    "trees 3x3": improved_shaping.small_trees,
    "trees 5x5": partial(unseen_mazes.tree_layouts, 5),
    "four empties": partial(improved_shaping.puzzles_with, 4, 20_000),
    "mixed sizes": thinking_longer.mixed_sizes,
    "30x30 loops": partial(thinking_longer.mazes_of, 30, 100, 2, "loops"),
    **{f"sudokus {n}x{n}": partial(generated_sudokus, n) for n in (4, 6, 9)},
    **{f"mazes {layout}": partial(generated_mazes, layout) for layout in ("tree", "loops", "open")},
}


# Environments: 200 steps, half of them legal, of every world and way to see it.


def walked(kind: str, options: dict[str, Any]) -> list[Any]:
    env, rng = gym.make_vec(kind, 3, **options), np.random.default_rng(0)
    observation, info = env.reset(seed=0)
    told = [observation, info["action_mask"]]
    for _ in range(200):
        mask = info["action_mask"]
        legal = (rng.random(mask.shape) * (mask > 0)).argmax(1)
        anything = rng.integers(mask.shape[1], size=len(mask))
        action = np.where(rng.random(len(mask)) < 0.5, legal, anything)
        observation, *rest, info = env.step(action)
        told += [observation, *rest, info["action_mask"], info["is_success"]]
    return told


WORLDS = {
    f"{kind} {options}": partial(walked, f"trm/{kind}-v0", options)
    for kind, listed in {
        "Maze": [{"size": 3}, {"layout": "loops"}, {"size": 4, "start": "random", "goal": "random"},
                 {"observation": "flat"}, {"reward": "improved"}, {"max_steps": 7}],
        "Sudoku": [{"empties": (2, 6)}, {"size": 9, "empties": 8},
                   *({"empties": 7, "observation": seen, "placement": placed}
                     for seen in ("channels", "conflicts", "candidates")
                     for placed in ("legal", "free"))],
        "SudokuCell": [{"empties": 8}, {"size": 6, "empties": 5}, {"reward": "improved"}],
    }.items()
    for options in listed
}  # fmt: skip


# Networks: their first weights, and the answer after three steps.

NETWORKS = {
    f"{kind} {mixing}": make(**SMALL, mixing=mixing, n_heads=2)
    for kind, make in {
        "trm": models.TRMConfig, "looped": models.LoopedConfig, "scales": MultiScaleConfig,
        "levels": models.HierarchicalConfig, "one pass": models.BoardConfig,
    }.items()
    for mixing in ("mlp", "attention", "conv", "gru")
}  # fmt: skip


def thought(config: models.BoardConfig) -> list[float]:
    model = models.build_model(config, 1)
    inputs = torch.from_numpy(np.random.default_rng(1).integers(0, 6, (3, 4, 4)))
    carry, said = model.initial_carry(inputs), []
    with torch.no_grad():
        for _ in range(3):
            carry, out = model(carry, inputs)
            said.append(out.logits)
    return sums(model.state_dict().values()) + sums(said)


# Training: weights after three batches, or three updates.


def fitted(name: str) -> list[float]:
    task, few = RECIPES[name].task, data.minimal_sudoku4()[0][:200]
    how = replace(task.training, n_batches=3, batch_size=16)
    model = task.build(0)
    training.fit(model, few, how, augment=puzzles.augment_sudoku, progress=False)
    return sums(model.state_dict().values())


def practised(name: str) -> list[float]:
    task = RECIPES[name].task
    how, policy = task.training, task.build(0)
    if isinstance(how, training.PPOConfig):
        how, learn = replace(how, num_steps=8, total_steps=3 * 8 * 8), training.ppo
    else:
        how, learn = replace(how, n_updates=3), training.reinforce
    learn(policy, task.world.envs(8), how, progress=False)
    return sums(policy.state_dict().values())


TRAINED = {
    **{name: partial(fitted, name) for name in
       ("basic_trm/recursion", "paper_trm/official", "paper_trm/adam_atan2", "ablation/act")},
    **{name: partial(practised, name) for name in
       ("maze4/trm", "maze4/gru", "carry/over_time", "shaping/manhattan", "open_maze/mlp")},
}  # fmt: skip


# Pictures, and the shipped networks' answers.


def pictures() -> list[str]:
    rng = np.random.default_rng(0)
    (clues,), (solution,) = puzzles.generate_sudoku(6, 1, rng)
    boards = np.where(rng.random((4, 6, 6)) < 0.7, solution, rng.integers(0, 7, (4, 6, 6)))
    one = puzzles.generate_mazes(6, 1, rng, "loops", goal="random")
    walls, start, goal = one.walls[0], int(one.start[0]), int(one.goal[0])
    marks = rng.random((6, 6)) < 0.4
    return [picture._repr_html_() for picture in (
        viz.sudoku_svg(boards[0], clues, solution, rng.random((6, 6, 6)), "A title", 30),
        viz.maze_svg(walls, start, goal, marks, puzzles.shortest_path_cells(one)[0]),
        viz.maze_svg(walls, start, goal, trail=[start], moves=rng.integers(0, 4, (6, 6))),
    )]  # fmt: skip


def solved() -> list[Any]:
    rng, found = np.random.default_rng(0), []
    for size, clues in ((4, 6), (6, 4)):
        boards = puzzles.generate_sudoku(size, clues, rng)[0]
        found += [solve(puzzles.sudoku_text(board)) for board in boards]
    for size in (3, 5, 9):
        found.append(solve(puzzles.generate_mazes(size, 1, rng, start="random", goal="random")))
    return [[one.steps, one.k, one.answer, str(one)] for one in found]


EXACT = {**DATA, **WORLDS, "pictures": pictures, "solve": solved}
ROUNDED = {**{name: partial(thought, config) for name, config in NETWORKS.items()}, **TRAINED}


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", EXACT)
def test_equal_to_the_last_bit(name: str, golden: dict[str, Any]) -> None:
    assert digest(EXACT[name]()) == golden[name]


@pytest.mark.parametrize("name", ROUNDED)
def test_equal_up_to_rounding(name: str, golden: dict[str, Any]) -> None:
    np.testing.assert_allclose(ROUNDED[name](), golden[name], rtol=1e-4, atol=1e-3)


def test_nothing_is_left_over(golden: dict[str, Any]) -> None:
    assert golden.keys() == EXACT.keys() | ROUNDED.keys()


if __name__ == "__main__":
    torch.set_num_threads(1)
    now = {name: digest(make()) for name, make in EXACT.items()}
    now |= {name: [round(x, 5) for x in make()] for name, make in ROUNDED.items()}
    GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
