"""Charts: the numbers on the paper are the numbers they should be."""

import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy.ndimage import uniform_filter1d
from scipy.stats import trim_mean

from book.recipes.paper_trm import carry_chart
from trm_lib import viz
from trm_lib.statistics import bootstrap_interval, moving_average
from trm_lib.viz import accuracy_by_k, learning_curves, new_figure, seed_dots
from trm_lib.viz.curves import spread
from trm_lib.viz.style import COLOURS, DASHES, MARKERS, four_figures

X = np.arange(60.0)
RNG = np.random.default_rng(0)
TWO = {"TRM": (X, RNG.random((8, 60))), "MLP": (X, RNG.random((4, 60)) - 1)}
K = np.arange(1, 6)


def line(figure, name):
    """The one bold line of a name."""
    [found] = [drawn for drawn in figure.axes[0].lines if drawn.get_label() == name]
    return found


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_learning_curves_draw_raw_seeds_and_the_trimmed_mean_of_smoothed_ones():
    figure = learning_curves(TWO, "episodes", "success", window=5)
    for name, (x, y) in TWO.items():
        smooth = uniform_filter1d(y, 5, axis=1)
        bold = line(figure, name)
        np.testing.assert_array_equal(bold.get_xdata(), x)
        expected = trim_mean(smooth, 0.25, axis=0)
        np.testing.assert_allclose(bold.get_ydata()[2:-2], expected[2:-2])  # SciPy pads the ends
        faint = [
            drawn.get_ydata()
            for drawn in figure.axes[0].lines
            if drawn.get_color() == bold.get_color() and drawn.get_alpha()
        ]
        np.testing.assert_array_equal(faint, y)
    for band, (_, y) in zip(figure.axes[0].collections, TWO.values(), strict=True):
        low, high = bootstrap_interval(moving_average(y, 5))
        corners = band.get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose([corners.min(), corners.max()], [low.min(), high.max()])
    assert figure.get_supxlabel() == (
        "Faint: each of 4 to 8 seeds. Bold: interquartile mean of a centred moving average over "
        "5 points.\nBand: 95% bootstrap interval."
    )


@pytest.mark.parametrize(("best", "pick"), [("max", np.argmax), ("min", np.argmin)])
def test_best_is_the_best_of_the_bold_line_marked_and_written(best, pick):
    figure = learning_curves(TWO, "episodes", "loss", window=3, best=best)
    bold = line(figure, "TRM").get_ydata()
    at = pick(bold)
    [mark, _] = [d for d in figure.axes[0].lines if len(d.get_xdata()) == 1]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (X[at], bold[at])
    assert f"TRM\nends at {four_figures(bold[-1])}" in texts(figure)


def test_one_run_is_smoothed_without_a_band():
    figure = learning_curves({"run": (X, X % 2)}, "episodes", "success", window=3)
    assert not figure.axes[0].collections
    assert line(figure, "run").get_ydata()[30] == pytest.approx(2 / 3)
    assert "centred moving average over 3 points" in figure.get_supxlabel()
    assert learning_curves({"run": (X, X / 59)}, "episodes", "success").alt == (
        "Line chart of success against episodes. "
        "run, 1 seed: from 0.000 to 1.000, best 1.000 at 59."
    )


def test_accuracy_by_k_draws_whole_k_and_says_every_number():
    accuracy = np.random.default_rng(3).random((4, 5))
    figure = accuracy_by_k(K, {"TRM": accuracy}, "exact accuracy")
    middle = trim_mean(accuracy, 0.25, axis=0)
    np.testing.assert_allclose(line(figure, "TRM").get_ydata(), middle)
    np.testing.assert_array_equal(figure.axes[0].get_xticks(), K)
    low, high = bootstrap_interval(accuracy)
    for i in range(5):
        numbers = [four_figures(v) for v in (middle[i], low[i], high[i])]
        assert "{} ({} to {}) at K = {}".format(*numbers, i + 1) in figure.alt


def dots_of(figure):
    return [d for d in figure.axes[0].lines if d.get_marker() in MARKERS]


