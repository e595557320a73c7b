"""The safety line of a refactoring: hashes of what the library computes, to the last bit.

    python tests/golden.py write FILE.json [--only data envs ...]
    python tests/golden.py check FILE.json [--only data envs ...]
    python tests/golden.py verify

Write them on the commit before a change, check them after it, on the same machine: other processors
and libraries round differently. Whoever renames what is called here adapts the calls, never a hash.
Every section is a generator of (name, value); what it builds is built at its top. `verify` repeats,
at tolerance 0, the cheapest recorded seed of every experiment that has one of at most 20 seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the library of this checkout, whichever is installed

import gymnasium as gym  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: E402

from book.recipes import (  # noqa: E402
    improved_shaping,
    rl_adaptation,
    ship,
    thinking_longer,
    unseen_mazes,
)
from trm_lib import (  # noqa: E402
    diagnostics,
    envs,
    evaluation,
    experiments,
    models,
    puzzles,
    solve,
    statistics,
    tasks,
    training,
    viz,
)
from trm_lib.envs import yardsticks  # noqa: E402
from trm_lib.models import load_model  # noqa: E402
from trm_lib.puzzles import masked_grids  # noqa: E402
from trm_lib.puzzles.maze_walls import wall_pixels, walls_from_pixels  # noqa: E402
from trm_lib.solving import shipped_model, weights_folder  # noqa: E402
from trm_lib.viz.pixels import maze_pixels, sudoku_pixels  # noqa: E402

Named = Iterator[tuple[str, Any]]
RESULTS = experiments.RECORDED
RECIPES = {recipe.name: recipe for recipe in experiments.find_recipes()}
CHEAP = 20  # seconds of a recorded seed that `verify` repeats


def digest(value: Any) -> str:
    """sha256 of numbers, texts and arrays, in any nest of lists, dicts and dataclasses."""
    sha = hashlib.sha256()
    _fold(sha, value)
    return sha.hexdigest()


def _fold(sha: Any, value: Any) -> None:
    """Field names of dataclasses do not count, so that they may be renamed; their order does."""
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        sha.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    elif value is None or isinstance(value, bool | int | float | str):
        sha.update(f"{type(value).__name__} {value!r};".encode())
    elif isinstance(value, dict):
        _fold(sha, [[str(key), value[key]] for key in sorted(value, key=str)])
    elif isinstance(value, list | tuple | np.ndarray):
        sha.update(f"{len(value)}[".encode())
        for item in value:
            _fold(sha, item)
    elif is_dataclass(value):
        _fold(sha, [getattr(value, field.name) for field in fields(value)])
    else:
        raise TypeError(f"expected numbers, texts or arrays, got {type(value)}")


def task_of(name: str) -> Any:
    """The task of a recipe."""
    return RECIPES[name].task


def names_of(*experiment: str) -> list[str]:
    """The names of all recipes of some experiments."""
    return [recipe.name for name in experiment for recipe in experiments.find_recipes(name)]


def turned_mazes(some: puzzles.Mazes, turns: np.ndarray) -> puzzles.Mazes:
    """Each maze turned by its own turn, its start and goal with it."""
    walls, places = np.empty_like(some.walls), [some.start.copy(), some.goal.copy()]
    cells = np.arange(some.walls[0].size).reshape(some.grid)
    for i, turn in enumerate(turns.tolist()):
        pixels = wall_pixels(some.walls[i : i + 1])
        pixels = pixels[:, :, ::-1] if turn >= 4 else pixels
        walls[i] = walls_from_pixels(np.rot90(pixels, -turn, axes=(1, 2)))[0]
        from_cell = np.rot90(cells[:, ::-1] if turn >= 4 else cells, -turn).reshape(-1)
        for place in places:
            place[i] = (from_cell == place[i]).argmax()
    return puzzles.Mazes(walls, *places)


# 1. Data: what recipes train and measure on.


def data() -> Named:
    named: dict[str, Callable[[], Any]] = {
        "sudoku4": tasks.minimal_sudoku4,
        "sudoku4 split 1": lambda: tasks.minimal_sudoku4(split_seed=1),
        "sudoku6, 500": lambda: tasks.minimal_sudoku6(500),
        "any sudoku4": lambda: ship.any_sudoku4(300, np.random.default_rng(1)),
        "trees 3x3": improved_shaping.small_trees,
        "trees 4x4": lambda: unseen_mazes.tree_layouts(4),
        "trees 5x5": lambda: unseen_mazes.tree_layouts(5),
        "mixed sizes": thinking_longer.mixed_sizes,
        "filled": thinking_longer.filled,
        "open maze": lambda: rl_adaptation.OpenMaze().envs(2).reset(seed=0)[0],
    }
    for size, form, count in [(3, "cells", 500), (5, "cells", 50_000), (5, "pixels", 50_000),
                              (8, "cells", 50_000)]:  # fmt: skip
        task = tasks.MarkedMazes(size, form, count)
        named[f"marked mazes {size} {form} {count}"] = task.split
    for empties, count in [(1, 20_000), (4, 20_000), (8, 20_000), (8, 100_000), (10, 100_000),
                           (12, 100_000)]:  # fmt: skip
        named[f"sudoku rl {empties} empty of {count}"] = lambda e=empties, c=count: (
            improved_shaping.puzzles_with(e, c)
        )
    for asked in [(9, 100, 1, "tree"), (15, 200, 1, "tree"), (7, 300, 3, "tree"),
                  (30, 100, 2, "loops"), (101, 2, 3, "tree")]:  # fmt: skip
        named[f"mazes {asked}"] = lambda a=asked: thinking_longer.mazes_of(*a)
    for name, make in named.items():
        yield name, make()
    rng = np.random.default_rng(2)
    for size in (4, 6, 9):
        boards, solutions = puzzles.generate_sudoku(size, 12, rng)
        yield f"generated {size}x{size}", [boards, solutions]
        yield f"augmented {size}x{size}", puzzles.augment_sudoku(boards, solutions, rng)
        yield f"with clues {size}x{size}", puzzles.augment_with_clues(boards, solutions, rng)
        yield f"class keys {size}x{size}", puzzles.class_key(boards)
    for layout in ("tree", "loops", "open"):
        some = puzzles.generate_mazes(6, 20, rng, layout, start="random", goal="random")
        turned = turned_mazes(some, rng.integers(8, size=len(some)))
        yield f"generated mazes {layout}", [some, turned, puzzles.layout_class(some.walls)]
        yield f"faces of mazes {layout}", [
            puzzles.maze_distances(some.walls, some.start), puzzles.shortest_path_cells(some),
            puzzles.maze_picture(some), puzzles.pixel_tokens(some), puzzles.pixel_labels(some),
            puzzles.maze_text(some.walls[0], some.start[0], some.goal[0]),
        ]  # fmt: skip
        yield f"cases {layout}", unseen_mazes.cases(some.walls, 30, seed=1)


# 2. Weights: every recipe's network, and options that no recipe has.


def other_models() -> dict[str, models.BoardConfig]:
    small = {"vocab_size": 6, "grid": (4, 4), "width": 16, "expansion": 2.0}
    attention = {"mixing": "attention", "n_heads": 2}
    kinds = {
        "trm": models.TRMConfig, "looped": models.LoopedConfig, "scales": models.MultiScaleConfig,
        "levels": models.HierarchicalConfig, "one pass": models.BoardConfig,
    }  # fmt: skip
    mixings = {"mlp": {}, "conv": {"mixing": "conv"}, "gru": {"mixing": "gru"},
               "none": {"mixing": "none"}}  # fmt: skip
    mixings |= {p: attention | {"positions": p} for p in ("none", "rope", "rope2d", "learned")}
    grown = {"puzzle_tokens": 2, "puzzle_width": 20, "n_puzzles": 3, "n_answers": 2}
    found = {
        f"{kind} {name} {'fused' if fused else 'unfused'}": make(**small, **mixing, fused=fused)
        for kind, make in kinds.items()
        for name, mixing in mixings.items()
        for fused in (True, False)
    }
    found |= {f"{kind} puzzle tokens": make(**small, **grown) for kind, make in kinds.items()}
    options = {
        "halting": {"halting": True}, "continuing": {"halting": True, "continuing": True},
        "last call": {"gradient": "call"}, "seeing": {"seeing": True},
        "separate": {"separate": True}, "n = 0": {"n_latent": 0},
    }  # fmt: skip
    found |= {f"trm {name}": models.TRMConfig(**small, **o) for name, o in options.items()}
    return found


def thought(model: torch.nn.Module) -> list[Any]:
    """What a network in training says in three steps, and the gradient."""
    generator, rng = torch.Generator().manual_seed(1), np.random.default_rng(1)
    inputs = torch.from_numpy(rng.integers(0, model.config.vocab_size, (3, *model.config.grid)))
    carry, said, loss = model.initial_carry(inputs), [], 0.0
    halting = getattr(model.config, "halting", False)
    for _ in range(3):
        carry, out = model(carry, inputs, **{"generator": generator} if halting else {})
        halt = [getattr(out, name, None) for name in ("halt_logit", "go_on_logit", "go_on_target")]
        said += [out.logits, *halt]
        loss = loss + (out.logits**2).mean() + (out.halt_logit.sum() if halting else 0)
    loss.backward()
    return [said, [parameter.grad for parameter in model.parameters()]]


def weights() -> Named:
    built = {name: recipe.task.build(0) for name, recipe in RECIPES.items()}
    built |= {name: models.build_model(config, 1) for name, config in other_models().items()}
    for name, model in built.items():
        state = model.state_dict()
        yield f"{name}: bytes", list(state.values())
        yield f"{name}: names", [[key, list(tensor.shape)] for key, tensor in state.items()]
    for name in [*other_models(), *names_of("ablation", "maze8"), "ablation_mazes/relu"]:
        yield f"{name}: thought", thought(built[name])


# 3. Training: three batches or updates, whole and interrupted.


def supervised_cases() -> dict[str, dict[str, Any]]:
    """Recipe -> what `fit` is given besides its network and config: few puzzles, the same code."""
    four, six = tasks.minimal_sudoku4()[0][:200], tasks.minimal_sudoku6(500)[0][:200]
    dressed = {"data": four, "augment": puzzles.augment_sudoku}
    cases = dict.fromkeys(names_of("basic_trm", "paper_trm", "ablation"), dressed)
    cases |= {n: dressed | {"data": six} for n in ("ablation_6x6/whole", "ablation_6x6/act")}
    cases["sudoku6/mlp"] = {"data": six, "augment": puzzles.augment_with_clues}
    levels = ("K3", "relu", "swiglu", "last_cycle", "no_carry", "attention", "mlp")
    for name in [*names_of("maze8"), "maze5_pixels/trm", *(f"ablation_mazes/{n}" for n in levels)]:
        task = task_of(name).data
        drawn = puzzles.generate_mazes(
            task.size, 100, np.random.default_rng(0), start="random", goal="random"
        )
        made = {"cells": (puzzles.maze_tokens, puzzles.maze_labels),
                "pixels": (puzzles.pixel_tokens, puzzles.pixel_labels)}[task.form]  # fmt: skip
        cases[name] = {"data": training.PuzzleData(*(make(drawn) for make in made))}
    students = ("looped", "trm_seeing", "silent", "due_last", "rate_falls", "no_average",
                "mixed_sizes", "random_start", "noisy_start", "round_by_round")  # fmt: skip
    for name in (f"easy_to_hard/{n}" for n in students):
        boards, lesson = thinking_longer.SCHOOLS[task_of(name).taught]
        cases[name] = {"data": boards()[:200], "lesson": lesson}
    return cases


@contextmanager
def optimizer_watched() -> Iterator[list[Any]]:
    """A list that ends up with the rates of all steps, and the last weights and moments."""
    seen, rates = [], []

    def look(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        rates.append([group["lr"] for group in optimizer.param_groups])
        groups = [[group[key] for key in ("betas", "eps", "weight_decay") if key in group]
                  for group in optimizer.param_groups]  # fmt: skip
        state = optimizer.state
        moments = [
            [float(v) if v.ndim == 0 else v.clone() for _, v in sorted(state[p].items())]
            for group in optimizer.param_groups for p in group["params"]
        ]  # fmt: skip
        last = [p.detach().clone() for g in optimizer.param_groups for p in g["params"]]
        seen[:] = [rates, groups, moments, last]

    hook = register_optimizer_step_post_hook(look)
    try:
        yield seen
    finally:
        hook.remove()


def fitted(name: str, given: dict[str, Any], **options: Any) -> list[Any]:
    """What three batches make of a recipe's network: weights, optimizer, history but the times."""
    task, k_steps = task_of(name), 3
    how = replace(task.training, n_batches=3, batch_size=16, eval_every=1)
    model, few = task.build(0), given["data"][:20]
    exact = options.pop("exact", lambda m: evaluation.exact_by_k(m, few, k_steps))
    with optimizer_watched() as steps:
        history = training.fit(
            model, config=how, evaluate=exact, progress=False, **given, **options
        )
    h = history
    told = [h.loss, h.eval_steps, h.eval_success, h.finished, h.halted_after]
    return [list(model.state_dict().values()), steps[1:], steps[0][-1], told]


