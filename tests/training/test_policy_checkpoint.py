"""A killed policy learner goes on as if nothing had happened, and a wrong file does no harm."""

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv
from safetensors import safe_open
from safetensors.torch import save_file

from trm_lib.envs import MazeEnv, MazeVectorEnv, VectorPotentialShaping
from trm_lib.evaluation import success_by_k
from trm_lib.models import (
    BoardPolicy,
    BoardPolicyConfig,
    FlatPolicyConfig,
    GRUPolicy,
    MLPPolicy,
    TRMConfig,
)
from trm_lib.puzzles import generate_mazes
from trm_lib.training import PPOConfig, ReinforceConfig, policy_run, ppo, reinforce
from trm_lib.training.checkpoint import load_run
from trm_lib.training.policy_run import PolicyRun

E, EVERY = 4, 3  # environments, and updates between checkpoints
MAZE = {"size": 3, "layout": "open", "start": "random", "goal": "random", "max_steps": 5}
CASES = generate_mazes(3, 20, np.random.default_rng(0), "open", start="random", goal="random")
CORE = TRMConfig(
    vocab_size=32, grid=(3, 3), width=8, n_layers=1, hidden_multiple=1, n_latent=1, n_cycles=1,
    n_answers=5,
)  # fmt: skip
BOARD = BoardPolicyConfig(core=CORE, n_actions=4, marker=4)
FLAT = FlatPolicyConfig(n_inputs=54, n_actions=4, hidden=(8,))
MLP, GRU, TRM = (MLPPolicy, FLAT), (GRUPolicy, FLAT), (BoardPolicy, BOARD)
OVER_TIME = (BoardPolicy, replace(BOARD, carry_over_time=True))
PPO = PPOConfig(
    total_steps=E * 4 * 8, num_steps=4, n_epochs=2, n_minibatches=2, lr=0.01, warmup=2, eval_every=2
)
REINFORCE = ReinforceConfig(n_updates=8, lr=0.01, warmup=2, eval_every=2)


def plain(num_envs=E, **changes):
    return MazeVectorEnv(num_envs, **{**MAZE, **changes})


def shaped(potential="shortest path", gamma=0.98, weight=1.0, **changes):
    return VectorPotentialShaping(plain(**changes), potential, gamma, weight)


SETTINGS = {
    "ppo, mlp": (PPO, MLP, plain),
    "ppo, gru, shaped": (PPO, GRU, shaped),
    "ppo, trm": (PPO, TRM, plain),
    "ppo, trm over time": (PPO, OVER_TIME, shaped),
    "reinforce, mlp, shaped": (REINFORCE, MLP, shaped),
    "reinforce, gru": (REINFORCE, GRU, plain),
    "reinforce, trm, shaped": (REINFORCE, TRM, shaped),
    "reinforce, trm over time": (REINFORCE, OVER_TIME, plain),
}


def new_policy(policy):
    kind, config = policy
    return kind(config, torch.Generator().manual_seed(0))


def train(setting, path=None, resume=False, evaluate=True, wrap=lambda envs: envs):
    """Train from the start, or from the file at `path` if it is there; the policy and history."""
    torch.set_num_threads(1)
    config, kind, make = setting
    keep = {} if path is None else {"checkpoint": path, "checkpoint_every": EVERY}
    if resume and path.is_file():
        keep["resume_from"] = path
    policy = new_policy(kind)
    learner = ppo if isinstance(config, PPOConfig) else reinforce
    measure = (lambda p: success_by_k(p, plain, CASES)) if evaluate else None
    history = learner(policy, wrap(make()), config, evaluate=measure, progress=False, **keep)
    return policy, history


def without_seconds(history):
    fields = history if isinstance(history, dict) else asdict(history)
    return {name: value for name, value in fields.items() if "seconds" not in name}


def assert_same(run, other):
    (policy, history), (again, its_history) = run, other
    for name, tensor in policy.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert without_seconds(history) == without_seconds(its_history)