def test_seed_dots_draw_every_seed_the_middle_and_its_interval():
    groups = {"TRM": np.random.default_rng(4).random(12), "one": np.array([0.5])}
    figure = seed_dots(groups, "success")
    for drawn, scores in zip(dots_of(figure), groups.values(), strict=True):
        np.testing.assert_array_equal(drawn.get_xdata(), scores)
    middles = [d.get_xdata()[0] for d in figure.axes[0].lines if d.get_marker() == "|"]
    np.testing.assert_allclose(middles, [trim_mean(groups["TRM"], 0.25), 0.5])
    [bar] = [d for d in figure.axes[0].lines if len(d.get_xdata()) == 2]
    np.testing.assert_array_equal(bar.get_xdata(), bootstrap_interval(groups["TRM"]))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["TRM", "one"]
    assert "one: interquartile mean 0.50, 1 seed from 0.50 to 0.50." in figure.alt


@pytest.mark.parametrize("words", ["$a^$", r"\$1 or $6"])
def test_dollars_are_drawn_as_they_are(words):
    scores = np.array([0.25, 0.5])
    for figure in (
        seed_dots({words: scores}, words),
        learning_curves({words: (scores, scores)}, words, words),
        accuracy_by_k([1, 2], {words: scores}, words, words),
    ):
        assert words in figure.alt
        drawn = re.findall(r"<!-- (.*?) -->", figure._repr_html_())  # Matplotlib says what it draws
        assert sum(said.startswith(words) for said in drawn) >= 2  # name, axes


def test_equal_scores_do_not_hide_one_another_nor_reach_the_next_row():
    figure = seed_dots({"a": np.full(10, 0.7), "b": np.full(10, 0.7)}, "success")
    rows = [drawn.get_ydata() for drawn in dots_of(figure)]
    assert all(len(np.unique(row)) == 10 for row in rows)
    near = {"wide": np.array([0.0, 1.0]), "near": np.array([1, 0.999, 1, 0.998, 0.997])}
    _, row = dots_of(seed_dots(near, "x"))
    assert len(np.unique(row.get_ydata())) == 5  # apart even where only nearly equal
    first, second = (d.get_ydata()[0] for d in figure.axes[0].lines if d.get_marker() == "|")
    assert first < rows[0].min() < rows[0].max() < second < rows[1].min()


@pytest.mark.parametrize(
    ("scores", "middle"),
    [
        ([0, 0.25, 1], "0.42"),
        ([20.5, 20.5], "20 ["),
        ([0, 5000], "2,500"),
        ([0.9911, 0.9961], "0.9936"),
    ],
)
def test_numbers_beside_the_rows_show_a_hundredth_of_the_span(scores, middle):
    assert f"interquartile mean {middle}" in seed_dots({"a": np.array(scores)}, "x").alt


def test_styles_differ_in_dash_and_marker_too_and_colours_show_on_white():
    assert len(COLOURS) == len(set(DASHES)) == len(set(MARKERS)) == len(set(COLOURS))
    weights = [0.2126, 0.7152, 0.0722]
    for colour in COLOURS:  # each is visible on white paper
        linear = ((np.array(to_rgb(colour)) + 0.055) / 1.055) ** 2.4
        assert 1.05 / (linear @ weights + 0.05) > 2.2


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([0.1, 0.5, 0.9], [0.1, 0.5, 0.9]),
        ([0.5, 0.5], [0.4, 0.6]),
        ([1.0, 0.95], [1.0, 0.8]),
        ([0.0, 0.0, 0.0], [0.0, 0.2, 0.4]),
        ([0.5] * 11, np.arange(11) / 10),  # crowded, they share the room there is
    ],
)
def test_labels_are_moved_apart_no_more_than_needed(heights, expected):
    np.testing.assert_allclose(spread(np.array(heights), 0.2), expected)


def test_a_light_figure_is_svg_and_a_heavy_one_png_both_with_their_words():
    figure, axes = new_figure()
    axes.plot([0, 1])
    figure.alt = "a < b"
    assert figure._repr_html_().startswith('<svg role="img" aria-label="a &lt; b"')
    axes.scatter(*np.random.default_rng(0).random((2, 5000)))
    assert re.match('<img alt="a &lt; b".*base64,iVBOR', figure._repr_html_())


