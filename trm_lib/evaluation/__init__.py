"""Measuring: exact accuracy by K, what it costs, how episodes end, and what seeds say."""

from trm_lib.evaluation.episodes import Outcomes, every_maze, play_each, play_episodes
from trm_lib.evaluation.exact import answers_by_k, exact_by_k
from trm_lib.evaluation.flops import answer_flops
from trm_lib.evaluation.statistics import (
    Comparison,
    Estimate,
    compare,
    probability_of_improvement,
)

__all__ = [
    "Comparison",
    "Estimate",
    "Outcomes",
    "answer_flops",
    "answers_by_k",
    "compare",
    "every_maze",
    "exact_by_k",
    "play_each",
    "play_episodes",
    "probability_of_improvement",
]
