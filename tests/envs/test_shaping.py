"""Shaping telescopes, moves Q* by the potential alone, and is the same one by one and batched."""

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FlattenObservation, TransformObservation
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.envs.plain import same
from trm_lib.envs import AGENT, MazeEnv, MazeVectorEnv, PotentialShaping, VectorPotentialShaping
from trm_lib.puzzles import Mazes, maze_distances, mazes_from_keys

NAMES = ("manhattan", "shortest path")


class Projection:
    """A random linear potential: no meaning at all, and another value in every state."""

    def __init__(self, seed: int) -> None:
        self.weights = np.random.default_rng(seed).normal(size=200)

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        flat = np.asarray(observations, float).reshape(len(observations), -1)
        return (flat * self.weights[: flat.shape[1]]).sum(axis=1)


POTENTIALS = (*NAMES, Projection(0))


def true_potential(env: MazeEnv, potential: object, observation: np.ndarray) -> float:
    """From what the environment itself knows, cell by cell."""
    if callable(potential):
        return float(potential(observation[None])[0])
    if potential == "shortest path":
        return -int(maze_distances(env.walls[None], np.array([env.goal])).flat[env.agent])
    (row, column), (goal_row, goal_column) = (divmod(c, env.grid[1]) for c in (env.agent, env.goal))
    return -(abs(row - goal_row) + abs(column - goal_column))


# --- the sum telescopes ---


@settings(max_examples=150, deadline=None)
@given(
    potential=st.sampled_from(POTENTIALS),
    size=st.integers(2, 5),
    max_steps=st.integers(1, 60),
    layout=st.sampled_from(["tree", "loops", "open"]),
    observation=st.sampled_from(["channels", "flat"]),
    gamma=st.floats(0, 1),
    weight=st.floats(-3, 3),
    seed=st.integers(0, 2**31),
)
def test_shaping_adds_the_potential_of_the_end_less_that_of_the_beginning(
    potential, size, max_steps, layout, observation, gamma, weight, seed
) -> None:
    maze = MazeEnv(
        size=size, layout=layout, start="random", goal="random",
        observation=observation, max_steps=max_steps,
    )  # fmt: skip
    env = PotentialShaping(maze, potential, gamma, weight)
    rng = np.random.default_rng(seed)
    first, _ = env.reset(seed=seed)
    before = weight * true_potential(maze, potential, first)
    added, steps, ended = 0.0, 0, False
    while not ended:
        last, reward, terminated, truncated, info = env.step(rng.integers(4))
        added += gamma**steps * (reward - info["unshaped_reward"])
        steps += 1
        ended = terminated or truncated
    after = 0.0 if terminated else weight * true_potential(maze, potential, last)
    assert terminated == (maze.agent == maze.goal)
    assert added == pytest.approx(gamma**steps * after - before, abs=1e-9)


# --- the best policies stay ---


def drawn(size: int, layout: str, count: int) -> Mazes:
    return mazes_from_keys(
        size, np.arange(count, dtype=np.uint64), layout, start="random", goal="random"
    )


def from_every_cell(mazes: Mazes) -> Mazes:
    """Each maze from each of its L - 1 cells that are not its goal."""
    n_cells = mazes.walls[0].size
    which, start = np.nonzero(np.arange(n_cells) != mazes.goal[:, None])
    return Mazes(mazes.walls[which], start, mazes.goal[which])