def policy_cases() -> list[str]:
    """Recipes of policies, of those that differ in size alone one."""
    some = ["shaping_settings/no_clipping", "shaping_settings/warmup_10", "open_maze_ppo/mlp",
            "curriculum/free_straight", "open_maze/hierarchical_K5", "open_maze/mlp"]  # fmt: skip
    return some + names_of("maze4", "carry", "deep_supervision", "shaping", "sudoku_rl",
                           "sudoku_rl_plain", "rl_adaptation")  # fmt: skip


def playground(task: Any) -> tuple[Callable[[int], gym.vector.VectorEnv], Any]:
    """The environments a policy plays in, and ten cases to watch it by."""
    if isinstance(task.world, improved_shaping.SudokuToFill):
        few = masked_grids(puzzles.sudokus_4x4(8)[::50_000])[0]
        return lambda count: task.world.make(count, puzzles=few), few[:10]
    size = task.world.envs(1).unwrapped.grid[0]
    return task.world.envs, puzzles.generate_mazes(size, 10, np.random.default_rng(0))


def practised(name: str, **options: Any) -> list[Any]:
    """What three updates make of a recipe's policy: weights, optimizer, history but the times."""
    task = task_of(name)
    make, cases = playground(task)
    how = replace(task.training, eval_every=1)
    count, by_ppo = min(task.num_envs, 8), isinstance(how, training.PPOConfig)
    if by_ppo:
        how = replace(how, num_steps=8, total_steps=3 * 8 * count)
    else:
        how = replace(how, n_updates=3)
    policy = task.build(0)
    watch = options.pop(
        "exact", lambda p: evaluation.success_by_k(p, make, cases, task.k_trained, how.use_masks)
    )
    learn = training.ppo if by_ppo else training.reinforce
    with optimizer_watched() as steps:
        history = learn(policy, make(count), how, evaluate=watch, progress=False, **options)
    h = history
    told = [h.steps, h.episodes, h.successes, h.rewards, h.policy_loss, h.value_loss, h.entropy,
            h.eval_steps, h.eval_success]  # fmt: skip
    return [list(policy.state_dict().values()), steps[1:], steps[0][-1], told]


