"""What holds of every world with every option: plain rules, one and many alike, kept promises.

Axes: E environments.
"""

import pickle
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from tests.envs.plain import PlainCell, PlainMaze, PlainSudoku, same
from trm_lib.envs import (
    MazeReward,
    MazeVectorEnv,
    SudokuCellReward,
    SudokuReward,
    VectorPotentialShaping,
    optimal_maze_policy,
    random_policy,
    read_maze,
)
from trm_lib.puzzles import generate_mazes, generate_sudoku

LAYOUTS = generate_mazes(4, 7, np.random.default_rng(0)).walls
POOL = generate_sudoku(4, 9, np.random.default_rng(0))[0]
EASY = generate_sudoku(4, 9, np.random.default_rng(0), clues=13)[0]
OPTIONS = {
    "Maze": [
        {"size": 5},
        {"size": 3, "layout": "loops", "loops": 0.5, "start": "random", "goal": "random"},
        {"size": 4, "layout": "open", "observation": "flat", "reward": "evns", "max_steps": 9},
        {"layouts": LAYOUTS, "start": "random", "reward": "improved"},
        {"size": 2, "layout": "open", "reward": MazeReward(step=0, bump=-1, goal=0.5)},
    ],
    "Sudoku": [
        {},
        {"empties": (2, 12), "observation": "conflicts", "reward": "improved", "max_steps": 20},
        {"empties": 2, "placement": "free", "observation": "conflicts", "reward": "evns"},
        {"empties": 8, "observation": "candidates"},
        {"empties": 3, "placement": "free", "observation": "candidates"},
        {"puzzles": EASY, "placement": "free", "reward": "improved"},
        {"size": 6, "empties": 5, "max_steps": 30},
        {"size": 9, "empties": 3, "max_steps": 6},
        {"empties": (1, 8), "reward": SudokuReward(0, 0, 0, 0, 0, solved=0.5, stuck=-0.5)},
    ],
    "SudokuCell": [
        {},
        {"empties": (1, 12), "reward": "improved"},
        {"puzzles": POOL},
        {"size": 6, "empties": 4},
        {"reward": SudokuCellReward(right=1, wrong=-1)},
    ],
}
EVERY = [(kind, options) for kind in OPTIONS for options in OPTIONS[kind]]
every_world = pytest.mark.parametrize(("kind", "options"), EVERY, ids=range(len(EVERY)))
every_kind = pytest.mark.parametrize("kind", OPTIONS)


def many(kind: str, num_envs: int, **options: Any) -> VectorEnv:
    return gym.make_vec(f"trm/{kind}-v0", num_envs, **options)


def one(kind: str, **options: Any) -> gym.Env:
    return gym.make(f"trm/{kind}-v0", **options).unwrapped


