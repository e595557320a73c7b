"""The Tiny Recursive Model over a board of tokens.

Axes: B batch, P puzzle tokens, L cells, D width, V vocabulary.

Source: arXiv 2510.04871, figures 1 and 3; github.com/SamsungSAILMontreal/TinyRecursiveModels
at e7b6871 for initial values, scales and adaptive computation time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from trm_lib.models.board import BoardNet, require_boards, require_state
from trm_lib.models.config import TRMConfig
from trm_lib.models.layers import build_stack, truncated_normal_
from trm_lib.models.recursion import GRADIENTS


@dataclass
class Carry:
    """What one improvement step hands to the next.

    Attributes:
        y: (B, P + L, D) float, the current answer, embedded.
        z: (B, P + L, D) float, the latent reasoning.
        steps: (B,) int64, improvement steps spent on the current board.
        halted: (B,) bool, which boards make room at the next call in training mode.
        inputs: (B, *grid) int64, the boards being thought about.
        puzzle: (B,) int64, which puzzle each is.

    The last four are kept by models with `halting` only.
    """

    y: Tensor
    z: Tensor
    steps: Tensor | None = None
    halted: Tensor | None = None
    inputs: Tensor | None = None
    puzzle: Tensor | None = None

    def rows(self, index: Tensor) -> Carry:
        """The carry of some of the boards: index is (R,) int64 or a mask (B,) bool."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return Carry(**{name: t if t is None else t[index] for name, t in parts.items()})


@dataclass
class StepOutput:
    """What one improvement step says.

    Attributes:
        logits: (B, *grid, V) float, the answer.
        halt_logit: (B,) float, how sure the model is that the whole answer is right: it thinks so
            where this is above 0. Only from models with `halting`.
        go_on_logit: (B,) float, how sure it is that the answer will be right if it goes on. Only
            from models with `continuing`.
        go_on_target: (B,) float in (0, 1), what it thinks of that one step later, without a
            gradient. Only in training mode.
    """

    logits: Tensor
    halt_logit: Tensor | None = None
    go_on_logit: Tensor | None = None
    go_on_target: Tensor | None = None

    @property
    def lead(self) -> Tensor:
        """How much halting is worth more than going on, which is worth 0 if not guessed: (B,)."""
        return self.halt_logit if self.go_on_logit is None else self.halt_logit - self.go_on_logit


class HaltHead(nn.Module):
    """Is the answer right? (B, D) -> (B, 2), two numbers as in the official code.

    The first is the halt logit. The second is the value of going on, for a rule that the paper
    drops (`TRMConfig.continuing`); without it, no loss uses the second, which is there so that
    official weights fit. The head begins almost sure that no answer is right: weights 0, bias -5.
    """

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, width))
        self.bias = nn.Parameter(torch.full((2,), -5.0))

    def forward(self, h: Tensor) -> Tensor:
        return nn.functional.linear(h, self.weight, self.bias)


