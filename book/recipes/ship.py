"""How the weights in book/weights were made, so that anyone can make them again.

python -m book.recipes.ship            makes all of them
python -m book.recipes.ship sudoku6    makes one
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from book.recipes import basic_trm, thinking_longer, unseen_mazes
from book.recipes.data import MinimalSudoku
from trm_lib.evaluation import exact_by_k
from trm_lib.experiments import Recipe, find_recipe, provenance, recorded
from trm_lib.models import count_parameters, save_model
from trm_lib.puzzles import augment_with_clues, masked_grids, unique_masks_4x4
from trm_lib.solving import solve
from trm_lib.tasks import PuzzleTask, Task
from trm_lib.training import PuzzleData
from trm_lib.viz import SVGPicture, sudoku_svg
from trm_lib.viz.boards import on_paper
from trm_lib.viz.style import FAINT_INK, INK

# One thought and one answer a step, so that a reader who moves K sees the answer grow.
SUDOKU4 = PuzzleTask(
    replace(basic_trm.MODEL, expansion=1.125, n_latent=1, n_cycles=1),
    replace(basic_trm.TRAINING, n_batches=500, n_sup=16, lr=8e-3, eval_every=100),
    MinimalSudoku(extra_clues=True),
    k_steps=16,
    k_watched=8,
)
PICTURED = "...1|..4.|.13.|3..."
"""A puzzle of an unseen class: the README and the playground show the model thinking about it."""

Shipped = tuple[Task, torch.nn.Module, Any, dict[str, Any]]
"""The task, the trained model, the history of its training, and what its card says of it alone."""


def any_sudoku4(count: int, rng: np.random.Generator) -> PuzzleData:
    """Puzzles drawn evenly from all 13,579,680 with one solution, whatever their class."""
    drawn = rng.choice(np.flatnonzero(unique_masks_4x4()), size=count)
    grids_and_masks = np.stack(np.divmod(drawn, 1 << 16), axis=1)
    return PuzzleData(*masked_grids(grids_and_masks))


def sudoku4() -> Shipped:
    """The 4x4 model that `trm_lib.solve` uses."""
    model, history = SUDOKU4.train(0, progress=True)
    mixed = any_sudoku4(20_000, np.random.default_rng(1))
    test = SUDOKU4.data.split()[2]
    return SUDOKU4, model, history, {
        "what": "TRM for 4x4 Sudoku, any number of clues",
        "training data": "minimal puzzles of 24 of the 36 symmetry classes, half of them with "
        "random extra clues",
        "K": 16,
        "exact on minimal puzzles of unseen classes": exact_by_k(model, test, 16)[-1],
        "exact on 20,000 of all puzzles": exact_by_k(model, mixed, 16)[-1],
    }  # fmt: skip


def sudoku6() -> Shipped:
    """The 6x6 model of chapter 04, seed 0 of its recipe."""
    task = find_recipe("sudoku6/mlp").task
    model, history = task.train(0, progress=True)
    train, _, test = task.data.split()
    easier = PuzzleData(*augment_with_clues(test.inputs, test.labels, np.random.default_rng(1)))
    return task, model, history, {
        "what": "TRM for 6x6 Sudoku with boxes of 2x3, any number of clues",
        "result": "book/results/sudoku6/mlp.json, seed 0",
        "training data": f"{len(train):,} minimal puzzles, half of them with random extra clues",
        "K": 16,
        "exact on minimal puzzles of unseen classes": exact_by_k(model, test, 16)[-1],
        "exact on the same, half with extra clues": exact_by_k(model, easier, 16)[-1],
    }  # fmt: skip


def candidates() -> Shipped:
    """The Sudoku model of chapter 10, for boards of 9x9 and more.

    It is the recipe hard_sudoku/candidates, of its recorded seeds the first of those that did best
    on validation puzzles.
    """
    recipe = find_recipe("hard_sudoku/candidates")
    seed, measured = _best_seed(recipe)
    network, history = recipe.task.train(seed, progress=True)
    exact = {k.removesuffix("_exact_by_k"): m for k, m in measured.items() if "_by_k" in k}
    return recipe.task, network, history, {
        "what": "network over candidates, looped, for 9x9 Sudoku",
        "result": f"book/results/hard_sudoku/candidates.json, seed {seed}",
        "training data": "20,930 minimal 9x9 puzzles of book/puzzles/sudoku9.npz",
        "exact on the puzzles that chose this seed, K = 32": measured["validation_exact"],
        "states to begin with": "standard normal numbers, as in training",
        "exact on test puzzles, as recorded": {k: [len(m), m[-1]] for k, m in exact.items()},
    }  # fmt: skip


def maze4() -> Shipped:
    """The maze policy of chapter 05, seed 0 of its recipe."""
    task = find_recipe("maze4/hierarchical_K5").task
    policy, history = task.train(0, progress=True)
    n_train = len(unseen_mazes.tree_layouts(4)["train"])
    by_k = task.world.success(policy, "test", task.k_steps).tolist()
    return task, policy, history, {
        "what": "hierarchical TRM that walks mazes, trained by PPO on 4 x 4 cells; any size",
        "result": "book/results/maze4/hierarchical_K5.json, seed 0",
        "training data": f"{history.steps[-1]:,} steps in {n_train:,} perfect mazes of 4 x 4 cells",
        "greedy success on mazes of unseen layouts, K = 1 to 4": by_k,
    }  # fmt: skip


def shortest_ways() -> Shipped:
    """The network that `trm_lib.solve` asks about mazes.

    It is the recipe shortest_ways/wave, of its recorded seeds the first of those that did best on
    the mazes that choose; no test maze is asked.
    """
    recipe = find_recipe("shortest_ways/wave")
    seed, measured = _best_seed(recipe)
    network, history = recipe.task.train(seed, progress=True)
    return recipe.task, network, history, {
        "what": "convolutional network, looped, that says which moves are shortest; any size",
        "result": f"book/results/shortest_ways/wave.json, seed {seed}",
        "training data": "12,000 mazes of 8 x 8 cells, with loops and without",
        "walks in the fewest steps on the mazes that chose this seed": measured["validation_exact"],
        "walks in the fewest steps on test mazes, as recorded": {
            name.removesuffix("_walks"): share
            for name, share in measured.items() if name.endswith("_walks")
        },
    }  # fmt: skip


def _best_seed(recipe: Recipe) -> tuple[int, dict[str, Any]]:
    """The recorded seed that did best on the mazes that choose, and what it measured."""
    runs = recorded(recipe).seeds
    seed = max(sorted(runs), key=lambda one: runs[one]["measured"]["validation_exact"])
    return seed, runs[seed]["measured"]


def maze_paths() -> Shipped:
    """The network that chapter 08 looks at first: it marks paths, by filling dead ends.

    It is the recipe easy_to_hard/looped, of its recorded seeds the one that was right on most of
    the mazes that choose weights; no test maze is asked.
    """
    recipe = find_recipe("easy_to_hard/looped")
    seed, measured = _best_seed(recipe)
    network, history = recipe.task.train(seed, progress=True)
    exact = {
        f"{layout}, {size} x {size} cells, K = {k}": measured[f"{layout}_{size}_exact_by_k"][-1]
        for layout in ("tree", "loops")
        for size, (_, k) in thinking_longer.BY_K.items()
    }
    at_rest = {
        f"tree, {size} x {size} cells, answer at rest": measured[f"tree_{size}_exact"]
        for size in thinking_longer.AT_REST
    }
    n_train = len(recipe.task.data.split()[0])
    return recipe.task, network, history, {
        "what": "convolutional network, looped, that marks the shortest path of a maze; any size",
        "result": f"book/results/easy_to_hard/looped.json, seed {seed}",
        "training data": f"{n_train:,} perfect mazes of 5 x 5 cells",
        "exact on the mazes that chose these weights": max(a[0] for a in history.eval_success),
        "exact on test mazes, as recorded": exact | at_rest,
    }  # fmt: skip


SHIPS: dict[str, Callable[[], Shipped]] = {
    made.__name__: made for made in (sudoku4, sudoku6, candidates, maze4, shortest_ways, maze_paths)
}
"""What makes each file in book/weights."""


def ship(name: str, path: Path) -> dict[str, Any]:
    """Train a model of `SHIPS`, and write it with its card.

    Returns:
        The card.
    """
    task, model, history, says = SHIPS[name]()
    card = says | {
        "made by": f"python -m book.recipes.ship {name}",
        "parameters": count_parameters(model),
        "seconds": round(history.seconds),
        "training": asdict(task.training),
        **provenance(),
    }
    save_model(model, path, card)
    return card


def thinking_picture() -> SVGPicture:
    """The shipped model's answers to the pictured puzzle, until the rules accept one, in a row."""
    solved, parts, told = solve(PICTURED, 16), [], []
    looks = f'font-size="16" font-weight="700" fill="{INK}"', f'font-size="14" fill="{FAINT_INK}"'
    for k, step in enumerate(solved.steps[: solved.k], start=1):
        right = ((step == solved.answer) & (solved.puzzle == 0)).sum()
        words = f"K = {k}", f"{right} of {(solved.puzzle == 0).sum()} right"
        drawn = sudoku_svg(step, solved.puzzle, solved.answer, cell=34)
        parts.append(drawn.svg.replace("<svg ", f'<svg x="{170 * (k - 1)}" y="4" ', 1))
        for word, look, y in zip(words, looks, (170, 190), strict=True):
            at = f'x="{170 * k - 98}" y="{y}" text-anchor="middle"'
            parts.append(f"<text {at} {look}>{word}</text>")
        told.append(": ".join(words) + ".")
    alt = f"A model solving a Sudoku in {solved.k} steps. {' '.join(told)}"
    return on_paper(parts, 170 * solved.k - 26, 200, alt)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as the recipes run
    book = Path(__file__).parents[1]
    for name in sys.argv[1:] or SHIPS:
        print(json.dumps(ship(name, book / "weights" / f"{name}.safetensors"), indent=2))
    thinking_picture().save(book / "_static" / "thinking.svg")
