"""Policies: networks that look at a board and say what to do, and how well it will go.

A policy answers with logits over actions and with a value, the return it expects from here. It is
asked one time step after the other, and may keep a memory between them. `BoardPolicy` thinks about
the board with a TRM or one of its rivals; `MLPPolicy` and `GRUPolicy` are the usual ones, which
know nothing of cells.

Axes: S time steps, B boards (one an environment), K improvement steps, A actions, L cells,
C channels, F numbers of an observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from trm_lib.checks import at_least, check, optional, true_or_false, whole
from trm_lib.models.layers import BoardConfig, truncated_normal_
from trm_lib.models.rivals import network_of

FIRST_LOGITS = 0.01
"""Scale of an untrained policy's logits: it begins by trying everything about equally often."""


@dataclass
class PolicyOutput:
    """What a policy says after each of its K improvement steps; the last counts."""

    logits: Tensor  # (K, ..., A) float, before any mask
    values: Tensor  # (K, ...) float, the expected discounted return


PolicyMemory = dict[str, Tensor]
"""What a policy keeps from one call to the next, by name, each (B, ...)."""


class Policy(nn.Module):
    """The interface that every learner and every evaluation uses.

    `previous` holds the last action of each environment, and `n_actions` where its episode has
    only begun; that is also the sign to forget.

    Attributes:
        n_actions: A.
        remembers: whether answers depend on earlier time steps, through the memory.
    """

    n_actions: int
    remembers: bool = False

    def forward(
        self, observations: Tensor, previous: Tensor, memory: PolicyMemory | None = None
    ) -> tuple[PolicyOutput, PolicyMemory | None]:
        """Decide once.

        Args:
            observations: (B, ...) float, as the environments give them.
            previous: (B,) int64 in [0, A].
            memory: what the call before returned; None at the very beginning.

        Returns:
            Logits (K, B, A) and values (K, B), and the memory for the next call.

        Raises:
            ValueError: observations that this policy cannot read.
        """
        raise NotImplementedError

    def require_readable(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError if one observation of this shape is nothing this policy can read."""

    def unroll(
        self, observations: Tensor, previous: Tensor, memory: PolicyMemory | None = None
    ) -> PolicyOutput:
        """Decide at every step of stored episodes: logits (K, S, B, A) and values (K, S, B).

        Args: as for `forward`, (S, B, ...); the memory is of before the first step.
        """
        if not self.remembers:
            out, _ = self(observations.flatten(0, 1), previous.flatten(), None)
            shape = previous.shape
            return PolicyOutput(out.logits.unflatten(1, shape), out.values.unflatten(1, shape))
        outputs = []
        for now, before in zip(observations, previous, strict=True):
            out, memory = self(now, before, memory)
            outputs.append(out)
        return PolicyOutput(
            torch.stack([out.logits for out in outputs], dim=1),
            torch.stack([out.values for out in outputs], dim=1),
        )

    @staticmethod
    def rows(memory: PolicyMemory | None, index: Tensor) -> PolicyMemory | None:
        """The memory of some of the environments, index (R,) int64."""
        return None if memory is None else {name: part[index] for name, part in memory.items()}


@dataclass(frozen=True, kw_only=True)
class FlatPolicyConfig:
    """A policy over an observation as one long vector.

    Attributes:
        n_inputs: F, numbers in an observation; channels are flattened.
        n_actions: A.
        hidden: units of each hidden layer. For a GRU the last is the size of its memory.
    """

    n_inputs: int
    n_actions: int
    hidden: tuple[int, ...] = (64, 64)

    def __post_init__(self) -> None:
        check(self, n_inputs=at_least(1), n_actions=at_least(1), hidden=_sizes)


def _sizes(hidden: object, name: str) -> tuple[int, ...]:
    if not isinstance(hidden, Iterable) or not tuple(hidden):
        raise ValueError(f"{name} expected sizes, such as (64, 64), got {hidden!r}")
    return tuple(whole(size, f"{name}: every size", 1) for size in hidden)


class MLPPolicyConfig(FlatPolicyConfig):
    """The sizes of an `MLPPolicy`."""


class GRUPolicyConfig(FlatPolicyConfig):
    """The sizes of a `GRUPolicy`."""


class FlatPolicy(Policy):
    """A policy that sees an observation as one vector; `generator` draws its initial weights."""

    def __init__(self, config: FlatPolicyConfig, generator: torch.Generator | None = None):
        super().__init__()
        self.config, self.n_actions = config, config.n_actions
        self.build(config, generator or torch.Generator().manual_seed(0))

    def build(self, config: FlatPolicyConfig, generator: torch.Generator) -> None:
        """Make the layers."""

    def flat(self, observations: Tensor) -> Tensor:
        """(B, ...) -> (B, F)."""
        flat = observations.flatten(1)
        if flat.shape[1] != self.config.n_inputs:
            raise ValueError(
                f"observations expected {self.config.n_inputs} numbers each, which this policy was "
                f"built for, got shape {tuple(observations.shape)}"
            )
        return flat


class MLPPolicy(FlatPolicy):
    """Two perceptrons side by side, one for the actions and one for the value.

    The default of Stable-Baselines3: tanh, orthogonal weights, nothing shared.
    """

    def build(self, config: FlatPolicyConfig, generator: torch.Generator) -> None:
        sizes = (config.n_inputs, *config.hidden)
        self.actor = _perceptron((*sizes, config.n_actions), FIRST_LOGITS, generator)
        self.critic = _perceptron((*sizes, 1), 1.0, generator)

    def forward(
        self, observations: Tensor, previous: Tensor, memory: PolicyMemory | None = None
    ) -> tuple[PolicyOutput, None]:
        flat = self.flat(observations)
        return PolicyOutput(self.actor(flat)[None], self.critic(flat)[None, :, 0]), None


class GRUPolicy(FlatPolicy):
    """A layer that looks, a GRU that remembers from one time step to the next, and two heads."""

    remembers = True

    def build(self, config: FlatPolicyConfig, generator: torch.Generator) -> None:
        *before, memory = config.hidden
        looks = (config.n_inputs, *before)
        self.look = _perceptron(looks, 2**0.5, generator)
        if before:
            self.look.append(nn.Tanh())
        self.gru = skip_init(nn.GRUCell, looks[-1], memory)
        for parameter in self.gru.parameters():
            nn.init.uniform_(parameter, -(memory**-0.5), memory**-0.5, generator=generator)
        self.actor = _perceptron((memory, config.n_actions), FIRST_LOGITS, generator)
        self.critic = _perceptron((memory, 1), 1.0, generator)

    def forward(
        self, observations: Tensor, previous: Tensor, memory: PolicyMemory | None = None
    ) -> tuple[PolicyOutput, PolicyMemory]:
        looked = self.look(self.flat(observations))
        known = memory or {"hidden": looked.new_zeros(len(looked), self.gru.hidden_size)}
        hidden = self.gru(looked, known["hidden"] * (previous < self.n_actions)[:, None])
        out = PolicyOutput(self.actor(hidden)[None], self.critic(hidden)[None, :, 0])
        return out, {"hidden": hidden}


def _perceptron(
    sizes: tuple[int, ...], last_gain: float, generator: torch.Generator
) -> nn.Sequential:
    """Layers of these sizes with tanh between them."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        gain = last_gain if i == len(sizes) - 2 else 2**0.5
        layer = skip_init(nn.Linear, fan_in, fan_out)
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


@dataclass(frozen=True, kw_only=True)
class BoardPolicyConfig:
    """A policy that thinks about a board of cells.

    Attributes:
        core: the network that thinks: its config says which. Its tokens are the numbers
            0 to 2^C - 1 that the C channels of a cell write in binary, without the marker; its
            answers are the actions of a cell and one more, the value.
        n_actions: A, actions of the whole environment.
        marker: channel that marks one cell, whose answers are the A actions. The core does not
            see it: it thinks about the board, and the marker says where to read. None: there is
            no such channel, each cell has A / L actions of its own, and the value is the mean
            over all cells.
        k_steps: K, improvement steps before a decision; free at test time.
        previous_action: y begins as the embedded previous action instead of y0.
        carry_over_time: each decision goes on from the thoughts of the one before instead of
            starting afresh, until the episode ends. With `previous_action` this holds for z alone.

    Raises:
        ValueError: a field is out of range, or these do not go together.
    """

    core: BoardConfig
    n_actions: int
    marker: int | None = None
    k_steps: int = 1
    previous_action: bool = False
    carry_over_time: bool = False

    def __post_init__(self) -> None:
        check(
            self, n_actions=at_least(1), marker=optional(at_least(0)), k_steps=at_least(1),
            previous_action=true_or_false, carry_over_time=true_or_false,
        )  # fmt: skip
        if not isinstance(self.core, BoardConfig):
            raise ValueError(f"core expected the config of a board network, got {self.core!r}")
        carries = type(self.core) is not BoardConfig and getattr(self.core, "carry", True)
        for name in ("previous_action", "carry_over_time"):
            if getattr(self, name) and not carries:
                raise ValueError(f"{name} expected a core that carries a thought, got {self.core}")
        if getattr(self.core, "halting", False) or self.core.puzzle_tokens:
            raise ValueError(f"core expected neither halting nor puzzle tokens, got {self.core}")
        cells = 1 if self.marker is not None else self.core.n_cells
        if self.n_actions % cells or self.core.n_answers != self.n_actions // cells + 1:
            raise ValueError(
                f"core expected n_answers={self.n_actions // cells + 1}, {self.n_actions} actions "
                f"over {cells} cell(s) and a value, got {self.core.n_answers}"
            )


class BoardPolicy(Policy):
    """A TRM, or one of its rivals, as a policy.

    Where no thought depends on the time step, each different board is thought about once: in a
    batch, and, without gradient, from one time step to the next.
    """

    def __init__(self, config: BoardPolicyConfig, generator: torch.Generator | None = None):
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.config = config
        self.n_actions, self.k_steps = config.n_actions, config.k_steps
        self.remembers = config.carry_over_time
        self.core = network_of(config.core)(config.core, generator)
        with torch.no_grad():
            self.core.head.weight.mul_(FIRST_LOGITS)
        if config.previous_action:
            first = torch.empty(config.n_actions, config.core.width)
            self.register_buffer("y_of_action", truncated_normal_(first, 1.0, generator))

    def forward(
        self, observations: Tensor, previous: Tensor, memory: PolicyMemory | None = None
    ) -> tuple[PolicyOutput, PolicyMemory | None]:
        boards, cell = self._read(observations)
        if self.config.carry_over_time:
            answers, memory = self._think(boards, previous, memory)
        else:
            answers, memory = self._think_once(boards, previous, memory)
        if cell is None:
            logits = answers[..., :-1].flatten(2)
            return PolicyOutput(logits, answers[..., -1].mean(-1)), memory
        here = answers[:, torch.arange(len(cell)), cell]  # (K, B, A + 1)
        return PolicyOutput(here[..., :-1], here[..., -1]), memory

    @property
    def thinks_once(self) -> bool:
        """Whether one thought about a board serves a whole episode: nothing else changes it."""
        return not (
            self.config.marker is None or self.config.previous_action or self.config.carry_over_time
        )

    def answers(self, observations: Tensor) -> Tensor:
        """What every cell would answer on fresh boards (B, C, n, n): (K, B, L, A + 1)."""
        boards, _ = self._read(observations)
        return self._think(boards, observations.new_full((len(boards),), self.n_actions).long())[0]

    def require_readable(self, shape: tuple[int, ...]) -> None:
        marker = self.config.marker
        if len(shape) != 3 or (marker is not None and marker >= shape[0]):
            raise ValueError(
                f"observations expected channels (C, rows, columns)"
                f"{'' if marker is None else f', channel {marker} among them for the marker'}, got "
                f"shape {tuple(shape)}: make the environment with observation='channels'"
            )

    def _read(self, observations: Tensor) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, n, n) of each board and the marked cell (B,), None without a marker."""
        self.require_readable(observations.shape[1:])
        if not ((observations == 0) | (observations == 1)).all():
            raise ValueError(
                "observations expected channels of zeros and ones, got other numbers: make the "
                "environment with observation='channels', and do not scale what it gives"
            )
        marker, cell = self.config.marker, None
        if marker is not None:
            marked = observations[:, marker].flatten(1)
            if not (marked.sum(1) == 1).all():
                raise ValueError(
                    f"observations expected one marked cell in channel {marker}, got "
                    f"{marked.sum(1).tolist()[:8]}"
                )
            cell = marked.argmax(1)
            kept = [i for i in range(observations.shape[1]) if i != marker]
            observations = observations[:, kept]
        bits = 2 ** torch.arange(observations.shape[1], device=observations.device)
        return torch.einsum("bcij,c->bij", observations, bits.to(observations)).long(), cell

    def _think_once(
        self, boards: Tensor, previous: Tensor, known: PolicyMemory | None
    ) -> tuple[Tensor, PolicyMemory | None]:
        """Think about each different board once, and about none that is known.

        What is known of the step before: "boards" (B, L) or (B, L + 1) int64, the tokens of each
        board, with the previous action where it counts, and "answers" (B, K, L, A + 1) float.
        """
        key = boards.flatten(1)
        if self.config.previous_action:
            key = torch.cat([key, previous[:, None]], dim=1)
        learns = torch.is_grad_enabled()
        if not learns and known is not None and known["answers"].shape[1] == self.k_steps:
            answers = known["answers"].transpose(0, 1)
            new = (key != known["boards"]).any(1).nonzero()[:, 0]
            if len(new):
                answers = answers.clone()
                answers[:, new] = self._think(boards[new], previous[new])[0]
        elif self.config.marker is None:  # boards change with every action: none comes twice
            answers, _ = self._think(boards, previous)
        else:
            first, which = _distinct(key)
            answers = self._think(boards[first], previous[first])[0][:, which]
        return answers, None if learns else {"boards": key, "answers": answers.transpose(0, 1)}

    def _think(
        self, boards: Tensor, previous: Tensor, memory: PolicyMemory | None = None
    ) -> tuple[Tensor, PolicyMemory]:
        """K improvement steps: tokens (B, n, n) to answers (K, B, L, A + 1), and the carry."""
        carry, known = self.core.initial_carry(boards), dict(memory or {})
        if self.config.previous_action:
            answer = next(iter(vars(carry)))  # it is read from the first of the states
            known[answer] = self.y_of_action[previous.clamp(max=self.n_actions - 1)][:, None]
        for name, before in known.items():
            begins = (previous == self.n_actions).view(-1, *[1] * (before.dim() - 1))
            setattr(carry, name, torch.where(begins, getattr(carry, name), before))
        answers = []
        for _ in range(self.k_steps):
            carry, out = self.core(carry, boards)
            answers.append(out.logits.flatten(1, 2))
        return torch.stack(answers), {} if carry is None else vars(carry)


def _distinct(key: Tensor) -> tuple[Tensor, Tensor]:
    """Different rows of (B, M), in order: where each is first (U,), which each row is (B,)."""
    rows, which = torch.unique(key, dim=0, return_inverse=True)
    places = torch.arange(len(key) - 1, -1, -1, device=key.device)
    first = which.new_empty(len(rows)).scatter_(0, which[places], places)
    return first, which
