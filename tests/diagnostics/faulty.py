"""Models that are right but for one planted fault."""

import copy
from dataclasses import replace

import torch
from torch import nn

from trm_lib.models import TRM, Carry, build_model
from trm_lib.models.layers import rms_norm


class Scaled(nn.Module):
    """A stack that says what it said, but hands back `factor` times the gradient."""

    def __init__(self, stack, factor):
        super().__init__()
        self.stack, self.factor = stack, factor

    def forward(self, h, grid):
        out = self.stack(h, grid)
        return out.detach() + self.factor * (out - out.detach())


class Forgetful(TRM):
    """Every step begins from y0 and z0, whatever it is handed."""

    def forward(self, carry, inputs):
        return super().forward(self.initial_carry(inputs), inputs)


class Hoarding(TRM):
    """z is normalised where it is read, and trebled with every step where it is kept."""

    def forward(self, carry, inputs):
        size = carry.z.square().mean(-1, keepdim=True).sqrt()
        carry, out = super().forward(Carry(carry.y, rms_norm(carry.z)), inputs)
        return Carry(carry.y, 3 * size * carry.z), out


class Counting(TRM):
    """Knows how many steps it has taken, and `speak`s accordingly."""

    def forward(self, carry, inputs):
        before = getattr(carry, "steps", 0)
        carry, out = self.speak(Carry(carry.y, carry.z), inputs, before)
        carry.steps = before + 1
        return carry, out


class Swinging(Counting):
    """Every odd answer and carried y has the wrong sign; the next step puts it right."""

    def speak(self, carry, inputs, before):
        even = before % 2
        carry, out = TRM.forward(self, Carry(-carry.y if even else carry.y, carry.z), inputs)
        if not even:
            carry.y, out.logits = -carry.y, -out.logits
        return carry, out


class Tiring(Counting):
    """From the fifth step on it says the opposite."""

    def speak(self, carry, inputs, before):
        carry, out = TRM.forward(self, carry, inputs)
        if before >= 4:
            out.logits = -out.logits
        return carry, out


def turned_into(model, kind):
    """The same weights in a faulty class."""
    faulty = kind(model.config)
    faulty.load_state_dict(model.state_dict())
    return faulty


def with_gradient_times(model, factor):
    faulty = copy.deepcopy(model)
    faulty.stack = Scaled(faulty.stack, factor)
    return faulty


def with_idle_units(model):
    """Three times as wide, two thirds of which are never active; the same function."""
    faulty = copy.deepcopy(model)
    for block in faulty.stack.blocks:
        up, down = block.swiglu.gate_up, block.swiglu.down
        gate, value = up.weight.detach().chunk(2)
        idle = torch.zeros(2 * len(gate), gate.shape[1])
        up.weight = nn.Parameter(torch.cat([gate, idle, value, idle]))
        down.weight = nn.Parameter(torch.cat([down.weight.detach(), idle.T], dim=1))
    return faulty


def with_halting(model, stated):
    """The same model with a halt head that holds every answer for right with this probability."""
    config = replace(model.config, halting=True)
    halting = build_model(config)
    halting.load_state_dict(model.state_dict(), strict=False)
    nn.init.constant_(halting.halt_head.bias, torch.logit(torch.tensor(stated)).item())
    return halting
