"""Which network each config describes."""

from __future__ import annotations

import torch

from trm_lib.models.board import BoardNet
from trm_lib.models.config import BoardConfig
from trm_lib.models.feedforward import FeedForward
from trm_lib.models.hierarchical import HierarchicalTRM
from trm_lib.models.looped import Looped
from trm_lib.models.multi_scale import MultiScale
from trm_lib.models.trm import TRM

KINDS: tuple[type[BoardNet], ...] = (TRM, FeedForward, HierarchicalTRM, Looped, MultiScale)


def build_model(config: BoardConfig, seed: int) -> BoardNet:
    """The untrained network that a config describes: `TRM`, `Looped`, and so on.

    Args:
        config: a `TRMConfig`, `LoopedConfig`, `MultiScaleConfig`, `HierarchicalConfig`, or a plain
            `BoardConfig` for `FeedForward`.
        seed: of its initial weights.

    Raises:
        ValueError: no network is described by a config of this class.
    """
    for kind in KINDS:
        if kind.config_type is type(config):
            return kind(config, torch.Generator().manual_seed(seed))
    known = ", ".join(kind.config_type.__name__ for kind in KINDS)
    raise ValueError(f"config expected one of {known}, got {config!r}")
