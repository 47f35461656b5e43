"""One address into one file over HTTP, to be continued where it stopped.

What has arrived lies in `part`; beside it `<part>.json` says from which address and which version of the file (the
server's strong ETag, else its date), so that a later call asks for the rest of the same file (Range with If-Range) and
starts anew if it has changed or the server ignores the question. Content is not judged here but for what is plainly no
file: a web page, another length than expected, compressed transfer. Only https, or http on this machine.
"""

import glob
import http.client
import json
import logging
import re
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cmmd_bench.atomic import explained, write_json
from cmmd_bench.errors import ENVIRONMENT, UserError

logger = logging.getLogger(__name__)

BLOCK = 1 << 18
LARGEST = 16 << 30
"""Bytes at which a file of unknown size is given up: none here comes near it, and a disk shall not fill up."""
PATIENCE = 60.0
"""The longest wait before another try, in seconds, whatever a server asks for."""

Report = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and the total, or None while it is unknown."""


class DownloadError(Exception):
    """This address did not give the file; the message says what was found. What has arrived may be kept."""


class _InterruptedTransferError(Exception):
    """The transfer stopped but may be continued; `after` is the wait in seconds that the server asks for."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class _Offer(NamedTuple):
    """What a response says about the file: where its bytes start, the total, the version, the SHA-256 (Hub only)."""

    start: int
    total: int | None
    version: str | None
    sha256: str | None


def download(
    url: str,
    part: Path,
    *,
    size: int | None = None,
    proven: bool = False,
    report: Report | None = None,
    tries: int = 5,
    pause: float = 1.0,
    timeout: float = 30.0,
) -> str | None:
    """Fetch `url` into `part`, continuing what is there. Returns the SHA-256 the server states for it, or None.

    `size` is the published one; another is refused before anything is transferred. `proven` says that a digest will be
    checked afterwards: only then is a file continued whose version the server does not tell. After an interruption it
    tries again, `tries` times without progress, waiting `pause` seconds, then twice as long each time.

    Raises DownloadError, and UserError (environment) for a disk that is full or not writable.
    """
    fruitless = 0
    while True:
        before = _length(part)
        try:
            return _transfer(url, part, size, proven, report or _silent, timeout)
        except _InterruptedTransferError as interrupted:
            fruitless = 0 if _length(part) - before >= BLOCK else fruitless + 1
            if fruitless >= tries:
                raise DownloadError(f"{interrupted} (tried {tries} times)") from None
            logger.info("%s: %s; trying again", url, interrupted)
            time.sleep(min(max(pause * 2 ** max(fruitless - 1, 0), interrupted.after), PATIENCE))


def discard(part: Path) -> None:
    """Remove what has arrived, and notes that a kill left half written."""
    for path in (part, _note(part), *part.parent.glob(f".{glob.escape(part.name)}-*.json")):
        path.unlink(missing_ok=True)


