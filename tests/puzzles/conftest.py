"""Tables that several tests read, computed once."""

import numpy as np
import pytest

from trm_lib.puzzles import class_key, minimal_sudokus_4x4


@pytest.fixture(scope="session")
def minimal_keys() -> np.ndarray:
    """Class keys of all minimal 4x4 puzzles, (85632,), in the library's order."""
    return class_key(minimal_sudokus_4x4()[0])
