"""Who may ask, how much at once, and how often. Streamlit's own protection does not cover these routes."""

import json
import threading
import time
from collections import OrderedDict
from typing import Any

from starlette.requests import Request

LARGEST_BODY = 16 * 1024
"""Bytes of a request; an answer with its proof has about 600."""
PER_SECOND, BURST = 20.0, 60.0
"""Requests of one seat: a page sends one for each answer."""
MOST_SEATS = 10_000
OWN_SITE = ("same-origin", "none")


class GuardError(Exception):
    """A request that is not let in: HTTP status, code for programs, message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def token_of(request: Request) -> str:
    """The seat's token; it travels in a header that no foreign page can set."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not 16 <= len(token) <= 64 or not token.isascii():
        raise GuardError(401, "no-seat", "this needs the link of an invitation")
    return token


def require_own_page(request: Request) -> None:
    """Refuse what another site's page sends."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site is not None and site not in OWN_SITE
    if not foreign and origin is not None:
        # Behind a proxy the scheme may differ, the host may not.
        foreign = origin.partition("://")[2].lower() != request.headers.get("host", "").lower()
    if foreign:
        raise GuardError(403, "foreign-origin", "answers are taken from the study's own page only")


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request, of limited size whatever its headers claim."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise GuardError(415, "not-json", "the body must be application/json")
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BODY:
            raise GuardError(413, "too-large", f"the body must have at most {LARGEST_BODY} bytes")
    try:
        value = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise GuardError(400, "malformed", "the body is not JSON") from None
    if not isinstance(value, dict):
        raise GuardError(400, "malformed", "the body must be a JSON object")
    return value


class Pace:
    """A bucket of requests for each seat. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def require(self, key: str) -> None:
        """Count one request; GuardError for a seat that asks too often."""
        now = time.monotonic()
        with self._lock:
            left, at = self._buckets.pop(key, (BURST, now))
            left = min(BURST, left + (now - at) * PER_SECOND)
            self._buckets[key] = (max(left - 1, 0), now)
            if len(self._buckets) > MOST_SEATS:
                self._buckets.popitem(last=False)
        if left < 1:
            raise GuardError(429, "too-fast", "too many requests; the page tries again by itself")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
