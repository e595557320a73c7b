"""The TRM that halts by itself: adaptive computation time, and two variants for ablations.

Axes: B batch, L cells with the puzzle tokens in front, D width.

Source: arXiv 2510.04871, section 2; github.com/SamsungSAILMontreal/TinyRecursiveModels at e7b6871,
models/recursive_reasoning/trm.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from trm_lib.models.layers import Stack
from trm_lib.models.trm import TRM, Carry, Net, StepOutput


@dataclass
class HaltingCarry(Carry):
    """What one improvement step hands to the next: y and z, and who sits where in the batch."""

    steps: Tensor  # (B,) int64, improvement steps spent on the current board
    halted: Tensor  # (B,) bool, which boards make room at the next call in training mode
    inputs: Tensor  # (B, *grid) int64, the boards being thought about
    puzzle: Tensor  # (B,) int64, which puzzle each is


@dataclass
class HaltingOutput(StepOutput):
    """What one improvement step says.

    Attributes:
        halt_logit: (B,) float, how sure the model is that the whole answer is right: it thinks so
            where this is above 0.
        go_on_logit: (B,) float, how sure it is that the answer will be right if it goes on. Only
            with `TRMConfig.continuing`.
        go_on_target: (B,) float in (0, 1), what it thinks of that one step later, without a
            gradient. Only in training mode.
    """

    halt_logit: Tensor
    go_on_logit: Tensor | None = None
    go_on_target: Tensor | None = None

    @property
    def lead(self) -> Tensor:
        """How much halting is worth more than going on, which is worth 0 if not guessed: (B,)."""
        return self.halt_logit if self.go_on_logit is None else self.halt_logit - self.go_on_logit


class HaltingTRM(TRM):
    """A `TRM` that also says when it is done, for a config with `halting`.

    In training mode, a board that halted makes room: its place in the batch starts afresh on that
    row of `inputs`, while the others go on with the board they have, which `carry.inputs` tells.
    In evaluation mode nothing halts by itself, and K is free.

    Its halt head says two numbers, as in the official code: the halt logit, and what going on is
    worth, for a rule that the paper drops (`TRMConfig.continuing`); without it, no loss uses the
    second, which is there so that official weights fit.
    """

    halts = True

    def build(self, generator: torch.Generator) -> None:
        super().build(generator)
        self.halt_head = skip_init(nn.Linear, self.config.width, 2)
        nn.init.zeros_(self.halt_head.weight)
        nn.init.constant_(self.halt_head.bias, -5.0)  # almost sure that no answer is right

    def initial_carry(self, inputs: Tensor) -> HaltingCarry:
        """The state before the first step: every place in the batch is free."""
        start, free = super().initial_carry(inputs), inputs.new_zeros(len(inputs))
        halted = torch.ones_like(free, dtype=torch.bool)
        return HaltingCarry(start.y, start.z, free, halted, inputs, free)

    def forward(
        self,
        carry: HaltingCarry,
        inputs: Tensor,
        puzzle: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[HaltingCarry, HaltingOutput]:
        """One improvement step, as of `TRM`.

        Args:
            carry: state to start from, from `initial_carry` or the step before.
            inputs: (B, *grid) int64, the questions for free places; in evaluation mode, of all.
            puzzle: (B,) int64, which puzzle each board is; all 0 if not given.
            generator: draws who must think longer (`explore`); PyTorch's own if not given.
        """
        self.require(inputs, puzzle)
        self.require_carry(carry, inputs)
        c, grid, steps = self.config, tuple(inputs.shape[1:]), carry.steps
        if puzzle is None:
            puzzle = inputs.new_zeros(len(inputs))
        start: Carry = carry
        if self.training:  # fresh boards with fresh thoughts where the carry has halted
            new = carry.halted
            wide = new[:, None, None]
            y, z = torch.where(wide, self.y0, carry.y), torch.where(wide, self.z0, carry.z)
            start = Carry(y, z)
            steps = steps.masked_fill(new, 0)
            inputs = torch.where(new.view(-1, *[1] * len(grid)), inputs, carry.inputs)
            puzzle = torch.where(new, puzzle, carry.puzzle)
        x, steps = self.embed(inputs, puzzle), steps + 1
        after = self.improved(x, start, grid)
        halt, go_on = self._worth(after.y)
        out = HaltingOutput(self.read(after.y, inputs), halt)
        after = after.map(Tensor.detach)
        if c.continuing:
            out.go_on_logit = go_on
            if self.training:
                out.go_on_target = self._one_step_later(x, after, grid, last=steps >= c.n_sup)
        halted = self._halted(steps, out, generator)
        return HaltingCarry(after.y, after.z, steps, halted, inputs, puzzle), out

    def _worth(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """What halting and going on are worth: (B, L, D) -> two of (B,) float32.

        They are read at the first token. Deviation: with conv, which knows only its neighbourhood
        there, over all cells.
        """
        place = y.mean(1) if self.config.mixing == "conv" else y[:, 0]
        halt, go_on = self.halt_head(place).float().unbind(-1)
        return halt, go_on

    @torch.no_grad()
    def _one_step_later(
        self, x: Tensor, carry: Carry, grid: tuple[int, ...], last: Tensor
    ) -> Tensor:
        """What the better of halting and going on is worth after one more step: (B,) in (0, 1).

        At the last step, (B,) bool, going on is not possible.

        Source: arXiv 2506.21734, section "Adaptive computational time".
        """
        halt, go_on = self._worth(self.improved(x, carry, grid).y)
        return torch.where(last, halt, torch.maximum(halt, go_on)).sigmoid()

    def _halted(
        self, steps: Tensor, out: HaltingOutput, generator: torch.Generator | None
    ) -> Tensor:
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


class AblatedTRM(TRM):
    """A `TRM` whose recursion differs from the paper's, for a config that is `ablated`.

    `seeing` and `separate` change how the answer is made. `gradient="call"` computes the same
    numbers, but leaves the gradient to the last update of z and of y: the shortcut of the
    Hierarchical Reasoning Model, which trusts that z has come to rest.

    Source: arXiv 2506.21734, section "Approximate gradient"; arXiv 2510.04871, tables 1 and 2.
    """

    ablates = True

    def build(self, generator: torch.Generator) -> None:
        super().build(generator)
        if self.config.separate:
            self.answer_stack = Stack(self.config, generator)

    def recursion(
        self, net: Net, x: Tensor, y: Tensor, z: Tensor, n: int, T: int
    ) -> tuple[Tensor, Tensor]:
        """One improvement step, as `deep_recursion`."""
        c = self.config
        answer = partial(self.answer_stack, **net.keywords) if c.separate else net

        def latent_recursion(y: Tensor, z: Tensor, n: int) -> tuple[Tensor, Tensor]:
            for _ in range(n):
                z = net(z + (y + x))
            return answer(y + z + x if c.seeing else y + z), z

        with torch.no_grad():
            for _ in range(T - 1):
                y, z = latent_recursion(y, z, n)
            if c.gradient == "call":
                for _ in range(n - 1):
                    z = net(z + (y + x))
                n = min(n, 1)
        return latent_recursion(y, z, n)


class AblatedHaltingTRM(AblatedTRM, HaltingTRM):
    """Both: a recursion that differs, and halting."""
