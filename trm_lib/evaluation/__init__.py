"""Measuring: exact accuracy by K, and what it costs."""

from trm_lib.evaluation.exact import answers_by_k, exact_by_k
from trm_lib.evaluation.flops import answer_flops

__all__ = ["answer_flops", "answers_by_k", "exact_by_k"]
