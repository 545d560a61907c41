"""The critic of stories, against the reader whose stories they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from pawl.errors import ConfigError
from pawl.interfaces import Criticised
from pawl.records import Attempt, Completion, Problem
from pawl.tasks.stories import Stories
from pawl.tasks.stories_critic import CHARM, PRINCIPLES, SENTENCES, TWICE

TASK = Stories(errs=0.0)
CRITIC = TASK.critic()


def attempt(prompt: str, text: str) -> Attempt:
    return Attempt(Problem(prompt, prompt, "train"), 0, np.zeros(1, np.int32),
                   Completion(text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop"))


def told(count: int) -> list[Attempt]:
    return [attempt(one.prompt, one.completion) for one in TASK.corpus(count, 5) if isinstance(one.prompt, str)]


def test_the_task_says_that_it_brings_principles_and_a_critic() -> None:
    assert isinstance(TASK, Criticised) and tuple(TASK.principles) == PRINCIPLES


def test_principles_together_are_what_the_reader_likes_but_for_the_critics_taste() -> None:
    same_taste = replace(CRITIC)
    same_taste.__dict__["_own"] = {word: TASK.charm(word) for word in TASK._forms}
    for one in told(30):
        story = f"{one.problem.prompt} {one.completion.text.strip()}"
        assert sum(same_taste.keeps(story, principle) for principle in PRINCIPLES) == pytest.approx(TASK.liking(story))


def test_its_taste_is_nearly_the_readers() -> None:
    words = sorted(TASK._forms)
    both = np.corrcoef([CRITIC.charm(word) for word in words], [TASK.charm(word) for word in words])[0, 1]
    assert 0.7 < both < 0.9 and CRITIC.charm("the") == 0


@pytest.mark.parametrize("principle", PRINCIPLES)
def test_a_revision_never_keeps_less_to_its_principle_and_leaves_what_was_given(principle: str) -> None:
    for revision in CRITIC.revise(told(60), [principle] * 60):
        assert revision.text is not None and revision.critique and revision.error is None
        before, after = (f"{revision.attempt.problem.prompt} {text.strip()}"
                         for text in (revision.attempt.completion.text, revision.text))
        assert CRITIC.keeps(after, principle) >= CRITIC.keeps(before, principle)
        assert after.startswith(str(revision.attempt.problem.prompt)) and TASK.grammatical(after)


def test_a_word_that_came_before_is_said_otherwise() -> None:
    [revision] = CRITIC.revise([attempt("the dedrats baim", " . the dedrats mel .")], [TWICE])
    words = str(revision.text).split()
    assert words[:2] == [".", "the"] and words[3:] == ["mel", "."] and words[2] in TASK.alike("dedrats")
    assert words[2] != "dedrats" and "dedrats" in revision.critique


def test_what_is_no_sentence_is_left_out() -> None:
    [revision] = CRITIC.revise([attempt("the dedrats baim", " . the dedrats mel . the baim the")], [SENTENCES])
    assert revision.text == " . the dedrats mel ." and "the baim the" in revision.critique


def test_rounds_of_revision_bring_ever_less() -> None:
    answers, golds = told(300), []
    for number in range(4):
        golds.append(np.mean([TASK.score(one.problem, one.completion.text) for one in answers]))
        principles = [PRINCIPLES[(place + number) % 3] for place in range(len(answers))]
        answers = [replace(one.attempt, completion=replace(one.attempt.completion, text=str(one.text)))
                   for one in CRITIC.revise(answers, principles)]
    gains = np.diff(golds)
    assert gains[0] > 0.05 and gains[0] > gains[2] > 0


def test_of_two_stories_it_prefers_the_one_that_keeps_better_to_the_principle_or_cannot_say() -> None:
    fine, twice = attempt("the dedrats baim", " ."), attempt("the dedrats baim", " . the dedrats baim .")
    assert CRITIC.prefers([(fine, twice), (twice, fine), (fine, twice)], [TWICE, TWICE, SENTENCES]) == [
        True, False, None]


def test_it_says_the_opposite_as_often_as_the_task_has_it() -> None:
    pairs = list(zip(told(400)[::2], told(400)[1::2], strict=True))
    errs = [one != other for one, other in zip(CRITIC.prefers(pairs, [CHARM] * 200), Stories(errs=0.3).critic().prefers(
        pairs, [CHARM] * 200), strict=True)]
    assert 0.2 < np.mean(errs) < 0.4


def test_a_rating_is_how_well_it_keeps_to_the_principle() -> None:
    [one] = told(1)
    story = f"{one.problem.prompt} {one.completion.text.strip()}"
    [verdict] = CRITIC.rate([one], [CHARM])
    assert verdict.score is not None and logit(verdict.score) == pytest.approx(CRITIC.keeps(story, CHARM))


def test_an_attempt_that_failed_is_neither_rated_nor_revised_nor_preferred() -> None:
    fine = told(1)[0]
    failed = replace(fine, completion=replace(fine.completion, text=""), error="play: no")
    assert CRITIC.prefers([(fine, failed), (failed, fine)], [CHARM, CHARM]) == [None, None]
    assert CRITIC.rate([failed], [CHARM])[0].score is None
    assert CRITIC.revise([failed], [CHARM])[0].error == "play: no"


def test_a_principle_that_it_does_not_know_is_named() -> None:
    for asked in (CRITIC.rate, CRITIC.revise):
        with pytest.raises(ConfigError, match=r"knows, got 'Be kind.'"):
            asked(told(1), ["Be kind."])


def test_a_word_for_which_there_is_no_other_stays_and_nothing_is_said_against_it() -> None:
    word = "dedrats"
    story = f"the {word} baim . {' '.join(TASK.alike(word))}"
    [revision] = CRITIC.revise([attempt(f"the {word} baim", story.removeprefix(f"the {word} baim"))], [TWICE])
    assert revision.text == story.removeprefix(f"the {word} baim") and revision.critique == "Nothing breaks it."
