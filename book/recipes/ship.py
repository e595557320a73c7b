"""How the weights in book/weights were made, so that anyone can make them again.

python -m book.recipes.ship            makes all of them
python -m book.recipes.ship sudoku6    makes one
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from book.recipes import thinking_longer, unseen_mazes
from book.recipes.basic_trm import MODEL, TRAINING, minimal_sudoku4
from book.recipes.marked_mazes import MazeTask, maze_data
from book.recipes.paper_trm import minimal_sudoku6, sudoku6, trained
from trm_lib.evaluation import exact_by_k
from trm_lib.experiments import find_recipes, provenance, recorded
from trm_lib.models import TRM, count_parameters, save_model
from trm_lib.puzzles import augment_with_clues, masked_grids, unique_masks_4x4
from trm_lib.solving import solve
from trm_lib.tasks import train_policy
from trm_lib.training import PuzzleData, fit
from trm_lib.viz import SVGPicture, thinking_strip

# One thought and one answer a step, so that a reader who moves K sees the answer grow.
SUDOKU4_MODEL = replace(MODEL, expansion=1.125, n_latent=1, n_cycles=1)
SUDOKU4_TRAINING = replace(TRAINING, n_batches=500, n_sup=16, lr=8e-3, eval_every=100)
K_STEPS = 16

BOOK = Path(__file__).parents[2] / "book"

PICTURED = "...1|..4.|.13.|3..."
"""A puzzle of an unseen class: the README and the front page show the model thinking about it."""


def any_sudoku4(count: int, rng: np.random.Generator) -> PuzzleData:
    """Puzzles drawn evenly from all 13,579,680 with one solution, whatever their class."""
    drawn = rng.choice(np.flatnonzero(unique_masks_4x4()), size=count)
    grids_and_masks = np.stack(np.divmod(drawn, 1 << 16), axis=1)
    return PuzzleData(*masked_grids(grids_and_masks))


def ship_sudoku4(path: Path) -> dict:
    """Train the 4x4 model that `trm_lib.solve` uses, and write it with its card.

    Returns:
        The card.
    """
    train, validation, test = minimal_sudoku4()
    model = TRM(SUDOKU4_MODEL, torch.Generator().manual_seed(0))
    history = fit(
        model,
        train,
        SUDOKU4_TRAINING,
        augment=augment_with_clues,
        evaluate=lambda m: exact_by_k(m, validation[::10], 8),
    )
    mixed = any_sudoku4(20_000, np.random.default_rng(1))
    card = {
        "what": "TRM for 4x4 Sudoku, any number of clues",
        "made by": "python -m book.recipes.ship",
        "training data": "minimal puzzles of 24 of the 36 symmetry classes, half of them with "
        "random extra clues",
        "parameters": count_parameters(model),
        "seconds": round(history.seconds),
        "K": K_STEPS,
        "exact on minimal puzzles of unseen classes": exact_by_k(model, test, K_STEPS)[-1],
        "exact on 20,000 of all puzzles": exact_by_k(model, mixed, K_STEPS)[-1],
        "training": asdict(SUDOKU4_TRAINING),
        **provenance(),
    }
    save_model(model, path, card)
    return card


def ship_sudoku6(path: Path) -> dict:
    """Train the 6x6 model of chapter 04, seed 0 of the recipe sudoku6/mlp, and write it.

    Returns:
        The card.
    """
    (recipe,) = sudoku6()
    train, validation, test = minimal_sudoku6()
    model, history = trained(recipe.config, 0, train, validation, augment_with_clues, progress=True)
    easier = PuzzleData(*augment_with_clues(test.inputs, test.labels, np.random.default_rng(1)))
    card = {
        "what": "TRM for 6x6 Sudoku with boxes of 2x3, any number of clues",
        "made by": "python -m book.recipes.ship sudoku6",
        "result": "book/results/sudoku6/mlp.json, seed 0",
        "training data": f"{len(train):,} minimal puzzles, half of them with random extra clues",
        "parameters": count_parameters(model),
        "seconds": round(history.seconds),
        "K": K_STEPS,
        "exact on minimal puzzles of unseen classes": exact_by_k(model, test, K_STEPS)[-1],
        "exact on the same, half with extra clues": exact_by_k(model, easier, K_STEPS)[-1],
        "training": recipe.settings()["training"],
        **provenance(),
    }
    save_model(model, path, card)
    return card


def ship_maze4(path: Path) -> dict:
    """Train the maze policy of chapter 05, seed 0 of the recipe maze4/hierarchical_K5.

    Returns:
        The card.
    """
    recipe = find_recipes("maze4/hierarchical_K5")[0]
    policy, history = train_policy(
        recipe.config, unseen_mazes.training_envs(4, recipe.config.num_envs), seed=0
    )
    unseen = unseen_mazes.cases(unseen_mazes.tree_layouts(4)["test"], unseen_mazes.MANY, seed=1)
    by_k = unseen_mazes.success_on(unseen, policy, unseen_mazes.K_STEPS)
    card = {
        "what": "hierarchical TRM that walks mazes, trained by PPO on 4 x 4 cells; any size",
        "made by": "python -m book.recipes.ship maze4",
        "result": "book/results/maze4/hierarchical_K5.json, seed 0",
        "training data": f"{history.steps[-1]:,} steps in "
        f"{len(unseen_mazes.tree_layouts(4)['train']):,} perfect mazes of 4 x 4 cells",
        "parameters": count_parameters(policy),
        "seconds": round(history.seconds),
        "greedy success on mazes of unseen layouts, K = 1 to 4": by_k.tolist(),
        "training": recipe.settings()["training"],
        **provenance(),
    }
    save_model(policy, path, card)
    return card


def ship_maze_paths(path: Path) -> dict:
    """Train the network that `trm_lib.solve` asks about mazes, and write it.

    It is the recipe easy_to_hard/looped, of its recorded seeds the one that was right on most of
    the mazes that choose weights; no test maze is asked.

    Returns:
        The card.
    """
    recipe = find_recipes("easy_to_hard/looped")[0]
    runs = recorded(recipe).seeds
    seed = max(sorted(runs), key=lambda one: runs[one]["measured"]["validation_exact"])
    measured = runs[seed]["measured"]
    network, history, _ = thinking_longer.trained(recipe.config, seed, progress=True)
    train, _, _ = maze_data(MazeTask(5))
    exact = {
        f"{layout}, {size} x {size} cells, K = {k}": measured[f"{layout}_{size}_exact_by_k"][-1]
        for layout in ("tree", "loops")
        for size, (_, k) in thinking_longer.BY_K.items()
    }
    at_rest = {
        f"tree, {size} x {size} cells, answer at rest": measured[f"tree_{size}_exact"]
        for size in thinking_longer.AT_REST
    }
    card = {
        "what": "convolutional network, looped, that marks the shortest path of a maze; any size",
        "made by": "python -m book.recipes.ship maze_paths",
        "result": f"book/results/easy_to_hard/looped.json, seed {seed}",
        "training data": f"{len(train):,} perfect mazes of 5 x 5 cells",
        "parameters": count_parameters(network),
        "seconds": round(history.seconds),
        "exact on the mazes that chose these weights": max(a[0] for a in history.eval_success),
        "exact on test mazes, as recorded": exact | at_rest,
        "training": recipe.settings()["training"],
        **provenance(),
    }
    save_model(network, path, card)
    return card


SHIPS = {
    "sudoku4": ship_sudoku4,
    "sudoku6": ship_sudoku6,
    "maze4": ship_maze4,
    "maze_paths": ship_maze_paths,
}
"""What makes each file in book/weights."""


def thinking_picture() -> SVGPicture:
    """The shipped model's answers to the pictured puzzle, until the rules accept one."""
    solved = solve(PICTURED, K_STEPS)
    labels = [f"K = {k}" for k in range(1, solved.k + 1)]
    return thinking_strip(solved.steps[: solved.k], solved.puzzle, solved.answer, labels)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as the recipes run
    for name in sys.argv[1:] or SHIPS:
        print(json.dumps(SHIPS[name](BOOK / "weights" / f"{name}.safetensors"), indent=2))
    thinking_picture().save(BOOK / "_static" / "thinking.svg")