def test_figures_are_opaque_whatever_the_readers_style():
    script = (
        "import matplotlib.pyplot as plt; plt.style.use('dark_background')\n"
        "plt.rcParams['savefig.facecolor'] = 'black'\n"
        "from trm_lib.viz import learning_curves\n"
        "figure = learning_curves({'run': ([0, 1], [0, 1])}, 'x', 'y')\n"
        "print(plt.get_fignums(), figure._repr_html_().lower())"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("[] ")  # pyplot holds no figure that it would show again
    patch = re.search(r'<g id="fig-\w+-patch_1">\s*<path.*?/>', said, re.DOTALL)[0]
    assert "fill: var(--pic-paper,#ffffff)" in patch
    assert said.count("#ffffff") == 3  # paper, axes, inside of the marker: no white ink


def test_errors_are_drawn_as_logarithms_of_what_is_missing():
    accuracy = np.array([[0.9, 0.99, 1.0], [0.5, 0.999, 1.0]])
    figure = accuracy_by_k([1, 2, 3], {"TRM": accuracy}, "not solved", errors=True)
    (axes,) = figure.axes
    bold = axes.get_lines()[-1].get_ydata()
    np.testing.assert_allclose(bold, np.log10([0.3, 0.0055, 1e-4]))
    faint = [line.get_ydata() for line in axes.get_lines()[:-1]]
    np.testing.assert_allclose(faint, np.log10([[0.1, 0.01, 1e-4], [0.5, 0.001, 1e-4]]))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["0.01%", "0.1%", "1%", "10%", "100%"]
    assert "0.7000" in figure.alt  # words stay with the accuracy


def test_a_bar_of_the_carry_is_a_stay_and_its_number_the_steps_it_got():
    steps = np.array([[1, 5], [2, 6], [1, 1], [1, 2], [2, 3]])  # the second came in the middle
    figure = carry_chart(steps, n_sup=6)
    (axes,) = figure.axes
    boxes = [path.get_extents() for path in axes.collections[0].get_paths()]
    drawn = [(round((box.y0 + box.y1) / 2), box.x0, box.width) for box in boxes]
    assert drawn == [(0, 0, 2), (0, 2, 1), (0, 3, 2), (1, 0, 2), (1, 2, 3)]
    # a stay of one step has no room; who is still there has not left
    assert texts(figure) == ["2", "6"]
    assert figure.alt.startswith("2 seats over 5 improvement steps. 3 fresh puzzles")
    assert "longest stay was 6" in figure.alt


def test_lines_draw_their_numbers_and_marks():
    y = np.array([1e-3, 0.0, 0.1])
    figure = viz.lines({"a": y, "b": y + 1}, "K", "y", first=2, log=True, level=("rest", 0.01),
                       marked=("usual K", 3))  # fmt: skip
    np.testing.assert_array_equal(line(figure, "a").get_xdata(), [2, 3, 4])
    np.testing.assert_array_equal(line(figure, "a").get_ydata(), [1e-3, 1e-12, 0.1])
    assert list(line(figure, "rest").get_ydata()) == [0.01, 0.01]
    assert list(line(figure, "usual K").get_xdata()) == [3, 3]
    assert figure.alt == (
        "Line chart of y against K. a: from 0.001 to 0.1. b: from 1 to 1.1. usual K: 3. "
        "A line at 0.01: rest."
    )


def test_bars_dots_and_shades_draw_their_numbers():
    figure = viz.bars({"a": 0.25, "b": 0.5}, "share", most=1.0)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.25, 0.5]
    assert figure.axes[0].get_xlim() == (0, 1)
    assert figure.alt == "Bars, share: a 0.25, b 0.5."
    figure = viz.dots({"a": (K, K / 100), "b": (K[:0], K[:0])}, "x", "y", least=2.0)
    np.testing.assert_array_equal(
        figure.axes[0].collections[0].get_offsets(), np.stack([K, K / 100], 1)
    )
    low, high = figure.axes[0].get_ylim()  # what is small must not fill the axis
    assert low < -2 < 2 < high
    assert figure.alt == "Dots, y against x: 5 a at 1 to 5: from 0.01 to 0.05; 0 b."
    figure = viz.shades({"a": [0, 0.5], "b": np.eye(2)}, "two boards")
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), [[0, 0.5]])
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_words_that_matplotlib_leaves_black_follow_the_page():
    figure, axes = new_figure()
    axes.plot([0, 1], label="a line")
    axes.legend()
    opening = figure._repr_html_().split(">")[
        0
    ]  # what has no colour of its own takes that of <svg>
    assert "fill:var(--pic-ink," in opening