def resumed(train: Callable[..., list[Any]], folder: str) -> list[Any]:
    """What comes of a run that is stopped in its second round, and goes on from its checkpoint."""
    looks = 0

    def stop(_: torch.nn.Module) -> np.ndarray:
        nonlocal looks
        looks += 1
        if looks == 3:  # one look before the first round
            raise KeyboardInterrupt
        return np.array([0.5])

    keep = {"checkpoint": Path(folder) / "run.pt", "checkpoint_every": 1}
    try:
        train(exact=stop, **keep)
        raise AssertionError("expected the run to be stopped, it came to its end")
    except KeyboardInterrupt:
        return train(exact=lambda _: np.array([0.5]), **keep)


def training_() -> Named:
    given = supervised_cases()
    for name in given:
        yield name, fitted(name, given[name])
    for name in policy_cases():
        yield name, practised(name)
    course = task_of("curriculum/masks_by_way")
    policy, h = replace(course, stages=((1, 1024), (4, 1024), (8, 2048))).train(0)
    looks = [np.array(h.eval_steps), np.array([row[-1] for row in h.eval_success])]
    yield "curriculum, three stages", [list(policy.state_dict().values()), *looks]
    for name in [
        "basic_trm/recursion", "basic_trm/same_parameters", "paper_trm/official",
        "paper_trm/adam_atan2", "easy_to_hard/looped", "easy_to_hard/noisy_start", "maze4/trm",
        "maze4/gru", "carry/action", "shaping/manhattan", "sudoku_rl/trm",
        "rl_adaptation/cure_board_16",
    ]:  # fmt: skip
        train = partial(fitted, name, given[name]) if name in given else partial(practised, name)
        with tempfile.TemporaryDirectory() as folder:
            whole, parts = train(exact=lambda _: np.array([0.5])), resumed(train, folder)
        if digest(whole) != digest(parts):
            raise AssertionError(f"{name}: a run that was interrupted ends with other numbers")
        yield f"{name}, interrupted", parts


