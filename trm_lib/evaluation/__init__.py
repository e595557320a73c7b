"""Measuring: exact accuracy by K, halting, what it costs, how episodes end, what seeds say."""

from trm_lib.evaluation.episodes import Outcomes, every_maze, play_each, play_episodes
from trm_lib.evaluation.exact import answers_by_k, exact_by_k
from trm_lib.evaluation.flops import answer_flops, decision_flops
from trm_lib.evaluation.halting import (
    Calibration,
    HaltedAnswers,
    answers_with_halting,
    calibration,
    halt_logits_by_k,
)
from trm_lib.evaluation.policies import Acting, success_by_k, thinking
from trm_lib.evaluation.statistics import (
    Comparison,
    Estimate,
    compare,
    probability_of_improvement,
)
from trm_lib.evaluation.stopping import RestedAnswers, answers_at_rest

__all__ = [
    "Acting",
    "Calibration",
    "Comparison",
    "Estimate",
    "HaltedAnswers",
    "Outcomes",
    "RestedAnswers",
    "answer_flops",
    "answers_at_rest",
    "answers_by_k",
    "answers_with_halting",
    "calibration",
    "compare",
    "decision_flops",
    "every_maze",
    "exact_by_k",
    "halt_logits_by_k",
    "play_each",
    "play_episodes",
    "probability_of_improvement",
    "success_by_k",
    "thinking",
]
