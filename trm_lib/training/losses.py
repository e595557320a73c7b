"""What a wrong answer costs."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from trm_lib.training.data import IGNORE


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the right token, averaged over the labelled cells of the batch.

    Args:
        logits: (B, *grid, V) float.
        labels: (B, *grid) int64 in [0, V) or `IGNORE`.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes do not belong together.
    """
    if logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"labels expected shape {tuple(logits.shape[:-1])} to match the logits, got "
            f"{tuple(labels.shape)}"
        )
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORE)