def contents(path):
    """Everything in a checkpoint but how many seconds it took."""
    with safe_open(path, "pt") as file:
        state = json.loads(file.metadata()["state"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return tensors, state | {"history": without_seconds(state["history"])}


def assert_same_file(path, other):
    (tensors, state), (its_tensors, its_state) = contents(path), contents(other)
    assert state == its_state
    assert tensors.keys() == its_tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, its_tensors[name]), name


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_checkpoint_leads_to_the_same_end(name, tmp_path, monkeypatch):
    """Files copied after each renewal: resumed from any of them, the run ends the same."""
    setting, kept, save_run = SETTINGS[name], [], policy_run.save_run

    def save_and_copy(run, path):
        save_run(run, path)
        kept.append(tmp_path / f"after_{run.update}.safetensors")
        shutil.copy(path, kept[-1])

    monkeypatch.setattr(policy_run, "save_run", save_and_copy)
    finished = train(setting, tmp_path / "run.safetensors")
    monkeypatch.setattr(policy_run, "save_run", save_run)
    assert [path.stem for path in kept] == ["after_3", "after_6", "after_8"]
    assert_same(finished, train(setting))  # keeping files changes nothing
    assert sum(finished[1].episodes) > E
    for path in kept:  # the last is of a finished run, which stays finished
        assert_same(finished, train(setting, path, resume=True))
        assert_same_file(tmp_path / "run.safetensors", path)


class Timed:
    """Environments whose first step starts a timer that kills this process."""

    def __init__(self, envs, timer):
        self.envs, self.timer = envs, timer

    def __getattr__(self, name):
        return getattr(self.envs, name)

    def step(self, actions):
        if not self.timer.is_alive():
            self.timer.start()
        return self.envs.step(actions)


def train_and_die(after, path, name):
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGKILL))
    train(long(name), path, evaluate=False, wrap=lambda envs: Timed(envs, timer))
    os.kill(os.getpid(), signal.SIGKILL)


def die_again_and_again(deaths):
    """Each in a process of its own, forked from this one, which has imported everything."""
    train(SETTINGS["ppo, mlp"], evaluate=False)
    for death in deaths:
        child = os.fork()
        if child == 0:
            try:
                train_and_die(*death)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def long(name):
    config, policy, make = SETTINGS[name]
    if isinstance(config, PPOConfig):
        return replace(config, total_steps=E * 4 * 20), policy, make
    return replace(config, n_updates=20), policy, make


def test_killed_at_random_moments_it_ends_with_the_same_weights(tmp_path):
    """SIGKILL at three moments for each of two ways of training."""
    train(SETTINGS["ppo, mlp"], evaluate=False)  # the first optimizer imports much
    rng, runs, deaths = np.random.default_rng(0), {}, []
    for name in ("ppo, gru, shaped", "reinforce, trm over time"):
        begin = time.perf_counter()
        runs[name] = train(long(name), tmp_path / f"{name}.safetensors", evaluate=False)
        seconds = time.perf_counter() - begin
        for moment in range(3):
            path = tmp_path / f"{name} {moment}.safetensors"
            deaths.append((rng.uniform(0.2, 1) * seconds, path, name))
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["torch", "safetensors.torch", "scipy.stats", "gymnasium"])
    mother = processes.Process(target=die_again_and_again, args=(deaths,))
    mother.start()
    mother.join()
    assert mother.exitcode == 0
    assert sum(path.is_file() for _, path, _ in deaths) >= 1  # of the others there is nothing yet
    for _, path, name in deaths:
        assert_same(runs[name], train(long(name), path, True, evaluate=False))
        assert_same_file(tmp_path / f"{name}.safetensors", path)


