"""A killed run goes on as if nothing had happened, and a wrong file never does harm."""

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from trm_lib.evaluation import exact_by_k
from trm_lib.models import TRM, BoardConfig, FeedForward, TRMConfig, save_model
from trm_lib.puzzles import augment_sudoku, generate_sudoku
from trm_lib.training import PuzzleData, SupervisedConfig, fit

MODEL = TRMConfig(
    vocab_size=5, grid=(4, 4), width=16, n_layers=1, expansion=1.5, hidden_multiple=1,
    n_latent=1, halting=True, n_sup=4, explore=0.3,
)  # fmt: skip
TRAINING = SupervisedConfig(
    n_batches=60, batch_size=16, n_sup=2, lr=1e-2, warmup=5, eval_every=7, ema_decay=0.9
)
EVERY = 4  # batches between checkpoints


def sudokus():
    return PuzzleData(*generate_sudoku(4, 40, np.random.default_rng(0)))


def new_model(config=MODEL):
    return TRM(config, torch.Generator().manual_seed(0))


def train(
    path=None, resume=False, model=MODEL, training=TRAINING, data=None, augment=augment_sudoku
):
    """Train from the start, or from the file at `path` if it is there; the model and history."""
    torch.set_num_threads(1)
    trm, data = new_model(model), sudokus() if data is None else data
    keep = {} if path is None else {"checkpoint": path, "checkpoint_every": EVERY}
    if resume and path.is_file():
        keep["resume_from"] = path
    history = fit(
        trm, data, training,
        evaluate=lambda m: exact_by_k(m, data, 3),
        augment=augment, progress=False, **keep,
    )  # fmt: skip
    return trm, history


def assert_same(run, other):
    (model, history), (again, its_history) = run, other
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    for field in ("loss", "batch", "accuracy", "finished", "steps"):
        assert getattr(history, field) == getattr(its_history, field), field


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


HALTING = (MODEL, TRAINING)
PLAIN = (replace(MODEL, halting=False), replace(TRAINING, n_batches=30))
ATAN2 = (MODEL, replace(TRAINING, optimizer="adam_atan2", ema_decay=0.0))


def train_and_die(after, path, model, training):
    """Train until a timer, started at the first batch, kills this process wherever it then is."""
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGKILL))

    def augment(puzzles, solutions, rng):
        if not timer.is_alive():
            timer.start()
        return augment_sudoku(puzzles, solutions, rng)

    train(path, False, model, training, augment=augment)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("setting", [HALTING, PLAIN], ids=["halting", "plain"])
def test_killed_at_random_moments_it_ends_with_the_same_weights(setting, tmp_path):
    """SIGKILL at ten moments for each way of training: twenty in all."""
    model, training = setting
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["torch", "safetensors.torch", "scipy.stats", "gymnasium"])
    whole = tmp_path / "whole.safetensors"
    undisturbed = train(model=model, training=training)
    begin = time.perf_counter()
    assert_same(undisturbed, train(whole, model=model, training=training))
    seconds = time.perf_counter() - begin
    assert_same(undisturbed, train(whole, True, model, training))  # a finished run stays finished

    rng, n_resumed = np.random.default_rng(0), 0
    for moment in range(10):
        path = tmp_path / f"{moment}.safetensors"
        after = rng.uniform(0, 1) * seconds
        child = processes.Process(target=train_and_die, args=(after, path, model, training))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        n_resumed += path.is_file()
        assert_same(undisturbed, train(path, True, model, training))
    assert n_resumed >= 2  # the others died before their first checkpoint


