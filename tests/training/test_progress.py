"""Bars count, and can be silenced from outside."""

import pytest

from trm_lib.training.run import progress_bar


@pytest.mark.parametrize(
    ("variable", "shown", "speaks"),
    [("0", True, True), ("1", True, False), ("0", False, False), ("", True, True)],
)
def test_bars_speak_unless_silenced(variable, shown, speaks, monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", variable)
    assert list(progress_bar(3, "counting", "step", shown)) == [0, 1, 2]
    assert ("counting" in capsys.readouterr().err) is speaks
