"""Measuring: exact accuracy by K, halting, what it costs, how episodes end, what seeds say."""

from trm_lib.evaluation.flops import answer_flops, decision_flops
from trm_lib.evaluation.playing import (
    Acting,
    Outcomes,
    every_maze,
    play_each,
    play_episodes,
    success_by_k,
    thinking,
)
from trm_lib.evaluation.thinking import (
    Calibration,
    HaltedAnswers,
    RestedAnswers,
    answers_at_rest,
    answers_by_k,
    answers_with_halting,
    calibration,
    exact_by_k,
    halt_logits_by_k,
)
from trm_lib.statistics import (
    Comparison,
    Estimate,
    compare,
    probability_of_improvement,
)

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
