"""Questions that are asked once, and counts of what was asked."""

from __future__ import annotations

from collections.abc import Sequence

from pawl.judges.asks import Asked, Question, Reply, ask_once, expect, from_cache, name_of


class Echo:
    """Replies with the prompt; remembers what it was asked, and what it was told to expect."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.expected: list[Question] = []

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        self.asked += questions
        return [Reply(str(question.prompt), read=3, written=1, cost=0.5) for question in questions]

    def expect(self, questions: Sequence[Question]) -> None:
        self.expected += questions


def test_equal_questions_are_asked_once_and_each_has_its_reply() -> None:
    echo = Echo()
    replies, asked = ask_once(echo, [Question("b"), Question("a"), Question("b")])
    assert [reply.text for reply in replies] == ["b", "a", "b"]
    assert echo.asked == [Question("b"), Question("a")]
    assert asked == Asked(questions=2, read=6, written=2, cost=1.0)


def test_no_question_is_no_call() -> None:
    echo = Echo()
    assert ask_once(lambda questions: 1 / 0, []) == ([], Asked())  # type: ignore[arg-type,return-value]
    expect(echo, [])
    assert echo.asked == []


def test_questions_have_one_name_if_they_are_equal_and_no_other() -> None:
    messages = Question(({"role": "user", "content": "a"},))
    swapped = Question(({"content": "a", "role": "user"},))
    assert name_of(messages) == name_of(swapped)
    others = [messages, Question("a"), Question("a", ("1",)), Question("a", max_tokens=3), Question("a", ("1", "2"))]
    assert len({name_of(question) for question in others}) == len(others)


def test_who_can_begin_early_is_told_once_of_each_and_nobody_else_is() -> None:
    echo = Echo()
    expect(echo, [Question("a"), Question("a"), Question("b")])
    assert echo.expected == [Question("a"), Question("b")]
    expect(lambda questions: 1 / 0, [Question("a")])  # type: ignore[arg-type,return-value]


def test_what_was_asked_adds_up() -> None:
    assert Asked(pairs=2, cost=0.5) + Asked(pairs=1, cyclic=3) == Asked(pairs=3, cost=0.5, cyclic=3)


def test_consistency_is_a_share_where_there_is_something_to_share() -> None:
    asked = Asked(pairs=4, consistent=3, triples=10, cyclic=1)
    assert (asked.agreement, asked.transitivity) == (0.75, 0.9)
    assert Asked().agreement is None and Asked().transitivity is None


def test_failures_and_kept_replies_are_counted() -> None:
    kept = from_cache(Reply("a", read=5, written=5, cost=9.0))
    replies = {"down": Reply(error="no"), "kept": kept, "new": Reply("b")}
    _, asked = ask_once(lambda questions: [replies[str(one.prompt)] for one in questions], list(map(Question, replies)))
    assert asked == Asked(questions=3, unanswered=1, cached=1)
