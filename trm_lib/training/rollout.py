"""Choosing among the legal actions: masked softmax, its entropy, sampling, imitation.

Axes: K improvement steps, A actions.

What an action was worth: returns, and generalised advantages.

Axes: S time steps, E environments.

Source: Williams, "Simple statistical gradient-following algorithms" (1992); Schulman et al.,
"High-dimensional continuous control using generalized advantage estimation" (arXiv 1506.02438).

Acting: a policy plays in vector environments, and what happened is kept.

Axes: S time steps, E environments, A actions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from trm_lib.models import Policy

MASKED = -1e8
"""The logit of an action that is not allowed."""


def log_probs(logits: Tensor, mask: Tensor) -> Tensor:
    """Log probabilities of all actions, about -1e8 where the mask forbids one.

    Args:
        logits: (..., A) float.
        mask: bool, True where allowed; of the same shape or broadcast to it.

    Raises:
        ValueError: a mask allows nothing, or is not bool.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"mask expected bool, got {mask.dtype}")
    if not mask.any(-1).all():
        count = int((~mask.any(-1)).sum())
        raise ValueError(
            f"mask expected at least one allowed action in every state, got none in {count} of "
            f"{mask[..., 0].numel()}: the environment should have ended such an episode"
        )
    return torch.log_softmax(logits.masked_fill(~mask, MASKED), dim=-1)


def entropy(log_p: Tensor) -> Tensor:
    """Entropy in nats of log probabilities from `log_probs`: (..., A) -> (...).

    A masked action has probability exactly 0 and adds exactly 0.
    """
    return -(log_p.exp() * log_p).sum(-1)


def log_prob_of(log_p: Tensor, actions: Tensor) -> Tensor:
    """The log probability of the action taken: (..., A) and (...) int64 -> (...)."""
    return log_p.gather(-1, actions[..., None])[..., 0]