@pytest.mark.parametrize("setting", [HALTING, PLAIN, ATAN2], ids=["halting", "plain", "atan2"])
def test_every_checkpoint_leads_to_the_same_end(setting, tmp_path, monkeypatch):
    """Files copied after each renewal: resumed from any of them, the run ends the same."""
    from trm_lib.training import supervised

    model, training = setting
    kept, save_run = [], supervised.save_run

    def save_and_copy(run, path):
        save_run(run, path)
        kept.append(tmp_path / f"after_{run.batch}.safetensors")
        shutil.copy(path, kept[-1])

    monkeypatch.setattr(supervised, "save_run", save_and_copy)
    finished = train(tmp_path / "run.safetensors", model=model, training=training)
    monkeypatch.setattr(supervised, "save_run", save_run)
    assert len(kept) == -(-training.n_batches // EVERY)
    assert_same(finished, train(model=model, training=training))  # keeping files changes nothing
    for path in kept[:: len(kept) // 3]:
        assert_same(finished, train(path, True, model, training))


def test_config_and_seed_can_be_read_from_the_file(tmp_path):
    path = tmp_path / "run.safetensors"
    train(path, training=replace(TRAINING, n_batches=2, seed=7))
    with safe_open(path, "pt") as file:
        state = json.loads(file.metadata()["state"])
    assert state["training"]["seed"] == 7
    assert state["model"]["config"]["width"] == 16
    assert state["batch"] == 2


def short_run(tmp_path):
    path = tmp_path / "run.safetensors"
    train(path, training=replace(TRAINING, n_batches=4))
    return path, replace(TRAINING, n_batches=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": {"lr": 0.5}}, r"same training .* lr is 0.01 there and 0.5 here"),
        ({"training": {"n_batches": 9}}, "n_batches is 4 there and 9 here"),
        ({"training": {"seed": 3}}, "seed is 0 there and 3 here"),
        ({"model": {"n_cycles": 3}}, "same model .* config.n_cycles is 2 there and 3 here"),
        ({"data": slice(0, 39)}, r"same data .* boards is \[40, 4, 4\] there and \[39, 4, 4\]"),
        ({"data": slice(None, None, -1)}, "same data .* sha256 is"),
    ],
)
def test_a_file_of_another_run_is_refused_and_left_alone(change, message, tmp_path):
    path, training = short_run(tmp_path)
    before = path.read_bytes()
    changed = {
        "model": replace(MODEL, **change.get("model", {})),
        "training": replace(training, **change.get("training", {})),
        "data": sudokus()[change.get("data", slice(None))],
    }
    with pytest.raises(ValueError, match=message):
        train(path, True, **changed)
    assert path.read_bytes() == before


def test_boards_of_another_shape_and_other_types_of_number_are_refused(tmp_path):
    path, training = short_run(tmp_path)
    data = sudokus()
    flat = PuzzleData(data.inputs.reshape(-1, 2, 8), data.labels.reshape(-1, 2, 8))
    with pytest.raises(ValueError, match=r"same data .* boards is \[40, 4, 4\] there"):
        fit(new_model(), flat, training, resume_from=path, progress=False)
    with pytest.raises(ValueError, match=r"same model .* is 'float32 .*' there and 'float64"):
        fit(new_model().double(), data, training, resume_from=path, progress=False)


@pytest.mark.parametrize("part", ["model/head.weight", "generator/state", "carry/labels", "state"])
def test_a_run_with_a_part_missing_is_refused_before_the_model_changes(part, tmp_path):
    path, training = short_run(tmp_path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys() if key != part}  # noqa: SIM118
    if part == "state":
        state = json.loads(metadata["state"])
        del state["history"]
        metadata["state"] = json.dumps(state)
    save_file(tensors, path, metadata)
    model = new_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match="says it is a training run, but it is not a whole one"):
        fit(model, sudokus(), training, resume_from=path, progress=False)
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in before.items())


