"""A policy at play: how it chooses, what is kept of it, what its actions were worth.

A `Player` keeps what happens in vector environments as a `Rollout`, from which returns and
advantages follow; in a `PolicyRun` it plays on while the policy learns.

Axes: S time steps, E environments, K improvement steps, A actions.

Source of the advantages: Schulman et al., "High-dimensional continuous control using generalized
advantage estimation" (arXiv 1506.02438).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from trm_lib.checks import ABOVE_0, FROM_0, SHARE, at_least, check, true_or_false
from trm_lib.models import Policy, PolicyMemory
from trm_lib.training.run import Run


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """What every policy learner must be told.

    Attributes:
        total_steps: environment steps, over all environments; the last update may pass it.
        lr: learning rate after warm-up (Adam).
        warmup: updates over which the rate rises linearly from 0.
        decay: share of the run, at its end, over which the rate falls linearly to 0.
        gamma: discount.
        ent_coef: weight of the entropy, which is rewarded.
        max_grad_norm: longer gradients are cut to this length.
        deep_supervision: weight of `imitation_loss`; with 0 the last answer alone learns.
        use_masks: draw only actions that the environment allows.
        eval_every: updates between evaluations.
        seed: fixes environments and actions.
    """

    total_steps: int = 100_000
    lr: float = 1e-3
    warmup: int = 0
    decay: float = 1.0
    gamma: float = 0.98
    ent_coef: float = 0.01
    max_grad_norm: float = 0.5
    deep_supervision: float = 0.0
    use_masks: bool = True
    eval_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check(
            self, total_steps=at_least(1), lr=ABOVE_0, warmup=at_least(0), decay=SHARE,
            gamma=SHARE, ent_coef=FROM_0, max_grad_norm=ABOVE_0, deep_supervision=FROM_0,
            use_masks=true_or_false, eval_every=at_least(1), seed=at_least(0),
        )  # fmt: skip


@dataclass
class Rollout:
    """What happened in S steps of E environments.

    Attributes:
        observations: (S, E, ...) float, what was seen.
        masks: (S, E, A) bool, which actions were allowed.
        previous: (S, E) int64, the action before; A where the episode began.
        actions: (S, E) int64, what was done.
        rewards: (S, E) float.
        done: (S, E) bool, whether the episode ended with this step.
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
    done: Tensor
    success: Tensor
    log_probs: Tensor
    values: Tensor
    next_values: Tensor
    memory: PolicyMemory | None

    @property
    def first(self) -> Tensor:
        """(S, E) bool, the steps of each environment's first episode."""
        return self.done.cumsum(0) == self.done  # no other has ended before


