"""The sequence of episodes depends on the seed alone, not on who asks when."""

import numpy as np

from trm_lib.envs.base import Episodes


def make(keys: np.ndarray) -> tuple[np.ndarray, ...]:
    return keys, np.stack([keys, keys], axis=1)


def sequence(stream: int, count: int) -> list[int]:
    alone = Episodes(make, 1, 25)
    alone.restart(0, stream)
    return [int(alone.take(np.zeros(1, np.int64))[0][0]) for _ in range(count)]


def test_each_environment_gets_its_own_sequence_whoever_asks_first() -> None:
    rng = np.random.default_rng(0)
    together = Episodes(make, 5, 25)
    for env in range(5):
        together.restart(env, 100 + env)
    got = [[] for _ in range(5)]
    for _ in range(600):  # far more than are kept ready
        which = np.flatnonzero(rng.random(5) < [0.9, 0.5, 0.2, 0.05, 0.5])
        keys, twice = together.take(which)
        np.testing.assert_array_equal(twice[:, 1], keys)
        for env, key in zip(which, keys, strict=True):
            got[env].append(int(key))
    for env in range(5):
        assert got[env] == sequence(100 + env, len(got[env]))
    keys = [key for sequence_of_one in got for key in sequence_of_one]
    assert len(set(keys)) == len(keys), "no two episodes have the same key"


def test_a_restart_begins_one_sequence_anew_and_leaves_the_others() -> None:
    together, both = Episodes(make, 2, 25), np.arange(2)
    together.restart(0, 7)
    together.restart(1, 8)
    first = together.take(both)[0]
    together.restart(0, 7)
    assert together.take(both)[0].tolist() == [first[0], sequence(8, 2)[1]]
