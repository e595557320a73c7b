"""Measuring: exact accuracy by K, halting, what it costs, how episodes end."""

from trm_lib.evaluation.answers import (
    Calibration,
    StoppedAnswers,
    ThinkingStep,
    answers_at_rest,
    answers_by_k,
    answers_with_halting,
    calibration,
    exact_by_k,
    halt_logits_by_k,
    think,
)
from trm_lib.evaluation.flops import answer_flops, decision_flops
from trm_lib.evaluation.playing import (
    Outcomes,
    every_maze,
    play_each,
    play_episodes,
    success_by_k,
    thinking,
)

__all__ = [
    "Calibration", "Outcomes", "StoppedAnswers", "ThinkingStep", "answer_flops", "answers_at_rest",
    "answers_by_k", "answers_with_halting", "calibration", "decision_flops", "every_maze",
    "exact_by_k", "halt_logits_by_k", "play_each", "play_episodes", "success_by_k", "think",
    "thinking",
]  # fmt: skip
