"""The page that compares paper and code names settings that exist."""

import re
from dataclasses import fields
from pathlib import Path

from trm_lib.models import TRMConfig, official_config
from trm_lib.training import SupervisedConfig

PAGE = Path(__file__).resolve().parents[2] / "book" / "paper_vs_code.md"


def names_table() -> list[list[str]]:
    """The rows of the last table, as lists of cells."""
    text = PAGE.read_text().split("## Names")[1]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def test_every_name_of_ours_is_a_setting() -> None:
    settings = {f.name for config in (TRMConfig, SupervisedConfig) for f in fields(config)}
    ours = [re.fullmatch(r"`(\w+)`", row[2]).group(1) for row in names_table()]
    assert set(ours) <= settings
    assert len(ours) == len(set(ours))


def test_every_setting_of_a_model_has_its_row_or_belongs_to_this_library_alone() -> None:
    ours = {row[2].strip("`") for row in names_table()}
    # answers other than tokens; an answer that sees the question
    alone = {"n_answers", "seeing"}
    assert {f.name for f in fields(TRMConfig)} - ours == alone


def test_every_official_setting_that_is_read_has_its_row() -> None:
    text = PAGE.read_text().split("## Names")[1]
    source = Path(official_config.__code__.co_filename).read_text()
    body = source[source.index("def official_config") : source.index("def load_official")]
    read = set(re.findall(r"""config(?:\.get\(|\[)"(\w+)\"""", body))
    assert read - set(re.findall(r"`(\w+)`", text)) == set()
