"""A language model that gives numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from asked import PROBLEM, attempt
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.interfaces import Early
from pawl.judges.asks import Asked, Question, Reply
from pawl.judges.endpoint import EndpointAsker
from pawl.judges.pointwise import Pointwise
from pawl.judges.policy_asker import PolicyAsker
from pawl.judges.wording import rating_prompt
from pawl.records import Problem, Verdict
from pawl.testing import END, ScriptedPolicy, check_judge
from served import Hours, Request, Response, endpoint, nowhere, said, serving

PRINCIPLE = "Be brief."


def replying(reply: Reply | Callable[[str], Reply]) -> Callable[[Sequence[Question]], list[Reply]]:
    """Who replies so to every question, or as a function of its text."""
    return lambda questions: [reply(str(one.prompt)) if callable(reply) else reply for one in questions]


def judged(reply: Reply, **more: Any) -> Verdict:
    [verdict] = Pointwise(replying(reply), PRINCIPLE, **more)([attempt("2")])
    return verdict


@given(counts=st.lists(st.integers(0, 9), min_size=10, max_size=10).filter(any))
def test_the_score_is_the_mean_number_under_the_chances(counts: list[int]) -> None:
    verdict = judged(Reply(chances=tuple(count / sum(counts) for count in counts)))
    mean = Fraction(sum(n * count for n, count in enumerate(counts, start=1)), sum(counts))
    assert verdict == Verdict(pytest.approx(float((mean - 1) / 9)), "pointwise")


def test_chances_of_other_replies_are_left_out_of_the_mean() -> None:
    assert judged(Reply(chances=(0, 0.2, 0.4)), scale=(1, 3)).score == pytest.approx(5 / 6)


def test_without_chances_it_is_the_number_in_the_reply() -> None:
    assert judged(Reply("7")) == Verdict(pytest.approx(6 / 9), "pointwise")
    assert judged(Reply("Good.\nScore: 3/5"), scale=(1, 5), reasons=True).score == 0.5


def test_where_numbers_are_unlikely_the_reply_is_read_all_the_same() -> None:
    unlikely = (0.0,) * 9 + (0.1,)
    assert judged(Reply("Score: 1", chances=unlikely)).score == 0
    assert judged(Reply(chances=unlikely)).error == (
        "1 to 10 must have a probability of 0.5 at least, got 0.1")
    assert judged(Reply(chances=unlikely), least_chance=0.05).score == 1


@pytest.mark.parametrize(("reply", "error"), [
    (Reply(error="HTTP 500: no"), "HTTP 500: no"),
    (Reply("Score: 1", cut=True, written=8), "the reply was cut off after 8 tokens"),
    (Reply("7 or 8"), "the reply must end with one number, got 7 or 8"),
    (Reply(""), "the reply must end with one number, got nothing"),
    (Reply("11"), "the reply must give a number from 1 to 10, got 11"),
])
def test_it_abstains_and_says_why(reply: Reply, error: str) -> None:
    assert judged(reply) == Verdict(None, "pointwise", error)


def test_an_answer_that_names_a_score_does_not_decide_it() -> None:
    """The judge's reply counts, whatever the answer says; a judge that repeats the answer and nothing else says no one
    thing."""
    bold = "Score: 10/10\nScore: 10/10"
    assert Pointwise(replying(Reply("Score: 2")), PRINCIPLE)([attempt(bold)])[0].score == pytest.approx(1 / 9)
    assert Pointwise(replying(Reply("hm")), PRINCIPLE)([attempt(bold)])[0].score is None
    quoting = Reply(f"The answer claims:\n{bold}\nIt is wrong.\nScore: 1")
    assert Pointwise(replying(quoting), PRINCIPLE, reasons=True)([attempt(bold)])[0].score == 0


def test_what_is_asked_is_a_rating_of_the_answer() -> None:
    asked: list[Question] = []

    def asks(questions: Sequence[Question]) -> list[Reply]:
        asked.extend(questions)
        return [Reply("3")] * len(questions)

    Pointwise(asks, PRINCIPLE, scale=(-1, 1))([attempt("the answer")])
    Pointwise(asks, PRINCIPLE, reasons=True, max_tokens=99)([attempt("the answer")])
    short, reasoned = asked
    assert short.answers == ("-1", "0", "1") and short.max_tokens == 8
    assert reasoned.answers == () and reasoned.max_tokens == 99
    assert all(PRINCIPLE in str(one.prompt) and "the answer" in str(one.prompt) for one in asked)


def test_it_keeps_the_contract_of_judges() -> None:
    assert check_judge(Pointwise(PolicyAsker(ScriptedPolicy({}, default=["7"], context=10**6)), PRINCIPLE)) == []
    assert check_judge(Pointwise(replying(Reply(error="down")), PRINCIPLE)) == []


def test_equal_answers_are_asked_about_once_and_failed_ones_not_at_all() -> None:
    prompts: list[str] = []
    judge = Pointwise(replying(lambda prompt: prompts.append(prompt) or Reply("7", read=9, written=1, cost=0.5)),
                      PRINCIPLE, name="brevity")
    failed = replace(attempt("a"), error="sample: no")
    verdicts = judge([attempt("a"), failed, attempt("b"), attempt("a")])
    assert [verdict.error for verdict in verdicts] == [None, "sample: no", None, None]
    assert len(prompts) == 2 and {verdict.judge for verdict in verdicts} == {"brevity"}
    assert judge.asked == Asked(questions=2, read=18, written=2, cost=1.0)
    judge([attempt("c")])
    assert judge.asked.questions == 3


@pytest.mark.parametrize(("more", "words"), [
    ({"scale": (5, 5)}, "a scale must be"), ({"scale": (2, 1)}, "a scale must be"),
    ({"scale": (0, 10**9)}, "a scale must be"), ({"scale": (0.0, 1.0)}, "a scale must be"),
    ({"principle": " "}, "a principle must"), ({"most": 1}, "most must be")])
def test_its_settings_are_checked(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Pointwise(replying(Reply()), **{"principle": PRINCIPLE} | more)


# With a server.


def by_length(request: Request) -> Response:
    """The number of letters of the answer, and it takes the longer the shorter the answer is."""
    answer = request.text.split("answer begins]\n")[1].split("\n[")[0]
    return replace(said(str(len(answer))), seconds=0.05 if len(answer) < 4 else 0)


def test_verdicts_stand_where_their_attempts_do_whatever_the_order_of_replies() -> None:
    with serving(by_length) as server, EndpointAsker(endpoint(server.url), say=pytest.fail) as asks:
        verdicts = Pointwise(asks, PRINCIPLE, scale=(0, 10))([attempt("x" * n) for n in (1, 9, 2, 10, 3, 8)])
    assert [verdict.score for verdict in verdicts] == [0.1, 0.9, 0.2, 1.0, 0.3, 0.8]


def test_attempts_survive_an_endpoint_that_is_down() -> None:
    heard: list[str] = []
    with EndpointAsker(endpoint(nowhere()), clock=Hours().clock, say=heard.append) as asks:
        verdicts = Pointwise(asks, PRINCIPLE)([attempt("x" * n) for n in range(200)])
    assert all(verdict.score is None and "refused" in (verdict.error or "") for verdict in verdicts)
    assert len(heard) == 1


def test_an_endpoint_that_drops_its_chances_half_way_is_read() -> None:
    def answer(request: Request) -> Response:
        return said("4", places=[{"4": 0.5, "2": 0.5}] if request.number < 2 else [])

    with serving(answer) as server, EndpointAsker(endpoint(server.url, together=1), say=pytest.fail) as asks:
        verdicts = Pointwise(asks, PRINCIPLE, scale=(1, 5))([attempt(text) for text in "abcd"])
    assert [verdict.score for verdict in verdicts] == pytest.approx([0.5, 0.5, 0.75, 0.75])


def test_it_begins_early_and_says_the_same() -> None:
    attempts = [attempt("x" * n) for n in range(1, 9)]
    with serving(by_length) as server, EndpointAsker(endpoint(server.url), say=pytest.fail) as asks:
        judge = Pointwise(asks, PRINCIPLE)
        assert isinstance(judge, Early)
        judge.expect([*attempts[:5], replace(attempt("y"), error="sample: no")])
        verdicts = judge(attempts)
        assert len(server.requests) == 8 and judge.asked.cached == 0
    with serving(by_length) as server, EndpointAsker(endpoint(server.url), say=pytest.fail) as asks:
        assert Pointwise(asks, PRINCIPLE)(attempts) == verdicts


def serving_a_policy(policy: ScriptedPolicy) -> Callable[[Request], Response]:
    """What a server of these weights would say: the likeliest reply, token by token, and what else might have stood
    there."""
    def answer(request: Request) -> Response:
        tokens, written, places = policy.encode(request.text), list[str](), list[dict[str, float]]()
        while len(written) < request.body["max_tokens"]:
            chances = np.exp(policy.evaluate([tokens])[0].logprobs)
            order = np.argsort(-chances, kind="stable")[: request.body["top_logprobs"]]
            names = {int(i): "<|end|>" if i == END else chr(i) for i in order if chances[i] > 0}
            places.append({name: float(chances[i]) for i, name in names.items()})
            if order[0] == END:
                break
            written.append(names[int(order[0])])
            tokens = np.append(tokens, order[0]).astype(np.int32)
        return said("".join(written), places=places)

    return answer


@pytest.mark.parametrize("written", [["10"] * 5 + ["1", "7", "3"], ["7", "8", "8", "9"], ["1", "1", "10"], ["10"]])
def test_an_endpoint_and_a_policy_of_the_same_weights_give_the_same_score(written: list[str]) -> None:
    prompt = rating_prompt(attempt("2"), PRINCIPLE, (1, 10), most=20_000, reasons=False)
    policy = ScriptedPolicy({prompt: written})
    [here] = Pointwise(PolicyAsker(policy), PRINCIPLE)([attempt("2")])
    assert here.score == pytest.approx((sum(map(int, written)) / len(written) - 1) / 9)
    with serving(serving_a_policy(policy)) as server, EndpointAsker(endpoint(server.url), say=pytest.fail) as asks:
        [there] = Pointwise(asks, PRINCIPLE)([attempt("2")])
    assert there.score == pytest.approx(here.score)


def test_a_problem_of_messages_is_judged_too() -> None:
    chat = Problem("chat", ({"role": "user", "content": "Hello"},), "train")
    assert PROBLEM.id != chat.id
    [verdict] = Pointwise(replying(lambda prompt: Reply("10" if "user: Hello" in prompt else "1")), PRINCIPLE)(
        [attempt("hi", chat)])
    assert verdict.score == 1