# 4. Environments: 200 steps, legal and illegal, of every option, one and three at once.


def potential(observations: np.ndarray) -> np.ndarray:
    return observations.reshape(len(observations), -1)[:, ::7].sum(1) / 10.0


def worlds() -> dict[str, tuple[str, dict[str, Any], tuple[Any, ...] | None]]:
    """Name -> environment id, its options, and arguments of the shaping around it or None."""
    some = puzzles.all_trees(3)[::20]
    four, six = (puzzles.generate_sudoku(n, 5, np.random.default_rng(n))[0] for n in (4, 6))
    own = envs.MazeReward(step=-1, bump=-2, goal=3)
    anywhere = {"size": 4, "start": "random", "goal": "random"}
    maze = [
        {}, {"size": 3}, {"layout": "loops"}, {"layout": "loops", "loops": 0.5}, anywhere,
        {"layout": "open"}, {"layouts": some, "start": "random", "goal": "random"},
        {"reward": "evns", "size": 3}, {"reward": "improved", "size": 3},
        {"reward": own, "size": 3}, {"observation": "flat", "size": 3}, {"max_steps": 7},
    ]  # fmt: skip
    paid = [envs.SudokuReward(1, 2, 3, 4, 5, 6, 7), improved_shaping.SPARSE, "evns", "improved"]
    sudoku = [{}, {"empties": (2, 6)}, {"empties": 12}, {"size": 6, "empties": 6}, {"max_steps": 5},
              {"size": 9, "empties": 8}, {"puzzles": four}, {"puzzles": six},
              *({"empties": 8, "reward": reward} for reward in paid)]  # fmt: skip
    sudoku += [
        {"empties": 7, "observation": seen, "placement": placed, "reward": "improved"}
        for seen in ("channels", "conflicts", "candidates") for placed in ("legal", "free")
    ]  # fmt: skip
    cell = [{}, {"empties": 8}, {"size": 6, "empties": 5}, {"puzzles": four},
            {"reward": "improved"}, {"reward": envs.SudokuCellReward(2, -3)}]  # fmt: skip
    hints = [("manhattan", 0.98, 0.2), ("shortest path", 0.9, 0.2), ("manhattan", 1.0, 0.2),
             (potential, 0.95, 2.0)]  # fmt: skip
    listed = [("Maze", o, None) for o in maze] + [("Sudoku", o, None) for o in sudoku]
    listed += [("SudokuCell", o, None) for o in cell]
    listed += [("Maze", o, hint) for o in (anywhere, {"size": 3, "observation": "flat"})
               for hint in hints] + [("Sudoku", {"empties": 8}, hints[-1])]  # fmt: skip
    return {f"{number} {kind}": (f"trm/{kind}-v0", options, hint)
            for number, (kind, options, hint) in enumerate(listed)}  # fmt: skip