class Acting:
    """A policy as a function from observations to actions, with what it remembers.

    Args:
        policy: decides.
        use_masks: choose among the actions that the masks allow; False for all.
        generator: draw actions as in training; None takes the likeliest, the first of equals.

    Attributes:
        previous: (E,) int64, the last actions; A where an episode has only begun.
        memory: what the policy remembers.
        decision: the last decision, as a `Rollout` keeps it.
    """

    def __init__(
        self, policy: Policy, use_masks: bool = True, generator: torch.Generator | None = None
    ):
        self.policy, self.use_masks, self.generator = policy, use_masks, generator
        self.decision: dict[str, Tensor] = {}
        self.begin()

    def begin(self) -> None:
        """Forget everything: new episodes begin everywhere."""
        self.previous: Tensor | None = None
        self.memory: PolicyMemory | None = None

    @torch.no_grad()
    def __call__(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Observations (E, ...) and masks (E, A) to actions (E,).

        Observations are copied to where PyTorch puts its tensors: the last bits of a matrix
        product can depend on how its operands lie in memory, and a resumed run must find them
        lying the same.
        """
        if self.previous is None:
            if masks.shape[-1] != self.policy.n_actions:
                raise ValueError(
                    f"policy expected {masks.shape[-1]} actions, as the environments have, got "
                    f"{self.policy.n_actions}"
                )
            self.previous = torch.full((len(observations),), self.policy.n_actions)
        seen = torch.tensor(observations)
        allowed = torch.from_numpy(masks > 0 if self.use_masks else np.ones_like(masks, bool))
        out, self.memory = self.policy(seen, self.previous, self.memory)
        log_p = log_probs(out.logits[-1], allowed)
        actions = log_p.argmax(-1) if self.generator is None else sample(log_p, self.generator)
        self.decision = {
            "observations": seen, "masks": allowed, "previous": self.previous, "actions": actions,
            "log_probs": log_prob_of(log_p, actions), "values": out.values[-1],
        }  # fmt: skip
        self.previous = actions
        return actions.numpy()

    def ended(self, done: np.ndarray) -> None:
        """Take note whose episode is over, (E,) bool."""
        self.previous = torch.where(torch.from_numpy(done), self.policy.n_actions, self.previous)


class Player(Acting):
    """A policy at play in environments, in which it goes on from where it stands.

    All that `step` returns is copied: environments may write the next step over it.

    Args:
        policy, use_masks: as for `Acting`.
        envs: vector environments that begin anew in the same step, and tell "action_mask" and, of
            an episode that ends, "is_success".
        seed: of the first environment; the others follow.

    Raises:
        ValueError: policy and environments do not fit each other.
    """

    def __init__(self, policy: Policy, envs: VectorEnv, seed: int, use_masks: bool = True):
        require_same_step(envs)
        actions, seen = envs.single_action_space, envs.single_observation_space
        if not isinstance(actions, Discrete) or actions.start != 0:
            raise ValueError(f"envs expected actions Discrete(n) that begin with 0, got {actions}")
        if not isinstance(seen, Box) or seen.dtype != np.float32:
            raise ValueError(f"envs expected observations Box(..., float32), got {seen}: wrap them")
        policy.require_readable(seen.shape)
        super().__init__(policy, use_masks)
        self.envs = envs
        self._begin_episodes(seed)

    def _begin_episodes(self, seed: int | None = None) -> None:
        self.observations, infos = self.envs.reset(seed=seed)
        self.masks = infos["action_mask"]
        self.previous = None

    def play_once(self, generator: torch.Generator) -> Rollout:
        """Begin anew, and play until every environment has ended its episode once.

        What an environment does after its episode is in the rollout too: see `Rollout.first`.
        """
        self._begin_episodes()
        return self.play(None, generator)

    @torch.no_grad()
    def play(self, n_steps: int | None, generator: torch.Generator) -> Rollout:
        """Take `n_steps` steps everywhere, with actions drawn from the policy.

        None: as many as it takes for every environment to end an episode.
        """
        policy, self.generator = self.policy, generator
        if not policy.remembers:
            self.memory = None  # what was thought with other weights
        first_memory, kept = self.memory, []
        ended = np.zeros(self.envs.num_envs, bool)
        while not ended.all() if n_steps is None else len(kept) < n_steps:
            actions = self(self.observations, self.masks)
            self.observations, rewards, terminated, truncated, infos = self.envs.step(actions)
            self.masks, done = infos["action_mask"], terminated | truncated
            self.ended(done)
            success = infos["final_info"]["is_success"] & done if done.any() else done
            step = self.decision | {
                "rewards": torch.tensor(np.asarray(rewards, np.float32)),
                "done": torch.from_numpy(done),
                "success": torch.from_numpy(success),
                "last_values": torch.zeros_like(self.decision["values"]),
            }
            cut_off = truncated & ~terminated
            if cut_off.any():
                seen, where = step["observations"].clone(), torch.from_numpy(cut_off)
                last = np.stack(infos["final_obs"][cut_off])  # Gymnasium's own: array of objects
                seen[where] = torch.from_numpy(last)
                out, _ = policy(seen, step["actions"], self.memory)
                step["last_values"] = out.values[-1].masked_fill(~where, 0.0)
            kept.append(step)
            ended |= done
        out, _ = policy(torch.tensor(self.observations), self.previous, self.memory)
        played = {name: torch.stack([step[name] for step in kept]) for name in kept[0]}
        following = torch.cat([played["values"][1:], out.values[-1:]])
        following = torch.where(played["done"], played.pop("last_values"), following)
        return Rollout(**played, next_values=following, memory=first_memory)

    def state_dict(self) -> dict[str, Any]:
        """Where everybody stands, and what is remembered: tensors."""
        return {
            "envs": {name: torch.from_numpy(rows) for name, rows in self.envs.state().items()},
            "observations": torch.tensor(self.observations),
            "masks": torch.tensor(self.masks),
            "previous": self.previous,
            "memory": self.memory if self.policy.remembers else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where `state` was taken."""
        self.envs.set_state({name: tensor.numpy() for name, tensor in state["envs"].items()})
        self.observations, self.masks = state["observations"].numpy(), state["masks"].numpy()
        self.previous, memory = state["previous"], state["memory"]
        self.memory = memory and {name: part.clone() for name, part in memory.items()}


class PolicyRun(Run):
    """A policy in training, and at play: `envs` as for `Player`, with `n_updates` to come."""

    def __init__(self, policy: Policy, envs: VectorEnv, config: PolicyConfig, n_updates: int):
        self.player = Player(policy, envs, config.seed, config.use_masks)
        optimizer = torch.optim.Adam(policy.parameters(), lr=config.lr, eps=1e-5, fused=True)
        super().__init__(policy, optimizer, config, n_updates)
        self.parts["player"] = self.player

    def log(self, rollout: Rollout, learned: Tensor, losses: np.ndarray) -> None:
        """Keep one more update, which learned from some steps (S, E) bool of a rollout.

        Its losses are (3,) float: of the policy, of the values, and the entropy.
        """
        policy_loss, value_loss, spread = losses.tolist()
        self.history.log(
            steps=sum(self.history.steps[-1:]) + int(learned.sum()),
            episodes=int((rollout.done & learned).sum()),
            successes=int((rollout.success & learned).sum()),
            rewards=float(rollout.rewards[learned].mean()),
            policy_loss=policy_loss, value_loss=value_loss, entropy=spread,
        )  # fmt: skip

    def identity(self) -> dict[str, str]:
        world = self.player.envs.fingerprint()
        return super().identity() | {f"environments.{name}": str(world[name]) for name in world}


def log_probs(logits: Tensor, mask: Tensor) -> Tensor:
    """Log probabilities of all actions, about -1e8 where the mask forbids one: (..., A) float.

    The mask is bool, True where allowed, broadcast to the logits; ValueError if it allows nothing.
    """
    if not mask.any(-1).all():
        raise ValueError(
            "mask expected at least one allowed action in every state, got none in some: the "
            "environment should have ended such an episode"
        )
    return torch.log_softmax(logits.masked_fill(~mask, -1e8), dim=-1)


def entropy(log_p: Tensor) -> Tensor:
    """Entropy in nats of log probabilities from `log_probs`: (..., A) -> (...)."""
    return -(log_p.exp() * log_p).sum(-1)


def log_prob_of(log_p: Tensor, actions: Tensor) -> Tensor:
    """The log probability of the action taken: (..., A) and (...) int64 -> (...)."""
    return log_p.gather(-1, actions[..., None])[..., 0]


def sample(log_p: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an action for each row: (B, A) -> (B,) int64."""
    return torch.multinomial(log_p.exp(), 1, generator=generator)[:, 0]


def discounted_returns(terms: Tensor, done: Tensor, factor: float) -> Tensor:
    """x_t + factor * x_{t+1} + factor^2 * x_{t+2} + ... to the end of the episode: (S, E) float.

    Terms x are (S, E) float, rewards or what else is summed like them; (S, E) bool says where an
    episode is done. What comes after the last step counts as 0.
    """
    sums, ahead = [], terms.new_zeros(terms.shape[1:])
    for term, over in zip(terms.flip(0), done.flip(0), strict=True):
        ahead = term + factor * ahead * ~over
        sums.append(ahead)
    return torch.stack(sums).flip(0)


def advantages(rollout: Rollout, gamma: float, gae_lambda: float) -> Tensor:
    """Generalised advantages (S, E): sums of temporal differences, weighted by (gamma * lambda)^i.

    delta_t = r_t + gamma * V(s_{t+1}) - V(s_t), with V(s_{t+1}) = 0 where the episode terminated.
    Where it was only cut off, V of the last observation stands for what would have come.
    A `gae_lambda` of 0 trusts the values after one step, 1 the rewards alone.
    """
    deltas = rollout.rewards + gamma * rollout.next_values - rollout.values
    return discounted_returns(deltas, rollout.done, gamma * gae_lambda)


def standardised(gains: Tensor, played: Tensor | None = None, inside: bool = False) -> Tensor:
    """Gains (S, E) less their mean, over their standard deviation; 0 where that is rounding noise.

    Counted are the steps `played` (S, E) bool, at least one an episode, or all if it is None;
    `inside` each episode alone, instead of all together.
    """
    if inside:
        count = played.sum(0)
        mean = (gains * played).sum(0) / count
        deviation = ((((gains - mean) * played) ** 2).sum(0) / count).sqrt()
        largest = (gains * played).abs().amax(0)
    else:
        some = gains if played is None else gains[played]
        mean, deviation, largest = some.mean(), some.std(correction=0), some.abs().max()
    noise = deviation <= 1e-6 * largest
    return ((gains - mean) / (deviation + 1e-8)).masked_fill(noise, 0.0)


def require_same_step(envs: VectorEnv) -> None:
    """Raise ValueError unless these are vector environments that begin anew in the same step."""
    mode = envs.metadata.get("autoreset_mode")
    if mode != AutoresetMode.SAME_STEP:
        raise ValueError(
            f"envs expected vector environments with AutoresetMode.SAME_STEP, got {mode}: make "
            f"them with gymnasium.make_vec from trm/"
        )
