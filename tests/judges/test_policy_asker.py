"""A policy of this process that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import DataError
from pawl.judges.asks import Question, Reply
from pawl.judges.policy_asker import PolicyAsker
from pawl.models.opening import fresh_policy
from pawl.records import Demonstration, Evaluation, IntArray, Prompt
from pawl.testing import ScriptedPolicy

SCALE = tuple(map(str, range(1, 11)))


def asked(policy: ScriptedPolicy, *questions: Question, **more: float) -> list[Reply]:
    return PolicyAsker(policy, **more)(list(questions))  # type: ignore[arg-type]


@given(written=st.lists(st.sampled_from([*SCALE, "100", "x", ""]), min_size=1, max_size=20))
def test_chances_are_the_shares_of_what_the_policy_would_write(written: list[str]) -> None:
    """One begins ten, and ten a hundred; whoever writes a hundred does not write ten."""
    policy = ScriptedPolicy({"?": written})
    [reply] = asked(policy, Question("?", (*SCALE, "100")))
    assert reply.chances == pytest.approx([float(Fraction(written.count(n), len(written))) for n in (*SCALE, "100")])
    assert reply.text == "" and reply.error is None


def test_a_longer_answer_that_was_not_asked_about_counts_for_the_one_that_it_begins_with() -> None:
    [reply] = asked(ScriptedPolicy({"?": ["yes", "yes, it is", "no"]}), Question("?", ("yes", "no")))
    assert reply.chances == pytest.approx((2 / 3, 1 / 3))


def test_chances_are_those_of_all_tokens_of_an_answer() -> None:
    policy = fresh_policy(["how good? 1 2 10 12 100 bad"], tokenizer="char", depth=1, context=64, seed=0)
    answers = ("1", "10", "12", "100", "bad", "2")
    [reply] = PolicyAsker(policy)([Question("how good?", answers)])
    prompt = policy.encode("how good?")
    tokens = [policy.encode_demonstration(Demonstration("how good?", answer))[1][:-1] for answer in answers]
    begins = np.exp([float(chances.sum()) for chances in policy.logprobs([prompt] * len(answers), tokens)])
    one, ten, twelve, hundred, *others = begins
    assert reply.chances == pytest.approx((one - ten - twelve, ten - hundred, twelve, hundred, *others), rel=1e-4)


def test_replies_in_words_are_greedy() -> None:
    [reply] = asked(ScriptedPolicy({"?": ["good", "bad", "bad"]}), Question("?"))
    assert reply == Reply("bad", read=1, written=4)


def test_a_reply_that_is_too_long_was_cut() -> None:
    [reply] = asked(ScriptedPolicy({"?": ["good"]}), Question("?", max_tokens=3))
    assert (reply.text, reply.cut, reply.written) == ("goo", True, 3)


@given(st.permutations(list("abcdef")), st.floats(0, 2))
def test_a_reply_depends_on_its_question_alone(order: list[str], temperature: float) -> None:
    policy = ScriptedPolicy({}, default=list("0123456789"))
    questions = [Question(text, ("1", "2") if text in "ab" else (), 4 if text in "cd" else 8) for text in order]
    together = asked(policy, *questions, temperature=temperature)
    assert together == [reply for question in questions for reply in asked(policy, question, temperature=temperature)]


def test_another_seed_draws_other_replies() -> None:
    policy = ScriptedPolicy({}, default=list("0123456789"))
    questions = [Question(str(i)) for i in range(20)]
    first, again, other = (asked(policy, *questions, temperature=1.0, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


class Fussy(ScriptedPolicy):
    """Refuses what a chat template might; remembers how many prefixes came at a time."""

    def __init__(self) -> None:
        super().__init__({}, default=["1"], context=30)
        self.together: list[int] = []

    def encode(self, prompt: Prompt) -> IntArray:
        if "system" in self.render(prompt):
            raise DataError("the template refuses\x1b the messages")
        return super().encode(prompt)

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        self.together.append(len(prefixes))
        return super().evaluate(prefixes)


def test_a_question_that_the_policy_cannot_take_is_a_reason_and_the_others_are_asked() -> None:
    system = ({"role": "system", "content": "x"},)
    questions = [Question("ok", ("1",)), Question("x" * 100, ("1",)), Question(system, ("1",)), Question(""),
                 Question("?", ("1", "1")), Question("?", ("",)), Question("ok")]
    replies = asked(Fussy(), *questions)
    assert replies[0].chances == (1.0,) and replies[-1].text == "1"
    assert [reply.error for reply in replies[1:-1]] == [
        "not asked: a question must have 1 to 14 tokens for this model, got 100",
        "not asked: the template refuses  the messages",
        "not asked: a question must have 1 to 14 tokens for this model, got 0",
        "not asked: answers must differ in this model's tokens, got some that do not",
        "not asked: answers must have 1 to 16 tokens, got some of other lengths"]


def test_many_questions_are_asked_some_at_a_time() -> None:
    policy = Fussy()
    replies = asked(policy, *[Question(str(i), ("1", "2")) for i in range(300)])
    assert [reply.chances for reply in replies] == [(1.0, 0.0)] * 300
    assert policy.together == [256, 44]
    assert [reply.text for reply in asked(policy, *[Question(str(i)) for i in range(300)])] == ["1"] * 300


def test_what_was_read_and_written_is_counted() -> None:
    chances, words = asked(ScriptedPolicy({}, default=["10"]), Question("?", SCALE), Question("??"))
    assert (chances.read, chances.written) == (len("?") + len("?1"), 0)
    assert (words.read, words.written) == (2, 3)


def test_a_policy_that_remembers_reads_what_answers_share_once() -> None:
    policy = fresh_policy(["how good? 0123456789"], tokenizer="char", depth=1, context=64, seed=0)
    question = Question("how good?", SCALE)
    [reply] = PolicyAsker(policy)([question])
    assert reply.read == len(policy.encode("how good?")) + 1


def test_no_question_is_no_reply() -> None:
    assert asked(ScriptedPolicy({})) == []
