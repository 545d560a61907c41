"""A time limit on code that is not ours: a user's `score`, a library's checker; and what it raised, in words.

In the main thread a timer signal interrupts the call where it stands; elsewhere, and where the system has no such
signal, the call runs in a daemon thread that is left behind when time is up.

Not covered: C code that never returns (a huge power, a regular expression that backtracks) is not interrupted in
the main thread, since Python delivers signals between bytecodes only; a call that swallows every exception in a loop;
a call that sets its own SIGALRM. A thread left behind keeps running until the process ends.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")

_AGAIN = 0.25
"""Seconds after which a call that swallowed the interruption is interrupted again."""
LONGEST_REASON = 200
"""Characters of what an error said."""


class TimeUp(Exception):
    """The call took longer than it was given."""


class _Interrupt(BaseException):
    """Not an Exception, so that `except Exception` in the interrupted code lets it pass."""


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """What `call` returns, or what it raises. Raises TimeUp when it takes longer than `seconds`."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and hasattr(signal, "setitimer"):
        return _interrupted(seconds, call)
    return _left_behind(seconds, call)


def _interrupted(seconds: float, call: Callable[[], Result]) -> Result:
    armed, fired = True, False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal fired
        if armed:
            fired = True
            raise _Interrupt

    handler = signal.signal(signal.SIGALRM, interrupt)
    started = time.monotonic()
    outer_left, outer_every = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        result = call()
        armed = False
    except _Interrupt:
        armed = False
    finally:
        # A last signal may come while this runs; `armed` makes it harmless.
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler if handler is not None else signal.SIG_DFL)
        if outer_left:  # someone's own timer, such as a test runner's, goes on with what it had left
            left = outer_left - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, left if left > 0 else outer_every, outer_every)
            if left <= 0:  # at once: the next call would put it off again
                signal.raise_signal(signal.SIGALRM)
    if fired:
        raise TimeUp(f"took longer than {seconds:g} s")
    return result


def _left_behind(seconds: float, call: Callable[[], Result]) -> Result:
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # handed to the caller, whatever it is
            errors.append(error)

    worker = threading.Thread(target=work, name="pawl-time-limit", daemon=True)
    worker.start()
    worker.join(seconds)
    if errors:
        raise errors[0]
    if results:
        return results[0]
    raise TimeUp(f"took longer than {seconds:g} s")


def in_words(error: BaseException) -> str:
    """`ValueError: what it said`, on one line, short and printable whatever it said."""
    said = printable(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def printable(value: object) -> str:
    """What a value says of itself, on one line and not too long."""
    try:
        text = str(value)[: LONGEST_REASON + 1]
    except Exception:  # the user's own __str__ is no better than their score
        return "(it cannot be shown)"
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"
