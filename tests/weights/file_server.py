"""A web server on this machine that serves files well, and badly in every way a test asks for."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files` with ranges; the next of `server.faults`, if there is one, answers instead."""

    server: "FileServer"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append((path, self.headers.get("Range"), self.headers.get("If-Range")))
        fault = self.server.faults.pop(0) if self.server.faults else self.server.always
        body = self.server.files.get(path)
        try:
            if fault is not None:
                fault(self, body)
            elif body is None:
                self.send_error(404)
            else:
                self.serve(body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self.close_connection = True

    def start(self, body: bytes, *, etag: str | None = '"one"', length: int | None = None, **headers: str) -> int:
        """Send the head for the range asked for; returns where the body starts."""
        asked = self.headers.get("Range")
        fresh = self.headers.get("If-Range") in (None, etag)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and fresh else 0
        if start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return len(body)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start if length is None else length))
        if etag:
            self.send_header("ETag", etag)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        return start

    def serve(self, body: bytes, **options) -> None:
        start = self.start(body, **options)
        self.wfile.write(body[start:])

    def log_message(self, *_arguments) -> None:
        pass


Fault = Callable[[Handler, bytes | None], None]


class FileServer(ThreadingHTTPServer):
    """`with FileServer({"/a": b"..."}) as server: server.url("/a")`."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.asked: list[tuple[str, str | None, str | None]] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_error) -> None:
        self.shutdown()
        self.server_close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


def breaks_off(count: int, etag: str | None = '"one"') -> Fault:
    """Announces all of it and sends `count` bytes."""

    def fault(handler: Handler, body: bytes) -> None:
        start = handler.start(body, etag=etag)
        handler.wfile.write(body[start : start + count])

    return fault


def ignores_range(handler: Handler, body: bytes) -> None:
    del handler.headers["Range"]
    handler.serve(body)


def sends_other_range(handler: Handler, body: bytes) -> None:
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 1-{len(body) - 1}/{len(body)}")
    handler.send_header("Content-Length", str(len(body) - 1))
    handler.end_headers()
    handler.wfile.write(body[1:])


def without_etag(handler: Handler, body: bytes) -> None:
    handler.serve(body, etag=None)


def answers(code: int, **headers: str) -> Fault:
    def fault(handler: Handler, body: bytes) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return fault


def says_length(length: int) -> Fault:
    """A Content-Length that is not the body's."""

    def fault(handler: Handler, body: bytes) -> None:
        del handler.headers["Range"]
        handler.serve(body, length=length)

    return fault


def sends(other: bytes, **headers: str) -> Fault:
    """Other bytes than the file's."""

    def fault(handler: Handler, body: bytes) -> None:
        handler.serve(other, **headers)

    return fault


def chunked(body_end: int | None = None) -> Fault:
    """No length, in chunks; with `body_end` it breaks off there without the last chunk."""

    def fault(handler: Handler, body: bytes) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        piece = body[:body_end]
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if body_end is None:
            handler.wfile.write(b"0\r\n\r\n")

    return fault


def without_length(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body)


def slowly(piece: int, pause: float) -> Fault:
    """The file in pieces with a pause after each."""

    def fault(handler: Handler, body: bytes) -> None:
        start = handler.start(body)
        for at in range(start, len(body), piece):
            handler.wfile.write(body[at : at + piece])
            handler.wfile.flush()
            time.sleep(pause)

    return fault