def numeric(info: Any) -> Any:
    """An info without what is neither number nor array, such as objects."""
    if isinstance(info, dict):
        return {key: numeric(value) for key, value in info.items()}
    return info if isinstance(info, np.ndarray | np.generic | bool | int | float) else None


def walked(env: Any, seed: int, count: int = 200) -> list[Any]:
    """All that `count` random steps show: half of the actions legal, half any; episodes follow."""
    rng, several = np.random.default_rng(seed), hasattr(env, "num_envs")
    observation, info = env.reset(seed=seed)
    told = [observation, numeric(info)]
    for _ in range(count):
        mask = np.atleast_2d(info["action_mask"])
        legal = (rng.random(mask.shape) * (mask > 0)).argmax(1)
        any_ = rng.integers(mask.shape[1], size=len(mask))
        action = np.where(rng.random(len(mask)) < 0.5, legal, any_)
        observation, *rest, info = env.step(action if several else int(action[0]))
        told += [observation, *rest, numeric(info)]
        if not several and (rest[1] or rest[2]):
            observation, info = env.reset()
            told += [observation, numeric(info)]
    return told


def envs_() -> Named:
    for name, (kind, options, hint) in worlds().items():
        single, several = gym.make(kind, **options), gym.make_vec(kind, 3, **options)
        if hint:
            single = envs.PotentialShaping(single, *hint)
            several = envs.VectorPotentialShaping(several, *hint)
        for seed in (0, 5):
            yield f"{name}, seed {seed}", walked(single, seed)
            yield f"{name}, three, seed {seed}", walked(several, seed)
        kept = several.state()
        again = gym.make_vec(kind, 3, **options)
        again = envs.VectorPotentialShaping(again, *hint) if hint else again
        again.reset(seed=9)
        again.set_state(kept)
        zeros = np.zeros(3, np.int64)
        yield f"{name}, gone on", [x for _ in range(20) for x in again.step(zeros)[:4]]
    some = puzzles.generate_mazes(4, 3, np.random.default_rng(0))
    given = gym.make_vec("trm/Maze-v0", 3, size=4).reset(options={"mazes": some})
    yield "mazes given", [given[0], numeric(given[1])]
    boards = puzzles.generate_sudoku(4, 3, np.random.default_rng(0))[0]
    for kind in ("trm/Sudoku-v0", "trm/SudokuCell-v0"):
        given = gym.make_vec(kind, 3).reset(options={"puzzles": boards})
        yield f"{kind}, puzzles given", [given[0], numeric(given[1])]


# 5. Solve: Sudokus and mazes in the forms that people bring.


def questions() -> list[Any]:
    rng = np.random.default_rng(0)
    fours, sixes = (puzzles.generate_sudoku(n, c, rng)[0] for n, c in ((4, 6), (6, 4)))
    texts = ["1...|..3.|.4..|...2", *(puzzles.sudoku_text(board) for board in fours[:3])]
    drawn = [puzzles.generate_mazes(n, 1, rng, layout, start="random", goal="random")
             for n in (2, 3, 5, 9, 15) for layout in ("tree", "loops")]  # fmt: skip
    written = [puzzles.maze_text(m.walls[0], m.start[0], m.goal[0]) for m in drawn[:4]]
    return [*texts, *fours[3:], *sixes[:3], puzzles.sudoku_text(sixes[3]), *written,
            *(puzzles.maze_picture(m)[0] for m in drawn[4:6]),
            *(puzzles.maze_tokens(m)[0] for m in drawn[6:8]), *drawn[8:]]  # fmt: skip


