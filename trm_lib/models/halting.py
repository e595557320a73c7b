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

from trm_lib.models.layers import Stack
from trm_lib.models.trm import TRM, Carry, Net, StepOutput, carry_of_other_boards


@dataclass
class HaltingCarry(Carry):
    """What one improvement step hands to the next: y and z, and who sits where in the batch.

    Attributes:
        steps: (B,) int64, improvement steps spent on the current board.
        halted: (B,) bool, which boards make room at the next call in training mode.
        inputs: (B, *grid) int64, the boards being thought about.
        puzzle: (B,) int64, which puzzle each is.
    """

    steps: Tensor
    halted: Tensor
    inputs: Tensor
    puzzle: Tensor


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


class HaltingTRM(TRM):
    """A `TRM` that also says when it is done, for a config with `halting`.

    In training mode, a board that halted makes room: its place in the batch starts afresh on that
    row of `inputs`, while the others go on with the board they have, which `carry.inputs` tells.
    In evaluation mode nothing halts by itself, and K is free.
    """

    halts = True

    def build(self, generator: torch.Generator) -> None:
        super().build(generator)
        self.halt_head = HaltHead(self.config.width)

    def initial_carry(self, inputs: Tensor) -> HaltingCarry:
        """The state before the first step: every place in the batch is free."""
        start, B = super().initial_carry(inputs), len(inputs)
        halted = torch.ones(B, dtype=torch.bool, device=inputs.device)
        free = inputs.new_zeros(B)
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
        c, grid = self.config, tuple(inputs.shape[1:])
        carry = self._seated(carry, inputs, puzzle)
        x = self.embed(carry.inputs, carry.puzzle)
        if not carry.y.shape == carry.z.shape == x.shape:
            raise carry_of_other_boards([x, x], [carry.y, carry.z])
        net, steps = partial(self.stack, grid=grid), carry.steps + 1
        y, z = self.recursion(net, x, carry.y, carry.z, c.n_latent, c.n_cycles)
        halt, go_on = self._worth(y)
        out = HaltingOutput(self.read(y, inputs), halt)
        y, z = y.detach(), z.detach()
        if c.continuing:
            out.go_on_logit = go_on
            if self.training:
                out.go_on_target = self._one_step_later(net, x, y, z, last=steps >= c.n_sup)
        halted = self._halted(steps, out, generator)
        return HaltingCarry(y, z, steps, halted, carry.inputs, carry.puzzle), out

    def _seated(self, carry: HaltingCarry, inputs: Tensor, puzzle: Tensor | None) -> HaltingCarry:
        """In training mode, fresh boards with fresh thoughts where the carry has halted."""
        if not isinstance(carry, HaltingCarry):
            raise ValueError(
                f"carry expected a HaltingCarry, got {type(carry).__name__}: start with "
                f"model.initial_carry(inputs)"
            )
        if puzzle is None:
            puzzle = inputs.new_zeros(len(inputs))
        if not self.training:
            return HaltingCarry(carry.y, carry.z, carry.steps, carry.halted, inputs, puzzle)
        seats = {"inputs": (inputs, carry.inputs), "puzzle": (puzzle, carry.puzzle)}
        for name, (given, kept) in seats.items():
            if given.shape != kept.shape or given.dtype != kept.dtype:
                raise ValueError(
                    f"{name} expected {kept.dtype} of shape {tuple(kept.shape)}, as in the carry, "
                    f"got {given.dtype} of shape {tuple(given.shape)}: start with "
                    f"model.initial_carry(inputs)"
                )
        new = carry.halted
        wide = new[:, None, None]
        return HaltingCarry(
            y=torch.where(wide, self.y0, carry.y),
            z=torch.where(wide, self.z0, carry.z),
            steps=carry.steps.masked_fill(new, 0),
            halted=new,
            inputs=torch.where(new.view(-1, *[1] * (inputs.dim() - 1)), inputs, carry.inputs),
            puzzle=torch.where(new, puzzle, carry.puzzle),
        )

    def _worth(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """What halting and going on are worth: (B, L, D) -> two of (B,) float32.

        They are read at the first token. Deviation: with conv, which knows only its neighbourhood
        there, over all cells.
        """
        place = y.mean(1) if self.config.mixing == "conv" else y[:, 0]
        halt, go_on = self.halt_head(place).float().unbind(-1)
        return halt, go_on

    @torch.no_grad()
    def _one_step_later(self, net: Net, x: Tensor, y: Tensor, z: Tensor, last: Tensor) -> Tensor:
        """What the better of halting and going on is worth after one more step: (B,) in (0, 1).

        At the last step, (B,) bool, going on is not possible.

        Source: arXiv 2506.21734, section "Adaptive computational time".
        """
        y, _ = self.recursion(net, x, y, z, self.config.n_latent, self.config.n_cycles)
        halt, go_on = self._worth(y)
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
