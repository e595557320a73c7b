"""What the tests of the book share, and the page weights printed after a run."""

import pytest

PAGE_WEIGHTS = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PAGE_WEIGHTS] = {}


@pytest.fixture
def page_weights(request: pytest.FixtureRequest) -> dict[str, int]:
    """Bytes that each page of the site made the browser fetch, filled by the tests."""
    return request.config.stash[PAGE_WEIGHTS]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    weights = config.stash[PAGE_WEIGHTS]
    if weights:
        terminalreporter.section("page weight, kB fetched on a first visit")
        for page, size in sorted(weights.items(), key=lambda item: -item[1]):
            terminalreporter.write_line(f"{size / 1000:8.0f}  {page}")
