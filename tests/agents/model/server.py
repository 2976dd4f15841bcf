"""The server: requests of programs are noted for their cell and answered as its scenario says."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .answered import Api, api_of
from .failures import refusal
from .turn import Reply, Scenario, Turn, decide

NOTED_HEADERS = ("user-agent", "x-api-key", "authorization", "x-goog-api-key", "session_id", "anthropic-beta")


class Handler(BaseHTTPRequestHandler):
    """One connection of a program."""

    protocol_version = "HTTP/1.1"
    server: Model

    def log_message(self, *_: object) -> None:
        """Say nothing: ``Model.requests`` has it."""

    def do_HEAD(self) -> None:
        self._send(200, {}, b"")

    def do_GET(self) -> None:
        cell, path = self._where()
        self._note(cell, path, None)
        if path.rstrip("/").endswith("/models"):
            self._json(200, {"object": "list", "data": [], "models": []})
        else:
            self._nothing_there(path)

    def do_POST(self) -> None:
        cell, path = self._where()
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        api = api_of(path)
        if path.endswith(("/count_tokens", ":countTokens")):
            self._json(200, {"input_tokens": 10, "totalTokens": 10})
        elif api is None:
            self._note(cell, path, None)
            self._nothing_there(path)
        else:
            turn = api.read(body, path)
            self._note(cell, path, turn)
            self._answer(api, turn, self.server.scenario(cell))

    def _where(self) -> tuple[str, str]:
        found = re.match(r"/c/([^/]+)(/.*|$)", urlsplit(self.path).path)
        return (found[1], found[2] or "/") if found else ("", urlsplit(self.path).path)

    def _answer(self, api: Api, turn: Turn, scenario: Scenario) -> None:
        refused = refusal(api, scenario, turn.model)
        if refused:
            self._json(refused.status, refused.body, refused.headers)
            return
        number = self.server.number()
        if scenario.name == "hang":
            self.server.over.wait(scenario.seconds)
        reply = decide(turn, scenario)
        if turn.stream:
            self._stream(api, turn, reply, number, scenario)
            return
        if scenario.name == "slow":
            self.server.over.wait(scenario.seconds)
        self._json(200, api.whole(turn, reply, number))

    def _stream(self, api: Api, turn: Turn, reply: Reply, number: int, scenario: Scenario) -> None:
        def pause() -> None:
            if scenario.name == "slow" or (scenario.name == "stall" and turn.results):
                self.server.over.wait(scenario.seconds)
            if scenario.name == "drop":
                raise ConnectionAbortedError

        self.close_connection = True
        try:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for event, data in api.stream(turn, reply, pause, number):
                text = data if isinstance(data, str) else json.dumps(data)
                self.wfile.write(((f"event: {event}\n" if event else "") + f"data: {text}\n\n").encode())
                self.wfile.flush()
        except OSError:
            return  # the program has hung up, or was hung up on

    def _nothing_there(self, path: str) -> None:
        self._json(404, {"error": {"message": f"there is nothing at {path}", "type": "not_found"}})

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _note(self, cell: str, path: str, turn: Turn | None) -> None:
        chosen = {name: self.headers[name] for name in NOTED_HEADERS if self.headers[name]}
        line: dict[str, Any] = {"method": self.command, "path": path, "headers": chosen}
        self.server.note(cell, line if turn is None else {**line, **turn._asdict(), "tools": sorted(turn.tools)})


class Model(ThreadingHTTPServer):
    """The service; ``base(cell)`` is the address to give to a program."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._scenarios: dict[str, Scenario] = {}
        self._noted: dict[str, list[dict[str, Any]]] = {}
        self._count = 0

    def base(self, cell: str) -> str:
        """The address of a cell, without the ``/v1`` that OpenAI's programs want behind it."""
        return f"http://127.0.0.1:{self.server_port}/c/{cell}"

    def play(self, cell: str, scenario: str) -> None:
        """From now on the cell is answered so."""
        name, _, argument = scenario.partition(":")
        with self._lock:
            self._scenarios[cell] = Scenario(name, argument)

    def scenario(self, cell: str) -> Scenario:
        """What the cell is answered."""
        with self._lock:
            return self._scenarios.get(cell, Scenario("answer"))

    def requests(self, cell: str) -> list[dict[str, Any]]:
        """What the programs of a cell have asked so far: method, path, headers, and of a turn its fields."""
        with self._lock:
            return list(self._noted.get(cell, []))

    def turns(self, cell: str) -> list[dict[str, Any]]:
        """Those of them that ask the model something."""
        return [one for one in self.requests(cell) if "user" in one]

    def note(self, cell: str, line: dict[str, Any]) -> None:
        """Keep a request."""
        with self._lock:
            self._noted.setdefault(cell, []).append(line)

    def number(self) -> int:
        """A number that no answer has had before."""
        with self._lock:
            self._count += 1
            return self._count

    def handle_error(self, *_: object) -> None:
        """Say nothing: programs hang up."""


@contextmanager
def serving() -> Iterator[Model]:
    """A service at a free port until the end of the block."""
    model = Model()
    thread = threading.Thread(target=model.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.over.set()
        model.shutdown()
        model.server_close()
        thread.join()
