"""An HTTP server that gives files, or fails in the ways that servers fail."""

from __future__ import annotations

import dataclasses
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a request is answered.

    Attributes:
      body: What is sent.
      status: The status.
      headers: Further headers.
      declared: The Content-Length, if it is a lie.
      without_length: Sends no Content-Length, and ends with the connection.
      then: What happens behind the body: "end", "reset" the connection, or
        "hang" until the server ends.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    declared: int | None = None
    without_length: bool = False
    then: str = "end"


class AudioServer:
    """Serves `answers`: by path, one after the other; the last one stays.

    Attributes:
      answers: May be changed at any time.
      asked: The requests so far, such as "GET /a.wav".
      hanging: Is set while an answer hangs.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.hanging = threading.Event()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self, with_body=True)

            def do_HEAD(self) -> None:
                outer._answer(self, with_body=False)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=[0.01]
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def num_asked(self, request: str) -> int:
        return self.asked.count(request)

    @contextmanager
    def running(self) -> Iterator[AudioServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _answer(
        self, request: BaseHTTPRequestHandler, *, with_body: bool
    ) -> None:
        with self._lock:
            self.asked.append(f"{request.command} {request.path}")
            answers = self.answers.get(request.path, [Answer(status=404)])
            answer = answers[0] if len(answers) == 1 else answers.pop(0)
        request.send_response(answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        if answer.without_length:
            request.send_header("Connection", "close")
        else:
            length = answer.declared
            length = len(answer.body) if length is None else length
            request.send_header("Content-Length", str(length))
        request.end_headers()
        if not with_body:
            return
        request.wfile.write(answer.body)
        request.wfile.flush()
        request.close_connection = (
            answer.declared is not None or answer.without_length
        )
        if answer.then == "hang":
            self.hanging.set()
            self._ending.wait()
        elif answer.then == "reset":
            _reset(request.connection)
            request.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients may be killed, and connections reset."""


def _reset(connection: socket.socket) -> None:
    """Ends a connection with RST, as a crashed peer does."""
    no_linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    connection.close()
