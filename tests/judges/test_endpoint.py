"""A client of an endpoint, against a real server that does what servers do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pawl.errors import ConfigError
from pawl.judges.asks import Question, Reply
from pawl.judges.endpoint import Endpoint, EndpointAsker
from pawl.judges.endpoint_pace import FEW, PAUSE
from served import Hours, Request, Response, Server, endpoint, nowhere, said, serving

KEY = "sk-abcdefgh12345678"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAWL_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def asking(answer: Callable[[Request], Response], *, hours: Hours | None = None, cache: Path | None = None,
           say: Callable[[str], None] = pytest.fail, api_key: str | None = None, **more: Any
           ) -> Iterator[tuple[EndpointAsker, Server]]:
    clock = (hours or Hours()).clock
    with serving(answer) as server, EndpointAsker(endpoint(server.url, **more), cache=cache, clock=clock, say=say,
                                                  api_key=api_key) as asks:
        yield asks, server


def echo(request: Request) -> Response:
    return said(request.text.upper())


def texts(replies: list[Reply]) -> list[str]:
    return [reply.error or reply.text for reply in replies]


# What is asked.


def test_a_question_is_posted_as_chat_messages() -> None:
    with asking(echo, temperature=0.5, top_logprobs=7) as (asks, server):
        asks([Question("one", max_tokens=3), Question(({"role": "system", "content": "two"},), answers=("1",))])
    bodies = sorted((request.body for request in server.requests), key=lambda body: str(body["messages"][0]["content"]))
    assert {request.path for request in server.requests} == {"/v1/chat/completions"}
    common = {"model": "judge", "temperature": 0.5}
    assert bodies == [
        common | {"messages": [{"role": "user", "content": "one"}], "max_tokens": 3},
        common | {"messages": [{"role": "system", "content": "two"}], "max_tokens": 16, "logprobs": True,
                  "top_logprobs": 7}]


def test_parameters_are_added_and_replace_ours() -> None:
    more = {"max_tokens": None, "max_completion_tokens": 5, "temperature": 1, "seed": 3}
    with asking(echo, parameters=more) as (asks, server):
        asks([Question("one")])
    assert server.requests[0].body == {"model": "judge", "messages": [{"role": "user", "content": "one"}],
                                       "max_completion_tokens": 5, "temperature": 1, "seed": 3}


def test_replies_come_in_the_order_of_the_questions_whatever_the_order_in_which_they_arrive() -> None:
    first_waits = threading.Event()

    def backwards(request: Request) -> Response:
        if request.text == "0":
            first_waits.wait(30)
        elif request.text == "7":
            first_waits.set()
        return echo(request)

    with asking(backwards, together=8) as (asks, _):
        assert texts(asks([Question(str(i)) for i in range(8)])) == list("01234567")


def test_no_more_requests_are_under_way_than_allowed() -> None:
    lock, here, most = threading.Lock(), 0, 0
    both = threading.Barrier(2, timeout=30)

    def counted(request: Request) -> Response:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        both.wait()
        with lock:
            here -= 1
        return echo(request)

    with asking(counted, together=2) as (asks, _):
        asks([Question(str(i)) for i in range(10)])
    assert most == 2


def test_equal_questions_are_one_request() -> None:
    with asking(echo) as (asks, server):
        assert texts(asks([Question("a"), Question("b"), Question("a")])) == ["A", "B", "A"]
        assert texts(asks([Question("a")])) == ["A"]
    assert Counter(server.texts) == {"a": 1, "b": 1}


def test_what_is_expected_is_begun_and_asked_once() -> None:
    with asking(echo) as (asks, server):
        asks.expect([Question("a"), Question("b")])
        asks.expect([Question("a")])
        assert texts(asks([Question("c"), Question("b"), Question("a")])) == ["C", "B", "A"]
    assert Counter(server.texts) == {"a": 1, "b": 1, "c": 1}


def test_a_request_is_under_way_before_it_is_asked_for() -> None:
    came = threading.Event()

    def noted(request: Request) -> Response:
        came.set()
        return echo(request)

    with asking(noted) as (asks, _):
        asks.expect([Question("a")])
        assert came.wait(30)


# Chances.


def test_chances_are_those_of_the_answers_that_were_asked_for() -> None:
    with asking(lambda request: said("yes", places=[{"yes": 0.7, "no": 0.3}])) as (asks, _):
        [reply] = asks([Question("?", answers=("no", "yes"))])
        assert reply.chances == pytest.approx((0.3, 0.7)) and reply.text == "yes"


def test_an_endpoint_that_tells_no_chances_half_way_still_replies() -> None:
    def forgets(request: Request) -> Response:
        return said("yes", places=[{"yes": 1.0}] if request.number < 2 else [])

    with asking(forgets, together=1) as (asks, _):
        replies = asks([Question(str(i), answers=("yes",)) for i in range(4)])
    assert [reply.chances for reply in replies] == [(1.0,), (1.0,), None, None]
    assert texts(replies) == ["yes"] * 4


def test_an_endpoint_that_knows_no_logprobs_is_asked_without() -> None:
    def refuses(request: Request) -> Response:
        if "logprobs" in request.body:
            return Response({"error": {"message": "logprobs are not supported"}}, status=400)
        return said("yes")

    with asking(refuses, together=1) as (asks, server):
        assert texts(asks([Question(str(i), answers=("yes",)) for i in range(3)])) == ["yes"] * 3
    assert ["logprobs" in request.body for request in server.requests] == [True, False, False, False]


def test_one_question_that_fails_does_not_take_the_chances_of_others() -> None:
    def picky(request: Request) -> Response:
        if request.text == "bad":
            return Response({"error": {"message": "bad prompt: logprobs"}}, status=400)
        return said("yes", places=[{"yes": 1.0}] if "logprobs" in request.body else [])

    with asking(picky, together=1) as (asks, _):
        replies = asks([Question(text, answers=("yes",)) for text in ("bad", "good")])
    assert replies[0].error == "HTTP 400: bad prompt: logprobs"
    assert replies[1].chances == (1.0,)


# What goes wrong.


def test_one_request_that_fails_costs_no_other() -> None:
    bad = {"1": Response(status=400), "2": Response(b"<html>"), "3": Response(b'{"choices": []}'),
           "4": Response(b"[" * 9999), "5": Response(b'{"choices": ['), "6": said(None), "7": Response(status=418)}

    with asking(lambda request: bad.get(request.text) or echo(request), retries=0) as (asks, _):
        replies = asks([Question(text) for text in "a1b2c3d4e5f6g7h"])
    assert [reply.text for reply in replies[::2]] == list("ABCDEFGH")
    assert all(reply.error and not reply.text for reply in replies[1::2])


def test_a_server_that_fails_and_then_works_is_asked_again() -> None:
    statuses = [500, 503, 200]
    hours = Hours()
    with asking(lambda request: Response(status=statuses[request.number]) if request.number < 2 else echo(request),
                hours=hours, first_wait=1.0) as (asks, server):
        assert texts(asks([Question("a")])) == ["A"]
    assert len(server.requests) == 3
    first, second = hours.slept
    assert 0.5 <= first <= 1 <= second <= 2


def test_waits_are_the_same_for_the_same_question_and_others_for_others() -> None:
    url = nowhere()

    def waits(text: str) -> list[float]:
        hours = Hours()
        with EndpointAsker(endpoint(url, retries=3), clock=hours.clock) as asks:
            asks([Question(text)])
        return hours.slept

    assert len(waits("a")) == 3 and waits("a") == waits("a") != waits("b")


def test_too_many_requests_wait_as_long_as_the_server_says() -> None:
    hours = Hours()
    with asking(lambda request: Response(status=429, headers={"Retry-After": "17"}) if request.number == 0 else
                echo(request), hours=hours) as (asks, _):
        assert texts(asks([Question("a")])) == ["A"]
    assert hours.slept == [17]


def test_what_no_retry_can_mend_is_not_retried() -> None:
    with asking(lambda request: Response({"error": {"message": "too long"}}, status=400)) as (asks, server):
        assert texts(asks([Question("a")])) == ["HTTP 400: too long"]
    assert len(server.requests) == 1


def test_retries_end() -> None:
    with asking(lambda request: Response({"error": "busy"}, status=503), retries=2) as (asks, server):
        assert texts(asks([Question("a")])) == ["HTTP 503: busy"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [401, 404])
def test_an_endpoint_that_refuses_everything_is_left_alone_which_is_said_once(status: int) -> None:
    said_once: list[str] = []
    with asking(lambda request: Response({"error": "no"}, status=status), say=said_once.append,
                together=4) as (asks, server):
        replies = asks([Question(str(i)) for i in range(1000)])
    assert len(server.requests) <= FEW + 4
    assert all(reply.error is not None and f"HTTP {status}: no" in reply.error for reply in replies)
    assert replies[-1].error == f"not asked, for {FEW} requests in a row failed: HTTP {status}: no"
    assert len(said_once) == 1 and server.url in said_once[0]


def test_an_endpoint_at_which_nobody_listens_is_left_alone() -> None:
    said_once: list[str] = []
    with EndpointAsker(endpoint(nowhere(), retries=1), clock=Hours().clock, say=said_once.append) as asks:
        replies = asks([Question(str(i)) for i in range(1000)])
    assert all(reply.error is not None and "refused" in reply.error for reply in replies)
    assert len(said_once) == 1


def test_an_endpoint_that_comes_back_is_asked_again() -> None:
    hours, down = Hours(), True
    with asking(lambda request: Response(status=401) if down else echo(request), hours=hours, together=1,
                say=lambda sentence: None) as (asks, _):
        assert asks([Question(str(i)) for i in range(20)])[-1].error is not None
        down = False
        assert asks([Question("a")])[0].error is not None
        hours.sleep(PAUSE)
        assert texts(asks([Question("a"), Question("b")])) == ["A", "B"]


def test_attempts_that_fail_by_themselves_are_no_outage() -> None:
    with asking(lambda request: Response(status=400) if request.text != "good" else echo(request),
                together=1) as (asks, _):
        replies = asks([Question(str(i)) for i in range(50)] + [Question("good")])
    assert replies[-1].text == "GOOD"


def test_a_rate_limit_is_kept() -> None:
    hours = Hours()
    with asking(echo, hours=hours, requests_per_minute=60, together=1) as (asks, _):
        asks([Question(str(i)) for i in range(5)])
    assert hours.now() == 4


def test_tokens_are_limited_by_what_requests_took() -> None:
    hours = Hours()
    with asking(lambda request: said("yes", read=500, written=100), hours=hours, tokens_per_minute=600,
                together=1) as (asks, _):
        asks([Question("a"), Question("b")])
    assert hours.now() == pytest.approx(60)


# Money.


def test_a_reply_costs_what_its_tokens_cost() -> None:
    with asking(lambda request: said("yes", read=1000, written=10), price_read=2.0, price_written=10.0) as (asks, _):
        [reply] = asks([Question("a")])
        assert (reply.read, reply.written, reply.cost) == (1000, 10, pytest.approx(0.0021))
        assert asks.spent == pytest.approx(0.0021)
        assert asks([Question("a")]) == [Reply("yes", cached=True)]


def test_tokens_that_are_not_told_are_reckoned() -> None:
    with asking(lambda request: said("y" * 40, usage=None), price_read=1e6) as (asks, _):
        [reply] = asks([Question("x" * 4000)])
    assert 1000 <= reply.read <= 1100 and reply.written == 11
    assert reply.cost == reply.read


def test_a_budget_that_is_spent_ends_the_asking_and_not_what_is_known() -> None:
    with asking(lambda request: said("yes", read=100), price_read=1e4, budget=3.0, together=1) as (asks, server):
        replies = asks([Question(str(i)) for i in range(10)])
        assert texts(replies[:3]) == ["yes"] * 3
        assert texts(replies[3:]) == ["not asked, for the budget of 3 is spent (3)"] * 7
        assert texts(asks([Question("0")])) == ["yes"]
    assert len(server.requests) == 3


def test_a_budget_holds_for_a_run_that_goes_on(tmp_path: Path) -> None:
    def one(count: int) -> list[str]:
        with asking(lambda request: said("yes", read=100), price_read=1e4, budget=3.0, together=1,
                    cache=tmp_path / "replies.db") as (asks, _):
            return texts(asks([Question(f"{count} {i}") for i in range(count)]))

    assert one(2) == ["yes"] * 2
    assert one(3) == ["yes"] + ["not asked, for the budget of 3 is spent (3)"] * 2


# The cache.

SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from pawl.judges.asks import Question
from pawl.judges.endpoint import Endpoint, EndpointAsker

asks = EndpointAsker(Endpoint(base_url=sys.argv[1], model="judge", together=2), cache=Path(sys.argv[2]))
replies = asks([Question(str(i)) for i in range(int(sys.argv[3]))])
print(json.dumps([reply.text for reply in replies]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_asks_nothing_twice(tmp_path: Path) -> None:
    with serving(lambda request: said(f"{request.text} at {request.number}")) as server:
        killed = subprocess.run([sys.executable, "-c", SCRIPT, server.url, str(tmp_path / "replies.db"), "10"])
        assert killed.returncode == -signal.SIGKILL and len(server.requests) == 10
        with EndpointAsker(endpoint(server.url), cache=tmp_path / "replies.db", say=pytest.fail) as asks:
            replies = asks([Question(str(i)) for i in range(12)])
    first = {request.text: f"{request.text} at {request.number}" for request in server.requests}
    assert Counter(server.texts) == dict.fromkeys(map(str, range(12)), 1)
    assert texts(replies) == [first[str(i)] for i in range(12)]
    assert [reply.cached for reply in replies] == [True] * 10 + [False] * 2


def test_processes_that_ask_the_same_at_a_time_hear_the_same(tmp_path: Path) -> None:
    with serving(lambda request: said(f"{request.number}")) as server:
        arguments = [sys.executable, "-c", SCRIPT, server.url, str(tmp_path / "replies.db"), "20"]
        others = [subprocess.Popen(arguments, stdout=subprocess.PIPE) for _ in range(2)]
        heard = [json.loads(process.communicate()[0]) for process in others]
        asked = len(server.requests)
        with EndpointAsker(endpoint(server.url), cache=tmp_path / "replies.db", say=pytest.fail) as asks:
            replies = asks([Question(str(i)) for i in range(20)])
        assert 20 <= asked == len(server.requests) <= 40
    assert heard[0] == heard[1] == texts(replies) and len(set(heard[0])) == 20
    assert all(reply.cached for reply in replies)


@pytest.mark.parametrize("other", [{"model": "another"}, {"temperature": 1.0}, {"parameters": {"seed": 1}}])
def test_another_model_or_sampling_is_another_question(tmp_path: Path, other: dict[str, Any]) -> None:
    with serving(lambda request: said(str(request.number))) as server:
        for settings in ({}, other, {}):
            with EndpointAsker(Endpoint(**{"base_url": server.url, "model": "judge"} | settings),
                               cache=tmp_path / "replies.db", say=pytest.fail) as asks:
                reply = asks([Question("a")])
        assert texts(reply) == ["0"] and len(server.requests) == 2


def test_another_address_is_another_question(tmp_path: Path) -> None:
    for _ in range(2):
        with asking(echo, cache=tmp_path / "replies.db") as (asks, server):
            asks([Question("a")])
        assert len(server.requests) == 1


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    with asking(lambda request: Response(status=400) if request.number == 0 else echo(request)) as (asks, _):
        assert asks([Question("a")])[0].error is not None
        assert texts(asks([Question("a")])) == ["A"]


# The key.


def test_the_key_is_sent_and_stands_nowhere_else(tmp_path: Path) -> None:
    said_once: list[str] = []

    def leaks(request: Request) -> Response:
        if request.text == "leak":
            return said(f"your key is {KEY}")
        return Response({"error": {"message": f"wrong key {KEY}"}}, status=401)

    with asking(leaks, api_key=KEY, cache=tmp_path / "replies.db", say=said_once.append) as (asks, server):
        replies = asks([Question("leak")] + [Question(str(i)) for i in range(20)])
        assert {request.headers["Authorization"] for request in server.requests} == {f"Bearer {KEY}"}
        shown = [repr(asks), repr(asks.endpoint), *map(repr, replies), *said_once]
    assert not [text for text in shown if KEY in text]
    assert KEY.encode() not in (tmp_path / "replies.db").read_bytes()
    assert replies[0].text == "your key is [key]" and replies[1].error == "HTTP 401: wrong key [key]"


@pytest.mark.parametrize(("environment", "sent"), [
    ({}, None), ({"OPENAI_API_KEY": "open"}, "Bearer open"),
    ({"PAWL_API_KEY": "ours", "OPENAI_API_KEY": "open"}, "Bearer ours"),
    ({"PAWL_API_KEY": "", "OPENAI_API_KEY": "open"}, "Bearer open"),
])
def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str],
                                            sent: str | None) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with asking(echo) as (asks, server):
        asks([Question("a")])
    assert server.requests[0].headers.get("Authorization") == sent


def test_a_key_that_no_header_can_hold_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="must be printable ASCII") as caught:
        EndpointAsker(endpoint("http://localhost"), api_key=f"{KEY}\n")
    assert KEY not in str(caught.value)


# Settings.


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/v1", "http://", "http://me:secret@host/v1", "http://host?key=secret",
                                 "http://host/v1#x", "file:///etc/passwd", "", "http://[::1", "http://host:99999/v1",
                                 "http://host:x/v1", "http://:8000", "http://secret@host", "http://h\x00"])
def test_an_address_must_be_one_and_hold_no_key(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url must be http") as caught:
        endpoint(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("settings", "words"), [
    ({"budget": 1.0}, "a budget must have prices"),
    ({"parameters": {"a": object()}}, "parameters must be values of JSON"),
    ({"timeout": 0}, "timeout"), ({"retries": -1}, "retries"), ({"together": 0}, "together"),
])
def test_settings_are_checked(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        endpoint("http://localhost", **settings)


def test_a_slash_at_the_end_of_an_address_changes_nothing() -> None:
    assert endpoint("http://localhost:8000/v1/").url == "http://localhost:8000/v1/chat/completions"


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\u2028", "[/b]", "x" * 100_000])
def test_any_text_arrives_as_it_was(text: str) -> None:
    with asking(lambda request: said("yes")) as (asks, server):
        assert texts(asks([Question(text)])) == ["yes"]
    assert server.texts == [text]


def test_who_is_interrupted_asks_no_more() -> None:
    """As when Ctrl-C comes while replies are waited for."""
    began = threading.Event()

    def slow(request: Request) -> Response:
        if request.number == 2:
            began.set()
        return Response(raw, seconds=0.1)

    raw = b'{"choices": [{"message": {"content": "yes"}}]}'

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    with asking(slow, together=1) as (asks, server):
        before = signal.signal(signal.SIGUSR1, interrupt)
        try:
            threading.Thread(target=lambda: began.wait(30) and os.kill(os.getpid(), signal.SIGUSR1)).start()
            with pytest.raises(KeyboardInterrupt):
                asks([Question(str(i)) for i in range(100)])
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert texts(asks([Question("after")])) == ["yes"]
    assert len(server.requests) < 50