def sample(log_p: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an action for each row: (B, A) -> (B,) int64.

    Raises:
        FloatingPointError: the logits were not numbers.
    """
    if torch.isnan(log_p).any():
        raise FloatingPointError(
            "the policy's logits became nan, so no action was drawn: lower lr, or look for "
            "non-finite values in the policy or its observations"
        )
    return torch.multinomial(log_p.exp(), 1, generator=generator)[:, 0]


def imitation_loss(log_p: Tensor) -> Tensor:
    """Deep supervision of a policy: every earlier answer is to become the last one.

    Cross-entropy of the answers after 1 to K - 1 improvement steps against the answer after K,
    which is the teacher and gets no gradient; mean over all, 0 for K = 1. A policy gradient of
    their own would be wrong for them, since the actions were drawn from the last answer.

    Args:
        log_p: (K, ..., A) float from `log_probs`.
    """
    if len(log_p) == 1:
        return log_p.new_zeros(())
    teacher = log_p[-1].detach().exp()
    return -(teacher * log_p[:-1]).sum(-1).mean()


def discounted_returns(rewards: Tensor, done: Tensor, gamma: float) -> Tensor:
    """Rewards to go, G_t = r_t + gamma * G_{t+1}, begun anew where an episode is done.

    Args:
        rewards: (S, E) float.
        done: (S, E) bool, whether the episode ended with this step.
        gamma: discount.

    Returns:
        (S, E) float. What comes after the last step counts as 0.

    Raises:
        ValueError: no steps, other types, shapes that differ, or rewards that are not finite.
    """
    _require_steps((rewards,), (done,))
    returns = torch.zeros_like(rewards)
    ahead = rewards.new_zeros(rewards.shape[1:])
    for t in range(len(rewards) - 1, -1, -1):
        ahead = rewards[t] + gamma * ahead * ~done[t]
        returns[t] = ahead
    return returns


def advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Generalised advantages: sums of temporal differences, weighted by (gamma * lambda)^i.

    delta_t = r_t + gamma * V(s_{t+1}) - V(s_t), with V(s_{t+1}) = 0 where the episode terminated.
    Where it was only cut off, V of the last observation stands for what would have come.

    Args:
        rewards, values: (S, E) float.
        next_values: (S, E) float, V of the observation that followed, the final one where the
            episode ended.
        terminated, truncated: (S, E) bool.
        gamma: discount.
        gae_lambda: 0 trusts the values after one step, 1 the rewards alone.

    Returns:
        (S, E) float.

    Raises:
        ValueError: no steps, other types, shapes that differ, or rewards that are not finite.
    """
    _require_steps((rewards, values, next_values), (terminated, truncated))
    deltas = rewards + gamma * next_values * ~terminated - values
    goes_on = ~(terminated | truncated)
    result = torch.zeros_like(rewards)
    ahead = rewards.new_zeros(rewards.shape[1:])
    for t in range(len(rewards) - 1, -1, -1):
        ahead = deltas[t] + gamma * gae_lambda * ahead * goes_on[t]
        result[t] = ahead
    return result


def in_deviations(centred: Tensor, deviation: Tensor, largest: Tensor) -> Tensor:
    """Numbers less their mean, over their standard deviation; 0 where that is rounding noise.

    Args:
        centred: (S, E) float.
        deviation, largest: () or (E,) float, their standard deviation, and the largest magnitude
            before the mean was taken away.
    """
    noise = deviation <= 1e-6 * largest
    return (centred / (deviation + 1e-8)).masked_fill(noise, 0.0)


def _require_steps(numbers: tuple[Tensor, ...], ends: tuple[Tensor, ...]) -> None:
    """Check rewards, and values if any, and how episodes ended."""
    rewards, *others = *numbers, *ends
    if rewards.dim() != 2 or not all(part.is_floating_point() for part in numbers):
        raise ValueError(f"rewards and values expected (S, E) float, got {_forms(numbers)}")
    if any(part.dtype != torch.bool for part in ends):
        raise ValueError(f"done, terminated and truncated expected bool, got {_forms(ends)}")
    if rewards.numel() == 0:
        raise ValueError("rewards expected at least one step, got none: the episodes are empty")
    if any(other.shape != rewards.shape for other in others):
        shapes = ", ".join(str(tuple(other.shape)) for other in others)
        raise ValueError(f"expected everything of shape {tuple(rewards.shape)}, got {shapes}")
    if not torch.isfinite(rewards).all():
        t, env = (int(i) for i in (~torch.isfinite(rewards)).nonzero()[0][:2])
        raise ValueError(
            f"rewards expected finite numbers, got {rewards[t, env].item()} at step {t} of "
            f"environment {env}: mend the environment or its reward"
        )


def _forms(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for t in tensors)


@dataclass
class Rollout:
    """What happened in S steps of E environments.

    Attributes:
        observations: (S, E, ...) float, what was seen.
        masks: (S, E, A) bool, which actions were allowed.
        previous: (S, E) int64, the action before; A where the episode began.
        actions: (S, E) int64, what was done.
        rewards: (S, E) float.
        terminated, truncated: (S, E) bool, whether the episode ended with this step, and how.
        success: (S, E) bool, whether it ended well.
        log_probs: (S, E) float, of the action taken.
        values: (S, E) float.
        next_values: (S, E) float, of the observation that followed; the final one of an episode
            where it was cut off, 0 where it terminated.
        memory: what the policy remembered before the first step.
    """

    observations: Tensor
    masks: Tensor
    previous: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    success: Tensor
    log_probs: Tensor
    values: Tensor
    next_values: Tensor
    memory: Any

    @property
    def done(self) -> Tensor:
        """(S, E) bool, whether the episode ended with this step."""
        return self.terminated | self.truncated

    @property
    def first(self) -> Tensor:
        """(S, E) bool, the steps of each environment's first episode."""
        ended = self.done.cumsum(0) - self.done.long()  # episodes that ended before this step
        return ended == 0


class Player:
    """A policy at play in environments: who stands where, and what is remembered.

    Observations are copied to where PyTorch puts its tensors: the last bits of a matrix product
    can depend on how its operands lie in memory, and a resumed run must find them lying the same.
    All else that `step` returns is copied too: environments may write the next step over it.

    Args:
        policy: decides.
        envs: environments that begin anew in the same step.
        seed: of the first environment; the others follow.
        use_masks: draw only actions that the environments' masks allow.

    Raises:
        ValueError: as `require_playable`, or the environments tell no masks.
    """

    def __init__(self, policy: Policy, envs: VectorEnv, seed: int, use_masks: bool = True):
        require_playable(policy, envs)
        self.policy, self.envs, self.use_masks = policy, envs, use_masks
        self.memory: Any = None
        self.begin(seed)

    def begin(self, seed: int | None = None) -> None:
        """Begin a new episode everywhere, the next of each environment if no seed is given."""
        observations, infos = self.envs.reset(seed=seed)
        self.observations, self.masks = torch.tensor(observations), self._masks(infos)
        self.previous = torch.full((self.envs.num_envs,), self.policy.n_actions)

    def play(self, n_steps: int, generator: torch.Generator) -> Rollout:
        """Take `n_steps` steps everywhere, with actions drawn from the policy."""
        return self._played(lambda steps, ended: steps == n_steps, generator)

    def play_once(self, generator: torch.Generator) -> Rollout:
        """Begin anew, and play until every environment has ended its episode once.

        What an environment does after its episode is in the rollout too: see `Rollout.first`.
        """
        self.begin()
        return self._played(lambda steps, ended: bool(ended.all()), generator)

    @torch.no_grad()
    def _played(self, over: Callable[[int, Tensor], bool], generator: torch.Generator) -> Rollout:
        """Play until `over`, given the steps so far and (E,) who has ended an episode."""
        policy = self.policy
        if not policy.remembers:
            self.memory = None  # what was thought with other weights
        first_memory, steps, last_values = self.memory, [], []
        ended = torch.zeros(self.envs.num_envs, dtype=torch.bool)
        while not over(len(steps), ended):
            out, memory = policy(self.observations, self.previous, self.memory)
            log_p = log_probs(out.logits[-1], self.masks)
            actions = sample(log_p, generator)
            observations, rewards, terminated, truncated, infos = self.envs.step(actions.numpy())
            done = terminated | truncated
            step = {
                "observations": self.observations,
                "masks": self.masks,
                "previous": self.previous,
                "actions": actions,
                "rewards": torch.tensor(np.asarray(rewards, np.float32)),
                "terminated": torch.tensor(terminated),
                "truncated": torch.tensor(truncated & ~terminated),
                "success": torch.from_numpy(_success(infos, done)),
                "log_probs": log_prob_of(log_p, actions),
                "values": out.values[-1],
            }
            steps.append(step)
            last_values.append(self._value_where_cut_off(step, infos, memory))
            self.observations, self.masks = torch.tensor(observations), self._masks(infos)
            self.previous = torch.where(torch.from_numpy(done), policy.n_actions, actions)
            self.memory = memory
            ended |= torch.from_numpy(done)
        out, _ = policy(self.observations, self.previous, self.memory)
        played = {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
        following = torch.cat([played["values"][1:], out.values[-1:]])
        following = torch.where(played["truncated"], torch.stack(last_values), following)
        following = following.masked_fill(played["terminated"], 0.0)
        return Rollout(**played, next_values=following, memory=first_memory)

    def _value_where_cut_off(
        self, step: dict[str, Tensor], infos: dict[str, Any], memory: Any
    ) -> Tensor:
        """(E,): the value of the last observation of episodes that were cut off, else 0."""
        cut_off = step["truncated"]
        if not cut_off.any():
            return torch.zeros_like(step["values"])
        final = step["observations"].clone()
        last = np.stack(infos["final_obs"][cut_off.numpy()])  # Gymnasium's own: array of objects
        final[cut_off] = torch.from_numpy(last)
        out, _ = self.policy(final, step["actions"], memory)
        return out.values[-1] * cut_off

    def tensors(self) -> dict[str, Tensor]:
        """Where everybody stands, the memory left out."""
        return {
            "observations": self.observations, "masks": self.masks, "previous": self.previous,
        }  # fmt: skip

    def restore(self, tensors: dict[str, Tensor], memory: Any) -> None:
        """Stand where `tensors` was taken."""
        for name, tensor in tensors.items():
            setattr(self, name, tensor.clone())
        self.memory = memory

    def _masks(self, infos: dict[str, Any]) -> Tensor:
        """(E, A) bool: what may be done."""
        if not self.use_masks:
            return torch.ones(self.envs.num_envs, self.policy.n_actions, dtype=torch.bool)
        if "action_mask" not in infos:
            raise ValueError(
                f"envs expected infos with an action_mask, got {sorted(infos)}: set "
                f"use_masks=False in the config"
            )
        return torch.from_numpy(infos["action_mask"] > 0)


def require_playable(policy: Policy, envs: VectorEnv) -> None:
    """Refuse environments that the policy cannot play in, before they begin.

    Raises:
        ValueError: they are no vector environments, begin anew otherwise than in the same step,
            have other actions, or show what the policy cannot read.
    """
    if not hasattr(envs, "single_action_space"):
        raise ValueError(f"envs expected vector environments, got {envs}: use gymnasium.make_vec")
    mode = envs.metadata.get("autoreset_mode")
    if mode != AutoresetMode.SAME_STEP:
        raise ValueError(
            f"envs expected AutoresetMode.SAME_STEP, got {mode}: make them with "
            f"gymnasium.make_vec from trm/"
        )
    actions, seen = envs.single_action_space, envs.single_observation_space
    if not isinstance(actions, Discrete) or actions.start != 0:
        raise ValueError(f"envs expected actions Discrete(n) that begin with 0, got {actions}")
    if actions.n != policy.n_actions:
        raise ValueError(
            f"policy expected {actions.n} actions, as the environments have, got {policy.n_actions}"
        )
    if not isinstance(seen, Box) or seen.dtype != np.float32:
        raise ValueError(
            f"envs expected observations Box(..., float32), got {seen}: wrap them in something "
            f"that turns observations into such"
        )
    policy.require_readable(seen.shape)


def _success(infos: dict[str, Any], done: np.ndarray) -> np.ndarray:
    """(E,) bool: whose episode ended well with this step; nobody's if the environments are mute."""
    told = infos["final_info"].get("is_success") if done.any() else None
    return np.zeros(len(done), bool) if told is None else np.asarray(told, bool) & done