def solve_() -> Named:
    for number, question in enumerate(questions()):
        found = solve(question)
        yield str(number), [found.steps, found.right, found.k, found.answer, found.is_right,
                            str(found), getattr(found, "path", None)]  # fmt: skip
    yield "K = 3", str(solve("1...|..3.|.4..|...2", k_steps=3))


# 6. Pictures: SVG, HTML and pixels.


def drawings() -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(0)
    (clues,), (solution,) = puzzles.generate_sudoku(6, 1, rng)
    boards = np.where(rng.random((4, 6, 6)) < 0.7, solution, rng.integers(0, 7, (4, 6, 6)))
    belief, one = rng.random((6, 6)), puzzles.generate_mazes(6, 1, rng, "loops", goal="random")
    walls, start, goal = one.walls[0], int(one.start[0]), int(one.goal[0])
    marks, label = rng.random((6, 6)) < 0.4, puzzles.shortest_path_cells(one)[0]
    scores, x = rng.random((5, 8)), np.arange(1, 9)
    curves = {"a": (x, scores), "b": (x, scores[0])}
    stays = np.array([[1, 1], [2, 1], [1, 2], [2, 3]])
    frames = [viz.sudoku_svg(board, clues) for board in boards]

    def chart() -> Any:
        figure, axes = viz.new_figure()
        axes.plot(x, scores[0])
        figure.alt = "a line"
        return figure

    recorded = [experiments.recorded(r) for r in experiments.find_recipes("basic_trm")[:3]]
    learnt = [experiments.recorded(r) for r in experiments.find_recipes("maze5")[:2]]
    fours = [viz.sudoku_svg(puzzles.parse_sudoku("1...|..3.|.4..|...2"))]
    return {
        "sudoku": lambda: viz.sudoku_svg(boards[0], clues, solution, belief, "A title", 30),
        "sudoku plain": lambda: fours[0],
        "maze": lambda: viz.maze_svg(walls, start, goal, marks, label, goal - 1 or 1, title="Maze"),
        "maze moves": lambda: viz.maze_svg(
            walls, start, goal, trail=[start], moves=rng.integers(0, 4, (6, 6))
        ),
        "maze small": lambda: viz.maze_svg(walls, start, goal, marks, label, cell=9),
        "strip": lambda: viz.thinking_strip(
            boards, clues, solution, [f"K = {k}" for k in range(1, 5)]
        ),
        "strip labels": lambda: viz.thinking_strip(boards, clues, solution, list("abcd")),
        "carries": lambda: viz.carry_chart(stays, 4),
        "curves": lambda: viz.learning_curves(curves, "steps", "success", window=3),
        "curves min": lambda: viz.learning_curves(curves, "x", "y", best="min"),
        "by k": lambda: viz.accuracy_by_k(x, {"a": scores, "b": scores[0]}, "exact"),
        "by k errors": lambda: viz.accuracy_by_k(x, {"a": scores}, "exact", errors=True),
        "dots": lambda: viz.seed_dots({"a": scores[0], "b": scores[1], "c": scores[2, :1]}, "x"),
        "chart": chart,
        "slider": lambda: viz.k_slider(frames, captions=list("abcd"), start=1),
        "slider values": lambda: viz.k_slider([chart(), "<p>text</p>"], "step", values=["a", "b"]),
        "draw": lambda: experiments.draw(recorded),
        "draw by k": lambda: experiments.draw_by_k(recorded),
        "draw learning": lambda: experiments.draw_learning(learnt),
        "thinking picture": ship.thinking_picture,
        "maze pixels": lambda: maze_pixels(walls, start, goal, goal - 1 or 1),
        "sudoku pixels": lambda: sudoku_pixels(boards[0], clues, marked=(1, 2)),
    }


def svg() -> Named:
    for name, draw in drawings().items():
        drawn = draw()
        if not isinstance(drawn, np.ndarray):
            html = re.sub(r"(trm-slider-\w{8}-)\d+", r"\1", drawn._repr_html_())
            drawn = [html, getattr(drawn, "alt", "")]
        yield name, drawn
    for name, (kind, options, hint) in worlds().items():
        if hint is None and name.split()[0] in {"0", "5", "12", "15", "17", "30", "32"}:
            for mode in ("rgb_array", "ansi"):
                single = gym.make(kind, render_mode=mode, **options)
                several = gym.make_vec(kind, 2, render_mode=mode, **options)
                shown = []
                for env in (single, several):
                    env.reset(seed=1)
                    env.step(env.action_space.sample() * 0 + 1)
                    shown.append(env.render())
                yield f"{name} {mode}", [shown[0], list(shown[1])]


# 7. Settings: every recipe's config as JSON.


