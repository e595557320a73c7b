"""What an answer costs in arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from trm_lib.evaluation.answers import think
from trm_lib.evaluation.playing import thinking
from trm_lib.models import Policy


def answer_flops(model: nn.Module, grid: tuple[int, ...], k_steps: int = 1) -> int:
    """Floating-point operations of the matrix products that answer one board with K steps.

    A multiplication and an addition count as two. Norms, gates and additions between vectors are
    left out, as usual; they are linear in the width where the matrices are quadratic.

    The model is anything with the interface of `TRM`; `grid` is the shape of a board.
    """
    board = np.zeros((1, *grid), np.int64)
    return _counted(lambda: list(think(model, board, k_steps)))


def decision_flops(policy: Policy, shape: tuple[int, ...], k_steps: int = 1) -> int:
    """The same for one decision of a policy that has not thought about the board yet.

    `shape` is that of an observation, without the batch. Without improvement steps, K is 1.
    """
    seen = torch.zeros((1, *shape))
    marker = getattr(policy.config, "marker", None)
    if marker is not None:
        seen[0, marker, 0, 0] = 1
    begin = torch.tensor([policy.n_actions])
    with thinking(policy, k_steps):
        return _counted(lambda: policy(seen, begin))


def _counted(run: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False, custom_mapping=_ATTENTION)
    with torch.no_grad(), counter:
        run()
    return counter.get_total_flops()


def _attention_flops(q_shape, k_shape, v_shape, *args, out_shape=None, **kwargs) -> int:
    """Of q k^T and of its product with v: (B, H, L, C) each. PyTorch counts them on a GPU only."""
    B, H, L, C = q_shape
    return 2 * B * H * L * k_shape[2] * (C + v_shape[3])


_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}
