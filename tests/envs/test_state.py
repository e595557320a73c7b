"""A moment of play can be kept and brought back: what follows is what would have followed."""

from functools import partial

import numpy as np
import pytest

from tests.envs.agreement import assert_same
from trm_lib.envs import (
    MazeReward,
    MazeVectorEnv,
    SudokuCellVectorEnv,
    SudokuVectorEnv,
    VectorPotentialShaping,
)
from trm_lib.puzzles import generate_mazes

E = 5
LAYOUTS = generate_mazes(3, 7, np.random.default_rng(0)).walls


def mean_of(observations):
    return observations.reshape(len(observations), -1).mean(axis=1)


def hint(worth):
    return lambda observations: worth * mean_of(observations)


def shaped(make=MazeVectorEnv, potential="shortest path", gamma=0.9, weight=1.0, **options):
    return VectorPotentialShaping(make(E, **options), potential, gamma, weight)


ANYWHERE = {"start": "random", "goal": "random", "max_steps": 12}
WORLDS = {
    "maze": partial(MazeVectorEnv, E, size=3, **ANYWHERE),
    "maze, given layouts": partial(
        MazeVectorEnv, E, layouts=LAYOUTS, observation="flat", reward="improved", **ANYWHERE
    ),
    "sudoku, legal": partial(SudokuVectorEnv, E, empties=(2, 6), reward="improved"),
    "sudoku, free": partial(
        SudokuVectorEnv, E, placement="free", observation="conflicts", max_steps=15
    ),
    "sudoku cell": partial(SudokuCellVectorEnv, E, empties=(1, 8)),
    "shaped maze": partial(shaped, size=3, **ANYWHERE),
    "maze shaped by a function": partial(shaped, potential=mean_of, size=3, **ANYWHERE),
    "shaped sudoku": partial(shaped, SudokuVectorEnv, mean_of),
}


def walk(envs, steps, rng):
    """Mostly legal random steps; all that was returned."""
    returned, n_actions = [], int(envs.single_action_space.n)
    masks = envs.unwrapped.action_masks()
    for _ in range(steps):
        actions = (rng.random(masks.shape) * masks).argmax(axis=1)
        anything = rng.integers(n_actions, size=len(masks))
        returned.append(envs.step(np.where(rng.random(len(masks)) < 0.2, anything, actions)))
        masks = returned[-1][4]["action_mask"]
    return returned


def begun(name, seed=0, steps=37):
    envs = WORLDS[name]()
    envs.reset(seed=seed)
    walk(envs, steps, np.random.default_rng(seed))
    return envs


def assert_same_future(one, other, steps=300):
    """The same steps, then a reset that goes on with the sequence of episodes, and more steps."""
    for part in (steps, 20):
        walks = [walk(envs, part, np.random.default_rng(7)) for envs in (one, other)]
        for ours, theirs in zip(*walks, strict=True):
            assert_same(ours, theirs)
        if part == steps:
            ends = sum(
                int(step[4]["_final_info"].sum()) for step in walks[0] if "final_obs" in step[4]
            )
            assert ends > 2 * E
        assert_same(one.reset(), other.reset())


@pytest.mark.parametrize("name", WORLDS)
def test_equal_environments_go_on_from_the_same_moment(name):
    original, other = begun(name), begun(name, seed=99, steps=11)
    kept = original.state()
    other.set_state(kept)
    assert_same(other.state(), kept)
    assert_same_future(original, other)


@pytest.mark.parametrize("name", WORLDS)
def test_environments_that_have_never_begun_do_too(name):
    original, new = begun(name), WORLDS[name]()
    new.set_state(original.state())
    assert_same_future(original, new, steps=60)


@pytest.mark.parametrize("name", WORLDS)
def test_a_state_that_is_kept_stays_as_it_is(name):
    """Neither the environment it was taken from nor the one it was given to writes into it."""
    original = begun(name)
    kept = original.state()
    copies = {part: array.copy() for part, array in kept.items()}
    walk(original, 30, np.random.default_rng(1))
    assert_same(kept, copies)
    original.set_state(kept)
    walk(original, 30, np.random.default_rng(1))
    assert_same(kept, copies)
    original.set_state(kept)
    for state in (kept, original.state()):
        for array in state.values():
            array[...] = 0
    assert_same(original.state(), copies)


def short(state):
    return {part: array[:-1] for part, array in state.items()}