def settings() -> Named:
    for name, recipe in RECIPES.items():
        said = json.loads(json.dumps(recipe.settings()), object_hook=_with_n_steps)
        yield name, json.dumps(said, sort_keys=True)


def _with_n_steps(settings: dict[str, Any]) -> dict[str, Any]:
    """K of a policy was called `n_steps` when the hashes were made."""
    if "n_actions" in settings:
        return {"n_steps" if k == "k_steps" else k: v for k, v in settings.items()}
    return settings


# 8. Numbers: evaluation on fixed models, and what is said of recorded results.


def measured_models() -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(0)
    for key, size in ((4, 4), (6, 6)):
        yield f"sudoku{size}", (
            shipped_model(key), training.PuzzleData(*puzzles.generate_sudoku(size, 60, rng))
        )  # fmt: skip
    yield "mazes", (shipped_model("maze"), thinking_longer.mazes_of(7, 40, 3))
    act = task_of("ablation/act_continue").build(0).eval()
    yield "act_continue", (act, tasks.minimal_sudoku4()[1][::200])


def of_networks() -> Named:
    for name, (model, boards) in measured_models():
        yield f"{name}: exact by k", evaluation.exact_by_k(model, boards, 6, batch_size=32)
        yield f"{name}: answers by k", evaluation.answers_by_k(model, boards.inputs, 6)
        yield f"{name}: at rest", evaluation.answers_at_rest(model, boards.inputs, 60, 4, 32)
        yield f"{name}: flops", [evaluation.answer_flops(model, boards.inputs.shape[1:], k)
                                 for k in (1, 4)]  # fmt: skip
        if getattr(model.config, "halting", False):
            halted = evaluation.answers_with_halting(model, boards.inputs, 16, batch_size=32)
            right = (halted.answers == boards.labels).all((1, 2))
            yield f"{name}: halted", halted
            yield (
                f"{name}: halted early",
                evaluation.answers_with_halting(model, boards.inputs, 8, threshold=-4.0),
            )
            yield f"{name}: calibration", evaluation.calibration(halted.halt_logit, right)
            yield f"{name}: halt logits", evaluation.halt_logits_by_k(model, boards.inputs, 6)
        found = diagnostics.diagnose_puzzles(model, boards, boards[::-1], 4)
        yield f"{name}: page", diagnostics.page(found)
        for finding in found:
            yield f"{name}: finding {finding.name}", [finding.fault, finding.numbers]


def of_policies() -> Named:
    walker = load_model(weights_folder() / "maze4.safetensors")
    cases = unseen_mazes.cases(puzzles.all_trees(4)[::3000], 60, seed=2)
    yield "walker: success", unseen_mazes.success_on(cases, walker, 4)
    yield "walker: flops", evaluation.decision_flops(walker, (6, 4, 4), 2)
    every = evaluation.every_maze(puzzles.all_trees(3)[::40])
    yield "every maze", every

    def open_(count: int, **options: Any) -> gym.vector.VectorEnv:
        return gym.make_vec("trm/Maze-v0", count, **{"size": 4, "goal": "random"} | options)

    for drawn in (None, torch.Generator().manual_seed(0)):
        acting = training.Acting(walker, False, drawn)
        yield f"walker: episodes {drawn is None}", evaluation.play_episodes(open_(5), acting, 20, 0)
    for name, act in {
        "greedy": yardsticks.greedy_manhattan_policy,
        "optimal": yardsticks.optimal_maze_policy,
        "random": yardsticks.random_policy(np.random.default_rng(0)),
        "legal": yardsticks.random_legal_policy(np.random.default_rng(0)),
    }.items():
        yield f"yardstick {name}", evaluation.play_each(open_, cases, act)
    exact = yardsticks.exact_sudoku_policy
    for kind in ("trm/Sudoku-v0", "trm/SudokuCell-v0"):
        yield f"yardstick {kind}", evaluation.play_episodes(gym.make_vec(kind, 4), exact, 8, 0)
    for name in ("maze4/trm", "maze4/gru", "maze4/mlp", "sudoku_rl/trm", "carry/over_time",
                 "rl_adaptation/script_vector_16"):  # fmt: skip
        task = task_of(name)
        make, some = playground(task)
        policy, how = task.build(3), (task.k_trained, task.training.use_masks)
        yield f"{name}: success", evaluation.success_by_k(policy, make, some, *how)
        found = diagnostics.diagnose_policy(policy, make, task.training, 8)
        yield f"{name}: page", diagnostics.page(found)
        for finding in found:
            yield f"{name}: finding {finding.name}", [finding.fault, finding.numbers]


def spaced(table: str) -> str:
    """The line under the header with spaces, as it was when the hashes were written."""
    lines = table.split("\n")
    lines[1] = f"| {' | '.join(lines[1].strip('|').split('|'))} |"
    return "\n".join(lines)


