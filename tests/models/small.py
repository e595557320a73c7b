"""What the tests of models share: small boards, seeds, and thinking for K steps."""

import torch

SMALL = {"vocab_size": 5, "grid": (4, 4), "width": 16, "n_layers": 1}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=seeded(seed))


def boards(batch=3, grid=(4, 4), seed=0):
    return torch.randint(0, 5, (batch, *grid), generator=seeded(seed))


def think(model, inputs, k_steps):
    """The answers after each of K steps."""
    carry, answers = model.initial_carry(inputs), []
    for _ in range(k_steps):
        carry, out = model(carry, inputs)
        answers.append(out.logits)
    return answers
