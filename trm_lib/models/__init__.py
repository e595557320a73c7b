"""Networks: layers, mixing, recursion, the TRM and its rivals. Torch only; knows no puzzle."""

from trm_lib.models.fast import FastReport, fast_mode
from trm_lib.models.halting import AblatedTRM, HaltingCarry, HaltingOutput, HaltingTRM
from trm_lib.models.layers import MIXINGS, POSITIONS, BoardConfig, SwiGLU
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
from trm_lib.models.rivals import (
    NETWORKS,
    FeedForward,
    HierarchicalCarry,
    HierarchicalConfig,
    HierarchicalTRM,
    Looped,
    LoopedCarry,
    LoopedConfig,
    ReluMLP,
)
from trm_lib.models.trm import (
    TRM,
    BoardNet,
    Carry,
    State,
    StepOutput,
    TRMConfig,
    count_parameters,
    deep_recursion,
    device_of,
    latent_recursion,
)
from trm_lib.models.weights import build_model, load_model, read_card, save_model

__all__ = [
    "MIXINGS", "NETWORKS", "POSITIONS", "TRM", "AblatedTRM", "BoardConfig", "BoardNet",
    "BoardPolicy",
    "BoardPolicyConfig", "Carry", "FastReport", "FeedForward", "FlatPolicyConfig", "GRUPolicy",
    "GRUPolicyConfig", "HaltingCarry", "HaltingOutput", "HaltingTRM", "HierarchicalCarry",
    "HierarchicalConfig", "HierarchicalTRM", "Looped", "LoopedCarry", "LoopedConfig", "MLPPolicy",
    "MLPPolicyConfig", "Policy", "PolicyMemory", "PolicyOutput",
    "ReluMLP", "State", "StepOutput", "SwiGLU", "TRMConfig", "build_model", "count_parameters",
    "deep_recursion", "device_of", "fast_mode", "latent_recursion", "load_model", "load_official",
    "official_config", "official_names", "read_card", "save_model",
]  # fmt: skip