def of_results() -> Named:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 0.2, 10), rng.normal(0.7, 0.1, 9)
    yield "interval", [statistics.bootstrap_interval(a), statistics.interquartile_mean(a)]
    yield "moving average", statistics.moving_average(a, 3)
    yield "comparison", statistics.compare(a, b)
    yield "improvement", statistics.probability_of_improvement(b, a)
    yield "catalogue", experiments.catalogue(RECIPES.values())
    by_experiment: dict[str, list[Any]] = {}
    for name, recipe in RECIPES.items():
        if (RESULTS / f"{name}.json").is_file():
            result = experiments.recorded(recipe)
            by_experiment.setdefault(name.split("/")[0], []).append(result)
    for name, results in by_experiment.items():
        yield f"{name}: costs", spaced(experiments.costs(results))
        try:
            yield f"{name}: report", experiments.report(results)
        except ValueError:
            continue  # this experiment measures something else
        if len(results) > 1 and min(len(result.seeds) for result in results) > 1:
            first = results[0].recipe.rpartition("/")[2]
            yield f"{name}: verdicts", spaced(experiments.verdicts(results, first))
        if all("epochs_to_95" in result.quantities() for result in results):
            yield f"{name}: speeds", spaced(experiments.speeds(results))


def numbers() -> Named:
    yield from of_networks()
    yield from of_policies()
    yield from of_results()


SECTIONS: dict[str, Callable[[], Named]] = {
    "data": data, "weights": weights, "training": training_, "envs": envs_, "solve": solve_,
    "svg": svg, "settings": settings, "numbers": numbers,
}  # fmt: skip


def computed(only: list[str]) -> dict[str, dict[str, str]]:
    """Every hash by section and name."""
    torch.set_num_threads(1)
    found: dict[str, dict[str, str]] = {}
    for section in only:
        start = time.process_time()
        found[section] = {}
        for name, value in SECTIONS[section]():
            assert name not in found[section], f"{section}: two values are called {name!r}"
            found[section][name] = digest(value)
        seconds = time.process_time() - start
        print(f"{section}: {len(found[section])} hashes in {seconds:.1f} s", flush=True)
    return found


def machine() -> dict[str, str]:
    """What must be the same for equal bits."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    return versions | {"python": platform.python_version(), "cpu": cpu[1] if cpu else ""}


def write(path: Path, only: list[str]) -> int:
    """Write the hashes; sections that are not asked for stay as the file has them."""
    kept = json.loads(path.read_text())["hashes"] if path.is_file() else {}
    content = {"machine": machine(), "hashes": kept | computed(only)}
    path.write_text(json.dumps(content, indent=1) + "\n")
    return 0


def check(path: Path, only: list[str]) -> int:
    """Print what differs; 1 if anything does."""
    stored = json.loads(path.read_text())
    if stored["machine"] != machine():
        print(f"written on {stored['machine']}, checked on {machine()}: bits may differ")
    wrong = 0
    for section, now in computed(only).items():
        old = stored["hashes"].get(section, {})
        for name in [*old, *(name for name in now if name not in old)]:
            if old.get(name) != now.get(name):
                said = "missing" if name not in now else "new" if name not in old else "differs"
                print(f"{said}: {section}: {name}")
                wrong += 1
    print(f"{wrong} differ" if wrong else "every bit as it was")
    return int(wrong > 0)


def verify() -> int:
    """Repeat the cheapest recorded seed of each experiment: a line a recipe, as it is done."""
    cheapest: dict[str, tuple[float, int, str]] = {}
    for name in RECIPES:
        if (RESULTS / f"{name}.json").is_file():
            result = experiments.load_result(name)
            seconds, seed = min((run["seconds"], seed) for seed, run in result.seeds.items())
            best = cheapest.get(name.split("/")[0], (float(CHEAP), 0, ""))
            if seconds <= best[0]:
                cheapest[name.split("/")[0]] = (seconds, seed, name)
    for seconds, seed, name in sorted(cheapest.values()):
        recipe, start = experiments.find_recipes(name)[0], time.perf_counter()
        said = experiments.verify(recipe, experiments.recorded(recipe), seed)
        sizes = [float(s.rpartition(" ")[2]) for s in said if "differs by up to" in s]
        verdict = f"{len(said)} differ, by up to {max(sizes, default=0):.3g}" if said else "same"
        took = time.perf_counter() - start
        print(f"{name} seed {seed}: {verdict} ({took:.0f} s, recorded {seconds:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["write", "check", "verify"])
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    args = parser.parse_args()
    if args.command != "verify" and args.file is None:
        parser.error(f"{args.command} expected a FILE.json")
    sys.exit(
        verify()
        if args.command == "verify"
        else {"write": write, "check": check}[args.command](args.file, args.only)
    )
