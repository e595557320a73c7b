"""The K slider: step through pictures in a page, with no server and no network."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from trm_lib.viz.style import figure_html, unique_ids

_HERE = Path(__file__).parent
_SHOWN = itertools.count(1)  # a slider shown twice needs two ids

_CONTROLS = """\
<div class="trm-slider-controls" hidden>
<button type="button" class="trm-slider-play" aria-label="Play {label}">
<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">\
<path fill="currentColor" d="M8 5v14l11-7z"/></svg></button>
<label for="{uid}-range">{label}</label>
<input id="{uid}-range" type="range" min="0" max="{last}" step="1" value="{start}" \
aria-valuetext="{start_name}" autocomplete="off">
</div>"""


def k_slider(
    frames: Sequence[Any],
    label: str = "K",
    captions: Sequence[str] | None = None,
    start: int = 0,
    values: Sequence[Any] | None = None,
) -> KSlider:
    """Make a slider that shows one picture a step.

    It works on the static page, in JupyterLab and in Colab alike: all frames lie in the page, and
    a few lines of script show one of them. Mouse, touch and keyboard move it, and it can be played.

    Args:
        frames: one picture a step: HTML or SVG text, which is put into the page as it is, a
            Matplotlib figure, or any object with `_repr_html_`.
        label: what the slider moves.
        captions: one plain sentence a step.
        start: index of the step to show first.
        values: what each step is called; 1, 2, 3 ... by default.

    Raises:
        ValueError: there are no frames, one cannot be shown in a page, `captions` or `values`
            differ from `frames` in number, or `start` is none of the steps.
    """
    if not frames:
        raise ValueError("k_slider needs at least one frame, got none.")
    values = range(1, len(frames) + 1) if values is None else values
    for what, items in (("captions", captions), ("values", values)):
        if items is not None and len(items) != len(frames):
            raise ValueError(f"expected {what} for {len(frames)} frames, got {len(items)}.")
    if start not in range(len(frames)):
        raise ValueError(f"start must be a step from 0 to {len(frames) - 1}, got {start!r}.")
    names = tuple(f"{label} = {value}" for value in values)
    captions = None if captions is None else tuple(map(str, captions))
    return KSlider(tuple(map(_frame_html, frames, names)), names, captions, label, start)


@dataclass(frozen=True, repr=False)
class KSlider:
    """Pictures with a slider under them, which a notebook shows; make one with `k_slider`."""

    frames: tuple[str, ...]  # one HTML or SVG fragment a step
    names: tuple[str, ...]  # "K = 3"
    captions: tuple[str, ...] | None
    label: str  # "K"
    start: int

    def _repr_html_(self) -> str:
        content = "\0".join((*self.frames, *self.names, *(self.captions or ()), self.label))
        digest = hashlib.sha256(content.encode()).hexdigest()[:8]
        uid = f"trm-slider-{digest}-{next(_SHOWN)}"
        # It is written with the last step in view, which is what a reader without JavaScript keeps;
        # the script then uncovers the controls and goes to `start`.
        last, label = len(self.frames) - 1, escape(self.label)
        stage = "\n".join(
            f'<div class="trm-slider-frame" data-name="{escape(name)}"'
            f"{'' if i == last else ' hidden'}>{unique_ids(frame, f'{uid}-{i}-')}</div>"
            for i, (frame, name) in enumerate(zip(self.frames, self.names, strict=True))
        )
        start_name = escape(self.names[self.start])
        controls = _CONTROLS.format(
            uid=uid, label=label, last=last, start=self.start, start_name=start_name
        )
        caption = ""
        if self.captions is not None:  # unseen copies of all captions keep its height the same
            copies = "".join(f"<span>{escape(caption)}</span>" for caption in self.captions)
            caption = (
                '<div class="trm-slider-caption">\n'
                f'<div class="trm-slider-sizers" aria-hidden="true">{copies}</div>\n'
                f'<p aria-live="polite">{escape(self.captions[-1])}</p>\n</div>\n'
            )
        style = (_HERE / "slider.css").read_text(encoding="utf-8")
        script = (_HERE / "slider.js").read_text(encoding="utf-8").replace("__ROOT__", uid)
        return (
            f'<div class="trm-slider" id="{uid}" role="group" '
            f'aria-label="{label} slider" data-label="{label}" '
            f'data-start="{self.start}">\n<style>\n{style}</style>\n'
            f'<div class="trm-slider-stage">\n{stage}\n</div>\n{controls}\n'
            f'<div class="trm-slider-words">\n<output for="{uid}-range">'
            f"{escape(self.names[last])}</output>\n{caption}</div>\n</div>\n"
            f"<script>\n{script}</script>"
        )


def _frame_html(frame: Any, name: str) -> str:
    """The HTML of one frame; a figure without words of its own is called by its step."""
    if isinstance(frame, str):
        return frame
    if isinstance(frame, Figure):
        return figure_html(frame, getattr(frame, "alt", "") or name, id_prefix="")
    if hasattr(frame, "_repr_html_"):
        return frame._repr_html_()
    raise ValueError(
        f"the frame for {name} must be HTML text, a Matplotlib figure, or an object with "
        f"_repr_html_, got {type(frame).__name__}; turn it into one of these."
    )
