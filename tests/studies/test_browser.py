"""The study as a rater meets it, in a real browser: by keyboard and by mouse, with what goes wrong on the way.

Needs Playwright and a Chromium: the one that CMMD_BENCH_TEST_BROWSER names, or the system's. If CMMD_BENCH_SCREENSHOTS
names a folder, each page is photographed there in the sizes of a laptop and a phone.
"""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made import make_study

from cmmd_study.folder import StudyFolder
from cmmd_study.frozen import freeze
from cmmd_study.simulation.simulate import free_port, served
from cmmd_study.store.database import open_database
from cmmd_study.store.raters import invite

sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
BROWSER = os.environ.get("CMMD_BENCH_TEST_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = os.environ.get("CMMD_BENCH_SCREENSHOTS")
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SYSTEMS = {"ground-truth": 1, "cmmd": 2, "mmdiff": 1}
SECRETS = ("cmmd", "mmdiff", "ground-truth", "ground_truth", "clip-0", "clip-1", "practice-0", "gold", "study.db")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium, or CMMD_BENCH_TEST_BROWSER naming it")


class Served:
    """A study of seven clips and one for practice, its server, and new seats."""

    def __init__(self, folder: StudyFolder, port: int) -> None:
        self.folder, self.port = folder, port

    def seat(self) -> str:
        database = open_database(self.folder.database())
        try:
            with database.writing() as connection:
                token = invite(connection, 1, now=0)[0]
        finally:
            database.close()
        return f"http://127.0.0.1:{self.port}/?t={token}"

    def count(self, query: str) -> int:
        with sqlite3.connect(self.folder.path / "study.db") as connection:
            return int(connection.execute(query).fetchone()[0])


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Iterator[Served]:
    folder = make_study(tmp_path_factory.mktemp("browser") / "study", clips=2, systems=SYSTEMS, practice=1, seconds=0.6)
    freeze(folder, folder.path / "study.db", now=0)
    port = free_port()
    with served(folder, port):
        yield Served(folder, port)


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    arguments = ["--no-sandbox", "--disable-gpu", "--mute-audio", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser) -> Iterator[Callable[..., "sync_api.Page"]]:
    """Opens an address in a browser profile of its own; fails the test for any error on the page."""
    contexts, errors = [], []

    def opened(address: str, viewport: dict = LAPTOP, **options) -> "sync_api.Page":
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors


def photograph(page: "sync_api.Page", name: str) -> None:
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        size = "phone" if page.viewport_size["width"] < 500 else "laptop"
        page.screenshot(path=f"{SCREENSHOTS}/{name}-{size}.png")


def agree(page: "sync_api.Page") -> None:
    page.get_by_text("I have read this and I want to take part.").click()
    photograph(page, "1-consent")
    page.get_by_role("button", name="Continue").click()


def pass_preflight(page: "sync_api.Page") -> None:
    with page.expect_response(re.compile("api/place")) as place:
        pass
    beeps = place.value.json()["preflight"]["beeps"]
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Play again").wait_for()
    page.locator("fieldset:not([disabled])").first.wait_for()
    page.locator(f'input[name="heard"][value="{beeps}"]').check(force=True)
    page.locator('input[name="together"][value="1"]').check(force=True)
    photograph(page, "2-test-of-sound")
    page.get_by_role("button", name="Next").click()


def begin(page: "sync_api.Page") -> None:
    agree(page)
    pass_preflight(page)
    start = page.get_by_role("button", name="Start")
    start.wait_for()
    photograph(page, "3-instructions")
    start.click()
    page.locator(".where").wait_for()


def where(page: "sync_api.Page") -> str:
    return page.locator(".where").inner_text()


def play(page: "sync_api.Page") -> None:
    page.get_by_role("button", name="Play", exact=True).click()
    page.locator("form fieldset:not([disabled])").first.wait_for()


def rate(page: "sync_api.Page", *values: int) -> None:
    for field, value in zip(page.locator("form fieldset").all(), values, strict=True):
        field.locator(f'input[value="{value}"]').check(force=True)


def go_on(page: "sync_api.Page") -> None:
    page.locator("button.next:not([disabled])").click()


def test_a_whole_study_by_mouse_on_a_phone(study, visit):
    before = study.count("SELECT count(*) FROM answer")
    page = visit(study.seat(), PHONE)
    begin(page)
    for number in range(1, 10):
        assert where(page) == f"Clip {number} of 9"
        assert page.locator("form fieldset[disabled]").count() == 2
        if number == 2:
            photograph(page, "4-before-playing")
        play(page)
        rate(page, 4, 2)
        page.get_by_text("Saved", exact=True).wait_for()
        if number == 2:
            photograph(page, "5-rated")
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0
        go_on(page)
        if number < 9:
            page.get_by_text(f"Clip {number + 1} of 9").wait_for()
    page.get_by_text("All your answers are saved.").wait_for()
    photograph(page, "6-thanks")
    assert study.count("SELECT count(*) FROM answer") - before == 18
    assert study.count("SELECT count(*) FROM answer WHERE revision > 1") == 0


def test_a_whole_study_by_keyboard(study, visit):
    page = visit(study.seat())
    box = page.get_by_role("checkbox")
    box.wait_for()
    box.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Continue").focus()
    with page.expect_response(re.compile("api/place")) as place:
        page.keyboard.press("Enter")
    beeps = place.value.json()["preflight"]["beeps"]
    page.locator("button.play:not([disabled])").wait_for()
    page.keyboard.press("Enter")
    page.locator("form fieldset:not([disabled])").first.wait_for()
    page.keyboard.press(str(beeps))
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start").wait_for()
    page.keyboard.press("Enter")
    for number in range(1, 10):
        page.get_by_text(f"Clip {number} of 9").wait_for()
        page.locator("button.play:not([disabled])").wait_for()
        page.keyboard.press("Enter")
        page.locator("form fieldset:not([disabled])").first.wait_for()
        if number == 3:
            page.keyboard.press("r")
            page.locator("button.again:not([disabled])").wait_for()
            photograph(page, "4-played")
        page.keyboard.press("5")
        page.keyboard.press("1")
        page.locator("button.next:not([disabled])").wait_for()
        if number == 3:
            photograph(page, "5-rated")
        page.keyboard.press("Enter")
    page.get_by_text("All your answers are saved.").wait_for()
    photograph(page, "6-thanks")


def test_nobody_skips_ahead(study, visit):
    page = visit(study.seat())
    begin(page)
    page.keyboard.press("4")
    go = page.locator("button.next")
    assert go.is_disabled()
    page.locator("button.play:not([disabled])").wait_for()
    page.evaluate("""() => { const video = document.querySelector(".study")?.querySelector("video")
        ?? [...document.querySelectorAll("*")].map((e) => e.shadowRoot?.querySelector("video")).find(Boolean);
        window.video = video; video.playbackRate = 8; video.currentTime = video.duration - 0.01; }""")
    page.wait_for_function("video.currentTime < 0.4 && video.playbackRate === 1")
    page.wait_for_timeout(300)
    assert page.locator("form fieldset[disabled]").count() == 2
    # The same by hand, past the page: the server does not take it either.
    refused = page.evaluate("""async () => {
        const token = new URLSearchParams(location.search).get("t");
        const headers = { Authorization: "Bearer " + token, "Content-Type": "application/json" };
        const place = await (await fetch("api/place", { headers })).json();
        const proof = { played: 0.1, ended: true, plays: 1 };
        const body = JSON.stringify({ presentation: place.current.presentation, question: place.section.questions[0].id,
            value: 5, client_id: crypto.randomUUID(), client_at: Date.now(), proof });
        const response = await fetch("api/answers", { method: "POST", headers, body });
        return [response.status, (await response.json()).error]; }""")
    assert refused == [422, "not-played"]


def test_a_closed_tab_and_another_browser_go_on_at_the_same_place(study, visit):
    address = study.seat()
    page = visit(address)
    begin(page)
    play(page)
    rate(page, 3, 3)
    go_on(page)
    page.get_by_text("Clip 2 of 9").wait_for()
    play(page)
    page.locator('input[name="audio-quality"][value="5"]').check(force=True)
    page.get_by_text("Saved", exact=True).wait_for()
    page.context.close()
    other = visit(address, PHONE)
    other.get_by_text("Clip 2 of 9").wait_for()
    assert other.locator('input[name="audio-quality"][value="5"]').is_checked()
    # It has to be seen again here before anything more is answered.
    assert other.locator("form fieldset[disabled]").count() == 2


def test_two_tabs_double_clicks_and_the_back_button_add_nothing(study, visit):
    address = study.seat()
    before = study.count("SELECT count(*) FROM answer")
    one = visit(address)
    begin(one)
    two = one.context.new_page()
    two.goto(address)
    two.get_by_role("button", name="Start").click()
    for page in (one, two):
        play(page)
        rate(page, 2, 4)
        page.get_by_text("Saved", exact=True).wait_for()
    one.locator("button.next:not([disabled])").dblclick()
    one.get_by_text("Clip 2 of 9").wait_for()
    one.goto("about:blank")
    one.go_back()
    one.get_by_text("Clip 2 of 9").wait_for()
    go_on(two)
    two.get_by_text("Clip 2 of 9").wait_for()
    assert study.count("SELECT count(*) FROM answer") - before == 2


def test_a_cut_of_the_network_loses_nothing(study, visit):
    page = visit(study.seat())
    begin(page)
    play(page)
    before = study.count("SELECT count(*) FROM answer")
    page.context.set_offline(True)
    rate(page, 1, 5)
    page.get_by_text("No connection.").wait_for()
    photograph(page, "7-no-connection")
    page.wait_for_timeout(2000)
    assert study.count("SELECT count(*) FROM answer") == before
    assert page.locator("button.next").is_disabled()
    page.context.set_offline(False)
    page.get_by_text("Saved", exact=True).wait_for()
    assert study.count("SELECT count(*) FROM answer") == before + 2
    go_on(page)
    page.get_by_text("Clip 2 of 9").wait_for()


def test_a_page_closed_during_a_cut_sends_its_answers_later(study, visit):
    page = visit(study.seat())
    begin(page)
    play(page)
    before = study.count("SELECT count(*) FROM answer")
    page.context.set_offline(True)
    rate(page, 1, 5)
    page.get_by_text("No connection.").wait_for()
    again = page.context.new_page()
    address = page.url
    page.close(run_before_unload=False)
    again.context.set_offline(False)
    again.goto(address)
    again.locator(".where").wait_for()
    assert study.count("SELECT count(*) FROM answer") == before + 2
    assert where(again) == "Clip 2 of 9"


class Ear:
    """All that one browser receives but pictures and sounds, whom it asked, and its media's addresses."""

    def __init__(self, page: "sync_api.Page") -> None:
        self.said: list[str] = []
        self.hosts: set[str] = set()
        self.media: set[str] = set()
        page.on("requestfinished", lambda request: self.hear(request.response()))
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: self.said.append(str(frame))))

    def hear(self, response: "sync_api.Response") -> None:
        if response.url.startswith("blob:"):
            # The next clip, which the page had fetched before.
            return
        self.hosts.add(re.sub(r"^\w+://", "", response.url).partition("/")[0])
        self.said.append(response.url + "\n".join(f"{k}: {v}" for k, v in response.all_headers().items()))
        if "/m/" in response.url:
            self.media.add(response.url.rpartition("/")[2])
        elif response.ok and "/static/" not in response.url:
            self.said.append(response.body().decode(errors="replace"))