def some_actions(masks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Legal ones (E,), and one in five any."""
    legal = (rng.random(masks.shape) * masks).argmax(axis=1)
    return np.where(
        rng.random(len(masks)) < 0.2, rng.integers(masks.shape[1], size=len(masks)), legal
    )


# --- the rules ---


@every_world
def test_a_world_follows_the_plain_rules(kind: str, options: dict) -> None:
    plain = {"Maze": PlainMaze, "Sudoku": PlainSudoku, "SudokuCell": PlainCell}[kind]
    num_envs, steps = (4, 60) if options.get("size", 0) > 5 else (8, 150)
    envs = many(kind, num_envs, **options)
    observations, infos = envs.reset(seed=3)
    boards, taken = [plain(envs, env) for env in range(num_envs)], np.zeros(num_envs, int)
    rng, ends = np.random.default_rng(3), set()
    for _ in range(steps):
        for env, board in enumerate(boards):
            np.testing.assert_array_equal(observations[env], board.seen())
            np.testing.assert_array_equal(infos["action_mask"][env], board.masks())
            assert not infos["is_success"][env]
        actions = some_actions(infos["action_mask"], rng)
        observations, rewards, terminated, truncated, infos = envs.step(actions)
        taken += 1
        for env, board in enumerate(boards):
            step = board.step(int(actions[env]))
            assert (rewards[env], terminated[env]) == (step.reward, step.terminated)
            assert truncated[env] == (taken[env] == envs.max_steps and not step.terminated)
            if terminated[env] or truncated[env]:
                ends.add((step.terminated, step.success))
                np.testing.assert_array_equal(infos["final_obs"][env], board.seen())
                last = infos["final_info"]
                assert last["is_success"][env] == step.success
                np.testing.assert_array_equal(last["action_mask"][env], board.masks())
                boards[env], taken[env] = plain(envs, env), 0
    assert (True, True) in ends, "no episode was solved: take more steps"


@every_world
def test_one_and_many_play_the_same(kind: str, options: dict) -> None:
    num_envs, steps = (3, 40) if options.get("size", 0) > 5 else (8, 250)
    alone = [partial(one, kind, **options)] * num_envs
    envs, alone = many(kind, num_envs, **options), SyncVectorEnv(alone, autoreset_mode="SameStep")
    for spaces in ("observation_space", "action_space"):
        for space in (spaces, f"single_{spaces}"):
            assert getattr(envs, space) == getattr(alone, space)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    begun = envs.reset(seed=3)
    assert envs.observation_space.contains(begun[0])
    same(begun, alone.reset(seed=3))
    rng, ended = np.random.default_rng(3), 0
    masks = envs.action_masks()
    for _ in range(steps):
        actions = some_actions(masks, rng)
        ours = envs.step(actions)
        same(ours, alone.step(actions))
        masks, ended = ours[4]["action_mask"], ended + ("final_info" in ours[4])
    assert ended > 0, "no episode ended: take more steps"


@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
@every_world
def test_gymnasium_finds_no_fault(kind: str, options: dict, render_mode: str | None) -> None:
    env = one(kind, render_mode=render_mode, **options)
    check_env(env, skip_render_check=render_mode is None)


# --- sequences of episodes ---


@every_kind
def test_seeds_reproduce_and_differ_and_a_pickled_environment_goes_on(kind: str) -> None:
    env = one(kind, **{"size": 5} if kind == "Maze" else {"empties": 8})
    first, second = env.reset(seed=1)[0], env.reset()[0]
    assert (second != first).any(), "without a seed the sequence goes on"
    np.testing.assert_array_equal(env.reset(seed=1)[0], first)
    assert (env.reset(seed=2)[0] != first).any()
    copy, rng = pickle.loads(pickle.dumps(env)), np.random.default_rng(0)
    for _ in range(100):
        action = int(rng.integers(env.action_space.n))
        ours, theirs = env.step(action), copy.step(action)
        same(ours[0], theirs[0])
        assert ours[1:4] == theirs[1:4]
        if ours[2] or ours[3]:
            same(env.reset()[0], copy.reset()[0])


def test_one_sequence_can_begin_anew_while_the_others_go_on() -> None:
    envs = many("Maze", 2)
    first, second = envs.reset(seed=[7, 8])[0], envs.reset()[0]
    envs.reset(seed=[7, 8])
    np.testing.assert_array_equal(envs.reset(seed=[7, None])[0], [first[0], second[1]])


# --- pictures ---


@pytest.mark.parametrize("render_mode", ["ansi", "rgb_array"])
@every_kind
def test_one_and_many_look_the_same(kind: str, render_mode: str) -> None:
    options = {"render_mode": render_mode} | ({} if kind == "Maze" else {"empties": 3})
    envs, env = many(kind, 2, **options), one(kind, **options)
    with pytest.raises(ResetNeeded, match="call reset"):
        envs.render()
    envs.reset(seed=0)
    env.reset(seed=1)
    shown = env.render()
    np.testing.assert_array_equal(envs.render()[1], shown)
    if render_mode == "rgb_array":
        assert (shown.dtype, shown.shape[2]) == (np.uint8, 3)
    else:  # start and goal, empty cells, the cell that is asked for
        marks = {"Maze": [1, 1, 0, 0], "Sudoku": [0, 0, 3, 0], "SudokuCell": [0, 0, 2, 1]}[kind]
        assert [shown.count(mark) for mark in "SG.?"] == marks
        env.step(0)
        assert "?" not in env.render()


# --- a moment of play can be kept and brought back ---

E = 5
ANYWHERE = {"size": 3, "start": "random", "goal": "random", "max_steps": 12}


def mean_of(observations: np.ndarray) -> np.ndarray:
    return observations.reshape(len(observations), -1).mean(axis=1)


def shaped(potential: Any, gamma: float = 0.9, weight: float = 1.0, **options: Any) -> VectorEnv:
    return VectorPotentialShaping(MazeVectorEnv(E, **ANYWHERE, **options), potential, gamma, weight)


WORLDS = {
    "maze": partial(MazeVectorEnv, E, **ANYWHERE),
    "layouts": partial(MazeVectorEnv, E, layouts=LAYOUTS, observation="flat", max_steps=12),
    "legal": partial(many, "Sudoku", E, empties=(2, 6), reward="improved"),
    "free": partial(many, "Sudoku", E, placement="free", observation="conflicts", max_steps=15),
    "cell": partial(many, "SudokuCell", E, empties=(1, 8)),
    "shaped": partial(shaped, "shortest path"),
    "by a function": partial(shaped, mean_of),
}


def walk(envs: VectorEnv, steps: int, seed: int) -> list[tuple]:
    """Mostly legal random steps; all that was returned."""
    rng, returned, masks = np.random.default_rng(seed), [], envs.unwrapped.action_masks()
    for _ in range(steps):
        returned.append(envs.step(some_actions(masks, rng)))
        masks = returned[-1][4]["action_mask"]
    return returned


def begun(name: str, seed: int = 0, steps: int = 37) -> VectorEnv:
    envs = WORLDS[name]()
    envs.reset(seed=seed)
    walk(envs, steps, seed)
    return envs


def assert_same_future(ours: VectorEnv, theirs: VectorEnv, steps: int = 120) -> None:
    """The same steps, then a reset that goes on with the sequence of episodes, and more steps."""
    for part in (steps, 20):
        walks = [tuple(walk(envs, part, 7)) for envs in (ours, theirs)]
        same(*walks)
        assert any("final_obs" in step[4] for step in walks[0])
        same(ours.reset(), theirs.reset())


@pytest.mark.parametrize("name", WORLDS)
def test_what_a_step_returned_is_not_changed_by_the_next(name: str) -> None:
    envs = WORLDS[name]()
    kept = [envs.reset(seed=0)]
    frozen = [pickle.dumps(kept[0])]
    for seed in range(30):
        kept += walk(envs, 1, seed)
        frozen.append(pickle.dumps(kept[-1]))
    for returned, then in zip(kept, frozen, strict=True):
        same(returned, pickle.loads(then))


@pytest.mark.parametrize("name", WORLDS)
def test_equal_environments_go_on_from_the_same_moment(name: str) -> None:
    original, other, new = begun(name), begun(name, seed=99, steps=11), WORLDS[name]()
    kept = original.state()
    copies = {part: array.copy() for part, array in kept.items()}
    for envs in (other, new):
        envs.set_state(kept)
        same(envs.state(), copies)
        assert_same_future(original, envs)
        original.set_state(kept)
    walk(other, 30, 1)
    same(kept, copies)  # nobody writes into a state that is kept
    for array in original.state().values():
        array[...] = 0
    same(original.state(), copies)


def test_a_fingerprint_tells_environments_apart_and_nothing_else() -> None:
    different = WORLDS | {
        "more mazes": partial(MazeVectorEnv, E + 1, **ANYWHERE),
        "larger": partial(MazeVectorEnv, E, **ANYWHERE | {"size": 4}),
        "shorter": partial(MazeVectorEnv, E, **ANYWHERE | {"max_steps": 11}),
        "own reward": partial(MazeVectorEnv, E, reward=MazeReward(0, 0, 1), **ANYWHERE),
        "fewer layouts": partial(MazeVectorEnv, E, layouts=LAYOUTS[:-1]),
        "other layouts": partial(MazeVectorEnv, E, layouts=list(LAYOUTS[::-1])),
        "manhattan": partial(shaped, "manhattan"),
        "gamma": partial(shaped, "shortest path", gamma=0.99),
        "weight": partial(shaped, "shortest path", weight=2.0),
    }
    prints = {name: make().fingerprint() for name, make in different.items()}
    for name, make in different.items():
        again = make()
        again.reset(seed=4)
        walk(again, 5, 0)
        assert [other for other in prints if prints[other] == again.fingerprint()] == [name]
    copied = MazeVectorEnv(E, layouts=LAYOUTS.copy(), observation="flat", max_steps=12)
    assert copied.fingerprint() == prints["layouts"]


# --- what is refused ---


@pytest.mark.parametrize("action", [4, -1, 1.0, "up", None, np.array([1])])
def test_impossible_actions_are_refused_before_anything_moves(action: object) -> None:
    env, envs = one("Maze"), many("Maze", 2)
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="expected a whole number from 0 to 3"):
        env.step(action)
    env.step(np.array(1))
    envs.reset(seed=0)
    before = envs.state()
    for actions in ([0, 4], [0, -1], [0.0, 1.0], [0], [[0], [1]], 1):
        with pytest.raises(InvalidAction, match="expected"):
            envs.step(np.array(actions))
    same(envs.state(), before)


def test_stepping_before_reset_or_after_the_end_is_refused() -> None:
    env = one("Maze", max_steps=1)
    for world, action in ((env, 0), (many("Maze", 1), np.zeros(1, int))):
        with pytest.raises(ResetNeeded, match="call reset"):
            world.step(action)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ResetNeeded, match="the episode is over"):
        env.step(0)


@pytest.mark.parametrize(
    ("name", "change", "parts"),
    [
        ("maze", lambda s: {n: array for n, array in s.items() if n != "agent"}, "agent"),
        ("maze", lambda s: s | {"more": s["agent"]}, "more"),
        ("maze", lambda s: s | {"agent": s["agent"].astype(np.int32)}, "agent"),
        ("maze", lambda s: {part: array[:-1] for part, array in s.items()}, ".*agent.*walls"),
        ("maze", lambda s: begun("shaped").state(), "shaping.now"),
        ("legal", lambda s: begun("cell").state(), "_masks"),
        ("shaped", lambda s: begun("maze").state(), "shaping.now"),
        ("shaped", lambda s: {n: array for n, array in s.items() if n != "taken"}, "taken"),
        ("shaped", lambda s: begun("by a function").state(), "shaping.tables"),
    ],
)
def test_a_state_of_others_is_refused_and_nothing_changes(name, change, parts) -> None:
    envs, twin = begun(name), begun(name)
    with pytest.raises(ValueError, match=rf"state expected .*, got others in \['.*{parts}"):
        envs.set_state(change(begun(name, seed=3).state()))
    assert_same_future(envs, twin, steps=60)


CLASHING = POOL[:2].copy()
CLASHING[1].flat[:2] = 1
BAD_OPTIONS = [
    ("Maze", {"size": 1}, "size expected a whole number from 2 to 128"),
    ("Maze", {"layout": "maze"}, "layout expected one of"),
    ("Maze", {"loops": 0.2}, "loops is for"),
    ("Maze", {"reward": "big"}, "reward expected one of .*, got 'big'"),
    ("Maze", {"observation": "pixels"}, "observation expected one of .*'flat'"),
    ("Maze", {"max_steps": 0}, "max_steps expected a whole number >= 1, got 0"),
    ("Maze", {"layouts": LAYOUTS[:0]}, "layouts expected at least one"),
    ("Maze", {"layouts": LAYOUTS[0]}, "layouts: expected shape"),
    ("Sudoku", {"size": 5}, "expected a board size of 4, 6, 9, 16 or 25"),
    ("Sudoku", {"empties": 0}, "empties expected a whole number from 1 to 12"),
    ("Sudoku", {"empties": (4, 2)}, "empties expected a whole number from 4 to 12, got 2"),
    ("Sudoku", {"empties": 2.0}, "got 2.0"),
    ("Sudoku", {"puzzles": POOL[0]}, r"puzzles: expected shape \(M, N, N\)"),
    ("Sudoku", {"puzzles": CLASHING}, "puzzle 1 has no solution"),
    ("Sudoku", {"puzzles": POOL * 0}, "puzzle 0 has several solutions"),
    ("Sudoku", {"puzzles": generate_sudoku(4, 1, np.random.default_rng(0))[1]}, "no empty cell"),
    ("Sudoku", {"placement": "any"}, "placement expected one of"),
    ("Sudoku", {"observation": "flat"}, "observation expected one of"),
    ("Sudoku", {"reward": "big"}, "reward expected one of"),
    ("SudokuCell", {"reward": "evns"}, "reward expected one of"),
]


@pytest.mark.parametrize(("kind", "options", "words"), BAD_OPTIONS, ids=range(len(BAD_OPTIONS)))
def test_bad_options_are_refused(kind: str, options: dict, words: str) -> None:
    for make in (partial(one, kind), partial(many, kind, 2)):
        with pytest.raises(ValueError, match=words):
            make(**options)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MazeVectorEnv(0), "num_envs expected a whole number >= 1"),
        (lambda: MazeVectorEnv(1, "human"), "render_mode expected one of"),
        (lambda: MazeReward(0, float("nan"), 1), "bump expected a finite number"),
        (lambda: SudokuCellReward("1", 0), "right expected a finite number"),
        (lambda: MazeVectorEnv(2).reset(seed=[1]), "expected 2 seeds"),
        (lambda: random_policy(0), "expected rng to be a NumPy Generator"),
    ],
)
def test_bad_arguments_are_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("Maze", {"maze": 1}, "reset options expected {'mazes': ...} or none, got .'maze'"),
        (
            "Maze",
            {"mazes": generate_mazes(4, 1, np.random.default_rng(0))},
            r"1 of size \(5, 5\) .*, got 1 of size \(4, 4\)",
        ),
        ("Maze", {"mazes": "SG"}, "expected Mazes"),
        ("Sudoku", {"puzzles": POOL[:2]}, r"expected boards of shape \(1, 4, 4\)"),
        ("Sudoku", {"puzzles": POOL[0] * 0}, "puzzle 0 has several solutions"),
    ],
)
def test_bad_resets_are_refused_and_the_sequence_stays(kind, options, words) -> None:
    env, other = one(kind), one(kind)
    env.reset(seed=3)
    other.reset(seed=3)
    with pytest.raises(ValueError, match=words):
        env.reset(seed=8, options=options)
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])


def test_gymnasiums_statistics_are_right_on_worlds_that_restart_in_the_same_step() -> None:
    envs = RecordEpisodeStatistics(gym.make_vec("trm/Maze-v0", 8, size=3, max_steps=7))
    envs.reset(seed=1)
    rng, lengths, n_ended = np.random.default_rng(0), np.zeros(8, int), 0
    for _ in range(100):
        _, _, terminated, truncated, info = envs.step(rng.integers(4, size=8))
        lengths += 1
        done = terminated | truncated
        if done.any():
            np.testing.assert_array_equal(info["episode"]["l"][done], lengths[done])
            n_ended, lengths = n_ended + done.sum(), np.where(done, 0, lengths)
    assert n_ended > 80


@pytest.mark.parametrize("name", ["Maze", "Sudoku", "SudokuCell"])
def test_masks_before_the_first_episode_and_the_time_limit_of_others_are_refused(name) -> None:
    for env in (gym.make(f"trm/{name}-v0").unwrapped, gym.make_vec(f"trm/{name}-v0", 2)):
        with pytest.raises(ResetNeeded, match=r"call reset\(\) before action_masks\(\)"):
            env.action_masks()
    with pytest.raises(ValueError, match="here the time limit is max_steps"):
        gym.make_vec(f"trm/{name}-v0", 2, max_episode_steps=5)


@pytest.mark.parametrize("options", [{}, {"observation": "flat"}, {"layout": "loops"}])
def test_oblong_mazes_are_played_like_others(options) -> None:
    envs = gym.make_vec("trm/Maze-v0", 3, size=(2, 5), render_mode="rgb_array", **options)
    observations, info = envs.reset(seed=0)
    assert observations.shape == ((3, 60) if "observation" in options else (3, 6, 2, 5))
    assert envs.render()[0].shape == (40, 88, 3)
    if "observation" not in options:
        for _ in range(20):
            actions = optimal_maze_policy(observations, info["action_mask"])
            observations, _, _, truncated, info = envs.step(actions)
            assert not truncated.any()
        np.testing.assert_array_equal(read_maze(observations)[1], envs.unwrapped.agent)
