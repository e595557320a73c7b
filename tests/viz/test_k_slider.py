"""The K slider: sound HTML, no network, nothing shared between two on a page."""

import re

from tests.viz.conftest import Page
from trm_lib.viz import k_slider, new_figure, sudoku_svg
from trm_lib.viz.style import unique_ids

EMPTY = [[0] * 4] * 4


def charts(count):
    figures = []
    for i in range(count):
        figure, axes = new_figure()
        axes.plot([0, 1], [0, i + 1])
        figures.append(figure)
    return figures


def shown(page):
    return [
        attributes["data-name"]
        for attributes, _ in page.all("div")
        if attributes.get("class") == "trm-slider-frame" and "hidden" not in attributes
    ]


def test_the_input_has_a_label_and_spans_the_steps():
    page = Page(k_slider(["a", "b", "c"], label="T", start=1, values=[2, 4, 8])._repr_html_())
    [(slider, _)] = page.all("input")
    [(label, text)] = page.all("label")
    assert slider["type"] == "range"
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "1")
    assert slider["aria-valuetext"] == "T = 4"
    assert label["for"] == slider["id"]
    assert text == "T"
    [(button, _)] = page.all("button")
    assert button["aria-label"] == "Play T"
    assert page.all("output")[0][0]["for"] == slider["id"]


def test_without_javascript_the_last_frame_and_its_words_are_seen_and_no_dead_control():
    page = Page(k_slider(["a", "b"], captions=["first", "second"])._repr_html_())
    assert shown(page) == ["K = 2"]
    assert page.all("output")[0][1] == "K = 2"
    assert page.all("p", **{"aria-live": "polite"})[0][1] == "second"
    [(controls, _)] = page.all("div", **{"class": "trm-slider-controls"})
    assert "hidden" in controls


def test_ids_differ_between_frames_between_sliders_and_between_two_showings():
    figures = charts(3)
    same, other = k_slider(figures), k_slider(figures)
    page = Page(same._repr_html_() + same._repr_html_() + other._repr_html_())
    ids = page.ids()
    assert len(page.all("clippath")) == 9
    assert len(ids) == len(set(ids))
    for attributes, _ in page.all("div", **{"class": "trm-slider"}):  # each script its own root
        assert sum(f"'[id=\"{attributes['id']}\"]'" in text for _, text in page.all("script")) == 1


def test_what_points_at_an_id_of_the_fragment_is_renamed_with_it():
    before = (
        '<clipPath id="a"/><use href="#a"/><g clip-path="url(#a)"/><label for="a">L</label>'
        '<p data-id="x" aria-label="x y" id="x">x</p><a href="#elsewhere">1.5</a>'
    )
    after = (
        '<clipPath id="p-a"/><use href="#p-a"/><g clip-path="url(#p-a)"/><label for="p-a">L</label>'
        '<p data-id="x" aria-label="x y" id="p-x">x</p><a href="#elsewhere">1.5</a>'
    )
    assert unique_ids(before, "p-") == after


def test_nothing_is_loaded_from_anywhere():
    html = k_slider([*charts(2), sudoku_svg(EMPTY)])._repr_html_()
    assert set(re.findall(r"https?://[^\"'\s<)]+", html)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|iframe|script)\b[^>]*(src|href)=|@import", html)


def test_style_of_a_frame_does_not_reach_the_page():
    html = k_slider(charts(2))._repr_html_()
    assert html.count("<style") == 1  # Matplotlib's own rule for `*` is gone
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    style = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", style)
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", style)
    assert len(selectors) > 20
    for selector in selectors:
        assert all(".trm-slider" in part for part in selector.split(",\n"))


def test_captions_labels_and_values_are_text_not_markup():
    attack = '"><script>alert(1)</script>'
    slider = k_slider(["a", "b"], label=attack, captions=[attack] * 2, values=[attack, 2])
    html = slider._repr_html_()
    page = Page(html)
    assert len(page.all("script")) == 1
    assert page.all("span")[0][1] == attack
    assert page.all("label")[0][1] == attack
    assert page.all("div", **{"class": "trm-slider-frame"})[0][0]["data-name"] == (
        f"{attack} = {attack}"
    )


def test_frames_may_be_text_figures_and_anything_a_notebook_can_show():
    class Drawn:
        def _repr_html_(self):
            return "<svg><g/></svg>"

    board = sudoku_svg(EMPTY)
    slider = k_slider(["<b>bold</b>", board, Drawn(), *charts(1)])
    assert slider.frames[:3] == ("<b>bold</b>", board._repr_html_(), "<svg><g/></svg>")
    assert 'aria-label="K = 4"' in slider.frames[3]  # a figure without words is named by its step
