"""What recipes learn from and are measured on: parts kept apart, lessons, hints, and what ships."""

from dataclasses import replace
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch

from book.recipes import ship, thinking_longer, unseen_mazes
from book.recipes.data import MarkedMazes, MinimalSudoku, minimal_sudoku4, minimal_sudoku6
from book.recipes.improved_shaping import NEARER, HintedMazes, puzzles_with, small_trees
from book.recipes.script_policy import VectorPolicy, VectorPolicyConfig
from book.recipes.thinking_longer import (
    CLOSED,
    LATEST,
    LOOP,
    TRAINING,
    LargerMazes,
    filled,
    five,
    late,
    mazes_of,
    mixed_sizes,
    noisy_start,
    random_start,
    round_by_round,
)
from trm_lib import solve
from trm_lib.envs import optimal_maze_policy
from trm_lib.evaluation import play_each
from trm_lib.experiments import Recipe, Result, load_result
from trm_lib.models import build_model, count_parameters, load_model, read_card
from trm_lib.puzzles import (
    all_trees,
    class_key,
    layout_class,
    maze_labels,
    read_maze_tokens,
)
from trm_lib.training import IGNORE, TrainingRun, answer_loss

SMALL = MarkedMazes(size=4, count=400)


def walls(part):
    return layout_class((part.inputs % 16).astype(np.uint8))


@pytest.mark.parametrize(
    ("parts", "classes_of"),
    [
        (minimal_sudoku4, lambda part: class_key(part.inputs)),
        (lambda: minimal_sudoku4(2), lambda part: class_key(part.inputs)),
        (lambda: minimal_sudoku6(1500), lambda part: class_key(part.inputs)),
        (SMALL.split, walls),
        (lambda: puzzles_with(8).values(), class_key),
        (lambda: puzzles_with(12).values(), class_key),
        (lambda: unseen_mazes.tree_layouts(4).values(), layout_class),
        (lambda: unseen_mazes.loop_layouts(4, unseen_mazes.OPENED).values(), layout_class),
        (lambda: small_trees().values(), layout_class),
    ],
    ids=["sudoku4", "sudoku4, split 2", "sudoku6", "marked mazes", "8 empty", "12 empty", "trees 4",
         "loops 4", "trees 3"],
)  # fmt: skip
def test_no_class_is_in_two_parts_however_it_is_turned(parts, classes_of):
    classes = [set(classes_of(part).tolist()) for part in parts()]
    assert len(classes) == 3
    assert all(classes)
    assert sum(map(len, classes)) == len(set.union(*classes))


def test_no_kind_of_test_maze_has_a_class_of_the_mixture_that_policies_learn_from():
    train = unseen_mazes.loop_layouts(4, unseen_mazes.OPENED)["train"]
    for share in unseen_mazes.OPENED:
        test = unseen_mazes.loop_layouts(4, (share,))["test"]
        assert len(test) > 5000
        assert not set(layout_class(test)) & set(layout_class(train))


def test_parts_are_as_large_as_chapters_say():
    assert [len(set(class_key(part.inputs).tolist())) for part in minimal_sudoku4()] == [24, 6, 6]
    assert sum(map(len, minimal_sudoku4())) == 85_632
    assert [len(part) for part in SMALL.split()] == [400, 2000, 2000]
    assert min(map(len, small_trees().values())) > 20
    together = np.concatenate(list(small_trees().values()))
    assert sorted(map(bytes, together)) == sorted(map(bytes, all_trees(3)))


def test_every_seed_may_have_a_split_of_its_own():
    tested = {frozenset(class_key(MinimalSudoku(own_split=True).split(seed)[2].inputs).tolist())
              for seed in range(2)}  # fmt: skip
    assert len(tested) == 2


def test_pixels_show_the_same_mazes():
    pixels = replace(SMALL, form="pixels")
    shown = pixels.split()[2]
    assert shown.inputs.shape[1:] == pixels.grid == (9, 9)
    np.testing.assert_array_equal(shown.labels[:, 1::2, 1::2], SMALL.split()[2].labels)


