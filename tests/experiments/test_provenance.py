"""A result says which code, libraries and machine made it, and never names the wrong commit."""

import platform
import subprocess
from importlib.metadata import version

import pytest

from trm_lib import __version__
from trm_lib.experiments import provenance
from trm_lib.experiments.runner import commit


def git(root, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    run = subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return run.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A repository with one file of the library and one result, committed."""
    for name in ("trm_lib/code.py", "book/results/x.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_it_names_what_one_needs_to_repeat_a_run():
    found = provenance()
    assert found["trm_lib"] == __version__
    assert found["python"] == platform.python_version()
    for library in ("torch", "numpy", "scipy", "gymnasium"):
        assert found[library] == version(library)
    assert {"date", "commit", "machine"} <= found.keys()


def test_the_commit_is_gits_and_marked_when_code_differs(checkout):
    head = git(checkout, "rev-parse", "HEAD")
    assert commit(checkout) == head[:12]
    (checkout / "trm_lib/code.py").write_text("2\n")
    assert commit(checkout) == f"{head[:12]}-dirty"
    git(checkout, "checkout", "--quiet", ".")
    (checkout / "trm_lib/new.py").write_text("")
    assert commit(checkout) == f"{head[:12]}-dirty"


def test_a_result_just_written_does_not_mark_the_next_one(checkout):
    (checkout / "book/results/x.json").write_text("2\n")
    assert not commit(checkout).endswith("dirty")


def test_a_library_installed_inside_another_checkout_has_no_commit(checkout):
    installed = checkout / ".venv/site-packages"
    installed.mkdir(parents=True)
    assert commit(installed) == "unknown"


def test_outside_a_checkout_the_commit_is_unknown(tmp_path):
    assert commit(tmp_path) == "unknown"
