"""When to ask an endpoint: not more often than it allows, again after a while where it could not answer, and for the
time being not at all where it is down."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import numpy as np

from pawl.keys import uniforms

FEW = 5
"""Requests in a row that fail alike, whereupon an endpoint is taken to be down."""
PAUSE = 60.0
"""Seconds until one that is down is tried again, with one request."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as an argument."""

    now: Callable[[], float] = time.monotonic
    """Seconds since some moment; never goes back."""
    wall: Callable[[], float] = time.time
    """Seconds since 1970."""
    sleep: Callable[[float], None] = time.sleep


class Pace:
    """Lets requests begin evenly, at most so many a minute; threads may share it. Tokens are what a request is expected
    to take, set right when it is known what it took."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None, clock: Clock) -> None:
        self._each = 60 / requests_per_minute if requests_per_minute else 0.0
        self._each_token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock, self._lock = clock, threading.Lock()
        self._next = self._next_by_tokens = self._held_until = -math.inf

    def wait(self, tokens: float) -> None:
        """Returns when a request for so many tokens may begin."""
        with self._lock:
            begins = max(self._clock.now(), self._next, self._next_by_tokens)
            self._next, self._next_by_tokens = begins + self._each, begins + tokens * self._each_token
        while (seconds := max(begins, self._held_until) - self._clock.now()) > 0:
            self._clock.sleep(seconds)

    def took(self, tokens: float, *, expected: float) -> None:
        """A request took so many tokens."""
        with self._lock:
            self._next_by_tokens += (tokens - expected) * self._each_token

    def hold(self, seconds: float) -> None:
        """No request begins for so long: the endpoint asked for that."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock.now() + seconds)


class Outage:
    """Whether an endpoint is down altogether; threads may share it.

    It is when the last few requests failed for one reason that has to do with it and not with them, each after all its
    retries. Then nothing is asked but one request a minute, until one is answered.
    """

    def __init__(self, clock: Clock, say: Callable[[str], None]) -> None:
        self._clock, self._say, self._lock = clock, say, threading.Lock()
        self._kind, self._in_a_row = "", 0
        self._why: str | None = None
        self._until = -math.inf

    def reason(self) -> str | None:
        """Why a request should not be made now. None for whoever may try."""
        with self._lock:
            if self._why is None or self._clock.now() < self._until:
                return self._why
            self._until = self._clock.now() + PAUSE
            return None

    def failed(self, kind: str, reason: str) -> None:
        """A request has failed, and others of its kind would."""
        with self._lock:
            self._in_a_row = self._in_a_row + 1 if kind == self._kind else 1
            self._kind = kind
            if self._in_a_row < FEW or self._why is not None:
                return
            self._why = f"not asked, for {FEW} requests in a row failed: {reason}"
            self._until = self._clock.now() + PAUSE
        self._say(f"asks no more but once in {PAUSE:.0f} s, for {FEW} requests in a row failed: {reason}")

    def answered(self) -> None:
        """It is there."""
        with self._lock:
            self._kind, self._in_a_row, self._why = "", 0, None


def backoff(key: int, turn: int, *, first: float, most: float) -> float:
    """Seconds before a request is made again: twice as long each time, of which a keyed draw takes up to half away, so
    that requests that failed together do not come back together. `turn` counts from 0."""
    seconds = min(most, first * 2.0 ** min(turn, 60))
    return seconds * (1 - 0.5 * float(uniforms(np.array([key], dtype=np.uint64), turn)[0]))


def retry_after(header: str | None, *, wall: float, most: float) -> float | None:
    """Seconds that an HTTP header Retry-After asks for, `most` at most; None where it asks for nothing that can be
    read. It holds seconds or a date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    text = header.strip()[:64]
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(most, float(text))
    try:
        date = parsedate_to_datetime(text)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - wall
    except (ValueError, OverflowError):
        return None
    return min(most, max(0.0, seconds))
