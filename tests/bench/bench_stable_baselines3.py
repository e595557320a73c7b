"""The library beside Stable-Baselines3: environments, the lines of the book, and PPO.

``pip install stable-baselines3``, then ``python tests/bench/bench_stable_baselines3.py``; three
minutes on one thread. The other's checker looks at every environment, and the lines that the page
on environments shows are run. Then the two PPOs train by turns, seed by seed, the same network with
the same settings. Status 1 where the intervals of the last window lie apart.

They differ in two things, both on purpose: a minibatch of the library is some environments with
all their steps, one of Stable-Baselines3 steps drawn from everywhere; and the standard deviation
that scales its advantages divides by their number, the other's by one less. The first line takes
away chance and the first difference: both learn from the same actions, all steps in one minibatch.

Axes: N windows of a run.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

import gymnasium as gym
import numpy as np
import torch

try:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.policies import ActorCriticPolicy
except ImportError:
    sys.exit("not installed: pip install stable-baselines3")

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import trm_lib.envs  # noqa: F401
from trm_lib.models import FlatPolicyConfig, MLPPolicy
from trm_lib.statistics import bootstrap_interval, interquartile_mean
from trm_lib.training import PPOConfig, ppo

NUM_ENVS, NUM_STEPS, EPOCHS, MINIBATCHES = 8, 128, 4, 4
PLAYED = NUM_ENVS * NUM_STEPS  # environment steps between two updates
RATE, GAMMA, LAMBDA, CLIP, ENTROPY, VALUE, LONGEST = 3e-4, 0.98, 0.95, 0.2, 0.01, 0.5, 0.5
WINDOW, SEEDS = 10 * PLAYED, 5  # environment steps; runs of each
TASKS = {
    "3x3 mazes, start and goal anywhere": (
        {"size": 3, "start": "random", "goal": "random", "observation": "flat"},
        100_000,
    ),
    "5x5 without walls, corner to corner": (
        {"size": 5, "layout": "open", "observation": "flat"},
        30_000,
    ),
}


def ours(
    options: dict[str, Any], steps: int, seed: int, minibatches: int = MINIBATCHES, lr: float = RATE
) -> tuple[MLPPolicy, Callable[[], np.ndarray]]:
    """The library's policy, and what trains it and returns success in each window (N,)."""
    envs = gym.make_vec("trm/Maze-v0", num_envs=NUM_ENVS, **options)
    config = FlatPolicyConfig(
        n_inputs=envs.single_observation_space.shape[0], n_actions=4, hidden=(64, 64)
    )
    policy = MLPPolicy(config, torch.Generator().manual_seed(seed))
    training = PPOConfig(
        total_steps=steps, num_steps=NUM_STEPS, n_epochs=EPOCHS, n_minibatches=minibatches,
        lr=lr, decay=0.0, gamma=GAMMA, gae_lambda=LAMBDA, clip_range=CLIP, ent_coef=ENTROPY,
        vf_coef=VALUE, max_grad_norm=LONGEST, use_masks=False, seed=seed,
    )  # fmt: skip

    def train() -> np.ndarray:
        history = ppo(policy, envs, training, progress=False)
        return by_window(history.successes, history.episodes, WINDOW // PLAYED)

    return policy, train


def theirs(
    options: dict[str, Any], steps: int, seed: int, minibatches: int = MINIBATCHES, lr: float = RATE
) -> tuple[ActorCriticPolicy, Callable[[], tuple[np.ndarray, list[np.ndarray]]]]:
    """The other's policy, and what trains it and returns success and the actions of every step.

    Network and Adam are its defaults.
    """
    learner = PPO(
        "MlpPolicy", make_vec_env("trm/Maze-v0", n_envs=NUM_ENVS, env_kwargs=options),
        n_steps=NUM_STEPS, n_epochs=EPOCHS, batch_size=PLAYED // minibatches,
        learning_rate=lr, gamma=GAMMA, gae_lambda=LAMBDA, clip_range=CLIP, ent_coef=ENTROPY,
        vf_coef=VALUE, max_grad_norm=LONGEST, seed=seed, device="cpu",
    )  # fmt: skip
    well, ended, actions = [], [], []

    def watch(step: dict[str, Any], _: dict[str, Any]) -> bool:
        ended.append(step["dones"].sum())
        well.append(sum(info["is_success"] for info in np.array(step["infos"])[step["dones"]]))
        actions.append(step["clipped_actions"])
        return True  # go on

    def train() -> tuple[np.ndarray, list[np.ndarray]]:
        learner.learn(steps, watch)
        return by_window(well, ended, WINDOW // NUM_ENVS), actions

    return learner.policy, train


def by_window(well: list[int], ended: list[int], span: int) -> np.ndarray:
    """(N,): share of the episodes ending in each window, of so many entries, that end well."""
    whole = len(ended) // span * span
    well, ended = np.reshape([well[:whole], ended[:whole]], (2, -1, span)).sum(2)
    return well / ended


def by_the_same_actions(options: dict[str, Any], updates: int = 5) -> None:
    """Train both from the same weights by the same actions, and print how far they come apart."""
    steps, lr = updates * PLAYED, 10 * RATE  # fast enough for clipping to matter
    policy, train = ours(options, steps, seed=0, minibatches=1, lr=lr)
    net, train_other = theirs(options, steps, seed=0, minibatches=1, lr=lr)
    hidden = net.mlp_extractor
    parts = (hidden.policy_net, net.action_net, hidden.value_net, net.value_net)
    same = [p for part in parts for p in part.parameters()]
    pairs = list(zip(policy.parameters(), same, strict=True))
    first = [p.detach().clone() for p in policy.parameters()]
    with torch.no_grad():
        for p, q in pairs:
            q.copy_(p)
    drawn = map(torch.from_numpy, train_other()[1])
    with mock.patch("trm_lib.training.rollout.sample", side_effect=drawn):
        train()
    moved = max((p - f).abs().max().item() for (p, _), f in zip(pairs, first, strict=True))
    apart = max((p - q).abs().max().item() for p, q in pairs)
    print(f"by the same actions, after {updates * EPOCHS} steps of Adam: weights apart by at most")
    print(f"{apart:.1e}; they moved by up to {moved:.1e}")


def compare(options: dict[str, Any], steps: int) -> bool:
    """Train both by turns, print both; return whether they end alike."""
    curves, times = [], np.zeros((SEEDS, 2))
    for seed in range(SEEDS):
        begin, own = perf_counter(), ours(options, steps, seed)[1]()
        middle, other = perf_counter(), theirs(options, steps, seed)[1]()[0]
        times[seed] = middle - begin, perf_counter() - middle
        curves.append((own, other))
    curves = np.array(curves)  # (SEEDS, 2, N)
    print("steps a second: {:,.0f} and {:,.0f}".format(*steps / np.median(times, axis=0)))
    middle = interquartile_mean(curves)  # (2, N)
    low, high = bootstrap_interval(curves)
    for i in range(curves.shape[-1]):
        shown = (
            f"{name} {middle[who, i]:6.1%} [{low[who, i]:6.1%}, {high[who, i]:6.1%}]"
            for who, name in enumerate(("trm_lib", "sb3"))
        )
        print(f"{(i + 1) * WINDOW:7,}  {'   '.join(shown)}")
    return bool((low[:, -1] <= high[::-1, -1]).all())


def shown_code() -> str:
    """Return the code block of the page that imports the other library."""
    page = Path(__file__).resolve().parents[2].joinpath("book", "environments.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (code,) = [block for block in blocks if "stable_baselines3" in block]
    return code


def main() -> None:
    torch.set_num_threads(1)  # networks this small lose by sharing
    for name in ("Maze", "Sudoku", "SudokuCell"):  # flat: boards of numbers are no images
        check_env(gym.wrappers.FlattenObservation(gym.make(f"trm/{name}-v0").unwrapped))
    print(f"nothing found in the environments; running\n{shown_code()}")
    exec(shown_code(), {})
    by_the_same_actions(next(iter(TASKS.values()))[0])
    apart = []
    for name, (options, steps) in TASKS.items():
        print(f"\n{name}: success of training episodes, windows of {WINDOW:,} steps")
        if not compare(options, steps):
            apart.append(name)
    print(f"\nthe last windows lie apart: {'; '.join(apart) or 'nowhere'}")
    sys.exit(bool(apart))


if __name__ == "__main__":
    main()
