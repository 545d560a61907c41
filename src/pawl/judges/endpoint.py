"""A client of any HTTP endpoint that speaks as OpenAI's does: vLLM, llama.cpp, Ollama, SGLang, a provider.

Requests go out side by side, within the endpoint's limits and the user's budget; what came back is kept, so that
nothing is asked twice. Whatever goes wrong with a request is that reply's reason, and the others stay as they are. When
the endpoint is down altogether it is left alone, which is said once.

Not covered: replies in a stream, tools, pictures; what a server charges for a reply that got lost; another address
behind a redirect, which might be anybody's.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import field, replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import httpx
from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.judges.asks import Question, Reply
from pawl.judges.chances import chances
from pawl.judges.endpoint_cache import ReplyCache
from pawl.judges.endpoint_pace import Clock, Outage, Pace, backoff
from pawl.judges.endpoint_request import Failed, post, reply_of
from pawl.judges.endpoint_threads import Threads

KEYS = ("PAWL_API_KEY", "OPENAI_API_KEY")
"""Variables of the environment in which the key is looked for, the first first."""
SHORTEST_SECRET = 8
"""Characters from which on a key is taken out of what a server says; `none` and `EMPTY` are not secret."""
CHARACTERS_PER_TOKEN = 4
"""About; for how much a request will take, and took where the endpoint does not say."""

Positive = Annotated[float, Field(gt=0)]


@settings
class Endpoint:
    """Where to ask and how. The key is not here: settings are written down."""

    base_url: str
    """As `http://localhost:8000/v1`; requests go to `/chat/completions` below it."""
    model: str
    """As the endpoint calls it."""
    temperature: Annotated[float, Field(ge=0)] = 0.0
    """0 is greedy."""
    top_logprobs: Annotated[int, Field(ge=0, le=100)] = 20
    """Tokens at each place whose chances are asked for; 0 where the endpoint does not tell."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """More of a request's fields, or others in place of ours; None leaves a field out."""
    timeout: Positive = 60.0
    """Seconds for one request."""
    retries: Annotated[int, Field(ge=0, le=20)] = 4
    """Times that a request is made again which may do better."""
    first_wait: Positive = 0.5
    """Seconds before the first of them, at most; each next one waits up to twice as long."""
    longest_wait: Positive = 30.0
    """Seconds that this grows to."""
    together: Annotated[int, Field(ge=1, le=256)] = 8
    """Requests at a time."""
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    """Of prompts and replies."""
    price_read: Annotated[float, Field(ge=0)] = 0.0
    """Money for a million tokens of prompts."""
    price_written: Annotated[float, Field(ge=0)] = 0.0
    """Money for a million tokens of replies."""
    budget: Positive | None = None
    """Money after which nothing is asked any more; what is under way then is still paid."""

    def __post_init__(self) -> None:
        if not _is_address(self.base_url):  # which is not shown, for it may hold a key
            raise ConfigError("base_url must be http(s)://HOST[:PORT][/PATH] and nothing else, got another address",
                              hint=f"a key goes into the environment, as {KEYS[0]}")
        if self.budget is not None and not (self.price_read or self.price_written):
            raise ConfigError("a budget must have prices, got 0 for both", hint="set price_read and price_written")
        try:
            json.dumps(dict(self.parameters), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"parameters must be values of JSON, got {self.parameters!r}") from error

    @property
    def url(self) -> str:
        """Where requests go."""
        return f"{self.base_url.rstrip('/')}/chat/completions"

    def body(self, question: Question, *, logprobs: bool = True) -> bytes:
        """A request's JSON, the same for the same question."""
        prompt = question.prompt
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(one) for one in prompt]
        fields = {"model": self.model, "messages": messages, "max_tokens": question.max_tokens,
                  "temperature": self.temperature}
        if logprobs and question.answers and self.top_logprobs:
            fields |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        fields |= self.parameters
        return json.dumps({name: value for name, value in fields.items() if value is not None}, sort_keys=True).encode()

    def cost(self, reply: Reply) -> float:
        return (reply.read * self.price_read + reply.written * self.price_written) / 1e6


