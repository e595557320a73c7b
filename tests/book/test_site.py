"""The built site, opened in a real browser with every way out of this machine closed.

Needs `_build/html` (made by `make book`) and Chromium or Chrome. Where one is missing the tests
are skipped, except on a CI server (environment variable CI), where that is a failure.
"""

import functools
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    Locator,
    Page,
    Request,
    Response,
    Route,
    sync_playwright,
)

from book.recipes.playground import maze_of, maze_state, moves_by_k
from trm_lib.evaluation import answers_by_k
from trm_lib.models import load_model
from trm_lib.puzzles import (
    generate_mazes,
    maze_tokens,
    shortest_path_cells,
    shortest_way,
    solve_exactly,
)
from trm_lib.solving import shipped_model, weights_folder

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PROBE = Path(__file__).with_name("site_probe.js")
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
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
THINKING = 150_000  # of these, what thinks: scripts and weights


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
        lambda said: said.type in {"error", "warning"} and visit.complaints.append(said.text),
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


@pytest.fixture
def playground(browser: Browser) -> Iterator[Page]:
    """The playground as a file on disk; at the end, nothing was complained of or asked for."""
    visit = open_page(browser, SITE.as_uri(), "book/playground.html")
    yield visit.page
    assert visit.complaints + visit.refused == []
    visit.page.context.close()


def widget(page: Page, game: str) -> Locator:
    return page.locator(f".trm-play[data-game={game}]")