@pytest.mark.parametrize(
    "damage",
    [
        lambda tensors, state: tensors.pop("optimizer/head.weight/exp_avg"),
        lambda tensors, state: [tensors.pop(n) for n in [*tensors] if n.startswith("optimizer/")],
        lambda tensors, state: [tensors.pop(n) for n in [*tensors] if n.startswith("carry/")],
        lambda tensors, state: state.update(batch=5, step=5),
        lambda tensors, state: state.update(batch=-1, step=-1),
        lambda tensors, state: state.update(step=3),
        lambda tensors, state: state["history"]["loss"].pop(),
        lambda tensors, state: state["history"]["finished"].pop(),
        lambda tensors, state: state["stream"]["order"].pop(),
        lambda tensors, state: state["stream"].update(start="0"),
        lambda tensors, state: tensors.update({"no_group": torch.zeros(1)}),
    ],
)
def test_a_part_that_does_not_fit_the_others_is_refused(damage, tmp_path):
    path, training = short_run(tmp_path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    state = json.loads(metadata["state"])
    damage(tensors, state)
    save_file(tensors, path, metadata | {"state": json.dumps(state)})
    model = new_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match="says it is a training run, but it is not a whole one"):
        fit(model, sudokus(), training, resume_from=path, progress=False)
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in before.items())


def test_what_a_killed_writer_left_is_swept_away(tmp_path):
    (tmp_path / ".run.safetensors.abc123").write_bytes(b"half a file")
    short_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def test_numpy_numbers_in_a_config_are_numbers(tmp_path):
    training = SupervisedConfig(n_batches=np.int64(2), lr=np.float32(0.5), seed=np.int64(1))
    train(tmp_path / "run.safetensors", training=training)
    assert type(training.n_batches) is type(training.seed) is int


def test_another_kind_of_model_is_refused(tmp_path):
    path, training = short_run(tmp_path)
    rival = FeedForward(BoardConfig(vocab_size=5, grid=(4, 4)))
    with pytest.raises(ValueError, match="class is 'TRM' there and 'FeedForward' here"):
        fit(rival, sudokus(), training, resume_from=path, progress=False)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_truncated_files_are_refused_before_the_model_changes(keep, tmp_path):
    path, training = short_run(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    model = new_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"run.safetensors expected to be a whole safetensors"):
        fit(model, sudokus(), training, resume_from=path, progress=False)
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in before.items())
    assert path.read_bytes() == whole[: int(keep * len(whole))]


def test_foreign_and_missing_files_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    save_model(new_model(), tmp_path / "weights.safetensors")
    for name in ("foreign", "weights"):
        with pytest.raises(ValueError, match="expected to be a training run that was left"):
            train_from(tmp_path / f"{name}.safetensors")
    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ValueError, match="pickled .pt files are never opened"):
        train_from(tmp_path / "pickle.safetensors")
    with pytest.raises(FileNotFoundError, match=r"nothing.safetensors, found none"):
        train_from(tmp_path / "nothing.safetensors")


def train_from(path):
    fit(new_model(), sudokus(), TRAINING, resume_from=path, progress=False)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({"checkpoint": "a.safetensors"}, "expected both or neither"),
        ({"checkpoint_every": 5}, "expected both or neither"),
        ({"checkpoint": "a.pt", "checkpoint_every": 5}, r"ending in .safetensors, got 'a.pt'"),
        ({"checkpoint": "no/a.safetensors", "checkpoint_every": 5}, "an existing folder"),
        ({"checkpoint": "a.safetensors", "checkpoint_every": 0}, "whole number >= 1, got 0"),
        ({"checkpoint": "there.safetensors", "checkpoint_every": 1}, "would be overwritten"),
    ],
)
def test_places_that_will_not_do_are_refused_before_training(keep, message, tmp_path):
    (tmp_path / "there.safetensors").write_bytes(b"precious")
    if "checkpoint" in keep:
        keep = keep | {"checkpoint": tmp_path / keep["checkpoint"]}
    model = new_model()
    before = model.head.weight.clone()
    with pytest.raises(ValueError, match=message):
        fit(model, sudokus(), TRAINING, progress=False, **keep)
    assert torch.equal(model.head.weight, before)
    assert (tmp_path / "there.safetensors").read_bytes() == b"precious"