def _is_address(text: str) -> bool:
    """Whether it names a scheme, a host, perhaps a port and a path, and nothing else."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return (url.scheme in ("http", "https") and bool(url.host) and not (url.userinfo or url.query or url.fragment)
            and (url.port or 80) < 1 << 16)


def warn(sentence: str) -> None:
    """Says it on stderr."""
    warnings.warn(sentence, RuntimeWarning, stacklevel=2)


class EndpointAsker:
    """Implements `AsksEarly` with an endpoint. Threads may share it.

        endpoint = Endpoint(base_url="http://localhost:8000/v1", model="qwen")
        with EndpointAsker(endpoint, cache=Path("replies.db")) as asks:
            [reply] = asks([Question("Say yes or no.", answers=("yes", "no"))])

    With a `cache` file, replies outlast the process, and processes may share them; without, they are kept in memory.
    The budget holds for all that the file ever paid for.
    """

    def __init__(self, endpoint: Endpoint, *, cache: Path | None = None, api_key: str | None = None,
                 clock: Clock | None = None, say: Callable[[str], None] = warn) -> None:
        """`api_key`: else PAWL_API_KEY or OPENAI_API_KEY of the environment; none is sent where there is none. `say`
        hears, once each time, that the endpoint is down or the cache broken. Raises ConfigError, and DataError for a
        file that is no cache."""
        self.endpoint = endpoint
        key = api_key or next(filter(None, map(os.environ.get, KEYS)), None)
        self._hide = _hiding(key)
        self._clock = clock or Clock()
        self._say = lambda sentence: say(f"the endpoint {endpoint.base_url}: {sentence}")
        self._cache = ReplyCache(cache, self._say)
        self._pace = Pace(endpoint.requests_per_minute, endpoint.tokens_per_minute, self._clock)
        self._outage = Outage(self._clock, self._say)
        self._threads = Threads(endpoint.together)
        self._lock = threading.Lock()
        self._expected: dict[bytes, Future[Reply]] = {}
        """What was begun before it was asked for."""
        self._no_logprobs = False
        self._client = httpx.Client(headers={"Authorization": f"Bearer {key}"} if key else {},
                                    limits=httpx.Limits(max_connections=endpoint.together,
                                                        max_keepalive_connections=endpoint.together))

    def __enter__(self) -> EndpointAsker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Asks no more, and closes connections and cache."""
        self._threads.forget()
        self._client.close()
        self._cache.close()

    @property
    def spent(self) -> float:
        """Money, of all that the cache paid for."""
        return self._cache.spent()

    def expect(self, questions: Sequence[Question]) -> None:
        with self._lock:
            for question in questions:
                if (key := self._key(question)) not in self._expected:
                    self._expected[key] = self._begun(question, key)

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        keys = [self._key(question) for question in questions]
        under_way: dict[bytes, Future[Reply]] = {}
        try:
            with self._lock:
                for key, question in dict(zip(keys, questions, strict=True)).items():
                    begun = key in self._expected
                    under_way[key] = self._expected.pop(key) if begun else self._begun(question, key)
            replies = {key: future.result() for key, future in under_way.items()}
        finally:
            for future in under_way.values():  # Ctrl-C: nobody pays for a caller that is gone
                future.cancel()
        return [_for(question, replies[key]) for question, key in zip(questions, keys, strict=True)]

    def _key(self, question: Question) -> bytes:
        return hashlib.sha256(self.endpoint.url.encode() + b"\n" + self.endpoint.body(question)).digest()

    def _begun(self, question: Question, key: bytes) -> Future[Reply]:
        return self._threads.begin(lambda: self._reply(question, key))

    def _reply(self, question: Question, key: bytes) -> Reply:
        """As it was kept, or as the endpoint gives it."""
        if (kept := self._cache.get(key)) is not None:
            return kept
        for turn in range(self.endpoint.retries + 1):
            if (why := self._outage.reason() or self._overspent()) is not None:
                return Reply(error=why)
            try:
                reply = self._once(question)
            except Failed as failed:
                if failed.again and turn < self.endpoint.retries:
                    self._wait(failed, key, turn)
                    continue
                if failed.kind is None:
                    self._outage.answered()
                else:
                    self._outage.failed(failed.kind, failed.reason)
                return Reply(error=failed.reason)
            self._outage.answered()
            return self._cache.put(key, replace(reply, cost=self.endpoint.cost(reply)))
        raise AssertionError("the last turn returns")

    def _once(self, question: Question) -> Reply:
        """What one request brings, or another without log-probabilities where an endpoint will not tell them. Raises
        Failed."""
        body = self.endpoint.body(question, logprobs=not self._no_logprobs)
        try:
            return self._sent(body, question.max_tokens)
        except Failed as failed:
            without = self.endpoint.body(question, logprobs=False)
            if failed.status not in (400, 422) or "logprob" not in failed.reason.lower() or body == without:
                raise
        reply = self._sent(without, question.max_tokens)
        self._no_logprobs = True  # not before: what it said may have been about this question alone
        return reply

    def _sent(self, body: bytes, max_tokens: int) -> Reply:
        """What a request brings. Raises Failed."""
        about = len(body) // CHARACTERS_PER_TOKEN
        self._pace.wait(about + max_tokens)
        reply = reply_of(post(self._client, self.endpoint.url, body, seconds=self.endpoint.timeout, clock=self._clock,
                              hide=self._hide), self._hide)
        if not reply.read + reply.written:
            reply = replace(reply, read=about, written=1 + len(reply.text) // CHARACTERS_PER_TOKEN)
        self._pace.took(reply.read + reply.written, expected=about + max_tokens)
        return reply

    def _wait(self, failed: Failed, key: bytes, turn: int) -> None:
        """Until the endpoint may do better."""
        seconds = backoff(int.from_bytes(key[:8], "little"), turn, first=self.endpoint.first_wait,
                          most=self.endpoint.longest_wait)
        if failed.wait is not None:
            self._pace.hold(failed.wait)
        self._clock.sleep(max(seconds, failed.wait or 0.0))

    def _overspent(self) -> str | None:
        budget = self.endpoint.budget
        if budget is None or (spent := self._cache.spent()) < budget:
            return None
        return f"not asked, for the budget of {budget:g} is spent ({spent:.4g})"


def _for(question: Question, reply: Reply) -> Reply:
    """A reply with the chances of what this question asks for."""
    if not question.answers or not reply.places:
        return reply
    return replace(reply, chances=chances(reply.places, question.answers))


def _hiding(key: str | None) -> Callable[[str], str]:
    """Takes the key out of a text. Raises ConfigError for one that no header can hold."""
    if key is not None and not (key.isascii() and key.isprintable()):
        raise ConfigError("an API key must be printable ASCII, got one that is not")
    if key is None or len(key) < SHORTEST_SECRET:
        return lambda text: text
    return lambda text: text.replace(key, "[key]")
