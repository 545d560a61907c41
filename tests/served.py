"""A real HTTP server in a thread, which answers as a function says, and a clock that nobody waits for."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pawl.judges.endpoint import Endpoint
from pawl.judges.endpoint_pace import Clock


@dataclass(frozen=True)
class Request:
    number: int
    """From 0 on, in the order in which they came."""
    body: dict[str, Any]
    headers: Mapping[str, str]
    path: str

    @property
    def text(self) -> str:
        """What the user says."""
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Response:
    body: bytes | dict[str, Any] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    """Bytes that are promised and do not come."""
    seconds: float = 0.0
    """Before it comes."""
    parts: int = 1
    """In which it comes."""


def said(text: str | None, *, finish: str = "stop", places: Sequence[Mapping[str, float]] = (), read: int = 10,
         written: int = 2, **more: Any) -> Response:
    """A reply in the shape of OpenAI's; `places` are the chances of tokens, the written one first."""
    listed = [[{"token": token, "logprob": math.log(chance)} for token, chance in place.items()] for place in places]
    logprobs = {"content": [{**pairs[0], "top_logprobs": pairs} for pairs in listed]}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish,
              "logprobs": logprobs if places else None}
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return Response({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage} | more)


class Server:
    """Where it is, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.requests: list[Request] = []

    @property
    def texts(self) -> list[str]:
        return [request.text for request in self.requests]


@contextmanager
def serving(answer: Callable[[Request], Response]) -> Iterator[Server]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                request = Request(len(server.requests), body, dict(self.headers), self.path)
                server.requests.append(request)
            self.reply(answer(request))

        do_GET = do_POST

        def reply(self, response: Response) -> None:
            raw = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
            time.sleep(response.seconds)
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw) + response.missing))
            self.end_headers()
            size = -(-len(raw) // response.parts) or 1
            for start in range(0, len(raw), size):
                self.wfile.write(raw[start : start + size])
                self.wfile.flush()
                if response.parts > 1:
                    time.sleep(0.01)
            self.close_connection = bool(response.missing)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads, block_on_close = True, False
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is what some tests are about."""

    http = Quiet(("127.0.0.1", 0), Handler)
    server = Server(http.server_address[1])
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


class Hours:
    """A clock that goes on by what was slept and by nothing else; threads may share it."""

    def __init__(self, step: float = 0.0) -> None:
        self._lock, self._now, self._step = threading.Lock(), 0.0, step
        self.slept: list[float] = []

    def now(self) -> float:
        with self._lock:
            self._now += self._step
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self.slept.append(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(now=self.now, wall=lambda: 1e9 + self.now(), sleep=self.sleep)


def endpoint(url: str, **more: Any) -> Endpoint:
    return Endpoint(base_url=url, model="judge", **more)
