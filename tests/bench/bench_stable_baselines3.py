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
from typing import Any
from unittest import mock

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv, VectorWrapper

try:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env
    from stable_baselines3.common.policies import ActorCriticPolicy
    from stable_baselines3.common.vec_env import VecEnv
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
WINDOW, SEEDS = 10_000, 5  # environment steps; runs of each
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


class Counted(VectorWrapper):
    """Keeps, step by step, the actions, and how many episodes end and how many of these well."""

    def __init__(self, envs: VectorEnv) -> None:
        super().__init__(envs)
        self.counts: list[tuple[int, int]] = []
        self.actions: list[np.ndarray] = []

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        result = self.env.step(actions)
        ended, infos = result[2] | result[3], result[4]
        well = infos["final_info"]["is_success"].sum() if ended.any() else 0
        self.counts.append((ended.sum(), well))
        self.actions.append(actions)
        return result

    def success(self) -> np.ndarray:
        """(N,): share of the episodes ending in each window that end well."""
        span = WINDOW // NUM_ENVS
        windows = len(self.counts) // span
        ended, well = np.reshape(self.counts[: windows * span], (windows, span, 2)).sum(1).T
        return well / ended


class Adapter(VecEnv):
    """Our vector environments as Stable-Baselines3 wants to see its own."""

    def __init__(self, envs: VectorEnv) -> None:
        self.envs = envs
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> np.ndarray:
        observations, _ = self.envs.reset(seed=self._seeds)
        self._reset_seeds()
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        self.actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, terminated, truncated, told = self.envs.step(self.actions)
        infos: list[dict[str, Any]] = [{} for _ in terminated]
        done = terminated | truncated
        for env in np.flatnonzero(done):
            infos[env] = {
                "terminal_observation": told["final_obs"][env],
                "TimeLimit.truncated": bool(truncated[env] and not terminated[env]),
            }
        return observations, rewards, done, infos

    def close(self) -> None:
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.envs, attr_name)] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False for _ in self._get_indices(indices)]

    set_attr = env_method = None  # abstract, and not asked for


def counted(options: dict[str, Any]) -> Counted:
    return Counted(gym.make_vec("trm/Maze-v0", num_envs=NUM_ENVS, **options))


def ours(
    envs: VectorEnv, steps: int, seed: int, minibatches: int = MINIBATCHES, lr: float = RATE
) -> tuple[MLPPolicy, Callable[[], object]]:
    """Return the library's policy, and what trains it."""
    config = FlatPolicyConfig(
        n_inputs=envs.single_observation_space.shape[0], n_actions=4, hidden=(64, 64)
    )
    policy = MLPPolicy(config, torch.Generator().manual_seed(seed))
    training = PPOConfig(
        total_steps=steps, num_steps=NUM_STEPS, n_epochs=EPOCHS, n_minibatches=minibatches,
        lr=lr, decay=0.0, gamma=GAMMA, gae_lambda=LAMBDA, clip_range=CLIP, ent_coef=ENTROPY,
        vf_coef=VALUE, max_grad_norm=LONGEST, use_masks=False, seed=seed,
    )  # fmt: skip
    return policy, lambda: ppo(policy, envs, training, progress=False)


def theirs(
    envs: VecEnv, steps: int, seed: int, minibatches: int = MINIBATCHES, lr: float = RATE
) -> tuple[ActorCriticPolicy, Callable[[], object]]:
    """Return the other's policy, and what trains it; network and Adam are its defaults."""
    learner = PPO(
        "MlpPolicy", envs, n_steps=NUM_STEPS, n_epochs=EPOCHS, batch_size=PLAYED // minibatches,
        learning_rate=lr, gamma=GAMMA, gae_lambda=LAMBDA, clip_range=CLIP, ent_coef=ENTROPY,
        vf_coef=VALUE, max_grad_norm=LONGEST, seed=seed, device="cpu",
    )  # fmt: skip
    return learner.policy, lambda: learner.learn(steps)


def by_the_same_actions(options: dict[str, Any], updates: int = 5) -> None:
    """Train both from the same weights by the same actions, and print how far they come apart."""
    own, other = counted(options), counted(options)
    steps, lr = updates * PLAYED, 10 * RATE  # fast enough for clipping to matter
    policy, train = ours(own, steps, seed=0, minibatches=1, lr=lr)
    net, train_other = theirs(Adapter(other), steps, seed=0, minibatches=1, lr=lr)
    hidden = net.mlp_extractor
    parts = (hidden.policy_net, net.action_net, hidden.value_net, net.value_net)
    same = [p for part in parts for p in part.parameters()]
    pairs = list(zip(policy.parameters(), same, strict=True))
    first = [p.detach().clone() for p in policy.parameters()]
    with torch.no_grad():
        for p, q in pairs:
            q.copy_(p)
    train_other()
    drawn = map(torch.from_numpy, other.actions)
    with mock.patch("trm_lib.training.rollout.sample", side_effect=drawn):
        train()
    moved = max((p - f).abs().max().item() for (p, _), f in zip(pairs, first, strict=True))
    apart = max((p - q).abs().max().item() for p, q in pairs)
    print(f"by the same actions, after {updates * EPOCHS} steps of Adam: weights apart by at most")
    print(f"{apart:.1e}; they moved by up to {moved:.1e}")


def compare(options: dict[str, Any], steps: int) -> bool:
    """Train both by turns, print both; return whether they end alike."""
    curves = np.zeros((2, SEEDS, steps // WINDOW))
    for seed in range(SEEDS):
        for i, (learner, seen) in enumerate(((ours, lambda envs: envs), (theirs, Adapter))):
            envs = counted(options)
            learner(seen(envs), steps, seed)[1]()
            curves[i, seed] = envs.success()
    middle = interquartile_mean(curves.swapaxes(0, 1))  # (2, N)
    low, high = bootstrap_interval(curves.swapaxes(0, 1))
    for i in range(steps // WINDOW):
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
