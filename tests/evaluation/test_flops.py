"""Counted FLOPs against multiplication by hand."""

from tests.models.small import SMALL
from trm_lib.evaluation import answer_flops
from trm_lib.models import TRM, BoardConfig, FeedForward, TRMConfig

# both hidden sizes are 64
BLOCK = 2 * (3 * 16 * 64 * 16) + 2 * (3 * 16 * 64 * 16)  # across 16 cells, then across 16 channels
HEAD = 2 * 16 * 16 * 5


def test_feed_forward_costs_its_blocks_once():
    assert answer_flops(FeedForward(BoardConfig(**SMALL)), (4, 4)) == BLOCK + HEAD


def test_recursion_costs_the_block_k_times_T_times_n_plus_one():
    trm = TRM(TRMConfig(**SMALL, n_latent=3, n_cycles=2))
    assert answer_flops(trm, (4, 4), k_steps=5) == 5 * (2 * (3 + 1) * BLOCK + HEAD)


def test_attention_counts_what_its_cells_exchange():
    model = FeedForward(BoardConfig(**SMALL | {"mixing": "attention", "positions": "none"}))
    projections = 2 * 16 * (4 * 16 * 16)  # query, key, value, out in each of 16 cells
    exchange = 2 * (2 * 16 * 16 * 16)  # q k^T and the product with v, over 16 channels in all
    cells = 2 * (3 * 16 * 64 * 16)
    assert answer_flops(model, (4, 4)) == projections + exchange + cells + HEAD
