"""The TRM of the paper written as plainly as it can be, with nothing shared with `trm_lib`.

It is the yardstick of two tests: `tests/models/test_official.py` holds the library's numbers
against it on configurations for which no official numbers are at hand, and `bench_trm.py` holds
the library's speed against it. Eager, float32, one operation a line, in the official order.
Parameters have the names of `trm_lib.models.TRM`, so that one state dict serves both.

Axes: B batch, P puzzle tokens, L cells, D width, H heads, C channels of a head, V vocabulary.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def rms_norm(h):
    return h * torch.rsqrt(h.square().mean(-1, keepdim=True) + 1e-5)


class Linear(nn.Module):
    def __init__(self, fan_in, fan_out):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(fan_out, fan_in))

    def forward(self, h):
        return F.linear(h, self.weight)


class SwiGLU(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gate_up, self.down = Linear(width, 2 * hidden), Linear(hidden, width)

    def forward(self, h):
        gate, up = self.gate_up(h).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class MLPMixing(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.swiglu = SwiGLU(c.n_tokens, hidden_size(c.n_tokens, c))

    def forward(self, h):
        h = h.transpose(1, 2)  # (B, D, P + L)
        return rms_norm(h + self.swiglu(h)).transpose(1, 2)


class AttentionMixing(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.qkv, self.out = Linear(c.width, 3 * c.width), Linear(c.width, c.width)

    def forward(self, h):
        B, L, D = h.shape
        qkv = self.qkv(h).view(B, L, 3, self.c.n_heads, -1)
        q, k, v = (qkv[:, :, i].transpose(1, 2) for i in range(3))  # (B, H, L, C)
        if self.c.positions == "rope":
            q, k = self.turned(q), self.turned(k)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return rms_norm(h + self.out(mixed.transpose(1, 2).reshape(B, L, D)))

    def turned(self, h):
        L, C = h.shape[-2:]
        frequency = 1.0 / 10_000.0 ** (torch.arange(0, C, 2, dtype=torch.float32) / C)
        angle = torch.outer(torch.arange(L, dtype=torch.float32), frequency).repeat(1, 2)  # (L, C)
        half = torch.cat([-h[..., C // 2 :], h[..., : C // 2]], dim=-1)
        return h * angle.cos() + half * angle.sin()


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.mixing = MLPMixing(c) if c.mixing == "mlp" else AttentionMixing(c)
        self.swiglu = SwiGLU(c.width, hidden_size(c.width, c))

    def forward(self, h):
        h = self.mixing(h)
        return rms_norm(h + self.swiglu(h))


class Stack(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.blocks = nn.ModuleList([Block(c) for _ in range(c.n_layers)])

    def forward(self, h):
        for block in self.blocks:
            h = block(h)
        return h


class ReadableTRM(nn.Module):
    """Config: a `TRMConfig` with mixing "mlp" or "attention". Boards are flat, (B, L)."""

    def __init__(self, config):
        super().__init__()
        self.c = c = config
        self.embedding = nn.Parameter(torch.zeros(c.vocab_size, c.width))
        self.stack = Stack(c)
        self.head = Linear(c.width, c.vocab_size)
        if c.positions == "learned":
            self.position = nn.Parameter(torch.zeros(c.n_tokens, c.width))
        if c.puzzle_tokens:
            learnt = c.puzzle_width or c.width
            self.puzzle_embedding = nn.Parameter(torch.zeros(c.n_puzzles, learnt))
        self.register_buffer("y0", torch.zeros(c.width))
        self.register_buffer("z0", torch.zeros(c.width))
        if c.halting:
            self.halt_head = nn.Linear(c.width, 2)

    def embed(self, inputs, puzzle):
        c = self.c
        x = F.embedding(inputs, self.embedding)
        if c.puzzle_tokens:
            tokens = self.puzzle_embedding[puzzle]  # (B, learnt)
            tokens = F.pad(tokens, (0, c.puzzle_tokens * c.width - tokens.shape[1]))
            x = torch.cat([tokens.view(len(inputs), c.puzzle_tokens, c.width), x], dim=1)
        if c.positions == "learned":
            x = 0.707106781 * (x + self.position)
        return math.sqrt(c.width) * x

    def start(self, inputs):
        shape = (len(inputs), self.c.n_tokens, self.c.width)
        return self.y0.expand(shape), self.z0.expand(shape)

    def cycle(self, x, y, z):
        for _ in range(self.c.n_latent):
            z = self.stack(z + (y + x))
        return self.stack(y + z), z

    def forward(self, y, z, inputs, puzzle):
        """One improvement step: new y and z, logits (B, L, V), halt logit (B,) or None."""
        x = self.embed(inputs, puzzle)
        with torch.no_grad():
            for _ in range(self.c.n_cycles - 1):
                y, z = self.cycle(x, y, z)
        y, z = self.cycle(x, y, z)
        halt_logit = self.halt_head(y[:, 0])[:, 0] if self.c.halting else None
        return y.detach(), z.detach(), self.head(y)[:, self.c.puzzle_tokens :], halt_logit


def hidden_size(width, c):
    return -(-round(c.expansion * width * 2 / 3) // c.hidden_multiple) * c.hidden_multiple
