"""Measuring: exact accuracy by K, what it costs, and how episodes end."""

from trm_lib.evaluation.episodes import Outcomes, every_maze, play_each, play_episodes
from trm_lib.evaluation.exact import answers_by_k, exact_by_k
from trm_lib.evaluation.flops import answer_flops

__all__ = [
    "Outcomes",
    "answer_flops",
    "answers_by_k",
    "every_maze",
    "exact_by_k",
    "play_each",
    "play_episodes",
]
