"""Sleeps here end by the limit, not by the clock of a test: nothing is asserted about how long anything took."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from pawl.time_limit import TimeUp, within

LONG, SHORT = 60.0, 0.05


def in_thread(call: Callable[[], Any]) -> Any:
    """What a call returns or raises in a thread that is not the main one."""
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def here(call: Callable[[], Any]) -> Any:
    return call()


anywhere = pytest.mark.parametrize("place", [here, in_thread])


@anywhere
def test_a_result_comes_back(place: Callable[[Callable[[], Any]], Any]) -> None:
    assert place(lambda: within(LONG, lambda: "done")) == "done"


@anywhere
@pytest.mark.parametrize(
    "error", [ValueError("no"), RecursionError(), MemoryError(), SystemExit(3), KeyboardInterrupt()]
)
def test_what_the_call_raises_is_raised(place: Callable[[Callable[[], Any]], Any], error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        place(lambda: within(LONG, fail))
    assert raised.value is error


@anywhere
def test_a_call_that_hangs_is_left(place: Callable[[Callable[[], Any]], Any]) -> None:
    with pytest.raises(TimeUp, match=r"took longer than 0\.05 s"):
        place(lambda: within(SHORT, lambda: time.sleep(5)))


def test_a_loop_is_interrupted() -> None:
    def spin() -> None:
        while True:
            pass

    with pytest.raises(TimeUp):
        within(SHORT, spin)


def test_a_call_that_swallows_exceptions_is_still_over_time() -> None:
    def stubborn() -> str:
        for _ in range(3):
            try:
                time.sleep(5)
            except BaseException:
                continue
        return "right"

    with pytest.raises(TimeUp):
        within(SHORT, stubborn)


def test_the_signal_is_given_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TimeUp):
        within(SHORT, lambda: time.sleep(5))
    assert within(LONG, lambda: 1) == 1
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_timer_of_someone_else_goes_on() -> None:
    handler = signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, LONG)
    try:
        assert within(LONG / 2, lambda: 1) == 1
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= LONG
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_limits_stand_inside_each_other() -> None:
    def outer() -> str:
        with pytest.raises(TimeUp):
            within(SHORT, lambda: time.sleep(5))
        time.sleep(5)
        return "never"

    with pytest.raises(TimeUp, match=r"0\.2 s"):
        within(0.2, outer)


def test_shorter_limits_in_a_row_do_not_put_off_the_one_around_them() -> None:
    def patient() -> None:
        for _ in range(100):
            with suppress(TimeUp):
                within(SHORT, lambda: time.sleep(LONG))

    with pytest.raises(TimeUp, match=r"took longer than 0\.12 s"):
        within(0.12, patient)
