"""The HTTP interface that the player uses, and that `study simulate` uses in the same way.

    GET  /api/place                      where this rater is, with all that the page needs
    POST /api/consent                    {"agreed": true, "consent": digest, "language", "device"}
    POST /api/answers                    `answering.Given`; 200 only after the commit
    POST /api/events                     {"kind": "preflight", "detail"}
    GET  /m/<name>                       media, by ranges

The seat's token comes as `Authorization: Bearer`. Refusals are {"error": code, "message": text} with a status of 4xx;
a database that cannot be written is 503, which pages try again.
"""

import logging
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from cmmd_bench.errors import UserError
from cmmd_bench.toml_files import Strict
from cmmd_study.clock import now_ms
from cmmd_study.journey import due, find_place
from cmmd_study.server.addresses import PREFLIGHT, beeps, cookie_name, is_genuine
from cmmd_study.server.answering import Given, RefusedError, take
from cmmd_study.server.guards import GuardError, json_body, require_own_page, token_of
from cmmd_study.server.place_json import consent_digest, place_json
from cmmd_study.server.running import Running
from cmmd_study.store import raters
from cmmd_study.store.raters import Rater
from cmmd_study.store.studies import note_event

PRIVATE = {"Cache-Control": "private, no-store"}
HOUR = 3_600_000
_STATUS = {"unknown-clip": 404, "unknown-question": 404, "off-scale": 422, "not-played": 422, "not-yet": 409}
_log = logging.getLogger("cmmd_study")


class Agreement(Strict):
    """What a rater sends on agreeing. consent: digest of the text that was shown."""

    agreed: bool
    consent: str = Field(max_length=64)
    language: str = Field(max_length=8)
    device: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=12)


class Event(Strict):
    """Something that happened around the answers: how the test of sound went."""

    kind: Literal["preflight"]
    detail: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=12)


def routes(running: Running) -> list[Route]:
    """All routes of one study."""

    def place(token: str, _: None) -> JSONResponse:
        frozen = running.refreshed()
        with running.database.reading() as connection:
            rater = _seat(raters.find(connection, token))
            found = find_place(connection, frozen, rater)
        response = JSONResponse(place_json(frozen, rater, found), headers=PRIVATE)
        # The media element can send no header of its own: this cookie is what it has.
        response.set_cookie(cookie_name(rater.id), token, httponly=True, samesite="strict", path="/m")
        return response

    def consent(token: str, body: Any) -> JSONResponse:
        given, frozen = Agreement.model_validate(body), running.refreshed()
        if frozen.study.closed_at is not None:
            raise GuardError(410, "closed", "the study is closed")
        if given.language not in frozen.specification.title.languages:
            raise GuardError(422, "unknown-language", "the study is not held in this language")
        if not given.agreed or given.consent != consent_digest(frozen, given.language):
            raise GuardError(422, "no-consent", "the text that was agreed to is not the study's")
        agree(running, token, language=given.language, device=given.device)
        return JSONResponse({"page": "preflight"}, headers=PRIVATE)

    def answers(token: str, body: Any) -> JSONResponse:
        given, frozen = Given.model_validate(body), running.refreshed()
        with running.database.writing() as connection:
            rater = _seat(raters.find(connection, token))
            taken = take(connection, frozen, rater, given, now=now_ms())
        return JSONResponse(
            {"saved": given.client_id, "revision": taken.revision, "finished": taken.finished}, headers=PRIVATE
        )

    def events(token: str, body: Any) -> JSONResponse:
        given = Event.model_validate(body)
        with running.database.writing() as connection:
            rater = _seat(raters.find(connection, token))
            kept = note_event(connection, rater.id, given.kind, given.detail, now=now_ms())
        return JSONResponse({"kept": kept}, headers=PRIVATE)

    def media(request: Request) -> Response:
        return _media(running, request)

    return [
        Route("/api/place", _endpoint(running, place, reads=False), methods=["GET"]),
        Route("/api/consent", _endpoint(running, consent), methods=["POST"]),
        Route("/api/answers", _endpoint(running, answers), methods=["POST"]),
        Route("/api/events", _endpoint(running, events), methods=["POST"]),
        Route("/m/{name}", media, methods=["GET"]),
    ]


def agree(running: Running, token: str, *, language: str, device: dict[str, Any]) -> None:
    """Consent of the seat with this token: its order is fixed from here on."""
    frozen, now = running.refreshed(), now_ms()
    with running.database.writing() as connection:
        rater = _seat(raters.find(connection, token))
        raters.release(connection, unseen_since=now - frozen.specification.orders.abandoned_after_hours * HOUR)
        text = consent_digest(frozen, language)
        raters.agree(connection, rater.id, language=language, consent=text, device=device, now=now)


def _endpoint(running: Running, work: Callable[[str, Any], JSONResponse], *, reads: bool = True) -> Any:
    """A guarded endpoint: `work` gets the token and the body, in a thread of its own."""

    async def endpoint(request: Request) -> Response:
        try:
            require_own_page(request)
            token = token_of(request)
            running.pace.require(token)
            body = await json_body(request) if reads else None
            return await run_in_threadpool(work, token, body)
        except GuardError as error:
            return _refused(error.status, error.code, str(error))
        except RefusedError as error:
            return _refused(
                _STATUS.get(error.code, 410 if error.code in ("closed", "withdrawn") else 409), error.code, str(error)
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return _refused(422, "malformed", f"{where or 'body'}: {first['msg']}")
        except UserError as error:
            # A full disk or a locked database: the host's log says more than a rater needs to know.
            _log.error("%s", error)
            return _refused(503, "not-saved", "the study cannot save at the moment; the page tries again")

    return endpoint


def _media(running: Running, request: Request) -> Response:
    frozen, name = running.refreshed(), request.path_params["name"]
    shown = name.partition(".")[0]
    for cookie, token in request.cookies.items():
        if not cookie.startswith("seat-"):
            continue
        with running.database.reading() as connection:
            rater = raters.find(connection, token)
            if rater is None or not is_genuine(frozen.study.secret, rater.id, name):
                continue
            near = due(connection, frozen, rater)
        if shown == PREFLIGHT:
            return Response(
                running.preflight[beeps(frozen.study.secret, rater.id)], media_type="video/mp4", headers=PRIVATE
            )
        here = next((each for each in near if each.id == shown), None)
        if here is None:
            break
        return _Media(running.folder.media(here.stimulus), media_type="video/mp4", headers=PRIVATE)
    # Whatever is wrong, the answer is the same: a guess learns nothing.
    return Response(status_code=404, headers=PRIVATE)


class _Media(FileResponse):
    """A file by ranges, without the headers that would be alike for all raters or tell when it was made."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Nobody can know a validator that is never given out.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"if-range"]
        await super().__call__(scope, receive, send)

    def set_stat_headers(self, stat_result: Any) -> None:
        super().set_stat_headers(stat_result)
        for header in ("etag", "last-modified"):
            if header in self.headers:
                del self.headers[header]


def _seat(rater: Rater | None) -> Rater:
    if rater is None:
        raise GuardError(401, "no-seat", "this needs the link of an invitation")
    return rater


def _refused(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": code, "message": message}, status_code=status, headers=PRIVATE)