def test_a_browser_receives_nothing_that_unblinds_and_asks_nobody_else(study, visit):
    ears = []
    for _ in range(2):
        page = visit("about:blank")
        ears.append(Ear(page))
        page.goto(study.seat())
        begin(page)
        for number in (2, 3):
            play(page)
            rate(page, 2, 4)
            go_on(page)
            page.get_by_text(f"Clip {number} of 9").wait_for()
        # Streamlit remembers light or dark; answers that were saved are nowhere.
        assert page.evaluate("Object.keys(localStorage)") == ["stActiveTheme-/-v2"]
    assert ears[0].hosts == ears[1].hosts == {f"127.0.0.1:{study.port}"}
    assert len(ears[0].media) > 2
    assert not ears[0].media & ears[1].media
    text = "\n".join(part for ear in ears for part in ear.said).lower()
    for own_name in ("cmmd-bench", "cmmd_bench", "cmmd_study"):
        text = text.replace(own_name, "")
    assert "audio-quality" in text
    assert not [secret for secret in (*SECRETS, str(study.folder.path)) if secret.lower() in text]


def test_a_clip_that_does_not_load_is_tried_again_and_left_out(study, visit):
    page = visit(study.seat())
    begin(page)
    play(page)
    rate(page, 4, 4)
    page.context.route("**/m/*", lambda route: route.abort())
    before = study.count("SELECT count(*) FROM answer WHERE value IS NULL")
    # The clip after this one was fetched ahead; it is the one behind it that does not come.
    go_on(page)
    page.get_by_text("Clip 2 of 9").wait_for()
    play(page)
    rate(page, 4, 4)
    go_on(page)
    page.get_by_text("Clip 3 of 9").wait_for()
    page.get_by_text("Trying again").wait_for()
    page.get_by_role("button", name="It cannot be played: go on without it").click(timeout=20_000)
    page.get_by_text("Clip 4 of 9").wait_for()
    assert study.count("SELECT count(*) FROM answer WHERE value IS NULL") - before == 2
    page.context.unroute("**/m/*")
    page.reload()
    page.get_by_text("Clip 4 of 9").wait_for()
    play(page)


