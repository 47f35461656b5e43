"""One address into one file, from servers that do everything wrong: the bytes are right in the end or the error is."""

import json

import numpy as np
import pytest
from file_server import (
    FileServer,
    answers,
    breaks_off,
    chunked,
    ignores_range,
    says_length,
    sends,
    sends_other_range,
    without_etag,
    without_length,
)

from cmmd_bench.errors import UserError
from cmmd_bench.weights.download import DownloadError, discard, download

BODY = np.random.default_rng(5).bytes(3_000_001)
QUICK = {"pause": 0.001, "timeout": 5.0}


@pytest.fixture
def server():
    with FileServer({"/file": BODY}) as server:
        yield server


@pytest.fixture
def part(tmp_path):
    return tmp_path / "file.part"


def test_a_file_arrives_with_its_progress(server, part):
    seen = []
    download(server.url("/file"), part, size=len(BODY), report=lambda *news: seen.append(news), **QUICK)
    assert part.read_bytes() == BODY
    arrived = [count for count, _ in seen]
    assert arrived == sorted(arrived)
    assert seen[-1] == (len(BODY), len(BODY))


def test_what_broke_off_is_continued_where_it_stopped(server, part):
    server.faults = [breaks_off(1_000_000), breaks_off(500_000)]
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked == [
        ("/file", None, None),
        ("/file", "bytes=1000000-", '"one"'),
        ("/file", "bytes=1500000-", '"one"'),
    ]


def test_a_later_call_goes_on_from_what_an_earlier_one_left(server, part):
    server.always = breaks_off(0)
    server.faults = [breaks_off(700_000)]
    with pytest.raises(DownloadError, match=r"broke off after 700000 of 3000001 bytes \(tried 3 times\)"):
        download(server.url("/file"), part, tries=3, **QUICK)
    server.always = None
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked[-1] == ("/file", "bytes=700000-", '"one"')


def test_a_transfer_that_makes_progress_may_break_off_more_often_than_the_tries(server, part):
    server.always = breaks_off(400_000)
    download(server.url("/file"), part, tries=2, **QUICK)
    assert part.read_bytes() == BODY
    assert len(server.asked) == 8


def test_a_server_that_ignores_ranges_is_read_from_the_start(server, part):
    server.faults = [breaks_off(1_000_000), ignores_range]
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY


def test_a_server_that_sends_another_range_is_asked_for_the_whole(server, part):
    server.faults = [breaks_off(1_000_000), sends_other_range]
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked[-1] == ("/file", None, None)


def test_a_file_that_changed_in_between_is_not_pasted_together(server, part):
    server.faults = [breaks_off(1_000_000, etag='"old"')]
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked[-1] == ("/file", "bytes=1000000-", '"old"')