def rest(page: Page, game: str) -> str:
    """Wait until the network has thought as far as it was asked; what it answers then."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    board = widget(page, game).locator(".trm-play-board")
    page.wait_for_function(
        "board => board.dataset.thinking === 'false'", arg=board.element_handle()
    )
    return board.get_attribute("data-answer")


def turn(page: Page, game: str, k: int) -> str:
    """Turn K by the keys of the slider; what the network answers there."""
    handle = widget(page, game).get_by_role("slider", name="K")
    handle.press("Home")
    for _ in range(k):
        handle.press("ArrowRight")
    answer = rest(page, game)
    assert widget(page, game).locator("output").inner_text() == f"K = {k}"
    return answer


def state(page: Page, game: str) -> str:
    """The puzzle in the address."""
    return re.fullmatch(rf"#{game}=(.*)&K=\d+", page.evaluate("location.hash"))[1]


def drag(page: Page, game: str, *places: tuple[float, float]) -> None:
    """Press, move and let go, at places in cells from the upper left corner: across, down."""
    svg = widget(page, game).locator(".trm-play-board svg")
    svg.scroll_into_view_if_needed()
    box, columns = svg.bounding_box(), float(svg.get_attribute("viewBox").split()[2])
    points = [
        (box[a] + (at[i] + 0.1) * box["width"] / columns)
        for at in places
        for i, a in enumerate("xy")
    ]
    page.mouse.move(*points[:2])
    page.mouse.down()
    for x, y in zip(points[2::2], points[3::2], strict=True):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    rest(page, game)


def as_text(numbers: np.ndarray) -> str:
    return " ".join(map(str, numbers))


def test_a_maze_drawn_by_pointer_is_answered_as_in_python(playground: Page) -> None:
    rest(playground, "maze")
    before = maze_of(widget(playground, "maze").get_attribute("data-state").split("&")[0])
    drag(playground, "maze", (5, 3.5))  # the edge right of row 4, column 5
    drag(playground, "maze", (6.5, 6), (9.5, 6))  # below row 6, columns 7 to 10
    drag(playground, "maze", (0.5, 0.5), (2.5, 4.5))  # the start
    maze = maze_of(state(playground, "maze"))
    changed = (maze.walls ^ before.walls)[0]
    assert changed[3, 4] == 2
    assert (changed[5, 6:10] & 4).any()
    wall = before.walls[0, 5, 6] & 4 == 0  # a line is all drawn, or all erased
    assert ((maze.walls[0, 5, 6:10] & 4 > 0) == wall).all()
    assert (maze.start[0], maze.goal[0]) == (4 * 12 + 2, 143)
    for k in (0, 3, 11, 30):
        way = as_text(moves_by_k("shortest_ways", maze, k)[1]) if k else ""
        assert turn(playground, "maze", k) == way
    fewest = len(shortest_way(maze)) - 1
    assert f"The shortest way takes {fewest} steps" in widget(playground, "maze").inner_text()


def test_the_keyboard_suffices(playground: Page) -> None:
    board = widget(playground, "maze").locator(".trm-play-board")
    before = maze_of(widget(playground, "maze").get_attribute("data-state").split("&")[0])
    board.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "Shift+ArrowRight", "g", "ArrowLeft", "s"):
        playground.keyboard.press(key)
    assert (
        "Row 3, column 1, start."
        in widget(playground, "maze").locator(".trm-play-unseen").inner_text()
    )
    maze = maze_of(state(playground, "maze"))
    assert (maze.walls ^ before.walls)[0, 2, 1] == 2
    assert (maze.start[0], maze.goal[0]) == (24, 25)
    assert turn(playground, "maze", 5) == as_text(moves_by_k("shortest_ways", maze, 5)[1])
    widget(playground, "maze").get_by_role("button", name="Reset").press("Enter")
    rest(playground, "maze")
    assert (maze_of(state(playground, "maze")).walls == before.walls).all()


def test_a_tap_changes_a_wall_on_a_phone(browser: Browser) -> None:
    phone = {"width": 390, "height": 844}
    context = browser.new_context(viewport=phone, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{SITE.as_uri()}/book/index.html")
    before = rest(page, "maze")
    box = widget(page, "maze").locator("svg").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.55)
    rest(page, "maze")
    first = maze_of(widget(page, "maze").get_attribute("data-state").split("&")[0])
    assert np.count_nonzero(maze_of(state(page, "maze")).walls ^ first.walls) == 2, before
    context.close()


def test_the_first_network_marks_too_much_as_in_python(playground: Page) -> None:
    widget(playground, "maze").get_by_role("button", name="One the first fails").click()
    rest(playground, "maze")
    model = load_model(weights_folder() / "maze_paths.safetensors")
    maze = maze_of(state(playground, "maze"))
    marks = answers_by_k(model, maze_tokens(maze), 40)[:, 0]
    assert turn(playground, "maze", 40) == as_text(marks[39].flatten())
    assert turn(playground, "maze", 4) == as_text(marks[3].flatten())
    wrong = (marks[39] == 1) & ~shortest_path_cells(maze)[0]
    assert wrong.sum() > 5


@pytest.mark.parametrize("size", [4, 6])
def test_a_sudoku_is_answered_as_in_python(playground: Page, size: int) -> None:
    widget(playground, "sudoku").get_by_role("button", name=f"New {size} × {size}").click()
    rest(playground, "sudoku")
    board = np.array(list(state(playground, "sudoku").replace(".", "0")), int).reshape(size, size)
    exact = solve_exactly(board)
    assert exact.n_solutions == 1
    at = int(np.flatnonzero(board == 0)[0])
    widget(playground, "sudoku").locator(".trm-play-board").focus()
    for key in ["ArrowRight"] * (at % size) + ["ArrowDown"] * (at // size):
        playground.keyboard.press(key)
    playground.keyboard.press(str(exact.solution.flat[at]))
    board.flat[at] = exact.solution.flat[at]
    answers = answers_by_k(shipped_model(size), board[None], 9)[:, 0]
    for k in (1, 2, 9):
        assert turn(playground, "sudoku", k) == "".join(map(str, answers[k - 1].flat))
        is_right = (answers[k - 1] == exact.solution).all()
        assert ("Right: the rules" in widget(playground, "sudoku").inner_text()) == is_right


def test_a_policy_walks_as_in_python(playground: Page) -> None:
    for layout in ("Tree", "Loops"):
        widget(playground, "policy").get_by_role("button", name=layout).click()
        maze = maze_of(state(playground, "policy"))
        for k in (1, 4):
            assert turn(playground, "policy", k) == as_text(moves_by_k("maze4", maze, k)[1])


def test_an_address_opens_a_state_and_play_stops_when_hidden(browser: Browser) -> None:
    told = maze_state(generate_mazes((3, 5), 1, np.random.default_rng(0)))
    path = f"book/playground.html#maze={told}&K=2"
    visit = open_page(browser, SITE.as_uri(), path)
    assert rest(visit.page, "maze") == as_text(moves_by_k("shortest_ways", maze_of(told), 2)[1])
    widget(visit.page, "maze").get_by_role("button", name="Play").click()
    visit.page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    widget(visit.page, "maze").get_by_role("button", name="Play").wait_for()
    for wrong in ("", "3x5.zz.0.14", "3x5.a2e2a2e3.0.0", "900x900.a.0.1", "%"):
        visit.page.goto("about:blank")
        visit.page.goto(f"{SITE.as_uri()}/book/playground.html#maze={wrong}&K=x")
        assert rest(visit.page, "maze").split()[-1] == "143"  # the page's own maze
    assert visit.complaints + visit.refused == []
    visit.page.context.close()


@pytest.mark.parametrize("page", ["index", "playground"])
def test_a_first_answer_stands_before_any_script_and_thinking_is_light(
    browser: Browser, address: str, page: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(f"{SITE.as_uri()}/book/{page}.html")
    for each in still.locator(".trm-play").all():
        assert each.locator("svg").get_attribute("aria-label")
        assert "right" in each.inner_text().lower()
    context.close()

    visit = open_page(browser, SITE.as_uri(), f"book/{page}.html")
    rest(visit.page, "maze")
    loaded = visit.page.evaluate("[...document.scripts].map((script) => script.src)")
    ours = re.compile(r"/(think|rules|play\w*|maze\w*|sudoku\d|shortest_ways)\.js$")
    names = [found[1] for found in map(ours.search, loaded) if found]
    weight = sum((SITE / "_static" / f"{name}.js").stat().st_size for name in names)
    assert 0 < weight <= THINKING
    first = visit.page.evaluate("performance.getEntriesByName('first answer')[0].startTime")
    ready = "performance.getEntriesByType('navigation')[0].domContentLoadedEventStart"
    print(f"{page}: {weight:,} bytes, first answer {first - visit.page.evaluate(ready):.0f} ms")
    visit.page.context.close()


def test_a_large_maze_comes_to_rest(playground: Page) -> None:
    maze = widget(playground, "maze")
    maze.get_by_label("Rows").fill("30")
    maze.get_by_label("Columns").fill("30")
    maze.get_by_role("button", name="Loops").click()
    rest(playground, "maze")
    since = time.monotonic()
    maze.get_by_role("slider", name="K").press("End")
    assert rest(playground, "maze").split()[-1] == "899"
    print(f"30 x 30 with loops, to rest: {time.monotonic() - since:.1f} s")


WIDE = [f"book/{page}.html" for page in ("index", "playground", "08_thinking_longer")]
NARROW = [page for page in PAGES if page.startswith("book/")]
REACHED = """() => [...document.querySelectorAll("pre")].every(
  (code) => code.scrollWidth <= code.clientWidth || code.tabIndex === 0)"""


@pytest.mark.parametrize(
    ("width", "page"), [*((1280, page) for page in WIDE), *((390, page) for page in NARROW)]
)
def test_no_serious_fault_of_access(browser: Browser, width: int, page: str) -> None:
    visit = open_page(browser, SITE.as_uri(), page)
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.page.wait_for_timeout(200)  # for what is set after the page has loaded
    visit.page.wait_for_function(REACHED)  # the theme looks at a new width when it has time
    visit.page.add_script_tag(path=AXE)
    ours = {"exclude": [".search-button-field", ".theme-switch-button", "details > summary"]}
    ask = "ours => axe.run(ours, {resultTypes: ['violations']})"
    found = visit.page.evaluate(ask, ours)  # all but the theme's own buttons
    faults = [
        f"{fault['id']}: {node['html'][:100]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]
    assert faults == []
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
