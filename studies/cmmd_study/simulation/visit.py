"""One synthetic rater's visit, over HTTP alone: what is known of a clip is what its bytes tell.

A visit is as patient as the page: what fails for lack of a server is tried again, with the same client id.
"""

import hashlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from cmmd_study.frozen import Frozen, Known
from cmmd_study.simulation.opinions import Opinion

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
PATIENCE = 120.0


class VisitError(Exception):
    """What the server refused, or never answered."""


@dataclass(slots=True)
class Diary:
    """What a visit saw. saved: client id -> (presentation, question, value) of every answer that was acknowledged.

    round_trips: seconds of each answer that was taken at the first try; retries: requests that were made again.
    """

    saved: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    round_trips: list[float] = field(default_factory=list)
    retries: int = 0
    finished: bool = False


@dataclass(slots=True)
class Visit:
    """speed: how much faster than a person; at 1 clips are watched for their length, at 0 nothing is waited for."""

    url: str
    token: str
    opinion: Opinion
    frozen: Frozen
    by_digest: Mapping[str, Known]
    waiting: float = 0.0
    diary: Diary = field(default_factory=Diary)

    def run(self) -> Diary:
        """From the invitation to the last answer, or VisitError."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=30.0) as client:
            place = self._ask(client, "GET", "/api/place")
            if place["page"] == "consent":
                agreement = {
                    "agreed": True,
                    "consent": place["consent"],
                    "language": place["language"],
                    "device": {"simulated": self.opinion.kind},
                }
                self._ask(client, "POST", "/api/consent", agreement)
                place = self._ask(client, "GET", "/api/place")
            if place["page"] == "preflight":
                self._media(client, place["preflight"]["media"])
                detail = {"heard": place["preflight"]["beeps"], "together": True, "passed": True}
                self._ask(client, "POST", "/api/events", {"kind": "preflight", "detail": detail})
                place = self._ask(client, "GET", "/api/place")
            seen: dict[str, int] = {}
            while place["page"] == "rating":
                self._rate(client, place, seen)
                place = self._ask(client, "GET", "/api/place")
            self.diary.finished = place["page"] == "thanks"
        return self.diary

    def _rate(self, client: httpx.Client, place: Mapping[str, Any], seen: dict[str, int]) -> None:
        current = place["current"]
        known = self.by_digest[hashlib.sha256(self._media(client, current["media"])).hexdigest()]
        stimulus = known.stimulus
        seen[stimulus.id] = seen.get(stimulus.id, 0) + 1
        time.sleep(self.waiting * known.seconds)
        proof = {"played": known.seconds, "ended": True, "plays": 1, "viewing": known.seconds, "visible": 1.0}
        for question in self.frozen.questionnaires[stimulus.section].questions:
            if question.id in current["answers"]:
                continue
            value = self.opinion.answer(stimulus, question, seen[stimulus.id])
            given = {"presentation": current["presentation"], "question": question.id, "value": value}
            self._answer(client, given, {**proof, "answering": 1.0})
            time.sleep(self.waiting * self.frozen.specification.seconds_per_answer)

    def _answer(self, client: httpx.Client, given: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
        client_id, began, before = str(uuid.uuid4()), time.monotonic(), self.diary.retries
        at = time.time_ns() // 1_000_000

        def body() -> dict[str, Any]:
            age = round((time.monotonic() - began) * 1000)
            return {**given, "client_id": client_id, "client_at": at, "proof": {**proof, "age": age}}

        said = self._ask(client, "POST", "/api/answers", body)
        if said["saved"] != client_id:
            raise VisitError(f"the server acknowledged {said['saved']!r} for answer {client_id!r}")
        self.diary.saved[client_id] = (given["presentation"], given["question"], given["value"])
        if self.diary.retries == before:
            self.diary.round_trips.append(time.monotonic() - began)

    def _media(self, client: httpx.Client, address: str) -> bytes:
        content: bytes = self._patiently(lambda: client.get(f"/{address}")).content
        return content

    def _ask(self, client: httpx.Client, method: str, path: str, value: Any = None) -> dict[str, Any]:
        def once() -> httpx.Response:
            body = value() if callable(value) else value
            return client.request(method, path, json=body) if body is not None else client.request(method, path)

        found: dict[str, Any] = self._patiently(once).json()
        return found

    def _patiently(self, send: Any) -> httpx.Response:
        until, attempt = time.monotonic() + PATIENCE, 0
        while True:
            try:
                response: httpx.Response = send()
                if response.status_code < 300:
                    return response
                if response.status_code < 500 and response.status_code != 429:
                    raise VisitError(f"{response.request.url.path}: {response.status_code} {response.text[:200]}")
            except httpx.TransportError as error:
                if time.monotonic() > until:
                    raise VisitError(f"no answer for {PATIENCE:g} s: {error}") from error
            if time.monotonic() > until:
                raise VisitError(f"the server could not save for {PATIENCE:g} s")
            self.diary.retries += 1
            time.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
            attempt += 1
