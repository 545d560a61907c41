"""One request to a real server, and everything that it may send back."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.judges.asks import Place, Reply
from pawl.judges.endpoint_pace import Clock
from pawl.judges.endpoint_request import LONGEST_REPLY, Failed, post, reply_of
from served import Hours, Request, Response, nowhere, said, serving

BODY = b'{"messages": [{"content": "?"}]}'


def plainly(text: str) -> str:
    return text


def posted(answer: Callable[[Request], Response] | Response, *, seconds: float = 30.0, clock: Clock | None = None,
           hide: Callable[[str], str] = plainly) -> bytes:
    function = answer if callable(answer) else lambda request: answer
    with serving(function) as server, httpx.Client() as client:
        return post(client, f"{server.url}/chat/completions", BODY, seconds=seconds, clock=clock or Hours().clock,
                    hide=hide)


def failure(answer: Response, **more: Any) -> Failed:
    with pytest.raises(Failed) as caught:
        posted(answer, **more)
    return caught.value


def raw(response: Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()


def test_what_a_server_sends_comes_back() -> None:
    assert posted(lambda request: Response(json.dumps(request.body).encode())) == BODY


def test_where_nobody_listens_nothing_is_reached() -> None:
    with httpx.Client() as client, pytest.raises(Failed) as caught:
        post(client, nowhere(), BODY, seconds=5.0, clock=Hours().clock, hide=plainly)
    assert caught.value.kind == "unreachable" and caught.value.again
    assert "refused" in caught.value.reason


def test_a_server_that_is_slow_is_left() -> None:
    failed = failure(Response(b"{}", seconds=1.0), seconds=0.1)
    assert (failed.reason, failed.kind, failed.again) == ("no reply came within 0.1 s", "slow", True)


def test_a_server_that_never_ends_a_reply_is_left() -> None:
    """Each piece comes in time; a clock on which every look takes a second has it out of time all the same."""
    failed = failure(Response(b"{}" * 50, parts=50), seconds=5.0, clock=Hours(step=1.0).clock)
    assert (failed.reason, failed.kind) == ("no reply came within 5 s", "slow")


def test_a_reply_that_breaks_off_is_none() -> None:
    failed = failure(Response(raw(said("7")), missing=100))
    assert failed.kind == "broken" and failed.again


def test_a_huge_reply_is_not_read_to_its_end() -> None:
    failed = failure(Response(b" " * (LONGEST_REPLY + 1)))
    assert failed.reason == f"the reply has more than {LONGEST_REPLY} bytes" and not failed.again


def test_a_packed_reply_is_not_unpacked() -> None:
    failed = failure(Response(gzip.compress(b" " * 10_000_000), headers={"Content-Encoding": "gzip"}))
    assert failed.reason == "the reply is packed, which was not asked for"


@pytest.mark.parametrize(("status", "again", "general"), [
    (400, False, False), (401, False, True), (402, False, True), (403, False, True), (404, False, True),
    (408, True, True), (413, False, False), (422, False, False), (429, True, True), (500, True, True),
    (502, True, True), (503, True, True), (529, True, True),
])
def test_a_status_says_whether_to_ask_again_and_whether_others_would_fail(status: int, again: bool,
                                                                         general: bool) -> None:
    failed = failure(Response({"error": {"message": "because"}}, status=status))
    assert (failed.reason, failed.again) == (f"HTTP {status}: because", again)
    assert failed.kind == (f"HTTP {status}" if general else None)


def test_nobody_is_followed_to_another_place() -> None:
    with serving(lambda request: said("10")) as other:
        failed = failure(Response(status=307, headers={"Location": f"{other.url}/chat/completions"}))
        assert failed.reason.startswith("HTTP 307: it redirects to http://127.0.0.1:")
        assert not failed.again and other.requests == []


def test_retry_after_is_handed_on() -> None:
    assert failure(Response(status=429, headers={"Retry-After": "7"})).wait == 7
    assert failure(Response(status=503, headers={"Retry-After": "86400"})).wait == 120
    assert failure(Response(status=429)).wait is None


def test_a_quota_that_is_used_up_does_not_come_back_by_waiting() -> None:
    used_up = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    assert not failure(Response(used_up, status=429)).again


@pytest.mark.parametrize(("body", "words"), [
    ({"error": {"message": "too\x1b[2J long", "code": 1}}, "too [2J long"), ({"error": "no model"}, "no model"),
    ({"detail": "Not Found"}, "Not Found"), ({"message": "hm"}, "hm"), (b"<html>Bad Gateway</html>", "<html>Bad"),
    (b"", "Bad Request"), (b"\xff\xfe", "\ufffd"), (b"x" * 10_000, "x" * 150), ([], "[]"), (None, "null"),
])
def test_what_is_wrong_is_said_in_the_servers_words(body: Any, words: str) -> None:
    sent = body if isinstance(body, (bytes, dict)) else json.dumps(body).encode()
    reason = failure(Response(sent, status=400)).reason
    assert words in reason and reason.startswith("HTTP 400: ") and reason.isprintable() and len(reason) < 300


def test_a_secret_is_taken_out_of_what_a_server_says_before_it_is_cut() -> None:
    key = "sk-" + "1234567890" * 20
    failed = failure(Response({"error": {"message": "x" * 150 + key}}, status=401),
                     hide=lambda text: text.replace(key, "[key]"))
    assert "sk-" not in failed.reason and "[key]" in failed.reason
    failed = failure(Response(key.encode() * 40, status=400), hide=lambda text: text.replace(key, "[key]"))
    assert "sk-" not in failed.reason
    text = reply_of(raw(said(f"{key}!")), lambda text: text.replace(key, "[key]")).text
    assert text == "[key]!"


def replied(response: Response) -> Reply:
    return reply_of(raw(response), plainly)


def test_a_reply_is_its_text_its_tokens_and_their_chances() -> None:
    places = [{"7": 0.5, "8": 0.25}, {"!": 1.0}]
    half, quarter = math.log(0.5), math.log(0.25)
    assert replied(said("7!", places=places, read=11, written=3)) == Reply("7!", places=(
        Place("7", half, (("7", half), ("8", quarter))), Place("!", 0.0, (("!", 0.0),))), read=11, written=3)


def test_a_reply_of_full_length_was_cut() -> None:
    assert replied(said("7", finish="length")).cut and not replied(said("7")).cut


def choices(*choices: Any, **more: Any) -> bytes:
    return json.dumps({"choices": choices, **more}).encode()


def test_the_first_choice_is_the_one_with_the_first_number() -> None:
    def numbered(index: int, text: str) -> dict[str, Any]:
        return {"index": index, "message": {"content": text}, "finish_reason": "stop"}

    assert reply_of(choices(numbered(1, "b"), numbered(0, "a"), numbered(2, "c")), plainly).text == "a"
    assert reply_of(choices({"message": {"content": "a"}}), plainly).text == "a"
    with pytest.raises(Failed):
        reply_of(choices(numbered(0, "a"), numbered(0, "b")), plainly)


@pytest.mark.parametrize(("sent", "error"), [
    (choices(), "a reply without a choice"),
    (raw(said(None)), "a reply without text, which ended by stop"),
    (raw(said("half", finish="content_filter")), "a reply without text, which ended by content_filter"),
    (choices({"message": {"content": None, "refusal": "I will not."}}), "the model refuses: I will not."),
    (choices({"message": {"content": [{"type": "text", "text": "7"}]}}), "a reply without text, which ended by None"),
])
def test_a_reply_without_text_was_paid_for_and_says_why(sent: bytes, error: str) -> None:
    paid = json.loads(sent) | {"usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    assert reply_of(json.dumps(paid).encode(), plainly) == Reply(read=5, written=1, error=error)


@pytest.mark.parametrize(("sent", "words", "again"), [
    (b"", "got 0 bytes that are not", True), (raw(said("7"))[:-20], "must be JSON", True),
    (b"<!DOCTYPE html><html>Sign in</html>", "<!DOCTYPE html>", True), (b"\xff\xfe\x00", "must be JSON", True),
    (b"[" * 100_000, "must be JSON", True), (b"data: {}\n\ndata: [DONE]", "must be JSON", True),
    (b"[]", "got a list", False), (b"null", "got a NoneType", False), (b"7", "got a int", False),
    (b"{}", "another shape", False), (b'{"choices": {}}', "another shape", False), (choices(7), "another shape", False),
    (choices({"text": "7"}), "another shape", False), (choices({"message": "7"}), "another shape", False),
    (b'{"choices": null, "error": {"message": "overloaded"}}', "an error instead of a reply: overloaded", False),
])
def test_what_is_no_reply_is_said_to_be_none(sent: bytes, words: str, again: bool) -> None:
    with pytest.raises(Failed) as caught:
        reply_of(sent, plainly)
    assert words in caught.value.reason and caught.value.again is again


@pytest.mark.parametrize("usage", [None, {}, "9", {"prompt_tokens": -1, "completion_tokens": True},
                                   {"prompt_tokens": 1e9, "completion_tokens": 10**20}])
def test_tokens_that_are_not_counted_are_none(usage: Any) -> None:
    found = replied(said("7", usage=usage))
    assert (found.text, found.read, found.written) == ("7", 0, 0)


@pytest.mark.parametrize("entry", [
    {}, {"token": "7", "logprob": -1}, {"token": 7, "logprob": -1, "top_logprobs": []},
    {"token": "7", "logprob": float("nan"), "top_logprobs": []}, {"token": "7", "logprob": 1.0, "top_logprobs": []},
    {"token": "7", "logprob": -1.0, "top_logprobs": [{"token": "8"}]},
    {"token": "7", "logprob": -1.0, "top_logprobs": [{"token": "8", "logprob": "-1"}]},
    {"token": "7", "logprob": True, "top_logprobs": []}, None, 7,
])
def test_chances_that_are_no_numbers_are_left_out_and_the_text_stays(entry: Any) -> None:
    fine = {"token": "7", "logprob": -1, "top_logprobs": []}
    for content in ([entry], [fine, entry]):
        choice = {"message": {"content": "7"}, "logprobs": {"content": content}}
        assert reply_of(choices(choice), plainly) == Reply("7")


def test_chances_may_be_missing() -> None:
    for logprobs in (None, {}, {"content": None}, {"content": []}, []):
        assert reply_of(choices({"message": {"content": "7"}, "logprobs": logprobs}), plainly) == Reply("7")


odd_json = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["choices", "message", "content", "index", "logprobs", "usage", "error", "token", "finish_reason"]), inner)),
    max_leaves=12)


@given(sent=st.binary(max_size=50) | odd_json.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_a_reply_or_a_reason(sent: bytes) -> None:
    try:
        found = reply_of(sent, plainly)
    except Failed as failed:
        assert failed.reason.isprintable()
    else:
        assert found.error or isinstance(found.text, str)