def test_cases_can_be_solved_and_are_drawn_evenly():
    some = unseen_mazes.cases(unseen_mazes.tree_layouts(4)["test"], 4000, seed=1)
    make = partial(gym.make_vec, "trm/Maze-v0", size=4)
    assert play_each(make, some, optimal_maze_policy).success.all()
    for places in (some.start, some.goal):
        counts = np.bincount(places, minlength=16)
        assert abs(counts - 250).max() < 5 * 250**0.5


# Hints of chapter 03.


@pytest.mark.parametrize(("hint", "beta"), [("bonus", 1.0), ("manhattan", 0.98)])
def test_what_a_hint_pays(hint, beta):
    """The scripts' 0.2 (d - d'); or 0.2 (d - gamma d') as a potential. d' is 0 on the goal."""
    num_envs = 8
    plain, shaped = (HintedMazes(0.98, kind).envs(num_envs) for kind in ("none", hint))
    before, _ = plain.reset(seed=0)
    shaped.reset(seed=0)
    rng, ends = np.random.default_rng(0), np.zeros(2, int)
    for _ in range(200):
        actions = rng.integers(4, size=num_envs)
        after, reward, terminated, truncated, infos = plain.step(actions)
        following, done = after.copy(), terminated | truncated
        if done.any():
            following[done] = infos["final_obs"][done]
        near = np.where(terminated, 0, distance(following))
        expected = reward + NEARER * (distance(before) - beta * near)
        np.testing.assert_allclose(shaped.step(actions)[1], expected, atol=1e-6)
        before = after
        ends += terminated.sum(), truncated.sum()
    assert ends.min() > 5


def distance(observations):
    agent, goal = (np.argwhere(observations[:, channel])[:, 1:] for channel in (4, 5))
    return abs(agent - goal).sum(axis=1)


# Larger mazes of chapter 08.


@pytest.fixture
def brief(monkeypatch):
    """A short training, and the same questions to fewer and smaller mazes."""
    monkeypatch.setattr(thinking_longer, "WATCHED", {3: (20, 4), 4: (20, 4)})
    monkeypatch.setattr(thinking_longer, "BY_K", {3: (10, 5), 6: (10, 5)})
    monkeypatch.setattr(thinking_longer, "AT_REST", {30: (2, 3), 31: (2, 3)})
    return replace(TRAINING, n_batches=4, batch_size=16, n_sup=4, due=2, eval_every=1)


def test_larger_mazes_are_asked_at_rest_and_of_some_networks_closely(brief):
    at_rest, closely = (LargerMazes(LOOP, brief, closely=c).run(0, None) for c in (False, True))
    assert at_rest["test_exact"] == at_rest["tree_30_exact"]
    assert max(at_rest["tree_30_steps"]) <= 3
    assert not any(name.startswith("tree_31") or "by_k" in name for name in at_rest)
    for name in ("tree_3", "loops_3", "tree_6", "loops_6"):
        assert len(closely[f"{name}_exact_by_k"]) == 5
    assert len(closely["watched_exact"]) == 4
    assert max(closely["tree_31_steps"]) <= 3
    assert at_rest.keys() == {
        key.replace("101", "31") for key in load_result("easy_to_hard/silent").quantities()
        if not key.startswith(("tree_7", "tree_15"))
    }  # fmt: skip


def test_the_best_watched_weights_are_kept(brief, monkeypatch):
    shares = iter([0.1, 0.1, 0.3, 0.3, 0.9, 0.9, 0.2, 0.2, 0.9, 0.9])  # untrained, then 4 batches
    seen = []

    def scripted(network, data, k_steps):
        seen.append(torch.cat([p.detach().flatten() for p in network.parameters()]).clone())
        return np.array([next(shares)])

    monkeypatch.setattr(thinking_longer, "exact_by_k", scripted)
    network, history = LargerMazes(LOOP, brief).train(0)
    assert [a[0] for a in history.eval_success] == pytest.approx([0.3, 0.9, 0.2, 0.9])
    kept = torch.cat([p.detach().flatten() for p in network.parameters()])
    assert torch.equal(kept, seen[4])


