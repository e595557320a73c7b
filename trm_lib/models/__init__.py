"""Networks: layers, mixing, recursion, the TRM and its rivals. Torch only; knows no puzzle."""

from trm_lib.models.board import BoardNet, count_parameters, device_of
from trm_lib.models.config import BoardConfig, TRMConfig
from trm_lib.models.fast import FastReport, fast_mode
from trm_lib.models.layers import MIXINGS, POSITIONS
from trm_lib.models.official import load_official, official_config, official_names
from trm_lib.models.policies import (
    BoardPolicy,
    BoardPolicyConfig,
    FlatPolicyConfig,
    GRUPolicy,
    GRUPolicyConfig,
    MLPPolicy,
    MLPPolicyConfig,
    Policy,
    PolicyMemory,
    PolicyOutput,
)
from trm_lib.models.recursion import (
    GRADIENTS,
    deep_recursion,
    last_call_recursion,
    latent_recursion,
)
from trm_lib.models.rivals import (
    FeedForward,
    HierarchicalCarry,
    HierarchicalConfig,
    HierarchicalTRM,
    Looped,
    LoopedCarry,
    LoopedConfig,
    MultiScale,
    MultiScaleConfig,
)
from trm_lib.models.trm import TRM, Carry, StepOutput
from trm_lib.models.weights import build_model, load_model, read_card, save_model

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
    "GRUPolicyConfig",
    "HierarchicalCarry",
    "HierarchicalConfig",
    "HierarchicalTRM",
    "Looped",
    "LoopedCarry",
    "LoopedConfig",
    "MLPPolicy",
    "MLPPolicyConfig",
    "MultiScale",
    "MultiScaleConfig",
    "Policy",
    "PolicyMemory",
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
    "load_model",
    "load_official",
    "official_config",
    "official_names",
    "read_card",
    "save_model",
]
