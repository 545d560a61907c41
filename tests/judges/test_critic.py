"""A language model as a critic: critiques, revisions, preferences and ratings, each by its own principle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from asked import attempt

from pawl.errors import ConfigError
from pawl.judges.asks import Question, Reply
from pawl.judges.critic import ByPrinciples, LanguageCritic
from pawl.records import Attempt, Verdict
from pawl.testing import check_judge

BRIEF, TRUE = "Be brief.", "Say what is so."


def asked(reply: Callable[[str], Reply]) -> tuple[Callable[[Sequence[Question]], list[Reply]], list[str]]:
    """Who replies by a question's text, and what was asked so far."""
    heard: list[str] = []

    def asks(questions: Sequence[Question]) -> list[Reply]:
        heard.extend(str(one.prompt) for one in questions)
        return [reply(str(one.prompt)) for one in questions]

    return asks, heard


def in_words(prompt: str) -> Reply:
    return Reply("too long" if "criticise" in prompt else " 2 ")


def test_an_answer_is_criticised_first_and_revised_with_the_critique_in_sight() -> None:
    asks, heard = asked(in_words)
    [revision] = LanguageCritic(asks).revise([attempt("well, 2")], [BRIEF])
    assert (revision.critique, revision.text, revision.error) == ("too long", "2", None)
    assert BRIEF in heard[0] and "well, 2" in heard[0] and "too long" not in heard[0]
    assert BRIEF in heard[1] and "well, 2" in heard[1] and "too long" in heard[1]


@pytest.mark.parametrize(("reply", "why"), [
    (Reply(error="it is down"), "it is down"), (Reply("half a", cut=True, written=9), "cut off after 9"),
    (Reply(" \n"), "empty")])
def test_a_reply_that_is_missing_cut_off_or_empty_is_no_revision_and_costs_the_others_nothing(reply: Reply, why: str
                                                                                           ) -> None:
    asks, _ = asked(lambda prompt: reply if "bad" in prompt and "revise" in prompt else in_words(prompt))
    bad, good = LanguageCritic(asks).revise([attempt("bad"), attempt("good")], [BRIEF, BRIEF])
    assert bad.text is None and why in str(bad.error) and bad.critique == "too long"
    assert good.text == "2"


def test_without_a_critique_nothing_is_revised() -> None:
    asks, heard = asked(lambda prompt: Reply(error="it is down"))
    [revision] = LanguageCritic(asks).revise([attempt("2")], [BRIEF])
    assert revision.text is None and revision.error == "it is down" and len(heard) == 1


def test_a_failed_attempt_is_not_asked_about() -> None:
    asks, heard = asked(in_words)
    failed = Attempt(attempt("").problem, 0, attempt("").prompt_tokens, attempt("").completion, error="play: no")
    [revision] = LanguageCritic(asks).revise([failed], [BRIEF])
    assert revision.error == "play: no" and not heard


def test_each_pair_is_compared_by_its_own_principle_in_both_orders() -> None:
    def brief_or_second(prompt: str) -> Reply:
        first_is_short = prompt.index("short") < prompt.index("lengthy")
        return Reply("A" if first_is_short == (BRIEF in prompt) else "B")

    asks, heard = asked(brief_or_second)
    pair = attempt("short"), attempt("lengthy")
    critic = LanguageCritic(asks)
    assert critic.prefers([pair, pair], [BRIEF, TRUE]) == [True, False]
    assert len(heard) == 4 and critic.asked.pairs == 2 and critic.asked.consistent == 2


def test_a_model_that_goes_by_the_order_has_no_preference() -> None:
    asks, _ = asked(lambda prompt: Reply("A"))
    assert LanguageCritic(asks).prefers([(attempt("one"), attempt("other"))], [BRIEF]) == [None]


def test_by_principles_an_answer_has_the_mean_of_all_and_none_where_one_is_unknown() -> None:
    asks, _ = asked(lambda prompt: Reply("10" if BRIEF in prompt else "1" if "fine" in prompt else "no idea"))
    judge = ByPrinciples(LanguageCritic(asks, name="model"), [BRIEF, TRUE])
    known, unknown = judge([attempt("fine"), attempt("odd")])
    assert known == Verdict(0.5, "model")
    assert unknown.score is None and "number" in str(unknown.error)


def test_by_principles_keeps_a_judges_promises() -> None:
    asks, _ = asked(lambda prompt: Reply("7"))
    check_judge(ByPrinciples(LanguageCritic(asks), [BRIEF, TRUE]))


def test_a_critique_may_be_longer_than_an_answer() -> None:
    heard: list[int] = []

    def asks(questions: Sequence[Question]) -> list[Reply]:
        heard.extend(one.max_tokens for one in questions)
        return [Reply("fine")] * len(questions)

    LanguageCritic(asks, max_tokens=8, critique_tokens=300).revise([attempt("2")], [BRIEF])
    assert heard == [300, 8]


def test_without_a_principle_nobody_can_judge() -> None:
    with pytest.raises(ConfigError, match="one or more, got none"):
        ByPrinciples(LanguageCritic(asked(in_words)[0]), [])


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"critique_tokens": 0}, {"most": 1}])
def test_it_must_have_room_to_write_and_to_show(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        LanguageCritic(asked(in_words)[0], **wrong)