# Its lessons: what each judges after every step, worked out by hand.

BRIEF = replace(TRAINING, n_batches=2, batch_size=8, n_sup=5, due=3)
DATA = mazes_of(5, 40, 9)


def taught(lesson, data=DATA, **changes):
    """The run, the losses of its first batch, and a batch just like it; the weights stay."""
    training, losses = replace(BRIEF, **changes), []
    run = TrainingRun(build_model(LOOP, 0), data, training, lesson=lesson)
    run.learn = losses.append
    lesson(run)
    return run, losses, TrainingRun(run.model, data, training, lesson=lesson).next_batch()


def answers(run, inputs, count):
    """Logits after 1, 2, ... steps."""
    carry = run.model.initial_carry(inputs)
    for _ in range(count):
        carry, out = run.model(carry, inputs)
        yield out.logits


@pytest.mark.parametrize(
    ("lesson", "changes", "silent"),
    [
        (late, {"silent_steps": 0, "due": 3}, 0),
        (late, {"silent_steps": 2, "due": 1}, 2),
        (late, {"silent_steps": 2, "due": 5}, 2),
        *((random_start, {"seed": seed}, None) for seed in range(6)),
    ],
)
def test_silent_steps_teach_nothing_and_before_an_answer_is_due_only_what_must_stay_is_judged(
    lesson, changes, silent
):
    """A random start is somewhere in the thought, and shifts what is due."""
    run, losses, (inputs, labels) = taught(lesson, **changes)
    due = run.config.due + (silent or 0)
    if silent is None:
        drawn = torch.Generator().manual_seed(run.config.seed)
        silent = int(torch.randint(LATEST + 1, (), generator=drawn))
    must_stay = labels.masked_fill(labels == 0, IGNORE)
    steps = enumerate(answers(run, inputs, silent + 5), 1)
    expected = [answer_loss(said, labels if k >= due else must_stay) for k, said in steps]
    torch.testing.assert_close(losses, expected[silent:])


def test_an_answer_is_due_while_it_is_judged():
    with pytest.raises(ValueError, match="due expected a step from 1 to n_sup = 5, got 6"):
        replace(BRIEF, due=6)


def test_round_by_round_judges_what_is_left_after_as_many_rounds():
    run, losses, (inputs, rounds) = taught(round_by_round, filled())
    expected = []
    for step, logits in enumerate(answers(run, inputs, 5), 1):
        left = torch.ones_like(rounds)
        left[(rounds > 0) & (rounds <= step)] = 0
        expected.append(answer_loss(logits, left))
    assert (rounds > 5).sum() > 0
    torch.testing.assert_close(losses, expected)
    np.testing.assert_array_equal(filled().labels == 0, five().labels == 1)
    assert filled().labels.max() <= TRAINING.n_sup  # the last answer judges the path itself


def test_a_noisy_start_is_the_seeds_and_not_the_models_own():
    first = [taught(noisy_start, seed=seed)[1][0].item() for seed in (0, 0, 1)]
    assert first[0] == first[1] != first[2]
    assert abs(first[0] - taught(late)[1][0].item()) > 1e-3