def half_done(tmp_path, name, monkeypatch):
    """The file that a run leaves when it is stopped after 3 of 8 updates."""
    path, save_run = tmp_path / "run.safetensors", policy_run.save_run

    def save_and_stop(run, path):
        save_run(run, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(policy_run, "save_run", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        train(SETTINGS[name], path)
    monkeypatch.setattr(policy_run, "save_run", save_run)
    return path


def everything(run):
    """All that a run is made of, copied."""
    tensors = {name: tensor.clone() for name, tensor in run.tensors().items()}
    return tensors, without_seconds(run.history), run.update


def assert_refused(setting, path, message):
    """The learner refuses the file, and a run that reads it stays as it was, environments too."""
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        train(setting, path, resume=True)
    config, kind, make = setting
    run = PolicyRun(new_policy(kind), make(), config, 8)
    run.identify()
    run.player.play(3, run.generator)
    tensors, history, update = everything(run)
    with pytest.raises(ValueError, match=message):
        load_run(run, path)
    tensors_now, history_now, update_now = everything(run)
    assert (history_now, update_now) == (history, update)
    assert tensors_now.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, tensors_now[name]), name
    assert path.read_bytes() == before


def thinking_twice(config, generator):
    """A policy whose steps of thought were changed by hand, which its config does not tell."""
    policy = BoardPolicy(config, generator)
    policy.k_steps = 2
    return policy


LAYOUTS = generate_mazes(3, 5, np.random.default_rng(0)).walls


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("ppo, mlp", {"lr": 0.5}, "same training .* lr is 0.01 there and 0.5 here"),
        ("ppo, mlp", {"total_steps": 64}, "total_steps is 128 there and 64 here"),
        ("ppo, mlp", {"seed": 1}, "seed is 0 there and 1 here"),
        ("reinforce, gru", {"n_updates": 9}, "n_updates is 8 there and 9 here"),
        ("reinforce, gru", REINFORCE, "same training .* baseline is None there and 'batch' here"),
        ("ppo, mlp", GRU, "same model .* class is 'MLPPolicy' there and 'GRUPolicy' here"),
        ("ppo, mlp", (MLPPolicy, replace(FLAT, hidden=(9,))), r"config.hidden is \[8\] there"),
        ("ppo, trm", OVER_TIME, "config.carry_over_time is False there and True here"),
        ("ppo, trm", (BoardPolicy, replace(BOARD, k_steps=2)), "config.k_steps is 1 there and 2"),
        ("ppo, trm", (thinking_twice, BOARD), "same model .* k_steps is 1 there and 2 here"),
        ("ppo, mlp", lambda: plain(5), "same environments .* num_envs is '4' there and '5' here"),
        ("ppo, mlp", lambda: plain(max_steps=6), "max_steps is '5' there and '6' here"),
        ("ppo, mlp", lambda: plain(layouts=LAYOUTS), "layouts is None there and 'uint8 .* here"),
        ("ppo, mlp", shaped, "shaping is None there and 'shortest path .* 1.0, gamma 0.98' here"),
        ("ppo, gru, shaped", plain, "shaping is 'shortest path .*, gamma 0.98' there and None"),
        ("ppo, gru, shaped", lambda: shaped("manhattan"), "and 'manhattan .* 1.0, gamma 0.98' her"),
        ("ppo, gru, shaped", lambda: shaped(gamma=0.9), "gamma 0.98' there and .* gamma 0.9' here"),
        ("ppo, gru, shaped", lambda: shaped(weight=0.5), "1.0, gamma 0.98' there and .* 0.5, gam"),
    ],
)
def test_a_file_of_another_run_is_refused_and_nothing_changes(
    name, change, message, tmp_path, monkeypatch
):
    config, policy, make = SETTINGS[name]
    if isinstance(change, dict):
        config = replace(config, **change)
    elif isinstance(change, tuple):
        policy = change
    elif change is REINFORCE:  # the file is of PPO
        name, config = "ppo, mlp", REINFORCE
        policy = MLP
    else:
        make = change
    assert_refused((config, policy, make), half_done(tmp_path, name, monkeypatch), message)


