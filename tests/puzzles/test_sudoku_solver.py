"""The exact solver against enumeration, a plain re-implementation, and known puzzles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trm_lib.puzzles import (
    all_grids_4x4,
    generate_sudoku,
    parse_sudoku,
    solve_exactly,
    sudoku_text,
    units,
)
from trm_lib.puzzles.sudoku_solver import clues_of, cover, from_clues, search

# Wikipedia's example (2024), Arto Inkala's puzzle of 2012, and a 17-clue puzzle; last, 17 clues
# without a solution, which took the program of Norvig's "Solving Every Sudoku Puzzle" minutes.
WIKIPEDIA = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
SEVENTEEN = "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9"
UNSOLVABLE = ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4........."
SOLUTIONS = {
    WIKIPEDIA: "534678912672195348198342567859761423426853791713924856961537284287419635345286179",
    INKALA: "812753649943682175675491283154237896369845721287169534521974368438526917796318452",
    SEVENTEEN: "987654321246173985351928746128537694634892157795461832519286473472319568863745219",
}

boards_4x4 = arrays(np.int8, (4, 4), elements=st.sampled_from([0, 0, 0, 1, 2, 3, 4]))
part_grids_4x4 = st.builds(
    lambda grid, mask: np.where(mask, all_grids_4x4()[grid], 0),
    st.integers(0, 287),
    arrays(bool, (4, 4), elements=st.booleans()),
)


def count_solutions(board, limit=None):
    board = parse_sudoku(board)
    rules = cover(len(board))
    return search(rules, from_clues(rules, clues_of(board)), limit)[1]


@settings(deadline=None, max_examples=150)
@given(st.one_of(boards_4x4, part_grids_4x4))
def test_4x4_against_enumeration(board):
    grids = all_grids_4x4()
    fitting = grids[((board == 0) | (grids == board)).all(axis=(1, 2))]
    result = solve_exactly(board)
    assert result.n_solutions == min(len(fitting), 2)
    assert count_solutions(board) == len(fitting)
    assert count_solutions(board, limit=3) == min(len(fitting), 3)
    if len(fitting) == 0:
        assert result.solution is None
    else:
        assert (fitting == result.solution).all(axis=(1, 2)).any()
        assert result.solution.dtype == np.int8


@pytest.mark.parametrize("puzzle", SOLUTIONS)
def test_known_9x9_puzzles(puzzle):
    result = solve_exactly(puzzle)
    assert result.n_solutions == 1
    np.testing.assert_array_equal(result.solution, parse_sudoku(SOLUTIONS[puzzle]))


def test_difficulty_counts_the_guesses_taken_back_and_a_clash_needs_none():
    clash = solve_exactly("11..|....|....|....")
    assert (clash.solution, clash.n_solutions, clash.backtracks) == (None, 0, 0)
    assert solve_exactly(WIKIPEDIA).backtracks == 0  # singles alone
    assert solve_exactly(INKALA).backtracks > 50


def reference_search(board):
    """Solve with sets, by the rule the library documents: (first solution, found, dead ends)."""
    n = len(board)
    groups = [group.tolist() for group in units(n)]
    seen_by = [{c for g in groups if cell in g for c in g} - {cell} for cell in range(n * n)]

    def singles(options):
        changed = True
        while changed:
            before = [set(o) for o in options]
            for cell, own in enumerate(options):
                for other in seen_by[cell]:
                    if len(own) == 1:
                        options[other] -= own
            for group in groups:
                for digit in range(1, n + 1):
                    places = [cell for cell in group if digit in options[cell]]
                    if not places:
                        return False
                    if len(places) == 1:
                        options[places[0]] &= {digit}
            if not all(options):
                return False
            changed = before != options
        return True

    found, dead = [], [0]

    def descend(options, guessed):
        if not singles(options):
            dead[0] += guessed
            return
        choices = [[(cell, digit) for digit in sorted(own)] for cell, own in enumerate(options)]
        for kind in (groups[:n], groups[n : 2 * n], groups[2 * n :]):  # rows, columns, boxes
            for digit in range(1, n + 1):
                choices += [[(c, digit) for c in group if digit in options[c]] for group in kind]
        choices = [choice for choice in choices if len(choice) > 1]
        if not choices:
            found.append(np.array([next(iter(o)) for o in options]).reshape(n, n))
            return
        for cell, digit in min(choices, key=len):
            if len(found) < 2:
                guess = [set(o) for o in options]
                guess[cell] = {digit}
                descend(guess, True)

    descend([{d} if d else set(range(1, n + 1)) for d in board.reshape(-1).tolist()], False)
    return (found[0] if found else None), len(found), dead[0]


@pytest.mark.parametrize(("size", "clues"), [(4, "minimal"), (6, "minimal"), (9, 24)])
def test_solution_count_and_backtracks_against_plain_search(size, clues):
    rng = np.random.default_rng(size)
    puzzles, _ = generate_sudoku(size, 8, rng, clues)
    spoilt = puzzles.copy().reshape(8, -1)
    for board in spoilt[:4]:  # two clues less: often several solutions
        board[rng.choice(np.flatnonzero(board), 2, replace=False)] = 0
    for board in spoilt[4:]:  # one clue changed: often none
        board[np.flatnonzero(board)[0]] = rng.integers(1, size + 1)
    backtracks = []
    for board in [*puzzles, *spoilt.reshape(puzzles.shape)]:
        solution, found, dead_ends = reference_search(board)
        result = solve_exactly(board)
        assert (result.n_solutions, result.backtracks) == (found, dead_ends), sudoku_text(board)
        np.testing.assert_array_equal(result.solution, solution)
        backtracks.append(dead_ends)
    assert size < 9 or max(backtracks) > 5  # the comparison must see some


def test_guesses_are_made_where_fewest_are_possible():
    result = solve_exactly(UNSOLVABLE)
    assert (result.solution, result.n_solutions) == (None, 0)
    assert result.backtracks == reference_search(parse_sudoku(UNSOLVABLE))[2]
    assert result.backtracks < 100  # with guesses for cells only, it takes minutes


def test_number_of_6x6_grids():
    # Row 1 can be any of 6! = 720; under it, box 1 holds the other three digits in 3! orders.
    assert count_solutions("123456|456...|......|......|......|......") * 720 * 6 == 28_200_960
