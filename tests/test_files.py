"""Whole files: a crash before the last move leaves the old content."""

import os

import pytest

from trm_lib.files import leftovers, locked, write_whole


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_crash_leaves_the_old_content_whose_place_the_new_takes(tmp_path, monkeypatch, broken):
    path = tmp_path / "file.bin"
    write_whole(path, b"old")

    def crash(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, broken, crash)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_writers_left_is_known_and_nothing_else(tmp_path):
    for name in ("a[1].bin", ".a[1].bin.x1y2z3", "a1.bin", ".a1.bin.x1y2z3", "a[1].bin.json"):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".a[1].bin.new").write_text("")  # somebody may be writing it
    assert leftovers(tmp_path / "a[1].bin") == [tmp_path / ".a[1].bin.x1y2z3"]


def test_a_lock_is_held_by_one_and_refused_to_others(tmp_path):
    pytest.importorskip("fcntl")
    for _ in range(2):
        with (
            locked(tmp_path / ".lock"),
            pytest.raises(ValueError, match="busy: wait"),
            locked(tmp_path / ".lock", "busy: wait"),
        ):
            raise AssertionError("held twice")
        assert not list(tmp_path.iterdir())
