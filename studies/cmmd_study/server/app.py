"""The server: Streamlit's pages with our own routes beside them, in one process."""

import logging
import socket
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_study.server.routes import routes
from cmmd_study.server.running import Running, serve_this

HEADERS = {
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), interest-cohort=()",
    # Streamlit compiles parts of its page at run time; everything comes from this server all the same.
    b"content-security-policy": (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        b"media-src 'self' blob:; connect-src 'self' ws: wss: blob:; worker-src 'self' blob:; "
        b"frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
    ),
}


def serve(running: Running, *, address: str, port: int, hosts: list[str]) -> None:
    """Serve until stopped. hosts: names under which browsers may ask for the pages, besides this machine's own."""
    import streamlit as st
    from starlette.middleware import Middleware

    _require_free(address, port)
    serve_this(running)
    # Each statement of a transaction lets other threads run; by default they would keep the processor for 5 ms each
    # time, while everybody else waits for this writer.
    sys.setswitchinterval(0.0002)
    assert running.preflight  # encoded before anybody waits for it
    # Requests of raters are nobody's business, and their tokens stand in the addresses.
    logging.getLogger("uvicorn.access").disabled = True
    app = st.App(
        Path(__file__).with_name("pages.py"),
        routes=routes(running),
        middleware=[Middleware(_Headers)],
    )
    app.run(config=configuration(address=address, port=port, hosts=hosts))


def _require_free(address: str, port: int) -> None:
    try:
        with socket.create_server((address, port)):
            pass
    except OSError as error:
        raise UserError(
            f"cannot listen on {address}:{port}: {error.strerror}. Choose another port with --port.",
            exit_code=ENVIRONMENT,
        ) from None


def configuration(*, address: str, port: int, hosts: list[str]) -> dict[str, Any]:
    """Streamlit's settings: no telemetry, no tracebacks for raters, nothing that watches or edits files."""
    return {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.enableStaticServing": False,
        # Off unless a person's own settings turn it on: programs have no seat in a study.
        "server.enableAgentApi": False,
        "server.showEmailPrompt": False,
        "server.allowedHosts": hosts,
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.showSidebarNavigation": False,
        "logger.hideWelcomeMessage": True,
        "theme.primaryColor": "#1f6f8b",
        "ui.hideTopBar": True,
    }


class _Headers:
    """Every reply carries HEADERS."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", [])}
                extra = [(name, value) for name, value in HEADERS.items() if name not in present]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self.app(scope, receive, with_headers)