def read_off(mazes: Mazes, reward: str, potential: object, gamma: float) -> tuple:
    """Take each action once from each start of a real environment.

    Returns:
        Cells led to, rewards with and without shaping and whether terminated, (M, 4) each, and the
        potential of each start, (M,).
    """
    envs = MazeVectorEnv(len(mazes), size=mazes.grid, reward=reward, max_steps=2)
    envs = VectorPotentialShaping(envs, potential, gamma)
    columns = []
    for action in range(4):
        envs.reset(options={"mazes": mazes})
        observations, shaped, terminated, truncated, infos = envs.step(np.full(len(mazes), action))
        assert not truncated.any()
        there, plain = observations.copy(), infos["unshaped_reward"].copy()
        if terminated.any():
            there[terminated] = infos["final_obs"][terminated]
            plain[terminated] = infos["final_info"]["unshaped_reward"][terminated]
        cells = there[:, AGENT].reshape(len(mazes), -1).argmax(axis=1)
        columns.append((cells, shaped, plain, terminated))
    phi = np.zeros(len(mazes))
    single = MazeEnv(size=mazes.grid)
    for i in range(len(mazes)):
        observation, _ = single.reset(options={"mazes": mazes[i]})
        phi[i] = true_potential(single, potential, observation)
    return *(np.stack(column, axis=1) for column in zip(*columns, strict=True)), phi


def optimal_q(there: np.ndarray, rewards: np.ndarray, gamma: float, n_cells: int) -> np.ndarray:
    """Value iteration: Q = r + gamma max Q'. (G, L - 1, 4) in and out, goals left out.

    ``there`` numbers the starts of a maze; the goal is -1.
    """
    value = np.zeros((len(there), n_cells))  # the last place is the goal's, worth nothing
    mazes = np.arange(len(there))[:, None, None]
    while True:
        q = rewards + gamma * value[mazes, there]
        if abs(q.max(axis=2) - value[:, :-1]).max() < 1e-13:
            return q
        value[:, :-1] = q.max(axis=2)


def best(q: np.ndarray) -> np.ndarray:
    return q > q.max(axis=-1, keepdims=True) - 1e-9