class TRM(BoardNet):
    """One tiny network that improves its own answer, step by step.

        carry = model.initial_carry(inputs)
        for k in range(K):
            carry, out = model(carry, inputs)   # out.logits: the answer after step k + 1

    With `halting` and in training mode, a board that halted makes room: its place in the batch
    starts afresh on that row of `inputs`, while the others go on with the board they have, which
    `carry.inputs` tells. In evaluation mode nothing halts by itself, and K is free.

    Args:
        config: sizes, mixing, n and T.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config: TRMConfig
    config_type = TRMConfig

    def __init__(self, config: TRMConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)
        # where every thought starts: fixed, not learned, the same in every cell
        self.register_buffer("y0", truncated_normal_(torch.empty(config.width), 1.0, generator))
        self.register_buffer("z0", truncated_normal_(torch.empty(config.width), 1.0, generator))
        if config.separate:
            self.answer_stack = build_stack(config, generator)
        if config.halting:
            self.halt_head = HaltHead(config.width)

    def initial_carry(self, inputs: Tensor) -> Carry:
        """The state before the first improvement step, for inputs (B, *grid)."""
        B = len(inputs)
        n_tokens = self.config.puzzle_tokens + math.prod(inputs.shape[1:])
        shape = (B, n_tokens, self.config.width)
        carry = Carry(self.y0.expand(shape), self.z0.expand(shape))
        if self.config.halting:
            carry.steps = inputs.new_zeros(B)
            carry.halted = torch.ones(B, dtype=torch.bool, device=inputs.device)
            carry.inputs, carry.puzzle = inputs, inputs.new_zeros(B)
        return carry

    def forward(
        self,
        carry: Carry,
        inputs: Tensor,
        puzzle: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Carry, StepOutput]:
        """One improvement step.

        Args:
            carry: state to start from, from `initial_carry` or the step before.
            inputs: (B, *grid) int64 tokens in [0, V), the question.
            puzzle: (B,) int64, which puzzle each board is; all 0 if not given.
            generator: draws who must think longer (`explore`); PyTorch's own if not given.

        Returns:
            The new carry, detached, and the answer it reads out.

        Raises:
            ValueError: inputs of the wrong shape, dtype or range, or a carry of other boards.
        """
        for state in (carry.y, carry.z):
            require_state(state, inputs, self.config.puzzle_tokens, self.config.width)
        if self.config.halting:
            carry = self._make_room(carry, inputs, puzzle)
            inputs, puzzle = carry.inputs, carry.puzzle
        x = self.embed(inputs, puzzle)
        y, z = self._improved(x, carry.y, carry.z, tuple(inputs.shape[1:]))
        out = StepOutput(self.read(y, inputs))
        carry = Carry(y.detach(), z.detach(), carry.steps, None, carry.inputs, carry.puzzle)
        if self.config.halting:
            out.halt_logit, go_on_logit = self._worth(y)
            carry.steps = carry.steps + 1
            if self.config.continuing:
                out.go_on_logit = go_on_logit
                if self.training:
                    out.go_on_target = self._one_step_later(x, carry, tuple(inputs.shape[1:]))
            carry.halted = self._halted(carry.steps, out, generator)
        return carry, out

    def _improved(
        self, x: Tensor, y: Tensor, z: Tensor, grid: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """One improvement step of the states."""
        c, last = self.config, self.answer_stack if self.config.separate else self.stack

        def answer(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
            return last(y + z + x if c.seeing else y + z, grid)

        def net(h: Tensor) -> Tensor:
            return self.stack(h, grid)

        return GRADIENTS[c.gradient](net, x, y, z, c.n_latent, c.n_cycles, answer)

    def _make_room(self, carry: Carry, inputs: Tensor, puzzle: Tensor | None) -> Carry:
        """In training mode, fresh boards with fresh thoughts where the carry has halted."""
        if carry.halted is None:
            raise ValueError(
                "carry expected steps, halted and inputs, which a model with halting keeps, got "
                "none: start with model.initial_carry(inputs)"
            )
        if puzzle is None:
            puzzle = inputs.new_zeros(len(inputs), dtype=torch.int64)
        if not self.training:
            return Carry(carry.y, carry.z, carry.steps, carry.halted, inputs, puzzle)
        require_boards(inputs, puzzle, self.config)
        new = carry.halted
        wide = new[:, None, None]
        return Carry(
            y=torch.where(wide, self.y0, carry.y),
            z=torch.where(wide, self.z0, carry.z),
            steps=carry.steps.masked_fill(new, 0),
            halted=new,
            inputs=torch.where(new.view(-1, *[1] * (inputs.dim() - 1)), inputs, carry.inputs),
            puzzle=torch.where(new, puzzle, carry.puzzle),
        )

    def _worth(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """What halting and going on are worth: (B, P + L, D) -> two of (B,) float32.

        They are read at the first token; with conv, over all cells.

        Deviation: under convolution the corner knows only its neighbourhood, so the mean is read.
        """
        place = y.mean(1) if self.config.mixing == "conv" else y[:, 0]
        halt, go_on = self.halt_head(place).float().unbind(-1)
        return halt, go_on

    @torch.no_grad()
    def _one_step_later(self, x: Tensor, carry: Carry, grid: tuple[int, ...]) -> Tensor:
        """What the better of halting and going on is worth after one more step: (B,) in (0, 1).

        At the last step going on is not possible.

        Source: arXiv 2506.21734, section "Adaptive computational time".
        """
        y, _ = self._improved(x, carry.y, carry.z, grid)
        halt, go_on = self._worth(y)
        last = carry.steps >= self.config.n_sup
        return torch.where(last, halt, torch.maximum(halt, go_on)).sigmoid()

    def _halted(self, steps: Tensor, out: StepOutput, generator: torch.Generator | None) -> Tensor:
        """Which boards are done: (B,) bool. In evaluation mode only the number of steps counts."""
        n_sup = self.config.n_sup
        last = steps >= n_sup
        if not self.training or n_sup == 1:
            return last
        done = last | (out.lead.detach() > 0)
        if self.config.explore == 0:
            return done
        chance = torch.rand(steps.shape, generator=generator, device=steps.device)
        least = torch.randint(2, n_sup + 1, steps.shape, generator=generator, device=steps.device)
        return done & (steps >= least * (chance < self.config.explore))