def _transfer(url: str, part: Path, size: int | None, proven: bool, report: Report, timeout: float) -> str | None:
    _check_address(url)
    offset, version = _kept(url, part, proven)
    # Compressed transfer would make lengths and ranges mean something else.
    headers = {"User-Agent": "cmmd-bench", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if version:
            headers["If-Range"] = version
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=timeout) as response:
            offer = _offer(response, offset, redirects.sha256, part)
            _check_offer(response, offer, size, part)
            _receive(response, part, offer, url, size, report)
        return offer.sha256
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and offset and _total(error.headers) == offset:
                return redirects.sha256
            raise _refusal(error, part) from None
    except (OSError, http.client.HTTPException) as error:
        # URLError wraps the cause; a certificate that is not trusted will not be so the next time either.
        cause = getattr(error, "reason", error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise DownloadError(f"its certificate is not trusted ({cause.verify_message})") from None
        raise _InterruptedTransferError(
            f"the connection failed after {_length(part)} bytes ({cause or type(cause).__name__})"
        ) from None


def _kept(url: str, part: Path, proven: bool) -> tuple[int, str | None]:
    """How many bytes to go on from, and of which version."""
    try:
        note: dict[str, Any] = json.loads(_note(part).read_bytes())
    except (FileNotFoundError, ValueError):
        note = {}
    same = note.get("url") == url
    version = note.get("version") if same else None
    if version or (proven and note):
        return _length(part), version
    return 0, None


def _offer(response: http.client.HTTPResponse, offset: int, sha256: str | None, part: Path) -> _Offer:
    headers = response.headers
    etag = headers.get("ETag") or ""
    # A weak ETag promises the same meaning, not the same bytes.
    version = etag if etag.startswith('"') else headers.get("Last-Modified")
    if response.status == 206:
        start = re.match(r"bytes (\d+)-", headers.get("Content-Range") or "")
        if start is None or int(start[1]) != offset:
            discard(part)
            raise _InterruptedTransferError(
                f"it answered with other bytes than asked for ({headers.get('Content-Range')})"
            )
        return _Offer(offset, _total(headers), version, sha256)
    length = headers.get("Content-Length")
    return _Offer(0, int(length) if length and length.isdecimal() else None, version, sha256)


def _check_offer(response: http.client.HTTPResponse, offer: _Offer, size: int | None, part: Path) -> None:
    if response.headers.get_content_type() == "text/html":
        raise DownloadError("it answered with a web page instead of the file")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise DownloadError(f"it sends the file compressed ({encoding}) though asked not to")
    if offer.total is None:
        if size is None and "chunked" not in (response.headers.get("Transfer-Encoding") or ""):
            raise DownloadError("it does not say how long the file is, so that a torn one could not be told")
        return
    if size is not None and offer.total != size:
        raise DownloadError(f"it offers a file of {offer.total} bytes, expected {size}")
    if offer.total > LARGEST:
        raise DownloadError(f"it offers a file of {offer.total} bytes, more than any of these weights")
    free = shutil.disk_usage(part.parent).free
    if offer.total - offer.start > free:
        raise UserError(
            f"no room for {part.with_suffix('')}: {offer.total - offer.start} bytes are missing, {free} are free on "
            "the disk. Make room, or set CMMD_BENCH_WEIGHTS to a folder on a larger one.",
            exit_code=ENVIRONMENT,
        )


def _receive(
    response: http.client.HTTPResponse, part: Path, offer: _Offer, url: str, size: int | None, report: Report
) -> None:
    most = offer.total or size or LARGEST
    with explained(part):
        stream = part.open("r+b" if part.exists() else "w+b")
    with stream:
        with explained(part):
            # Cut first: a note must never speak of bytes that came from elsewhere.
            stream.truncate(offer.start)
            stream.seek(offer.start)
            write_json(_note(part), {"url": url, "version": offer.version, "total": offer.total})
        arrived = offer.start
        while block := response.read1(BLOCK):
            if not arrived and block.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
                raise DownloadError("it answered with a web page instead of the file")
            arrived += len(block)
            if arrived > most:
                discard(part)
                raise DownloadError(f"it sends more than the {most} bytes that the file has")
            with explained(part):
                stream.write(block)
                # What has arrived shall be there after a kill.
                stream.flush()
            report(arrived, offer.total or size)
    expected = offer.total or size
    if expected is not None and arrived < expected:
        raise _InterruptedTransferError(f"it broke off after {arrived} of {expected} bytes")


def _refusal(error: urllib.error.HTTPError, part: Path) -> Exception:
    code, phrase = error.code, http.client.responses.get(error.code, "")
    if code == 416:
        discard(part)
        return _InterruptedTransferError("the file there is not the one begun")
    if code in (408, 425, 429) or code >= 500:
        after = error.headers.get("Retry-After") or ""
        return _InterruptedTransferError(f"it answered {code} {phrase}", float(after) if after.isdecimal() else 0.0)
    return DownloadError(f"it answered {code} {phrase}")


def _total(headers: Any) -> int | None:
    match = re.search(r"/(\d+)$", headers.get("Content-Range") or "")
    return int(match[1]) if match else None


def _check_address(url: str) -> None:
    address = urllib.parse.urlsplit(url)
    local = address.hostname in ("localhost", "127.0.0.1", "::1")
    if address.scheme != "https" and not (address.scheme == "http" and local):
        raise DownloadError(f"{address.scheme}://{address.hostname} is not https")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https only, and keeps the digest that the Hub states before it hands over to its store."""

    sha256: str | None = None

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        _check_address(newurl)
        stated = (headers.get("X-Linked-Etag") or "").strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", stated):
            self.sha256 = stated
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _silent(arrived: int, total: int | None) -> None:
    pass
