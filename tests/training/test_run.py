"""A killed run goes on as if nothing had happened, and a wrong file never does harm."""

import os
import pickle
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv

from tests.training import worlds
from tests.training.worlds import FLAT, SIZES, one_thread  # noqa: F401
from trm_lib import training
from trm_lib.envs import MazeEnv, MazeVectorEnv, VectorPotentialShaping
from trm_lib.evaluation import exact_by_k, success_by_k
from trm_lib.models import (
    TRM,
    BoardConfig,
    BoardPolicy,
    FeedForward,
    GRUPolicy,
    HaltingTRM,
    MLPPolicy,
    TRMConfig,
)
from trm_lib.puzzles import augment_sudoku, generate_mazes, generate_sudoku
from trm_lib.training.run import Run

E, EVERY = 4, 3  # environments, and rounds between checkpoints
MAZE = worlds.MAZE | {"max_steps": 5}
BOARD = replace(worlds.BOARD, k_steps=1)
HALTING = TRMConfig(vocab_size=5, grid=(4, 4), halting=True, n_sup=4, explore=0.3, **SIZES)
SUPERVISED = training.SupervisedConfig(
    n_batches=8, batch_size=16, n_sup=2, lr=1e-2, warmup=5, eval_every=3, ema_decay=0.9
)
PPO = training.PPOConfig(
    total_steps=E * 4 * 8, num_steps=4, n_epochs=2, n_minibatches=2, lr=0.01, warmup=2, eval_every=2
)
REINFORCE = training.ReinforceConfig(n_updates=8, lr=0.01, warmup=2, eval_every=2)
SUDOKUS = training.PuzzleData(*generate_sudoku(4, 40, np.random.default_rng(0)))
CASES = generate_mazes(3, 20, np.random.default_rng(0), "open", start="random", goal="random")


def plain(**changes):
    return MazeVectorEnv(E, **MAZE | changes)


def shaped(potential="shortest path", gamma=0.98, weight=1.0):
    return VectorPotentialShaping(plain(), potential, gamma, weight)


def foreign():
    return SyncVectorEnv([lambda: MazeEnv(**MAZE)] * E, autoreset_mode="SameStep")


RUNS = {  # name -> config, kind of model and its config, data or environments
    "fit, halting": (SUPERVISED, HaltingTRM, HALTING, SUDOKUS),
    "fit": (SUPERVISED, TRM, replace(HALTING, halting=False), SUDOKUS),
    "fit, atan2": (replace(SUPERVISED, optimizer="adam_atan2"), HaltingTRM, HALTING, SUDOKUS),
    "ppo, mlp": (PPO, MLPPolicy, FLAT, plain),
    "ppo, gru": (PPO, GRUPolicy, FLAT, shaped),
    "ppo, trm": (PPO, BoardPolicy, BOARD, plain),
    "ppo, over time": (PPO, BoardPolicy, replace(BOARD, carry_over_time=True), shaped),
    "reinforce, mlp": (REINFORCE, MLPPolicy, FLAT, shaped),
    "reinforce, gru": (REINFORCE, GRUPolicy, FLAT, plain),
    "reinforce, over time": (REINFORCE, BoardPolicy, replace(BOARD, carry_over_time=True), plain),
}


def new_model(kind, config):
    return kind(config, torch.Generator().manual_seed(0))


def train(run, path=None, model=None, augment=augment_sudoku, **options):
    """Train, from the checkpoint at `path` if it is there; the model and its history."""
    config, kind, sizes, world = run
    model = new_model(kind, sizes) if model is None else model
    options |= {"progress": False, "checkpoint": path, "checkpoint_every": EVERY}
    if isinstance(config, training.SupervisedConfig):
        options |= {"evaluate": lambda m: exact_by_k(m, world, 3), "augment": augment}
        return model, training.fit(model, world, config, **options)
    options |= {"evaluate": lambda p: success_by_k(p, plain_copies, CASES)}
    learn = training.ppo if isinstance(config, training.PPOConfig) else training.reinforce
    return model, learn(model, world(), config, **options)


def plain_copies(count):
    return MazeVectorEnv(count, **MAZE)


def assert_same(run, other):
    (model, history), (again, its_history) = run, other
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    ours, theirs = (
        {name: value for name, value in asdict(h).items() if "seconds" not in name}
        for h in (history, its_history)
    )
    assert ours == theirs


