"""The report in a real browser: it plays, fits, sorts, logs no error and asks nobody for anything."""

import os
import shutil
from collections.abc import Iterator

import pytest

from cmmd_report.report import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
BROWSER = os.environ.get("CMMD_BENCH_TEST_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")
SIZES = {"laptop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium, or CMMD_BENCH_TEST_BROWSER naming it")


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--mute-audio"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(made, session_cache, tmp_path_factory) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMMD_BENCH_CACHE", str(session_cache))
        return write_report([made.run], out=tmp_path_factory.mktemp("page"), study=made.study, clips=2).page.as_uri()


@pytest.fixture
def page(browser, address, request) -> Iterator["sync_api.Page"]:
    context = browser.new_context(viewport=SIZES[getattr(request, "param", "laptop")])
    opened, errors, asked = context.new_page(), [], []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda one: asked.append(one.url))
    opened.goto(address)
    yield opened
    context.close()
    assert errors == []
    assert [url for url in asked if not url.startswith("data:")] == [address]


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_nothing_is_wider_than_the_window(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_violation_of_accessibility(page, scheme):
    page.emulate_media(color_scheme=scheme)
    found = axe.Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []


def test_a_row_plays_together_with_one_sound(page):
    row = page.locator("section.row").first
    row.locator(".heard").nth(1).check()
    row.locator("button.together").click()
    videos = "[...document.querySelector('section.row').querySelectorAll('video')]"
    # Not by waiting for a function: the page's own policy forbids what Playwright would do.
    for _ in range(100):
        if page.evaluate(f"{videos}.every((video) => video.ended)"):
            break
        page.wait_for_timeout(100)
    assert page.evaluate(f"{videos}.map((video) => video.ended)") == [True] * 5
    assert page.evaluate(f"{videos}.map((video) => video.error)") == [None] * 5
    assert page.evaluate(f"{videos}.map((video) => video.muted)") == [True, False, True, True, True]
    assert page.evaluate(f"{videos}.every((video) => video.videoWidth > 0)")


def test_a_head_sorts_its_column(page):
    table = page.locator("table.sortable").first
    head = table.locator("thead button").nth(2)
    head.click()
    values = table.locator("tbody tr td:nth-child(3)").evaluate_all("cells => cells.map((c) => +c.dataset.value)")
    assert values == sorted(values)
    head.click()
    values = table.locator("tbody tr td:nth-child(3)").evaluate_all("cells => cells.map((c) => +c.dataset.value)")
    assert values == sorted(values, reverse=True)


def test_prints_without_players(page):
    page.emulate_media(media="print")
    assert not page.locator("video").first.is_visible()
    assert page.locator("table").first.is_visible()
