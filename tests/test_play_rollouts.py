"""Labels of steps from completions: which are drawn, who judges them, what they say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.judges.truth import truth
from pawl.play import play
from pawl.play_rollouts import label_steps
from pawl.records import Attempt, Completion, Cost, IntArray, KeyArray, Problem, Sampling, Verdict
from pawl.tasks.countdown import Countdown
from pawl.testing import END, ScriptedPolicy

TASK = Countdown(numbers=3, max_number=9)
PROBLEM = TASK.problem([1, 2, 3], 6)
GOOD, BAD = "2*3=6\n6*1=6", "2-1=1\n3*1=3"
"""After 2*3=6 the second line may be 6*1=6 or 6+1=7; after 2-1=1 nothing leads to 6."""
POLICY = ScriptedPolicy({str(PROBLEM.prompt): [GOOD, "2*3=6\n6+1=7", BAD]})
SAMPLING = Sampling(32)


def attempt(text: str, problem: Problem = PROBLEM, *, error: str | None = None) -> Attempt:
    tokens = np.array([*text.encode(), END], np.int32)
    return Attempt(problem, 0, POLICY.encode(problem.prompt),
                   Completion(text, tokens, np.zeros(len(tokens), np.float32), "stop"), error=error)


def found_values(texts: Sequence[str], **changes: int) -> list[list[float | None]]:
    found = label_steps(POLICY, [attempt(text) for text in texts], truth(TASK), sampling=SAMPLING,
                        **({"count": 100, "key": 0} | changes))
    return [[label.value for label in labels] for labels in found.labels]


def test_a_step_is_worth_the_share_of_right_completions_and_the_last_one_its_own_truth() -> None:
    (good, bad) = found_values([GOOD, BAD])
    assert good == [pytest.approx(0.5, abs=0.15), 1.0]
    assert bad == [0.0, 0.0]


def test_shares_come_near_what_enumeration_says() -> None:
    """Two lines of two kinds each; the second is right one time in three after a, never after b."""
    problem = Problem("q", "?", "train")
    policy = ScriptedPolicy({"?": ["a\nr", "a\nw", "a\nw", "b\nw"]})

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        return [Verdict(float(one.completion.text == "a\nr"), "truth") for one in attempts]

    made = [attempt(f"{first}\n{second}", problem) for first, second in product("ab", "rw")]
    found = label_steps(policy, made, judge, count=150, sampling=SAMPLING, key=3)
    assert [labels[0].value for labels in found.labels] == [pytest.approx(1 / 3, abs=0.12)] * 2 + [0.0] * 2
    assert [labels[1].value for labels in found.labels] == [1, 0, 0, 0]
    assert (found.judged, found.right) == (300, round(150 * (found.labels[0][0].value or 0)))


def test_a_label_stands_on_the_prompt_and_the_steps_so_far() -> None:
    (first, last), = label_steps(POLICY, [attempt(GOOD)], truth(TASK), count=1, sampling=SAMPLING, key=0).labels
    assert bytes(first.tokens.tolist()).decode() == f"{PROBLEM.prompt}2*3=6\n"
    assert bytes(last.tokens[:-1].tolist()).decode() == f"{PROBLEM.prompt}{GOOD}" and last.tokens[-1] == END
    assert (first.prompt_length, first.problem_id, first.ended, last.ended) == (8, PROBLEM.id, False, True)


def test_what_a_step_is_worth_does_not_depend_on_its_company_and_does_on_the_key() -> None:
    alone, together = found_values([GOOD], count=7), found_values([BAD, GOOD, GOOD], count=7)
    assert together[1] == together[2] == alone[0]
    assert len({found_values([GOOD], count=7, key=key)[0][0] for key in range(8)}) > 1


class Counting(ScriptedPolicy):
    """Keeps the prefixes that it completed, and how long each may become."""

    def propose(self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling,
                keys: KeyArray) -> list[list[Completion]]:
        self.asked += [(bytes(prefix.tolist()).decode(), sampling.max_tokens) for prefix in prefixes]
        return super().propose(prefixes, count, sampling=sampling, keys=keys)

    asked: list[tuple[str, int]]


def counting(context: int = 4096) -> Counting:
    policy = Counting({str(PROBLEM.prompt): [GOOD]}, context=context)
    policy.asked = []
    return policy


def test_equal_prefixes_are_completed_once_and_cost_what_they_cost() -> None:
    policy = counting()
    found = label_steps(policy, [attempt(GOOD)] * 3 + [attempt("2*3=6\n6+1=7")], truth(TASK), count=5,
                        sampling=SAMPLING, key=0)
    assert [prompt for prompt, _ in policy.asked] == [f"{PROBLEM.prompt}2*3=6\n"]
    generated = 5 * len("6*1=6.")
    assert (found.judged, found.right, found.cost) == (5, 5, Cost(14 + generated, generated))


def test_an_answer_may_have_as_many_tokens_as_a_whole_one_and_fits_the_context() -> None:
    policy = counting()
    label_steps(policy, [attempt(GOOD)], truth(TASK), count=1, sampling=Sampling(16), key=0)
    assert policy.asked[0][1] == 16 - len("2*3=6\n")
    tight = counting(context=16)
    label_steps(tight, [attempt(GOOD)], truth(TASK), count=1, sampling=Sampling(16), key=0)
    assert tight.asked[0][1] == 16 - 14


def test_where_there_is_no_room_or_no_verdict_there_is_no_value() -> None:
    (first, last), = label_steps(counting(context=14), [attempt(GOOD)], truth(TASK), count=1, sampling=SAMPLING,
                                 key=0).labels
    assert (first.value, last.value) == (None, 1.0)

    def silent(attempts: Sequence[Attempt]) -> list[Verdict]:
        return [Verdict(None, "truth", "no") for _ in attempts]

    found = label_steps(POLICY, [attempt(GOOD)], silent, count=2, sampling=SAMPLING, key=0)
    assert [label.value for label in found.labels[0]] == [None, None] and (found.judged, found.right) == (0, 0)


def test_a_completion_that_truth_cannot_decide_is_not_counted() -> None:
    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        return [Verdict(None if one.completion.text.endswith("=7") else 1.0, "truth") for one in attempts]

    found = label_steps(POLICY, [attempt(GOOD)], judge, count=50, sampling=SAMPLING, key=0)
    assert found.labels[0][0].value == 1.0 and 0 < found.judged < 50


def test_failed_and_silent_attempts_have_no_labels() -> None:
    found = label_steps(POLICY, [attempt(GOOD, error="sample: no"), attempt("")], truth(TASK), count=2,
                        sampling=SAMPLING, key=0)
    assert found.labels == [[], []]


def test_an_attempt_as_it_was_played_can_be_labelled() -> None:
    played = play(POLICY, [PROBLEM], 4, sampling=SAMPLING, key=0)
    found = label_steps(POLICY, played, truth(TASK), count=4, sampling=SAMPLING, key=0)
    assert [len(labels) for labels in found.labels] == [2] * 4
    assert [labels[-1].value for labels in found.labels] == [TASK.score(PROBLEM, one.completion.text) for one in played]


def test_a_step_must_be_completed_at_least_once() -> None:
    with pytest.raises(ConfigError, match="count must be a completion of each step or more, got 0"):
        found_values([GOOD], count=0)
