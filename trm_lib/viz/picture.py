"""An SVG drawing that shows itself in a notebook."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SVGPicture:
    """A drawing as SVG text, with the words that stand for it.

    A notebook shows it inline: as the last value of a cell, or through `display`.

    Attributes:
        svg: one complete `<svg>` element.
        alt: what the drawing shows, in words; already inside `svg` as its `aria-label`.
    """

    svg: str
    alt: str

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Writes the drawing to an `.svg` file.

        Args:
            path: the file to write; its folder must exist.
        """
        Path(path).write_text(self.svg + "\n", encoding="utf-8")
