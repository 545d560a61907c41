"""One HTTP request to an endpoint that speaks as OpenAI's does, and what came back: a reply, or why there is none.

What comes back is data from a stranger: of bounded size, within bounded time, read as one JSON of one shape. Not
covered: what the server says in a stream; tools; several choices in one reply.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from pawl.judges.asks import Place, Reply
from pawl.judges.endpoint_pace import Clock, retry_after
from pawl.time_limit import in_words, printable

LONGEST_REPLY = 1 << 22
"""Bytes of what a server sends."""
LONGEST_GREETING = 10.0
"""Seconds until a server must have taken up a connection."""
LONGEST_WAIT = 120.0
"""Seconds that a server may ask to wait."""
MOST_PLACES = 64
"""Tokens whose log-probabilities are kept."""
REFUSED_FOR_GOOD = {401, 402, 403, 404, 405, 407, 410}
"""Statuses that any other request would meet, too."""
WORTH_ANOTHER_TRY = {408, 409, 425, 429}
"""And those from 500 on."""

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
_NOT_SAID = ("content_filter", "tool_calls", "function_call", "error")
"""How a reply ends that is not the model's own words to their end."""

Hide = Callable[[str], str]
"""Takes secrets out of a text."""


@dataclass(eq=False)
class Failed(Exception):
    """A request brought no reply."""

    reason: str
    kind: str | None = None
    """What the endpoint has that made it fail, by name; None where only this request is known to fail so."""
    again: bool = False
    """Whether the same request may do better."""
    wait: float | None = None
    """Seconds that the server asked to wait."""
    status: int = 0


def post(client: httpx.Client, url: str, body: bytes, *, seconds: float, clock: Clock, hide: Hide) -> bytes:
    """What a server sends in answer to a POST of JSON. Raises Failed."""
    ends = clock.now() + seconds
    patience = httpx.Timeout(seconds, connect=min(seconds, LONGEST_GREETING))
    try:
        with client.stream("POST", url, content=body, headers=_HEADERS, timeout=patience) as response:
            raw = _read(response, ends, seconds, clock)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Failed(f"it cannot be reached: {hide(in_words(error))}", "unreachable", again=True) from None
    except httpx.TimeoutException:
        raise _slow(seconds) from None
    except httpx.HTTPError as error:
        raise Failed(f"the connection broke: {hide(in_words(error))}", "broken", again=True) from None
    if response.status_code != 200:
        raise _refused(response, raw, clock, hide)
    return raw


def _read(response: httpx.Response, ends: float, seconds: float, clock: Clock) -> bytes:
    """The body. Raises Failed where it is too long, takes too long, or is packed: a little may unpack to a lot."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Failed("the reply is packed, which was not asked for")
    parts, size = list[bytes](), 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size > LONGEST_REPLY:
            raise Failed(f"the reply has more than {LONGEST_REPLY} bytes")
        if clock.now() > ends:
            raise _slow(seconds)
    return b"".join(parts)


def _slow(seconds: float) -> Failed:
    return Failed(f"no reply came within {seconds:g} s", "slow", again=True)


def _refused(response: httpx.Response, raw: bytes, clock: Clock, hide: Hide) -> Failed:
    """What a status other than 200 means."""
    status = response.status_code
    kind = f"HTTP {status}"
    if 300 <= status < 400:
        place = printable(hide(response.headers.get("location", "nowhere")))
        return Failed(f"{kind}: it redirects to {place}, where nothing is sent", kind, status=status)
    said, code = _complaint(raw)
    reason = f"{kind}: {printable(hide(said)) or response.reason_phrase}"
    if status in REFUSED_FOR_GOOD or code == "insufficient_quota":
        return Failed(reason, kind, status=status)
    if status in WORTH_ANOTHER_TRY or status >= 500:
        wait = retry_after(response.headers.get("retry-after"), wall=clock.wall(), most=LONGEST_WAIT)
        return Failed(reason, kind, again=True, wait=wait, status=status)
    return Failed(reason, status=status)


def _complaint(raw: bytes) -> tuple[str, str]:
    """What a server says is wrong, uncut, and its name for it."""
    try:
        said = _json(raw)
    except Failed:
        return raw.decode(errors="replace"), ""
    match said:
        case {"error": {"message": str(message), **more}}:
            return message, str(more.get("code"))
        case {"error": str(message)} | {"message": str(message)} | {"detail": str(message)}:
            return message, ""
    return raw.decode(errors="replace"), ""


def reply_of(raw: bytes, hide: Hide) -> Reply:
    """The reply in what a server sent, its cost left out. One that was paid for and has no text has an `error` instead.
    Raises Failed where it is no reply at all."""
    said = _json(raw)
    if not isinstance(said, dict):
        raise Failed(f"the reply must be an object of JSON, got a {type(said).__name__}")
    read, written = _usage(said.get("usage"))
    spent = Reply(read=read, written=written)
    match _choice(said):
        case {"message": {"content": str(text), **_more}, **rest} if rest.get("finish_reason") not in _NOT_SAID:
            return replace(spent, text=hide(text), cut=rest.get("finish_reason") == "length",
                           places=_places(rest.get("logprobs")))
        case {"message": {"refusal": str(refusal), **_more}}:
            return replace(spent, error=f"the model refuses: {printable(hide(refusal))}")
        case {"message": {**_more}, **rest}:
            return replace(spent, error=f"a reply without text, which ended by {printable(rest.get('finish_reason'))}")
    if "error" in said:
        raise Failed(f"an error instead of a reply: {printable(hide(_complaint(raw)[0]))}")
    if said.get("choices") == []:
        return replace(spent, error="a reply without a choice")
    raise Failed("the reply must have a choice with a message, as OpenAI's has, got another shape")


def _choice(said: Mapping[str, Any]) -> Any:
    """The first choice by its number, wherever it stands; None where there is none."""
    choices = said.get("choices")
    if not isinstance(choices, list):
        return None
    numbered = [choice for choice in choices if isinstance(choice, dict) and choice.get("index", 0) == 0]
    return numbered[0] if len(numbered) == 1 else None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        shown = printable(raw[:60].decode(errors="replace"))
        raise Failed(f"the reply must be JSON, got {len(raw)} bytes that are not: {shown}", "no JSON", again=True
                     ) from None


def _usage(usage: Any) -> tuple[int, int]:
    """Tokens read and written, 0 where the server does not say."""
    found = [usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")]
    read, written = (count if type(count) is int and 0 <= count < 1 << 40 else 0 for count in found)
    return read, written


def _places(logprobs: Any) -> tuple[Place, ...]:
    """The log-probabilities of a reply's first tokens; none where they are missing, or one of them is no number."""
    match logprobs:
        case {"content": [*content]} if content:
            places = [_place(entry) for entry in content[:MOST_PLACES]]
            known = [place for place in places if place is not None]
            return tuple(known) if len(known) == len(places) else ()
    return ()


def _place(entry: Any) -> Place | None:
    match entry:
        case {"token": str(token), "logprob": float() | int() as logprob, "top_logprobs": [*likeliest]}:
            named = [(other["token"], float(other["logprob"])) for other in likeliest if _is_token(other)]
            if len(named) == len(likeliest) and _is_logprob(logprob):
                return Place(token, float(logprob), tuple(named))
    return None


def _is_token(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("token"), str) and _is_logprob(entry.get("logprob"))


def _is_logprob(number: Any) -> bool:
    """At most 0, but for rounding; -inf is one."""
    return type(number) in (int, float) and not math.isnan(number) and number <= 1e-3