def test_smaller_mazes_lie_anywhere_among_closed_cells_and_keep_their_answers():
    some = mixed_sizes()
    closed = (some.inputs == CLOSED).sum((1, 2))
    counts = dict(zip(*np.unique(closed, return_counts=True), strict=True))
    assert counts == dict.fromkeys((0, 25 - 16, 25 - 9), len(five()) // 3)
    few = some[:: len(some) // 300]
    np.testing.assert_array_equal(maze_labels(read_maze_tokens(few.inputs)), few.labels)
    smallest = some.inputs[closed == 25 - 9] != CLOSED
    assert len(np.unique(smallest, axis=0)) == 9  # places


# What is shipped: the best seed by validation, trained again, with that seed's numbers.


def test_the_network_for_mazes_is_the_best_seed_with_its_numbers(brief, monkeypatch, tmp_path):
    recipe = Recipe("easy_to_hard/looped", "", LargerMazes(LOOP, brief, closely=True))
    result = Result(recipe.name, recipe.about, recipe.settings())
    for seed, validation in enumerate([0.5, 0.7, 0.6]):
        measured = {"validation_exact": validation} | {
            f"{layout}_{size}_exact_by_k": [0.0, size / 100 + seed / 1000]
            for layout in ("tree", "loops") for size in thinking_longer.BY_K
        }  # fmt: skip
        measured |= {f"tree_{n}_exact": 1 - (seed + n) / 1000 for n in thinking_longer.AT_REST}
        result.seeds[seed] = {"measured": measured, "seconds": 1.0, "provenance": {}}
    monkeypatch.setattr(ship, "find_recipe", lambda name: recipe)
    monkeypatch.setattr(ship, "recorded", lambda recipe: result)
    path = tmp_path / "maze_paths.safetensors"
    card = ship.ship("maze_paths", path)
    assert read_card(path) == card
    assert card["result"] == "book/results/easy_to_hard/looped.json, seed 1"
    exact = card["exact on test mazes, as recorded"]
    assert exact["tree, 3 x 3 cells, K = 5"] == pytest.approx(0.031)
    assert exact["loops, 6 x 6 cells, K = 5"] == pytest.approx(0.061)
    assert exact["tree, 31 x 31 cells, answer at rest"] == pytest.approx(0.968)
    network, history = recipe.task.train(1)
    torch.testing.assert_close(load_model(path).state_dict(), network.state_dict())
    best = max(a[0] for a in history.eval_success)
    assert card["exact on the mazes that chose these weights"] == best
    assert (card["parameters"], card["training"]["n_batches"]) == (9056, 4)
    solved = solve(read_maze_tokens(mazes_of(6, 1, 0).inputs), 2, load_model(path))
    assert solved.steps.shape == (2, 6, 6)


# The policy of the rebuilt scripts: its equations, written out once more.


def by_hand(policy, seen, previous):
    """The script's forward, one board after the other, in its own order."""
    logits = []
    for board, before in zip(seen, previous.tolist(), strict=True):
        grid = torch.zeros(25)
        grid[board[4].flatten().argmax()] = 1
        grid[board[5].flatten().argmax()] = 0.5
        y, z = policy.y_of_action[before], policy.z0
        for _ in range(2):
            for _ in range(2):
                hidden = policy.think[0](torch.cat([z, grid, y])).relu()
                z = policy.think[2](hidden)
            out = policy.answer[2](policy.answer[0](torch.cat([z, y])).relu())
            y = (torch.softmax(out, 0)[:, None] * policy.y_of_action).sum(0)
        logits.append(out)
    return torch.stack(logits)


def test_the_scripts_policy_is_its_equations_and_as_large():
    """Counted in the source: two perceptrons, an embedding, a first thought."""
    policy = VectorPolicy(VectorPolicyConfig())
    think = (32 + 25 + 16 + 1) * 128 + (128 + 1) * 32
    answer = (32 + 16 + 1) * 64 + (64 + 1) * 4
    assert count_parameters(policy) == think + answer + 4 * 16 + 32
    envs = gym.make_vec("trm/Maze-v0", 5, size=5, layout="open", start="random", goal="random")
    seen, previous = torch.from_numpy(envs.reset(seed=0)[0]), torch.arange(5) % 4
    out, memory = policy(seen, previous)
    assert (out.logits.shape, out.values.shape, memory) == ((2, 5, 4), (2, 5), None)
    torch.testing.assert_close(out.logits[-1], by_hand(policy, seen, previous))
    begin, after_0 = (policy(seen, torch.full((5,), a))[0].logits for a in (4, 0))
    torch.testing.assert_close(begin, after_0, rtol=0, atol=0)
