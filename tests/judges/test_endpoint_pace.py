"""When an endpoint is asked, by a clock that only sleeping moves."""

from __future__ import annotations

import threading
from email.utils import formatdate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.judges.endpoint_pace import FEW, PAUSE, Outage, Pace, backoff, retry_after
from served import Hours


def begins(pace: Pace, hours: Hours, tokens: list[float]) -> list[float]:
    times = []
    for each in tokens:
        pace.wait(each)
        times.append(hours.now())
    return times


def test_requests_begin_evenly() -> None:
    hours = Hours()
    assert begins(Pace(30, None, hours.clock), hours, [5, 5, 5]) == [0, 2, 4]


def test_tokens_take_their_time() -> None:
    hours = Hours()
    assert begins(Pace(None, 600, hours.clock), hours, [50, 100, 1]) == [0, 5, 15]


def test_the_stricter_limit_holds() -> None:
    hours = Hours()
    assert begins(Pace(60, 600, hours.clock), hours, [1, 100, 1, 1]) == [0, 1, 11, 12]


def test_without_limits_nobody_waits() -> None:
    hours = Hours()
    assert begins(Pace(None, None, hours.clock), hours, [1e9, 1e9]) == [0, 0] and hours.slept == []


def test_what_a_request_took_is_set_right() -> None:
    hours = Hours()
    pace = Pace(None, 60, hours.clock)
    pace.wait(10)
    pace.took(4, expected=10)
    assert begins(pace, hours, [1]) == [4]


def test_all_hold_when_the_endpoint_asks_for_it() -> None:
    hours = Hours()
    pace = Pace(60, None, hours.clock)
    pace.wait(1)
    pace.hold(30)
    pace.hold(5)
    assert begins(pace, hours, [1]) == [30]


@given(threads=st.integers(2, 6), each=st.integers(1, 6))
def test_threads_share_one_pace(threads: int, each: int) -> None:
    """Who shares it waits for all that went before, whoever asked."""
    hours = Hours()
    pace = Pace(60, None, hours.clock)
    workers = [threading.Thread(target=lambda: [pace.wait(1) for _ in range(each)]) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert hours.now() >= threads * each - 1


def test_each_wait_is_twice_as_long_less_a_keyed_draw() -> None:
    waits = np.array([[backoff(key, turn, first=1.0, most=1e9) for turn in range(8)] for key in range(2000)])
    shares = waits / 2.0 ** np.arange(8)
    assert 0.5 < shares.min() < 0.51 and 0.99 < shares.max() <= 1
    assert np.abs(shares.mean(axis=0) - 0.75).max() < 0.02
    assert backoff(7, 3, first=1.0, most=1e9) == waits[7, 3]


def test_waits_do_not_grow_for_ever() -> None:
    assert 5 <= backoff(1, 10_000, first=1.0, most=10.0) <= 10


@pytest.mark.parametrize(("header", "seconds"), [
    (None, None), ("", None), ("soon", None), ("7", 7), (" 2.5 ", 2.5), ("0", 0), ("-3", None), ("999999999999", 90),
    ("9" * 400, 90), ("nan", None), ("inf", None), ("1e9", None), (formatdate(1030, usegmt=True), 30),
    (formatdate(990, usegmt=True), 0), (formatdate(1e9, usegmt=True), 90), ("Thu, 01 Jan 1970 00:17:20 -0000", 40),
    ("Thu, 99 Jan 1970 00:00:00 GMT", None), ("Thu, 01 Jan 99999999999 00:00:00 GMT", None), ("\x00", None),
])
def test_retry_after_is_read_as_seconds_or_a_date_and_bounded(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, wall=1000.0, most=90.0) == seconds


@given(header=st.text())
def test_whatever_a_header_says_is_a_time_within_bounds_or_nothing(header: str) -> None:
    seconds = retry_after(header, wall=1000.0, most=90.0)
    assert seconds is None or 0 <= seconds <= 90


def fail(outage: Outage, times: int, kind: str = "HTTP 401") -> None:
    for _ in range(times):
        outage.failed(kind, f"{kind}: no")


def test_a_few_failures_of_a_kind_in_a_row_are_an_outage_which_is_said_once() -> None:
    said: list[str] = []
    outage = Outage(Hours().clock, said.append)
    fail(outage, FEW - 1)
    assert outage.reason() is None and said == []
    fail(outage, 10)
    assert outage.reason() == f"not asked, for {FEW} requests in a row failed: HTTP 401: no"
    assert len(said) == 1 and "HTTP 401: no" in said[0]


def test_failures_of_different_kinds_or_with_an_answer_between_are_none() -> None:
    outage = Outage(Hours().clock, pytest.fail)
    for _ in range(20):
        fail(outage, FEW - 1)
        outage.answered()
        fail(outage, FEW - 1)
        fail(outage, 1, "slow")
    assert outage.reason() is None


def test_one_request_a_minute_finds_out_whether_it_is_over() -> None:
    hours, said = Hours(), list[str]()
    outage = Outage(hours.clock, said.append)
    fail(outage, FEW)
    hours.sleep(PAUSE)
    assert outage.reason() is None and outage.reason() is not None
    fail(outage, 1)
    assert outage.reason() is not None and len(said) == 1
    hours.sleep(PAUSE)
    assert outage.reason() is None
    outage.answered()
    assert outage.reason() is None and outage.reason() is None
    fail(outage, FEW)
    assert outage.reason() is not None and len(said) == 2