@pytest.mark.parametrize("name", RUNS)
def test_every_checkpoint_leads_to_the_same_end(name, tmp_path, monkeypatch):
    """Files copied after each renewal: resumed from any of them, the run ends the same."""
    kept, keep = [], Run.keep

    def keep_and_copy(run, path):
        keep(run, path)
        kept.append(shutil.copy(path, tmp_path / f"after {run.round}"))

    (tmp_path / ".run.pt.abc123").write_bytes(b"what a killed writer left")
    os.utime(tmp_path / ".run.pt.abc123", (0, 0))
    monkeypatch.setattr(Run, "keep", keep_and_copy)
    finished = train(RUNS[name], tmp_path / "run.pt")
    monkeypatch.undo()
    assert [path.name for path in kept] == [f"after {n}" for n in (0, 3, 6, 8)]
    assert set(tmp_path.iterdir()) == {*kept, tmp_path / "run.pt"}  # swept away
    assert_same(finished, train(RUNS[name]))  # keeping files changes nothing
    for path in kept[1:]:  # the last is of a finished run, which stays finished
        assert_same(finished, train(RUNS[name], path))


@pytest.mark.parametrize("name", ["fit, halting", "ppo, mlp", "reinforce, gru"])
def test_a_seed_fixes_the_run_and_another_changes_it(name):
    torch.manual_seed(1)
    first = train(RUNS[name])
    torch.manual_seed(2)  # the global generator is not consulted
    assert_same(first, train(RUNS[name]))
    config, *rest = RUNS[name]
    other, _ = train((replace(config, seed=1), *rest))
    pairs = zip(first[0].parameters(), other.parameters(), strict=True)
    assert any(not torch.equal(ours, theirs) for ours, theirs in pairs)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("fit", {"lr": 0.5}, r"training.lr is 0.01 there and 0.5 here"),
        ("fit", {"seed": 3}, "training.seed is 0 there and 3 here"),
        ("fit", (TRM, replace(HALTING, halting=False, n_cycles=3)), "model.n_cycles is 1 there"),
        ("fit", (FeedForward, BoardConfig(vocab_size=5, grid=(4, 4))), "model is TRM there and Fe"),
        ("fit", SUDOKUS[:39], r"boards is \(40, 4, 4\) there and \(39, 4, 4\) here"),
        ("fit", SUDOKUS[::-1], "data is "),
        ("ppo, mlp", {"total_steps": 64}, "training.total_steps is 128 there and 64 here"),
        ("ppo, mlp", REINFORCE, "training is PPOConfig there and ReinforceConfig here"),
        ("ppo, mlp", (GRUPolicy, FLAT), "model is MLPPolicy there and GRUPolicy here"),
        ("ppo, mlp", lambda: plain(max_steps=6), "environments.max_steps is 5 there and 6 here"),
        ("ppo, mlp", shaped, "environments.shaping is None there and shortest path .* 0.98 here"),
        ("ppo, gru", lambda: shaped(gamma=0.9), "gamma 0.98 there and .* gamma 0.9 here"),
    ],
)
def test_a_file_of_another_run_is_refused_and_left_alone(name, change, message, tmp_path):
    config, kind, sizes, world = RUNS[name]
    train(RUNS[name], path := tmp_path / "run.pt")
    before = path.read_bytes()
    if isinstance(change, dict):
        config = replace(config, **change)
    elif isinstance(change, training.ReinforceConfig):
        config = change
    elif isinstance(change, tuple):
        kind, sizes = change
    else:
        world = change
    with pytest.raises(ValueError, match=f"left by another run: .*{message}"):
        train((config, kind, sizes, world), path)
    assert path.read_bytes() == before


def test_a_run_goes_on_with_the_lesson_of_ones_own_it_began_with(tmp_path):
    taught, path = [], tmp_path / "run.pt"

    def own(run):
        inputs, labels = run.next_batch()
        taught.append(inputs)
        return training.correct(
            run, run.model.initial_carry(inputs), inputs, [labels] * run.config.n_sup
        )

    usual = train(RUNS["fit"])  # which teaches the same
    assert_same(usual, train(RUNS["fit"], path, lesson=own))
    assert len(taught) == SUPERVISED.n_batches
    assert_same(usual, train(RUNS["fit"], path, lesson=own))
    with pytest.raises(ValueError, match=r"lesson is .*own there and deep_supervision here"):
        train(RUNS["fit"], path)