def without(state, part):
    return {name: array for name, array in state.items() if name != part}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("maze", lambda s: without(s, "agent"), "got others in agent"),
        ("maze", lambda s: without(s, "episodes.taken"), "got others in episodes.taken"),
        ("maze", lambda s: s | {"more": s["agent"]}, "got others in more"),
        ("maze", lambda s: s | {"agent": s["agent"].astype(np.int32)}, "got others in agent"),
        ("maze", short, "got others in .*agent.*walls"),
        ("maze", lambda s: begun("sudoku, legal").state(), "got others in .*board"),
        ("maze", lambda s: begun("shaped maze").state(), "others in shaping.phi, shaping.returns"),
        ("sudoku, legal", lambda s: begun("sudoku cell").state(), "got others in _empty, _m"),
        ("sudoku cell", lambda s: {}, "got others in"),
        ("shaped maze", lambda s: begun("maze").state(), "got others in shaping.phi"),
        ("shaped maze", short, "got others in .*shaping.tables"),
        ("shaped maze", lambda s: without(s, "agent"), "got others in agent"),
        ("shaped maze", lambda s: without(s, "shaping.tables"), "got others in shaping.tables"),
        ("shaped maze", lambda s: begun("maze shaped by a function").state(), "shaping.tables"),
    ],
)
def test_a_state_of_others_is_refused_and_nothing_changes(name, change, message):
    envs, twin, other = begun(name), begun(name), begun(name, seed=3)
    with pytest.raises(ValueError, match=message):
        envs.set_state(change(other.state()))
    assert_same(envs.state(), twin.state())
    assert_same_future(envs, twin, steps=60)


WIDE = generate_mazes(40, 1, np.random.default_rng(0), "open").walls
WALLED = WIDE.copy()  # whose repr is the same: it leaves out the middle
WALLED[0, 20, 20] |= 2
WALLED[0, 20, 21] |= 8

DIFFERENT = {
    "maze": WORLDS["maze"],
    "more mazes": partial(MazeVectorEnv, E + 1, size=3, **ANYWHERE),
    "larger": partial(MazeVectorEnv, E, size=4, **ANYWHERE),
    "shorter": partial(MazeVectorEnv, E, size=3, **{**ANYWHERE, "max_steps": 11}),
    "reward": partial(MazeVectorEnv, E, size=3, reward="evns", **ANYWHERE),
    "own reward": partial(MazeVectorEnv, E, size=3, reward=MazeReward(0, 0, 1), **ANYWHERE),
    "layouts": partial(MazeVectorEnv, E, layouts=LAYOUTS, **ANYWHERE),
    "fewer layouts": partial(MazeVectorEnv, E, layouts=LAYOUTS[:-1], **ANYWHERE),
    "other layouts": partial(MazeVectorEnv, E, layouts=LAYOUTS[::-1], **ANYWHERE),
    "wide": partial(MazeVectorEnv, E, layouts=list(WIDE), **ANYWHERE),
    "wide, one wall more": partial(MazeVectorEnv, E, layouts=list(WALLED), **ANYWHERE),
    "sudoku": partial(SudokuVectorEnv, E),
    "free sudoku": partial(SudokuVectorEnv, E, placement="free"),
    "sudoku cell": partial(SudokuCellVectorEnv, E),
    "shaped": partial(shaped, size=3, **ANYWHERE),
    "manhattan": partial(shaped, potential="manhattan", size=3, **ANYWHERE),
    "function": partial(shaped, potential=mean_of, size=3, **ANYWHERE),
    "hint": partial(shaped, potential=hint(1.0), size=3, **ANYWHERE),
    "code": partial(shaped, potential=lambda o: mean_of(o) + 1, size=3, **ANYWHERE),
    "gamma": partial(shaped, gamma=0.99, size=3, **ANYWHERE),
    "weight": partial(shaped, weight=2.0, size=3, **ANYWHERE),
}


def test_a_fingerprint_tells_environments_apart_and_nothing_else():
    prints = {name: make().fingerprint() for name, make in DIFFERENT.items()}
    for name, make in DIFFERENT.items():
        again = make()
        again.reset(seed=4)
        walk(again, 5, np.random.default_rng(0))
        assert [other for other in prints if prints[other] == again.fingerprint()] == [name]
        assert all(isinstance(said, str) for said in prints[name].values())
    copied = MazeVectorEnv(E, layouts=LAYOUTS.copy(), **ANYWHERE, render_mode="ansi")
    assert copied.fingerprint() == prints["layouts"]
