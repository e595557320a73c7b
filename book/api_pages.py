"""Sphinx extension for the library reference: plain-text docstrings, and one name for each thing.

Docstrings are plain text, as one reads them in the source. Shapes such as (B, *grid, V), names
such as zero_ and indented examples mean something else in reStructuredText. Before Sphinx parses a
docstring this makes them literal, and turns `single backticks` into code and a line such as
"## Rewards" into a heading. Napoleon then reads the sections (Args, Returns, Raises).

The reference shows each thing where it is public, trm_lib.models.TRM, while a type annotation
names the file it lives in, trm_lib.models.trm.TRM. Links from the second lead to the first.
"""

import re
from typing import Any

SPECIAL = re.compile(r"(?P<code>(?<![`:\w])`[^`\n]+`(?!`))|(?P<word>\w+_)(?!\w)|(?P<sign>[*|])")
SECTION = re.compile(r"[A-Z]\w*:")


def literal(line: str) -> str:
    """Escape one line of plain text.

    Args:
        line: text without reStructuredText markup.

    Returns:
        The same text as reStructuredText.
    """

    def replace(match: re.Match[str]) -> str:
        if match["code"]:
            return f"`{match['code']}`"
        return f"{match['word'][:-1]}\\_" if match["word"] else f"\\{match['sign']}"

    return SPECIAL.sub(replace, line)


def to_rest(lines: list[str]) -> list[str]:
    """Turn a plain-text docstring into reStructuredText.

    Args:
        lines: the docstring, its common indentation removed.

    Returns:
        Lines in which indented text that follows a blank line, outside a section, is a code block.
    """
    result: list[str] = []
    in_section = in_code = False
    for i, line in enumerate(lines):
        if line.startswith("## "):
            in_section = in_code = False
            result += [f".. rubric:: {line[3:]}", ""]
            continue
        indented = line.startswith(" ")
        if line and not indented:
            in_section, in_code = bool(SECTION.match(line)), False
        elif indented and not in_section and not in_code and i and not lines[i - 1]:
            in_code = True
            result += ["::", ""]
        as_is = in_code or line.lstrip().startswith(">>>")
        result.append(line if as_is else literal(line))
    return result


def _on_docstring(
    app: Any, what: str, name: str, target: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = to_rest(lines)


def public_name(name: str) -> str:
    """Leave the module out of the full name of a thing in a room of the library.

    Args:
        name: such as "trm_lib.models.trm.TRM".

    Returns:
        Such as "trm_lib.models.TRM"; the name itself when it is no such name.
    """
    parts = name.split(".")
    return ".".join([*parts[:2], *parts[3:]]) if parts[0] == "trm_lib" and len(parts) > 3 else name


def _on_missing_reference(app: Any, env: Any, node: Any, content: Any) -> Any:
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or public_name(target) == target:
        return None
    return env.get_domain("py").resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], public_name(target), node, content
    )


def _on_member(
    app: Any, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Skip what another library put into one of our classes, such as Matplotlib's Figure.set."""
    origin = getattr(member, "__module__", None) or "trm_lib"
    return None if origin.split(".")[0] == "trm_lib" else True


def setup(app: Any) -> dict[str, bool]:
    """Register the handlers, the first ahead of Napoleon's (whose priority is 500)."""
    app.connect("autodoc-process-docstring", _on_docstring, priority=400)
    app.connect("autodoc-skip-member", _on_member)
    app.connect("missing-reference", _on_missing_reference)
    return {"parallel_read_safe": True}