def test_the_host_sees_progress_and_no_systems(study, visit):
    page = visit(f"http://127.0.0.1:{study.port}/host")
    token = page.get_by_label("Token")
    token.wait_for()
    token.fill("a guess")
    token.press("Enter")
    page.get_by_text("This is not the token.").wait_for()
    assert page.get_by_text("Raters", exact=True).count() == 0
    token.fill(study.folder.admin_token())
    token.press("Enter")
    page.get_by_text("answers", exact=False).first.wait_for()
    page.get_by_text("Raters", exact=True).wait_for()
    page.wait_for_timeout(500)
    photograph(page, "8-host")
    assert not [name for name in SYSTEMS if name in page.content()]


def test_without_an_invitation_there_is_nothing(study, visit):
    page = visit(f"http://127.0.0.1:{study.port}/?t=aaaaaaaaaaaaaaaaaaaaaa")
    page.get_by_text("This page opens with your invitation").wait_for()
    assert page.locator("video").count() == 0


def test_a_killed_server_is_met_again(study, visit, tmp_path):
    folder = make_study(tmp_path / "study", clips=2, systems={"ground-truth": 1}, seconds=0.6)
    freeze(folder, folder.path / "study.db", now=0)
    own = Served(folder, free_port())
    with served(folder, own.port) as process:
        page = visit(own.seat())
        begin(page)
        play(page)
        process.kill()
        process.wait()
        rate(page, 3, 4)
        page.get_by_text("No connection.").wait_for()
    with served(folder, own.port):
        page.get_by_text("Saved", exact=True).wait_for(timeout=20_000)
        assert own.count("SELECT count(*) FROM answer") == 2
        started = time.monotonic()
        go_on(page)
        page.get_by_text("Clip 2 of 2").wait_for()
        assert time.monotonic() - started < 10