@pytest.mark.parametrize(("proven", "second"), [(False, None), (True, "bytes=1000000-")])
def test_without_a_version_only_a_file_with_a_digest_is_continued(server, part, proven, second):
    server.faults = [breaks_off(1_000_000, etag=None), without_etag]
    download(server.url("/file"), part, proven=proven, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked[-1] == ("/file", second, None)


def test_a_weak_etag_does_not_name_bytes(server, part):
    server.faults = [breaks_off(1_000_000, etag='W/"one"')]
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked[-1] == ("/file", None, None)


def test_what_is_complete_already_is_not_sent_again(server, part):
    download(server.url("/file"), part, **QUICK)
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked[-1][1] == f"bytes={len(BODY)}-"


def test_a_part_longer_than_the_file_is_begun_anew(server, part):
    download(server.url("/file"), part, **QUICK)
    part.write_bytes(BODY + b"more")
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY


def test_a_note_that_is_torn_costs_only_the_beginning(server, part):
    part.write_bytes(b"what is this")
    part.with_name("file.part.json").write_text('{"url": ')
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("length", [len(BODY) + 5, len(BODY) - 5])
def test_a_length_that_is_not_the_published_one_is_refused_before_the_transfer(server, part, length):
    server.always = says_length(length)
    with pytest.raises(DownloadError, match=f"offers a file of {length} bytes, expected {len(BODY)}"):
        download(server.url("/file"), part, size=len(BODY), **QUICK)
    assert not part.exists()


def test_a_length_too_long_by_a_lie_is_told_as_what_it_looks_like(server, part):
    server.always = says_length(len(BODY) + 5)
    with pytest.raises(DownloadError, match=f"broke off after {len(BODY)} of {len(BODY) + 5} bytes"):
        download(server.url("/file"), part, tries=2, **QUICK)


@pytest.mark.parametrize(
    ("code", "phrase"), [(403, "Forbidden"), (404, "Not Found"), (401, "Unauthorized"), (410, "Gone")]
)
def test_a_refusal_is_not_asked_for_twice(server, part, code, phrase):
    server.always = answers(code)
    with pytest.raises(DownloadError, match=f"it answered {code} {phrase}"):
        download(server.url("/file"), part, **QUICK)
    assert len(server.asked) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
def test_an_overloaded_server_is_asked_again(server, part, code):
    server.faults = [answers(code, Retry_After="0"), answers(code)]
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert len(server.asked) == 3


def test_a_server_that_stays_overloaded_is_given_up(server, part):
    server.always = answers(503)
    with pytest.raises(DownloadError, match=r"it answered 503 Service Unavailable \(tried 3 times\)"):
        download(server.url("/file"), part, tries=3, **QUICK)


@pytest.mark.parametrize(
    "page",
    [
        sends(b"<p>Please log in</p>", Content_Type="text/html; charset=utf-8"),
        sends(b"\n<!DOCTYPE html><html>Virus scan warning</html>"),
        sends(b"<html>404</html>", Content_Type="application/octet-stream"),
    ],
)
def test_a_web_page_is_not_a_file(server, part, page):
    server.always = page
    with pytest.raises(DownloadError, match="a web page instead of the file"):
        download(server.url("/file"), part, **QUICK)


def test_compressed_transfer_is_refused(server, part):
    server.always = sends(BODY, Content_Encoding="gzip")
    with pytest.raises(DownloadError, match=r"sends the file compressed \(gzip\)"):
        download(server.url("/file"), part, **QUICK)


def test_chunks_without_a_length_arrive(server, part):
    server.always = chunked()
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY


def test_chunks_that_break_off_are_noticed(server, part):
    server.faults = [chunked(1_000_000)]
    download(server.url("/file"), part, **QUICK)
    assert part.read_bytes() == BODY


def test_without_any_length_a_torn_file_could_not_be_told(server, part):
    server.always = without_length
    with pytest.raises(DownloadError, match="does not say how long the file is"):
        download(server.url("/file"), part, **QUICK)
    download(server.url("/file"), part, size=len(BODY), **QUICK)
    assert part.read_bytes() == BODY


def test_more_bytes_than_the_file_has_are_not_taken(server, part):
    server.always = without_length
    with pytest.raises(DownloadError, match="sends more than the 1000 bytes that the file has"):
        download(server.url("/file"), part, size=1000, **QUICK)
    assert not part.exists()


def test_an_endless_file_is_refused(server, part):
    server.always = says_length(10**14)
    with pytest.raises(DownloadError, match="more than any of these weights"):
        download(server.url("/file"), part, **QUICK)


def test_a_full_disk_is_told_before_the_transfer(server, part, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(UserError, match="3000001 bytes are missing, 1000 are free") as caught:
        download(server.url("/file"), part, **QUICK)
    assert caught.value.exit_code == 3


def test_redirects_are_followed_and_the_hubs_digest_is_told(server, part):
    digest = "ab" * 32
    server.files["/start"] = b""
    server.faults = [answers(302, Location="/file", X_Linked_Etag=f'"{digest}"')]
    assert download(server.url("/start"), part, **QUICK) == digest
    assert part.read_bytes() == BODY


def test_a_range_survives_a_redirect(server, part):
    server.faults = [
        answers(302, Location="/file"), breaks_off(1_000_000), answers(302, Location="/file")
    ]  # fmt: skip
    download(server.url("/start"), part, **QUICK)
    assert part.read_bytes() == BODY
    assert server.asked[-1] == ("/file", "bytes=1000000-", '"one"')


def test_a_redirect_that_goes_in_circles_is_given_up(server, part):
    server.always = answers(302, Location="/file")
    with pytest.raises(DownloadError, match="it answered 302 Found"):
        download(server.url("/file"), part, **QUICK)


@pytest.mark.parametrize("target", ["http://example.org/x", "ftp://example.org/x", "file:///etc/passwd"])
def test_only_https_leaves_this_machine(server, part, target):
    with pytest.raises(DownloadError, match="is not https"):
        download(target, part, **QUICK)
    server.always = answers(302, Location=target)
    with pytest.raises(DownloadError, match=r"is not https|it answered 302"):
        download(server.url("/file"), part, **QUICK)
    assert not part.exists()


def test_nobody_there(part):
    with FileServer({}) as server:
        url = server.url("/file")
    with pytest.raises(DownloadError, match=r"the connection failed after 0 bytes .*refused.* \(tried 2 times\)"):
        download(url, part, tries=2, **QUICK)


def test_a_silent_server_is_given_up_after_the_timeout(server, part):
    import threading

    over = threading.Event()
    server.always = lambda handler, body: over.wait(10)
    with pytest.raises(DownloadError, match=r"the connection failed after 0 bytes \(timed out\)"):
        download(server.url("/file"), part, tries=1, pause=0.001, timeout=0.2)
    over.set()


def test_the_note_names_the_address_and_the_version(server, part):
    download(server.url("/file"), part, **QUICK)
    note = json.loads(part.with_name("file.part.json").read_text())
    assert note == {"url": server.url("/file"), "version": '"one"', "total": len(BODY)}
    part.with_name(".file.part-0a1b2c3d4e5f.json").write_text("{")
    discard(part)
    assert list(part.parent.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_sentence(server, tmp_path):
    blocked = tmp_path / "file.part"
    blocked.mkdir()
    with pytest.raises(UserError, match=r"cannot write .*file\.part"):
        download(server.url("/file"), blocked, **QUICK)