@pytest.mark.parametrize(
    "part",
    [
        "model/actor.0.bias", "generator/state", "player/previous", "player/masks", "envs/agent",
        "envs/episodes.taken", "envs/shaping.phi", "envs/shaping.tables", "memory/hidden",
        "history",
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["missing", "short"])
def test_a_run_with_a_part_missing_or_cut_is_refused(part, how, tmp_path, monkeypatch):
    path = half_done(tmp_path, "ppo, gru, shaped", monkeypatch)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if part in tensors:
        tensor = tensors.pop(part)
        if how == "short":
            tensors[part] = tensor[:-1].clone()
    else:
        state = json.loads(metadata["state"])
        value = state.pop(part)
        if how == "short":
            state[part] = list(value.values())[:-1]
        metadata["state"] = json.dumps(state)
    save_file(tensors, path, metadata)
    assert_refused(SETTINGS["ppo, gru, shaped"], path, "not a whole one|state expected")


def amid(values, name):
    return [key for key in values if key.endswith(name)][:1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda tensors, state: tensors.pop(amid(tensors, "exp_avg_sq")[0]),
        lambda tensors, state: [tensors.pop(n) for n in [*tensors] if n.startswith("optimizer/")],
        lambda tensors, state: tensors.update({amid(tensors, "/exp_avg")[0]: torch.zeros(())}),
        lambda tensors, state: state.update(update=-3),
        lambda tensors, state: state.update(update=99),
        lambda tensors, state: state.update(update="3"),
        lambda tensors, state: state.update(update=2),
        lambda tensors, state: state.update(history={}),
        lambda tensors, state: state["history"].update(steps=3),
        lambda tensors, state: state["history"].update(eval_steps=None),
        lambda tensors, state: state["history"].update(seconds="long"),
        lambda tensors, state: state["history"]["entropy"].pop(),
        lambda tensors, state: tensors.update({"memory/hidden": torch.zeros(E, 3)}),
        lambda tensors, state: tensors.update({"memory/more": torch.zeros(E, 8)}),
        lambda tensors, state: tensors.update({"player/previous": torch.full((E,), 77)}),
        lambda tensors, state: tensors.update({"no_group": torch.zeros(1)}),
    ],
)
def test_a_part_that_does_not_fit_the_others_is_refused(damage, tmp_path, monkeypatch):
    path = half_done(tmp_path, "ppo, gru, shaped", monkeypatch)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state = json.loads(metadata["state"])
    damage(tensors, state)
    save_file(tensors, path, metadata | {"state": json.dumps(state)})
    assert_refused(SETTINGS["ppo, gru, shaped"], path, "not a whole one")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_truncated_files_are_refused(keep, tmp_path, monkeypatch):
    path = half_done(tmp_path, "ppo, mlp", monkeypatch)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    assert_refused(SETTINGS["ppo, mlp"], path, "expected to be a whole safetensors")


def foreign():
    return SyncVectorEnv([lambda: MazeEnv(**MAZE)] * E, autoreset_mode="SameStep")


@pytest.mark.parametrize("config", [PPO, REINFORCE], ids=["ppo", "reinforce"])
@pytest.mark.parametrize(
    "make", [foreign, lambda: VectorPotentialShaping(foreign(), "manhattan", 0.9)]
)
def test_environments_that_cannot_be_kept_are_refused_before_training(config, make, tmp_path):
    path = tmp_path / "run.safetensors"
    learner = ppo if config is PPO else reinforce
    policy = new_policy(MLP)
    before = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
    with pytest.raises(ValueError, match="environments that can be kept in a checkpoint .*: train"):
        learner(policy, make(), config, checkpoint=path, checkpoint_every=1, progress=False)
    assert not path.exists()
    assert all(torch.equal(tensor, policy.state_dict()[name]) for name, tensor in before.items())


def test_without_a_checkpoint_they_will_do():
    learned = train((PPO, MLP, foreign), evaluate=False)
    assert_same(learned, train((PPO, MLP, plain), evaluate=False))


@pytest.mark.parametrize("config", [PPO, REINFORCE], ids=["ppo", "reinforce"])
@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({"checkpoint": "a.safetensors"}, "expected both or neither"),
        ({"checkpoint": "a.pt", "checkpoint_every": 5}, r"ending in .safetensors, got 'a.pt'"),
        ({"checkpoint": "there.safetensors", "checkpoint_every": 1}, "would be overwritten"),
    ],
)
def test_places_that_will_not_do_are_refused_before_training(config, keep, message, tmp_path):
    (tmp_path / "there.safetensors").write_bytes(b"precious")
    keep = keep | {"checkpoint": tmp_path / keep["checkpoint"]}
    learner, policy = ppo if config is PPO else reinforce, new_policy(MLP)
    before = policy.actor[0].weight.clone()
    with pytest.raises(ValueError, match=message):
        learner(policy, plain(), config, progress=False, **keep)
    assert torch.equal(policy.actor[0].weight, before)
    assert (tmp_path / "there.safetensors").read_bytes() == b"precious"
