"""Answers put better by a critic, and what is learnt of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pawl.errors import TrainingError
from pawl.models.opening import fresh_policy
from pawl.play import play
from pawl.recipes.revisions import must_be_revised, put_better, rated, rounds_of, shown, with_revisions
from pawl.records import Attempt, Problem, Revision, Sampling, Verdict
from pawl.report_stages import sections
from pawl.report_text import MISSING

POLICY = fresh_policy(["abcdefgh \n"], tokenizer="char", depth=1, context=16, seed=0)
PROBLEMS = [Problem(name, name, "train") for name in ("ab", "cd")]
ANSWERS = play(POLICY, PROBLEMS, 1, sampling=Sampling(4), key=1)


def revision(attempt: Attempt, text: str | None, error: str | None = None) -> Revision:
    return Revision(attempt, "Be brief.", "too long", text, error)


def test_an_answer_put_better_is_in_the_policys_tokens_with_its_end() -> None:
    found = put_better(revision(ANSWERS[0], "gh"), POLICY)
    assert found.completion.text == "gh" and found.source == "critic" and found.problem == ANSWERS[0].problem
    assert POLICY.decode(found.completion.tokens) == "gh" and len(found.completion.tokens) == 3


def test_the_blank_between_a_prompt_and_its_answer_outlasts_a_revision_that_has_none() -> None:
    policy = fresh_policy(["ab cd efgh\n"], tokenizer="char", depth=1, context=16, seed=0)
    before = replace(ANSWERS[0], completion=replace(ANSWERS[0].completion, text=" cd"))
    assert put_better(revision(before, "gh"), policy).completion.text == " gh"
    assert put_better(revision(before, "  gh"), policy).completion.text == "  gh"


def test_a_revision_that_failed_leaves_the_answer_as_it_was() -> None:
    assert put_better(revision(ANSWERS[0], None, "it is down"), POLICY) is ANSWERS[0]


def test_a_revision_beyond_the_context_is_cut() -> None:
    found = put_better(revision(ANSWERS[0], "g" * 99), POLICY)
    assert len(found.prompt_tokens) + len(found.completion.tokens) == POLICY.context
    assert found.completion.finish == "length" and put_better(revision(ANSWERS[0], "g"), POLICY
                                                              ).completion.finish == "stop"


def test_what_a_round_came_to_goes_through_the_ledger_and_back() -> None:
    def judge(attempts: object) -> list[Verdict]:
        return [Verdict(0.25, "critic"), Verdict(None, "critic", "no idea")]

    def gold(attempts: object) -> list[Verdict]:
        return [Verdict(0.5, "truth"), Verdict(1.0, "truth")]

    failed = [revision(ANSWERS[0], None, "it is down"), revision(ANSWERS[1], "gh")]
    one = rated(ANSWERS, failed, judge, gold)
    assert (one.kept, one.gold, one.failed, one.why) == (0.25, 0.75, 1, "it is down")
    assert "1 revisions failed (it is down)" in one.in_words
    assert rounds_of(one.metrics(0) | one.metrics(1) | {"loss": 1.0}) == [
        {"revision": number, "kept": 0.25, "gold": 0.75, "length": one.length, "failed": 1.0} for number in (0, 1)]


def test_a_critic_that_rates_nothing_leaves_a_gap_and_no_number_that_the_ledger_cannot_hold() -> None:
    def silent(attempts: object) -> list[Verdict]:
        return [Verdict(None, "critic", "no idea")] * 2

    one = rated(ANSWERS, [], silent, lambda attempts: [Verdict(0.5, "truth")] * 2)
    assert "the critic says nothing, gold 0.500" in one.in_words
    assert all(np.isfinite(value) for value in one.metrics(0).values())
    [row] = rounds_of(one.metrics(0))
    assert row["kept"] is None and row["gold"] == 0.5
    assert sections({"revisions": [row]})[0].rows[0][:3] == ("0", MISSING, "0.500")


def test_only_answers_that_changed_are_shown() -> None:
    same = revision(ANSWERS[0], ANSWERS[0].completion.text)
    assert shown([same, revision(ANSWERS[0], None)]) == []
    assert shown([same, revision(ANSWERS[1], "gh")]) == [f"{ANSWERS[1].completion.text.strip()} -> too long -> gh"]


def test_a_critic_that_revises_nothing_stops_the_run_with_its_reason() -> None:
    revised = replace(ANSWERS[1], source="critic")
    assert must_be_revised([ANSWERS[0], revised], []) == [revised]
    with pytest.raises(TrainingError, match=r"none of 2 .it is down.") as raised:
        must_be_revised(ANSWERS, [revision(ANSWERS[0], None, "it is down")])
    assert "--revisions 0" in str(raised.value.hint)


def test_revisions_become_likelier_and_the_base_stays() -> None:
    better = [put_better(revision(one, "gh"), POLICY) for one in ANSWERS]
    prompts, texts = [one.prompt_tokens for one in better], [one.completion.tokens for one in better]
    before = [one.sum() for one in POLICY.logprobs(prompts, texts)]
    learnt, losses = with_revisions(POLICY, better, SimpleNamespace(model="", batch=2), key=1,
                                    watch=lambda done, total: None)
    assert np.isfinite(losses["train_loss"])
    assert all(now.sum() > then for now, then in zip(learnt.logprobs(prompts, texts), before, strict=True))
    assert [one.sum() for one in POLICY.logprobs(prompts, texts)] == before
