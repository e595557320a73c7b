"""The built site, opened in a real browser with every way out of this machine closed.

Needs `_build/html` (made by `make book`) and Chromium or Chrome. Where one is missing the tests
are skipped, except on a CI server (environment variable CI), where that is a failure.
"""

import functools
import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Response, Route, sync_playwright

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PROBE = Path(__file__).with_name("site_probe.js")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
HEAVIEST_PAGE = 6_000_000  # bytes, uncompressed, on a first visit


def is_redirect(page: Path) -> bool:
    return 'http-equiv="refresh"' in page.read_text()[:500].lower()


def pages() -> list[str]:
    """Every page of the site; of the copies of source files, all made alike, only the longest."""
    found = [path for path in SITE.rglob("*.html") if "_static" not in path.parts]
    sources = [path for path in found if "_modules" in path.relative_to(SITE).parts]
    left_out = sorted(sources, key=lambda path: path.stat().st_size)[:-1]
    kept = [path for path in found if path not in left_out and not is_redirect(path)]
    return sorted(path.relative_to(SITE).as_posix() for path in kept)


PAGES = pages()


@dataclass
class Visit:
    """One page, loaded, and what its loading did."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    fetched: int = 0


def missing(what: str) -> None:
    message = f"{what} is missing, so the site was not checked"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not PAGES:
        missing("_build/html (run `make book`)")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        missing("a browser (" + ", ".join(BROWSERS) + ")")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing: pytest reports what matters."""

    handler = functools.partial(Handler, directory=SITE)
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def open_page(browser: Browser, address: str, path: str) -> Visit:
    """Load a page in a fresh context (nothing cached), refusing every other address."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    visit = Visit(context.new_page())

    def guard(route: Route, request: Request) -> None:
        if request.url.startswith(address):
            route.continue_()
        else:
            visit.refused.append(request.url)
            route.abort()

    def weigh(response: Response) -> None:
        if response.status == 200:
            visit.fetched += int(response.headers.get("content-length", 0))
        elif response.status >= 400:
            visit.complaints.append(f"{response.status} {response.url}")

    context.route("**/*", guard)
    visit.page.on("response", weigh)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on(
        "console",
        lambda message: visit.complaints.append(message.text) if message.type == "error" else None,
    )
    visit.page.goto(f"{address}/{path}", wait_until="networkidle")
    visit.page.add_script_tag(path=PROBE)
    return visit


@pytest.fixture(scope="module", params=PAGES or ["no page"])
def visit(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    loaded = open_page(browser, address, request.param)
    yield loaded
    loaded.page.context.close()


def test_page_loads_without_error_and_without_the_network(visit: Visit) -> None:
    assert visit.complaints == []
    assert visit.refused == []


def test_page_announces_no_foreign_host(visit: Visit) -> None:
    foreign = visit.page.eval_on_selector_all(
        "link[rel~=preconnect], link[rel~=dns-prefetch], link[rel~=preload], script[src]",
        "els => els.map(el => new URL(el.href || el.src)).filter(u => u.origin !== origin)",
    )
    assert foreign == []


def test_page_shows_no_traceback_and_no_unrendered_markup(visit: Visit) -> None:
    text = visit.page.inner_text("body")
    assert "Traceback (most recent call last)" not in text
    assert re.findall(r"\{(?:cite|term|ref|doc|glue)[\w:]*\}|Math input error", text) == []


@pytest.mark.parametrize("fault", ["imagesWithoutAlt", "controlsWithoutLabel"])
def test_images_have_a_text_and_controls_a_label(visit: Visit, fault: str) -> None:
    assert visit.page.evaluate(f"siteProbe.{fault}()") == []


def test_sliders_show_one_step_and_follow_the_handle(visit: Visit) -> None:
    for slider in visit.page.query_selector_all(".trm-slider"):
        steps = len(slider.query_selector_all(".trm-slider-frame"))
        assert steps > 1
        handle = slider.query_selector("input[type=range]")
        for key, expected in (("Home", 0), ("ArrowRight", 1), ("End", steps - 1)):
            handle.press(key)
            assert slider.evaluate("el => siteProbe.shownFrames(el)") == [expected]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable(visit: Visit, theme: str) -> None:
    assert visit.page.evaluate("siteProbe.textCount()") > 0
    assert visit.page.evaluate("theme => siteProbe.faintText(theme)", theme) == []


def test_nothing_sticks_out_on_a_phone(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    assert visit.page.evaluate("siteProbe.overflow()") == []


def test_page_is_not_heavy(visit: Visit) -> None:
    assert 0 < visit.fetched <= HEAVIEST_PAGE


def test_root_leads_to_the_first_page(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/index.html")
    page.wait_for_url("**/book/index.html")
    assert page.inner_text("h1").strip()
    context.close()


def test_search_finds_a_word(browser: Browser, address: str) -> None:
    visit = open_page(browser, address, "search.html?q=recursion")
    visit.page.wait_for_selector("#search-results ul.search li a")
    assert "recursion" in visit.page.inner_text("#search-results").lower()
    assert visit.complaints + visit.refused == []
    visit.page.context.close()


def test_probe_finds_what_it_looks_for(browser: Browser) -> None:
    """The probe on a page with every fault: a check that cannot fail would prove nothing."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(
        '<article class="bd-article" style="background:#fff">'
        '<p style="color:#aaa">faint</p><img src="data:," alt="a/figure.png"><input type="range">'
        '<div style="width:900px">wide</div></article>'
    )
    page.add_script_tag(path=PROBE)
    assert [line[:4] for line in page.evaluate("siteProbe.faintText('light')")] == ["2.32"]
    assert len(page.evaluate("siteProbe.imagesWithoutAlt()")) == 1
    assert len(page.evaluate("siteProbe.controlsWithoutLabel()")) == 1
    assert any("900" in line or "908" in line for line in page.evaluate("siteProbe.overflow()"))
    page.close()
