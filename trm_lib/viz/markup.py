"""Fragments of HTML and SVG that can lie side by side on one page."""

import re
from collections.abc import Callable
from typing import Any

# `id` declares a name; the others in the first pattern point at names, several at a time.
_NAMING = re.compile(
    r"(?<![\w-])(id|for|list|headers|aria-(?:labelledby|describedby|controls|owns|details))"
    r"=([\"'])(.*?)\2"
)
_POINTING = re.compile(r"(url\(\s*(?:[\"']|&quot;)?|href=[\"'])#([^\"'&)\s]+)")
_TIMING = re.compile(r"(?<![\w-])(begin|end)=([\"'])(.*?)\2")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL)


def check_text(what: str, text: Any) -> None:
    """Refuses words that cannot be written into a picture.

    Args:
        what: they are, for the error message.
        text: the words.

    Raises:
        ValueError: if it is not a `str`, or holds a control character, which no SVG may.
    """
    if not isinstance(text, str):
        raise ValueError(f"{what} must be text, got {text!r}; write it as a str.")
    if found := _NOT_IN_XML.search(text):
        raise ValueError(
            f"{what} must be text without control characters, got {found[0]!r} in {text!r}; "
            "leave it out."
        )


def unique_ids(markup: str, prefix: str) -> str:
    """Puts `prefix` before every id declared in a fragment, and before what points at it.

    Two drawings made by the same program name their parts alike (`clip_1`, `line2d_3`), and on
    one page the second would be drawn with the first one's parts. References to ids that the
    fragment does not declare are left alone.

    Args:
        markup: HTML or SVG text.
        prefix: text that makes the ids unique, for example `"slider-1-frame-3-"`.

    Returns:
        The fragment with its ids renamed in `id`, `for`, `aria-*`, `href`, `url(#...)`, the
        timing of SMIL animations and the selectors of its `<style>` blocks.
    """
    declared = {match[3] for match in _NAMING.finditer(markup) if match[1] == "id"}

    def renamed(name: str) -> str:
        return prefix + name if name in declared else name

    def in_list(match: re.Match) -> str:
        names = " ".join(renamed(name) for name in match[3].split(" "))
        return f"{match[1]}={match[2]}{names}{match[2]}"

    markup = _NAMING.sub(in_list, markup)
    markup = _POINTING.sub(lambda match: f"{match[1]}#{renamed(match[2])}", markup)
    markup = _TIMING.sub(lambda match: _rename_timing(match, renamed), markup)
    return _STYLE.sub(lambda match: _rename_selectors(match, renamed), markup)


def _rename_timing(match: re.Match, renamed: Callable[[str], str]) -> str:
    """Renames `name` in SMIL times such as `begin="name.end+1s"`."""
    times = re.sub(r"[A-Za-z_][\w-]*(?=\.)", lambda name: renamed(name[0]), match[3])
    return f"{match[1]}={match[2]}{times}{match[2]}"


def _rename_selectors(match: re.Match, renamed: Callable[[str], str]) -> str:
    """Renames `#name` in the selectors of a style block, not in its colours."""
    rules = re.sub(r"#([\w-]+)(?=[^{};]*\{)", lambda name: "#" + renamed(name[1]), match[2])
    return match[1] + rules + match[3]
