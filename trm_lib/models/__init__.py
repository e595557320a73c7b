"""Networks: layers, mixing, recursion, the TRM and its rivals. Torch only; knows no puzzle."""

from trm_lib.models.board import BoardNet, count_parameters, device_of
from trm_lib.models.board_policy import BoardPolicy, BoardPolicyConfig
from trm_lib.models.config import BoardConfig, TRMConfig
from trm_lib.models.fast import FastReport, fast_mode
from trm_lib.models.feedforward import FeedForward
from trm_lib.models.flat_policies import FlatPolicyConfig, GRUPolicy, MLPPolicy
from trm_lib.models.hierarchical import (
    HierarchicalCarry,
    HierarchicalConfig,
    HierarchicalTRM,
)
from trm_lib.models.kinds import build_model
from trm_lib.models.looped import Looped, LoopedCarry, LoopedConfig
from trm_lib.models.mixing import MIXINGS, POSITIONS
from trm_lib.models.multi_scale import MultiScale, MultiScaleConfig
from trm_lib.models.official import load_official, official_config, official_names
from trm_lib.models.policies import Policy, PolicyOutput
from trm_lib.models.recursion import (
    GRADIENTS,
    deep_recursion,
    last_call_recursion,
    latent_recursion,
)
from trm_lib.models.trm import TRM, Carry, StepOutput

__all__ = [
    "GRADIENTS",
    "MIXINGS",
    "POSITIONS",
    "TRM",
    "BoardConfig",
    "BoardNet",
    "BoardPolicy",
    "BoardPolicyConfig",
    "Carry",
    "FastReport",
    "FeedForward",
    "FlatPolicyConfig",
    "GRUPolicy",
    "HierarchicalCarry",
    "HierarchicalConfig",
    "HierarchicalTRM",
    "Looped",
    "LoopedCarry",
    "LoopedConfig",
    "MLPPolicy",
    "MultiScale",
    "MultiScaleConfig",
    "Policy",
    "PolicyOutput",
    "StepOutput",
    "TRMConfig",
    "build_model",
    "count_parameters",
    "deep_recursion",
    "device_of",
    "fast_mode",
    "last_call_recursion",
    "latent_recursion",
    "load_official",
    "official_config",
    "official_names",
]