class Malice:
    """What would happen if a file were unpickled."""

    def __reduce__(self):
        return os.abort, ()


@pytest.mark.parametrize("name", ["fit, halting", "reinforce, gru"])
@pytest.mark.parametrize("harm", [0.0, 0.3, 0.999, "pickle", "torch", "weights", "folder"])
def test_damaged_and_foreign_files_are_refused_before_the_model_changes(name, harm, tmp_path):
    path, model = tmp_path / "run.pt", new_model(*RUNS[name][1:3])
    train(RUNS[name], path)
    whole = path.read_bytes()
    if harm == "pickle":
        path.write_bytes(pickle.dumps(Malice()))
    elif harm == "torch":
        torch.save({"identity": Malice(), "state": {}}, path)
    elif harm == "weights":
        torch.save(model.state_dict(), path)
    elif harm == "folder":
        path.unlink(), path.mkdir()
    else:
        path.write_bytes(whole[: int(harm * len(whole))])
    before = {n: tensor.clone() for n, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"run.pt expected to be one of this run, but it cannot"):
        train(RUNS[name], path, model)
    assert all(torch.equal(tensor, before[n]) for n, tensor in model.state_dict().items())


@pytest.mark.parametrize("said", [0.5, None, [], [1, 2], np.zeros((2, 2)), [np.nan]])
def test_what_will_not_do_is_refused_before_training(said, tmp_path):
    model = new_model(HaltingTRM, HALTING)
    before = model.head.weight.clone()
    kept = {"checkpoint": tmp_path / "run.pt", "checkpoint_every": 0}
    with pytest.raises(ValueError, match="every expected a whole number >= 1, got 0"):
        training.fit(model, SUDOKUS, SUPERVISED, progress=False, **kept)
    with pytest.raises(ValueError, match="evaluate expected to return shares from 0 to"):
        training.fit(model, SUDOKUS, SUPERVISED, progress=False, evaluate=lambda m: said)
    assert torch.equal(model.head.weight, before)


def test_environments_that_cannot_be_kept_serve_only_without_a_checkpoint(tmp_path):
    *run, plain_envs = RUNS["ppo, mlp"]
    for make in (foreign, lambda: VectorPotentialShaping(foreign(), "manhattan", 0.9)):
        with pytest.raises(AttributeError, match="fingerprint"):
            train((*run, make), tmp_path / "run.pt")
    assert not list(tmp_path.iterdir())
    assert_same(train((*run, foreign)), train((*run, plain_envs)))


@pytest.mark.parametrize(
    ("variable", "shown", "speaks"),
    [("0", True, True), ("1", True, False), ("0", False, False), ("", True, True)],
)
def test_bars_speak_unless_silenced(variable, shown, speaks, monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", variable)
    assert list(training.progress_bar(3, "counting", "step", shown)) == [0, 1, 2]
    assert ("counting" in capsys.readouterr().err) is speaks


def drawn(history):
    """The points of each line of the plot of a history, by label."""
    (axes,) = history.plot().axes
    return {line.get_label(): line.get_xydata() for line in axes.get_lines()}


def test_the_plot_of_a_history_shows_accuracy_at_powers_of_two():
    history, rows = training.History(), np.random.default_rng(0).random((3, 6))
    for i, row in enumerate(rows):
        history.log(eval_steps=10 * (i + 1), eval_seconds=1.0, eval_success=row.tolist())
    lines = drawn(history)
    for k in (1, 2, 4):
        np.testing.assert_allclose(lines[f"K = {k}"], np.stack([[10, 20, 30], rows[:, k - 1]], 1))
    assert "K = 8" not in lines
    assert "K = 4" in history.plot().alt


def test_the_plot_of_a_history_of_episodes_shows_their_success():
    history = training.History()
    for steps, episodes, successes in [(10, 2, 1), (20, 0, 0), (30, 4, 4)]:
        history.log(steps=steps, episodes=episodes, successes=successes)
    points = {tuple(point) for line in drawn(history).values() for point in line}
    assert {(10.0, 0.5), (30.0, 1.0)} <= points
    assert history.success_rate(1).tolist() == [0.5, 0.5, 1.0]
