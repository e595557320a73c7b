"""The picture of the carry shows each stay as a bar as long as the puzzle stayed."""

import numpy as np
import pytest

from trm_lib.viz import carry_chart


def bars(figure):
    """(place, begin, length) of the outlined bars."""
    (axes,) = figure.axes
    boxes = [path.get_extents() for path in axes.collections[0].get_paths()]
    return [(round((box.y0 + box.y1) / 2), box.x0, box.width) for box in boxes]


def test_a_bar_is_a_stay_and_its_number_the_steps_it_got():
    steps = np.array([[1, 5], [2, 6], [1, 1], [1, 2], [2, 3]])  # the second came in the middle
    figure = carry_chart(steps, n_sup=6)
    assert bars(figure) == [(0, 0, 2), (0, 2, 1), (0, 3, 2), (1, 0, 2), (1, 2, 3)]
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == ["2", "6"]  # a stay of one step has no room; who is still there has not left
    assert "2 seats over 5 improvement steps. 3 fresh puzzles" in figure.alt
    assert "longest stay was 6" in figure.alt


def test_a_title_is_drawn_and_said():
    figure = carry_chart(np.ones((2, 1), int), 4, title="Early")
    assert figure.alt.startswith("Early. ")


def test_steps_that_jump_are_refused():
    with pytest.raises(ValueError, match="they jump"):
        carry_chart(np.array([[1], [3]]), n_sup=6)


@pytest.mark.parametrize("steps", [[1, 2], [[0, 1]], [[7]], [[1.5]], np.zeros((0, 2), int)])
def test_steps_that_cannot_be_are_refused(steps):
    with pytest.raises(ValueError, match="whole numbers from 1 to 6 of shape"):
        carry_chart(np.array(steps), n_sup=6)
