"""Rotary positions: what attention sees depends on how far apart two cells stand, not on where."""

import pytest
import torch

from trm_lib.models import TRM, TRMConfig
from trm_lib.models.fused import rotate
from trm_lib.models.layers import rotary_table, rotary_table_2d


def vectors(count, channels=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, generator=generator, dtype=torch.float64)


def products(table, q, k):
    """What a query q says to a key k, from every position to every other: (L, L)."""
    cos, sin = (t.double() for t in table)
    everywhere = (len(cos), -1)
    return rotate(q.expand(everywhere), cos, sin) @ rotate(k.expand(everywhere), cos, sin).T


def test_along_a_sequence_only_the_distance_counts():
    q, k = vectors(2)
    seen = products(rotary_table(9, 8), q, k)
    for apart in range(-8, 9):
        diagonal = torch.diagonal(seen, apart)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-5)
    assert seen[0].unique().numel() == 9


def test_on_a_board_rows_and_columns_count_each_for_themselves():
    rows, columns, (q, k) = 4, 5, vectors(2)
    seen = products(rotary_table_2d((rows, columns), 0, 8), q, k)
    seen = seen.view(rows, columns, rows, columns)
    for down in range(rows):
        for across in range(columns):  # the same move, from every cell that can make it
            moves = torch.stack([
                seen[r, c, r + down, c + across]
                for r in range(rows - down)
                for c in range(columns - across)
            ])  # fmt: skip
            torch.testing.assert_close(moves, moves[:1].expand_as(moves), rtol=0, atol=1e-5)
    assert not torch.isclose(seen[0, 0, 1, 0], seen[0, 0, 0, 1])


def test_rotation_keeps_lengths_and_leaves_puzzle_tokens_alone():
    h = vectors(3 + 6)
    cos, sin = (t.double() for t in rotary_table_2d((2, 3), 3, 8))
    turned = rotate(h, cos, sin)
    torch.testing.assert_close(turned.norm(dim=-1), h.norm(dim=-1), rtol=0, atol=1e-6)
    torch.testing.assert_close(turned[:4], h[:4], rtol=0, atol=1e-7)  # and the first cell
    assert (turned[4:] - h[4:]).abs().max() > 0.1


def test_angles_are_the_definition():
    cos, _ = rotary_table(5, 6)
    for position in range(5):
        for pair in range(3):
            expected = torch.cos(torch.tensor(position / 10_000.0 ** (2 * pair / 6)))
            torch.testing.assert_close(cos[position, pair], expected)
            torch.testing.assert_close(cos[position, pair + 3], expected)


def answers(positions, grid, inputs, **changes):
    config = TRMConfig(
        vocab_size=5, grid=grid, width=16, n_layers=1, mixing="attention", n_heads=2,
        positions=positions, **changes,
    )  # fmt: skip
    model = TRM(config, torch.Generator().manual_seed(0))
    return model(model.initial_carry(inputs), inputs)[1].logits


def test_a_model_with_positions_by_row_and_column_takes_boards_of_any_size():
    board = torch.randint(0, 5, (2, 4, 4), generator=torch.Generator().manual_seed(0))
    larger = torch.randint(0, 5, (2, 7, 9), generator=torch.Generator().manual_seed(1))
    for puzzle_tokens in (0, 3):
        assert answers("rope2d", (4, 4), board, puzzle_tokens=puzzle_tokens).shape == (2, 4, 4, 5)
        assert answers("rope2d", (4, 4), larger, puzzle_tokens=puzzle_tokens).shape == (2, 7, 9, 5)


def test_only_without_positions_does_a_shuffled_board_get_the_shuffled_answer():
    board = torch.randint(0, 5, (1, 4, 4), generator=torch.Generator().manual_seed(0))
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    shuffled = board.flatten(1)[:, order].view(1, 4, 4)
    for positions in ("none", "rope", "rope2d", "learned"):
        plain = answers(positions, (4, 4), board).flatten(1, 2)[:, order]
        same = torch.allclose(answers(positions, (4, 4), shuffled).flatten(1, 2), plain, atol=1e-4)
        assert same == (positions == "none"), positions


def test_learned_positions_are_bound_to_their_board():
    with pytest.raises(ValueError, match="with positions='rope2d', for boards of other sizes"):
        answers("learned", (4, 4), torch.zeros(1, 5, 5, dtype=torch.int64))
