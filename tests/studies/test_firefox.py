"""The study in Firefox, from consent to thanks by keyboard alone.

Needs Debian's Firefox with a codec for H.264 (libavcodec), and marionette_driver, which speaks its own protocol:
Playwright drives only a Firefox of its own make.
"""

import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from made import make_study

from cmmd_study.folder import StudyFolder
from cmmd_study.frozen import freeze
from cmmd_study.simulation.simulate import free_port, served
from cmmd_study.store.database import open_database
from cmmd_study.store.raters import invite

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    marionette = pytest.importorskip("marionette_driver.marionette", reason="needs marionette_driver")
BROWSER = shutil.which("firefox-esr") or shutil.which("firefox")
ENTER = "\ue007"
SETTINGS = {"media.autoplay.default": 0, "media.volume_scale": '"0.0"'}
# The page's elements lie in a shadow tree, which selectors do not enter by themselves.
DEEP = """
function deep(selector, root) {
  for (const found of [root.querySelector(selector)]) if (found) return found;
  for (const each of root.querySelectorAll("*")) {
    const found = each.shadowRoot && deep(selector, each.shadowRoot);
    if (found) return found;
  }
  return null;
}
function text(root) {
  let said = root.textContent || "";
  for (const each of root.querySelectorAll("*")) if (each.shadowRoot) said += text(each.shadowRoot);
  return said;
}
"""

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="needs Firefox"),
    # The driver leaves sockets open while it waits for the browser.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Firefox:
    """One window, seen and typed into as a person does."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def ask(self, script: str) -> Any:
        return self.driver.execute_script(DEEP + script, sandbox=None)

    def until(self, condition: str, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not self.ask(f"return Boolean({condition});"):
            if time.monotonic() > end:
                shown = " ".join(self.ask("return text(document.body);").split())[-600:]
                pytest.fail(f"waited {seconds:g} s for {condition}; the page shows: {shown}")
            time.sleep(0.05)

    def there(self, selector: str) -> None:
        self.until(f"deep({selector!r}, document)")

    def says(self, words: str) -> None:
        self.until(f"text(document.body).includes({words!r})")

    def focus(self, selector: str) -> None:
        self.there(selector)
        self.ask(f"deep({selector!r}, document).focus();")

    def press(self, key: str) -> None:
        self.driver.actions.sequence("key", "keyboard").send_keys(key).perform()


@pytest.fixture
def firefox(tmp_path) -> Iterator[Firefox]:
    port = free_port()
    profile = tmp_path / "profile"
    profile.mkdir()
    lines = [f'user_pref("{name}", {value});' for name, value in {**SETTINGS, "marionette.port": port}.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [str(BROWSER), "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    driver = marionette.Marionette(host="127.0.0.1", port=port)
    try:
        driver.raise_for_port(timeout=60)
        driver.start_session()
        yield Firefox(driver)
    finally:
        process.terminate()
        process.wait(20)


def test_a_whole_study_by_keyboard(firefox, tmp_path):
    folder = make_study(tmp_path / "study", clips=1, systems={"ground-truth": 1, "cmmd": 1}, practice=1, seconds=0.6)
    freeze(folder, folder.path / "study.db", now=0)
    port = free_port()
    with served(folder, port):
        token = _invited(folder)
        firefox.driver.navigate(f"http://127.0.0.1:{port}/?t={token}")
        firefox.focus('input[type="checkbox"]')
        firefox.press(" ")
        firefox.until("[...document.querySelectorAll('button')].some((one) => one.textContent.trim() === 'Continue')")
        firefox.ask(
            "[...document.querySelectorAll('button')].find((b) => b.textContent.trim() === 'Continue').focus();"
        )
        firefox.press(ENTER)
        firefox.there("button.play:not([disabled])")
        beeps = firefox.driver.execute_async_script(
            "const [token, done] = arguments; fetch('api/place', {headers: {Authorization: 'Bearer ' + token}})"
            ".then((reply) => reply.json()).then((place) => done(place.preflight.beeps));",
            script_args=(token,),
            sandbox=None,
        )
        firefox.press(ENTER)
        firefox.there("form fieldset:not([disabled])")
        firefox.press(str(beeps))
        firefox.press("1")
        firefox.press(ENTER)
        firefox.says("Start")
        firefox.press(ENTER)
        for number in (1, 2, 3):
            firefox.says(f"Clip {number} of 3")
            firefox.there("button.play:not([disabled])")
            firefox.press(ENTER)
            firefox.there("form fieldset:not([disabled])")
            firefox.press("5")
            firefox.press("1")
            firefox.there("button.next:not([disabled])")
            firefox.press(ENTER)
        firefox.says("All your answers are saved.")
    database = open_database(folder.database())
    try:
        with database.reading() as connection:
            values = connection.exec_driver_sql("SELECT value FROM answer ORDER BY id").scalars().all()
    finally:
        database.close()
    assert sorted(values) == [1, 1, 1, 5, 5, 5]


def _invited(folder: StudyFolder) -> str:
    database = open_database(folder.database())
    try:
        with database.writing() as connection:
            return invite(connection, 1, now=0)[0]
    finally:
        database.close()