def as_starts(there: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Number cells (G, L - 1, 4) as the starts of their maze, -1 the goal."""
    goal = goal[:, None, None]
    return np.where(there == goal, -1, there - (there > goal))


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("gamma", [0.9, 0.99])
@pytest.mark.parametrize("reward", ["clean", "evns"])
@pytest.mark.parametrize(("size", "layout"), [(3, "tree"), (4, "loops"), (3, "open")])
def test_optimal_q_moves_by_the_potential_and_the_best_actions_stay(
    size: int, layout: str, reward: str, gamma: float, potential: object
) -> None:
    mazes = drawn(size, layout, 12)
    n_cells = size**2
    there, shaped, plain, terminated, phi = read_off(
        from_every_cell(mazes), reward, potential, gamma
    )
    shape = (len(mazes), n_cells - 1, 4)
    there = as_starts(there.reshape(shape), mazes.goal)
    assert np.array_equal(there == -1, terminated.reshape(shape))
    q = optimal_q(there, plain.reshape(shape), gamma, n_cells)
    with_shaping = optimal_q(there, shaped.reshape(shape), gamma, n_cells)
    np.testing.assert_allclose(with_shaping, q - phi.reshape(len(mazes), -1, 1), atol=1e-6, rtol=0)
    assert np.array_equal(best(with_shaping), best(q))


def test_a_bonus_for_coming_nearer_is_not_a_potential_and_may_keep_an_agent_from_its_goal() -> None:
    gamma, size = 0.9, 5
    mazes = mazes_from_keys(size, np.array([1], np.uint64))
    there, _, plain, _, phi = read_off(from_every_cell(mazes), "clean", "manhattan", gamma)
    there = as_starts(there[None], mazes.goal)
    ahead = np.append(phi, 0.0)[there]
    bonus = 0.2 * (ahead - phi[:, None])
    goes_on = {}
    for name, rewards in (("plain", plain), ("bonus", plain + bonus[0])):
        policy = optimal_q(there, rewards[None], gamma, size**2)[0].argmax(axis=1)
        goes_on[name] = np.arange(size**2 - 1)
        for _ in range(2 * size**2):
            on = goes_on[name] != -1
            goes_on[name][on] = there[0][goes_on[name][on], policy[goes_on[name][on]]]
    assert (goes_on["plain"] == -1).all()
    assert not (goes_on["bonus"] == -1).all()


# --- one by one and batched ---


@pytest.mark.parametrize("observation", ["channels", "flat"])
@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("inside", [False, True], ids=["wrapped outside", "wrapped inside"])
def test_the_vector_form_equals_single_ones_step_by_step(
    potential: object, observation: str, inside: bool
) -> None:
    num_envs, gamma, weight = 5, 0.95, 0.7
    options = dict(size=3, layout="loops", goal="random", observation=observation, max_steps=9)
    kwargs = dict(potential=potential, gamma=gamma, weight=weight)

    def single() -> gym.Env:
        return PotentialShaping(MazeEnv(**options), **kwargs) if inside else MazeEnv(**options)

    reference = SyncVectorEnv([single] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
    if not inside:
        reference = VectorPotentialShaping(reference, **kwargs)
    envs = VectorPotentialShaping(MazeVectorEnv(num_envs, **options), **kwargs)
    rng, ends = np.random.default_rng(0), np.zeros(2, int)
    same(envs.reset(seed=3), reference.reset(seed=3))
    for _ in range(120):
        actions = rng.integers(4, size=num_envs)
        outcome = envs.step(actions)
        same(outcome, reference.step(actions))
        ends += outcome[2].sum(), outcome[3].sum()
    assert (ends > 5).all()


def test_a_goal_out_of_reach_counts_as_further_than_any_cell() -> None:
    walls = mazes_from_keys(3, np.zeros(1, np.uint64), "open").walls
    walls[0, 2, 2] |= 1 | 8
    walls[0, 1, 2] |= 4
    walls[0, 2, 1] |= 2
    mazes = Mazes(walls, np.array([0]), np.array([8]))
    env = PotentialShaping(MazeEnv(size=3), "shortest path", gamma=0.5)
    env.reset(options={"mazes": mazes})
    _, reward, *_, info = env.step(1)
    assert reward - info["unshaped_reward"] == pytest.approx(0.5 * -9 + 9)


# --- what is refused ---


@pytest.mark.parametrize(
    ("given", "words"),
    [
        *((("manhattan", gamma), "gamma expected a share from 0 to 1") for gamma in (-0.1, 1.1)),
        *(((name, 0.9), "potential expected one of") for name in ("euclid", None)),
        (("manhattan", 0.9, np.inf), "weight expected a finite number"),
        *(
            ((lambda observations, bad=bad: np.array(bad), 0.9), r"expected \([12],\) finite numbe")
            for bad in ([0.0, np.nan], [-np.inf, 0.0], [[0.0], [0.0]], 0.0, ["a", "b"], [None] * 2)
        ),
    ],
)
def test_bad_arguments_are_refused(given: tuple, words: str) -> None:
    for make in (
        lambda: PotentialShaping(MazeEnv(size=3), *given),
        lambda: VectorPotentialShaping(MazeVectorEnv(2, size=3), *given),
    ):
        with pytest.raises(ValueError, match=words):
            make().reset(seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_named_potentials_are_for_mazes(name: str) -> None:
    flat = PotentialShaping(FlattenObservation(MazeEnv(size=3)), name, 1.0)
    flat.reset(seed=0)
    steps = flat.potential(np.arange(1), flat.env.reset(seed=0)[0][None])
    assert steps == -4 if name == "manhattan" else steps <= -4
    with pytest.raises(ValueError, match="expected observations of trm/Maze-v0"):
        PotentialShaping(gym.make("CartPole-v1"), name, 0.9).reset(seed=0)
    maze = MazeEnv(size=3)
    for change in (lambda x: 0 * x, lambda x: 1 - x, lambda x: x / 2):
        env = TransformObservation(maze, change, maze.observation_space)
        with pytest.raises(ValueError, match="mark one agent and one goal"):
            PotentialShaping(env, name, 0.9).reset(seed=0)


def test_other_ways_to_begin_anew_are_refused() -> None:
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED):
        envs = SyncVectorEnv([partial(MazeEnv, size=3)] * 2, autoreset_mode=mode)
        with pytest.raises(ValueError, match="SAME_STEP, got .*wrap each in PotentialShaping"):
            VectorPotentialShaping(envs, "manhattan", 0.9)
