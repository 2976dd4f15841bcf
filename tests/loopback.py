"""A real HTTP server on this machine that notes what it is sent, and answers as it is told."""

from __future__ import annotations

import atexit
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    """One request as it came. The names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str]]


class Receiver:
    """``answers``: what to say, in turn; the last one again and again."""

    def __init__(self, answers: list[Answer]) -> None:
        self.requests: list[Request] = []
        self._answers = answers
        self.may_answer = threading.Event()
        self.may_answer.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, more = receiver.next_answer()
                receiver.requests.append(Request(self.command, self.path, headers, body))
                receiver.may_answer.wait()
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = do_PUT = do_HEAD = do_CONNECT = _take  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def hold(self) -> threading.Event:
        """Answer nothing until this is set."""
        self.may_answer.clear()
        return self.may_answer

    def next_answer(self) -> Answer:
        """The answer to this request."""
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def close(self) -> None:
        """End it."""
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiver(*answers: int | Answer) -> Iterator[Receiver]:
    """A server that answers so, or 200."""
    said = [(one, {}) if isinstance(one, int) else one for one in answers or (200,)]
    one = Receiver(said)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def raw(speak: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server without HTTP: ``speak`` has each connection, and an event that is set at the end; its host and port."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_speak, args=(connection,), daemon=True).start()

    def _speak(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            speak(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def hang(connection: socket.socket, over: threading.Event) -> None:
    """Take a request, and never answer."""
    over.wait()


def away() -> str:
    """A host and port at which nobody listens."""
    return f"127.0.0.1:{_kept().getsockname()[1]}"


@cache
def _kept() -> socket.socket:
    """A socket with a port at which it does not listen: so no server of a test beside this one is given that port."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    atexit.register(one.close)
    return one
