"""Two vector environments that must give the same, step by step."""

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv


def assert_same_steps(one: VectorEnv, other: VectorEnv, steps: int, seed: int) -> None:
    """Walk both with the same random actions and compare all they return, infos included."""
    rng = np.random.default_rng(seed)
    assert one.single_observation_space == other.single_observation_space
    assert one.single_action_space == other.single_action_space
    assert_same(one.reset(seed=seed), other.reset(seed=seed))
    ended = 0
    for _ in range(steps):
        actions = rng.integers(one.single_action_space.n, size=one.num_envs)
        returned = one.step(actions)
        assert_same(returned, other.step(actions))
        ended += "final_info" in returned[4]
    assert ended > 0, "no episode ended: take more steps"


def assert_same(one: Any, other: Any) -> None:
    """Compare nested tuples, dicts and arrays; arrays in dtype too."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            if key == "final_obs":  # Gymnasium: objects, None where nothing ended; ours: one array
                ended = one["_final_obs"]
                np.testing.assert_array_equal(np.stack(one[key][ended]), other[key][ended])
                assert not other[key][~ended].any()
            else:
                assert_same(one[key], other[key])
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_same(first, second)
    else:
        np.testing.assert_array_equal(one, other, strict=True)
