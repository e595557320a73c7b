"""Networks: layers, mixing, recursion, the TRM and its rivals. Torch only; knows no puzzle."""

from trm_lib.models.board import BoardNet, count_parameters
from trm_lib.models.config import BoardConfig, TRMConfig
from trm_lib.models.fast import FastReport, fast_mode
from trm_lib.models.feedforward import FeedForward
from trm_lib.models.mixing import MIXINGS, POSITIONS
from trm_lib.models.official import load_official, official_config, official_names
from trm_lib.models.recursion import deep_recursion, latent_recursion
from trm_lib.models.trm import TRM, Carry, StepOutput

__all__ = [
    "MIXINGS",
    "POSITIONS",
    "TRM",
    "BoardConfig",
    "BoardNet",
    "Carry",
    "FastReport",
    "FeedForward",
    "StepOutput",
    "TRMConfig",
    "count_parameters",
    "deep_recursion",
    "fast_mode",
    "latent_recursion",
    "load_official",
    "official_config",
    "official_names",
]
