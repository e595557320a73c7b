"""A TRM, or one of its rivals, as a policy: it thinks about a board and reads its action from it.

Axes: B boards (one an environment), K improvement steps, A actions, L cells, C channels, D width,
U different boards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trm_lib.checks import whole
from trm_lib.models.board import BoardNet
from trm_lib.models.config import BoardConfig, TRMConfig
from trm_lib.models.feedforward import FeedForward
from trm_lib.models.hierarchical import (
    HierarchicalCarry,
    HierarchicalConfig,
    HierarchicalTRM,
)
from trm_lib.models.layers import truncated_normal_
from trm_lib.models.policies import FIRST_LOGITS, Policy, PolicyOutput
from trm_lib.models.trm import TRM, Carry

CORES: dict[type[BoardConfig], type[BoardNet]] = {
    TRMConfig: TRM,
    HierarchicalConfig: HierarchicalTRM,
    BoardConfig: FeedForward,
}
"""Which network each config describes; `BoardPolicy` can think with any of them."""


@dataclass(frozen=True, kw_only=True)
class BoardPolicyConfig:
    """A policy that thinks about a board of cells.

    Attributes:
        core: the network that thinks: its config says which (`CORES`). Its tokens are the numbers
            0 to 2^C - 1 that the C channels of a cell write in binary, without the marker; its
            answers are the actions of a cell and one more, the value.
        n_actions: A, actions of the whole environment.
        marker: channel that marks one cell, whose answers are the A actions. The core does not
            see it: it thinks about the board, and the marker says where to read. None: there is
            no such channel, each cell has A / L actions of its own, and the value is the mean
            over all cells.
        n_steps: K, improvement steps before a decision; free at test time.
        previous_action: y begins as the embedded previous action instead of y0.
        carry_over_time: each decision goes on from the thoughts of the one before instead of
            starting afresh, until the episode ends. With `previous_action` this holds for z alone.

    Raises:
        ValueError: a field is out of range, or these do not go together.
    """

    core: BoardConfig
    n_actions: int
    marker: int | None = None
    n_steps: int = 1
    previous_action: bool = False
    carry_over_time: bool = False

    def __post_init__(self) -> None:
        for name, least in (("n_actions", 1), ("n_steps", 1)):
            object.__setattr__(self, name, whole(getattr(self, name), name, least))
        if type(self.core) not in CORES:
            names = ", ".join(kind.__name__ for kind in CORES)
            raise ValueError(f"core expected one of {names}, got {self.core!r}")
        if self.marker is not None:
            object.__setattr__(self, "marker", whole(self.marker, "marker", 0))
        for name in ("previous_action", "carry_over_time"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ValueError(f"{name} expected True or False, got {value!r}")
            carries = type(self.core) is not BoardConfig and getattr(self.core, "carry", True)
            if value and not carries:
                raise ValueError(f"{name} expected a core that carries a thought, got {self.core}")
        if getattr(self.core, "halting", False) or self.core.puzzle_tokens:
            raise ValueError(f"core expected neither halting nor puzzle tokens, got {self.core}")
        cells = 1 if self.marker is not None else self.core.n_cells
        if self.n_actions % cells or self.core.n_answers != self.n_actions // cells + 1:
            raise ValueError(
                f"core expected n_answers={self.n_actions // cells + 1}, {self.n_actions} actions "
                f"over {cells} cell(s) and a value, got {self.core.n_answers}"
            )


@dataclass
class Thoughts:
    """What a policy has thought about the boards it sees, so as to think only once about each.

    Attributes:
        boards: (B, L + 1) int64, the tokens of each board, and the previous action where it counts.
        answers: (K, B, L, A + 1) float.
    """

    boards: Tensor
    answers: Tensor


class BoardPolicy(Policy):
    """A TRM, or one of its rivals, as a policy.

    Where no thought depends on the time step, each different board is thought about once: in a
    batch, and, without gradient, from one time step to the next.

    Args:
        config: the core, and how actions are read from it.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config_type = BoardPolicyConfig

    def __init__(self, config: BoardPolicyConfig, generator: torch.Generator | None = None):
        super().__init__()
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        self.config = config
        self.n_actions, self.n_steps = config.n_actions, config.n_steps
        self.remembers = config.carry_over_time
        self.core = CORES[type(config.core)](config.core, generator)
        with torch.no_grad():
            self.core.head.weight.mul_(FIRST_LOGITS)
        if config.previous_action:
            first = torch.empty(config.n_actions, config.core.width)
            self.register_buffer("y_of_action", truncated_normal_(first, 1.0, generator))

    def forward(
        self, observations: Tensor, previous: Tensor, memory: Any = None
    ) -> tuple[PolicyOutput, Any]:
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

    def pack(self, memory: Any) -> dict[str, Tensor]:
        if memory is None or not self.remembers:
            return {}
        return {name: t for name, t in vars(memory).items() if t is not None}

    def unpack(self, tensors: dict[str, Tensor]) -> Any:
        kind = HierarchicalCarry if isinstance(self.core, HierarchicalTRM) else Carry
        return kind(**tensors) if tensors else None

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
        self, boards: Tensor, previous: Tensor, known: Thoughts | None
    ) -> tuple[Tensor, Thoughts | None]:
        """Think about each different board once, and about none that is known."""
        key = boards.flatten(1)
        if self.config.previous_action:
            key = torch.cat([key, previous[:, None]], dim=1)
        if torch.is_grad_enabled() or known is None or known.answers.shape[0] != self.n_steps:
            if self.config.marker is None:  # boards change with every action: none comes twice
                answers, _ = self._think(boards, previous)
            else:
                _, first, which = _distinct(key)
                answers = self._think(boards[first], previous[first])[0][:, which]
        else:
            answers = known.answers
            new = (key != known.boards).any(1).nonzero()[:, 0]
            if len(new):
                answers = answers.clone()
                answers[:, new] = self._think(boards[new], previous[new])[0]
        return answers, None if torch.is_grad_enabled() else Thoughts(key, answers)

    def _think(self, boards: Tensor, previous: Tensor, carry: Any = None) -> tuple[Tensor, Any]:
        """K improvement steps: tokens (B, n, n) to answers (K, B, L, A + 1), and the carry."""
        fresh = self.core.initial_carry(boards)
        if carry is not None:
            begins = (previous == self.n_actions)[:, None, None]
            start = self.pack(fresh)
            carry = self.unpack(
                {name: torch.where(begins, start[name], t) for name, t in self.pack(carry).items()}
            )
        else:
            carry = fresh
        if self.config.previous_action:
            known = previous < self.n_actions
            y = self.y_of_action[previous.clamp(max=self.n_actions - 1)][:, None]
            name = "y" if hasattr(carry, "y") else "high"
            start = torch.where(known[:, None, None], y, getattr(fresh, name))
            setattr(carry, name, start)
        answers = []
        for _ in range(self.n_steps):
            carry, out = self.core(carry, boards)
            answers.append(out.logits.flatten(1, 2))
        return torch.stack(answers), carry


def _distinct(key: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Different rows of (B, M): the rows (U, M), where each is first (U,), which each is (B,)."""
    rows, which = torch.unique(key, dim=0, return_inverse=True)
    places = torch.arange(len(key) - 1, -1, -1, device=key.device)
    first = which.new_empty(len(rows)).scatter_(0, which[places], places)
    return rows, first, which
