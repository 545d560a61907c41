"""Best of n on answers that a script gives: what is chosen, what it costs, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.interfaces import StepTask
from pawl.judges.orm import OutcomeReward
from pawl.judges.prm import ProcessReward
from pawl.judges.truth import truth
from pawl.keys import row_keys
from pawl.play import think
from pawl.records import Attempt, Choice, Cost, Evaluation, FloatArray, Problem
from pawl.search.best_of_n import BestOfN, Scorer, elect, tally, weigh
from pawl.search.told import told_answers
from pawl.search.whole import WholeAnswers
from pawl.tasks.countdown import Countdown
from pawl.testing import END, ScriptedPolicy, check_task


class Sums:
    """A task without steps; it compares what stands after the last blank."""

    name = "sums"

    def problems(self, split: Any, count: int, seed: int) -> list[Problem]:
        return [Problem(f"{split} {i}", f"{split} {i}+1=", split, str(i + 1)) for i in range(min(count, 200))]

    def score(self, problem: Problem, answer: str) -> float:
        return float(self.canonical(answer) == problem.answer)

    def canonical(self, answer: str) -> str | None:
        return answer.split()[-1] if answer.split() else None


TASK = WholeAnswers(Sums())
PROBLEMS = Sums().problems("train", 6, 0)
SAID = ("it is 1", "surely 1", "2", "3")
"""Two ways to say 1."""
POLICY = ScriptedPolicy({}, default=SAID)


def liking(*liked: str) -> Scorer:
    """Worth more the earlier a text stands here, 0 elsewhere; reads prompt and answer."""
    def score(attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
        worth = [1 - liked.index(attempt.completion.text) / len(liked) if attempt.completion.text in liked else 0.0
                 for attempt in attempts]
        return np.array(worth, np.float32), [Cost(len(attempt.prompt_tokens), 0, 1) for attempt in attempts]

    return score


def keys(count: int) -> Any:
    return row_keys(0, [str(i) for i in range(count)], 1)[:, 0]


def chosen(search: BestOfN, policy: Any = POLICY, task: Any = TASK,
           problems: Sequence[Problem] = PROBLEMS) -> list[Choice]:
    return search(policy, task, [task.start(problem) for problem in problems], keys(len(problems)))


def test_the_best_by_score_is_the_one_that_the_scorer_likes_most() -> None:
    for choice in chosen(BestOfN(40, "score", liking("3", "2"))):
        assert choice.action == "3" and choice.policy[choice.actions.index("3")] == 1 and choice.value == 1


def test_a_majority_counts_what_answers_say_and_not_how_they_are_worded() -> None:
    for choice in chosen(BestOfN(60)):
        assert choice.action in SAID[:2] and len(choice.actions) == 3
        place = choice.actions.index(choice.action)
        assert choice.visits[place] == choice.visits.max() and choice.visits.sum() == 60
        assert choice.policy[place] == choice.value == pytest.approx(choice.visits[place] / 60)


def test_a_weighted_majority_adds_up_worth() -> None:
    """Three answers in twelve of worth 1 go before six of worth 1/3, and not before six of worth 2/3."""
    says, worth = ["a"] * 6 + ["b"] * 3 + ["c"] * 3, np.ones(12, np.float32)
    for low, wins in ((1 / 3, "b"), (2 / 3, "a")):
        worth[:6] = low
        assert says[elect(says, weigh(says, worth, "weighted"))] == wins


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1, width=32)), min_size=1, max_size=12))
def test_votes_are_counted_as_by_hand(answers: list[tuple[str, float]]) -> None:
    says, worth = [said for said, _ in answers], np.array([value for _, value in answers], np.float32)
    for how, counts in (("majority", {said: says.count(said) for said in says}),
                        ("weighted", {said: sum(float(v) for s, v in zip(says, worth, strict=True) if s == said)
                                      for said in says})):
        elected = says[elect(says, weigh(says, worth, how))]  # type: ignore[arg-type]
        assert counts[elected] == max(counts.values())
    assert worth[elect(says, weigh(says, worth, "score"))] == worth.max()


def test_what_says_nothing_has_no_vote_unless_nothing_is_said() -> None:
    ones = np.ones(3, np.float32)
    assert elect([None, None, "a"], weigh([None, None, "a"], ones, "majority")) == 2
    assert elect([None, None, None], weigh([None, None, None], ones, "majority")) == 0
    assert tally([None, "a"], np.array([1, 2], np.float32)) == {None: 1, "a": 2}


@pytest.mark.parametrize("reward", [OutcomeReward, ProcessReward])
def test_a_reward_model_chooses_and_is_paid_for(reward: Any) -> None:
    class Liking(ScriptedPolicy):
        """Likes the largest last digit best."""

        def evaluate(self, prefixes: Any) -> list[Evaluation]:
            return [Evaluation(np.zeros(1, np.float32), max(token for token in prefix[-2:] if token != END) / 255)
                    for prefix in prefixes]

    likes = BestOfN(30, "score", reward(Liking({})).scores)
    for thought in think(POLICY, TASK, likes, PROBLEMS, key=1):
        assert thought.attempt.completion.text == "3"
        assert thought.cost.estimated == 30


def test_by_truth_it_is_right_wherever_one_answer_is() -> None:
    search = BestOfN(40, "score", told_answers(truth(Sums())))
    found = [thought.attempt for thought in think(POLICY, TASK, search, PROBLEMS, key=1)]
    assert [verdict.score for verdict in truth(Sums())(found)] == [1, 1, 1, 0, 0, 0]


def test_the_cost_is_the_prompt_once_what_was_sampled_and_what_the_scorer_read() -> None:
    (choice,) = chosen(BestOfN(10, "weighted", liking("2")), problems=PROBLEMS[:1])
    prompt = len(str(PROBLEMS[0].prompt))
    assert choice.cost.forwarded == prompt + choice.cost.generated + 10 * prompt
    assert choice.cost.estimated == 10
    one = ScriptedPolicy({}, default=("four",))
    assert chosen(BestOfN(7), one, problems=PROBLEMS[:1])[0].cost == Cost(prompt + 35, 35, 0)


def test_states_do_not_know_their_neighbours() -> None:
    together, names = chosen(BestOfN(5)), keys(len(PROBLEMS))
    (alone,) = BestOfN(5)(POLICY, TASK, [TASK.start(PROBLEMS[4])], names[4:5])
    assert (alone.action, alone.visits.tolist()) == (together[4].action, together[4].visits.tolist())
    assert len({tuple(choice.visits.tolist()) for choice in together}) > 1


def test_thinking_writes_the_chosen_answer_as_an_attempt() -> None:
    for thought in think(POLICY, TASK, BestOfN(20, "score", liking("2")), PROBLEMS, key=3):
        assert (thought.attempt.completion.text, thought.attempt.error) == ("2", None)
        assert len(thought.choices) == 1


def test_chat_prompts_are_read_as_messages() -> None:
    problem = Problem("p", ({"role": "user", "content": "1+1="},), "train", "2")
    policy = ScriptedPolicy({"user: 1+1=\n": ["2"]}, default=("no",))
    (thought,) = think(policy, TASK, BestOfN(3), [problem], key=0)
    assert thought.attempt.completion.text == "2"
    assert TASK.prompt(TASK.step(TASK.start(problem), "2"))[-1] == {"role": "assistant", "content": "2"}


def test_a_task_with_steps_is_searched_over_whole_answers_too() -> None:
    countdown = Countdown(numbers=3, max_number=9)
    problems = countdown.problems("train", 10, 0)
    policy = ScriptedPolicy({str(problem.prompt): ["1+1=2", next(countdown.solutions(problem))]
                             for problem in problems})
    search = BestOfN(12, "score", told_answers(truth(countdown)))
    attempts = [thought.attempt for thought in think(policy, WholeAnswers(countdown), search, problems, key=0)]
    assert [verdict.score for verdict in truth(countdown)(attempts)] == [1.0] * 10


def test_any_task_as_one_of_whole_answers_keeps_the_contract() -> None:
    assert isinstance(TASK, StepTask) and check_task(TASK) == []
    assert TASK.answer(TASK.step(TASK.start(PROBLEMS[0]), "x")) == "x"
    assert TASK.prompt(TASK.step(TASK.start(PROBLEMS[0]), "x")) == f"{PROBLEMS[0].prompt}x"


@pytest.mark.parametrize("problem", [replace(PROBLEMS[0], prompt=""), replace(PROBLEMS[0], prompt="x" * 5000)])
def test_a_prompt_that_the_policy_cannot_take_fails_alone(problem: Problem) -> None:
    bad, good = think(POLICY, TASK, BestOfN(8, max_tokens=16), [problem, PROBLEMS[1]], key=0)
    assert bad.attempt.error == "search: no legal step was proposed" and bad.cost == Cost()
    assert good.attempt.error is None


def test_empty_answers_are_answers_that_are_wrong() -> None:
    (thought,) = think(ScriptedPolicy({}), TASK, BestOfN(4), PROBLEMS[:1], key=0)
    assert (thought.attempt.completion.text, thought.attempt.error) == ("", None)


def test_answers_that_do_not_end_are_cut_off() -> None:
    (choice,) = chosen(BestOfN(4, max_tokens=3), ScriptedPolicy({}, default=("endless",)), problems=PROBLEMS[:1])
    assert choice.action == "end" and choice.cost.generated == 12


def test_what_is_worth_nothing_everywhere_still_has_a_choice() -> None:
    (choice,) = chosen(BestOfN(6, "weighted", liking("")), problems=PROBLEMS[:1])
    assert choice.action in SAID and choice.policy.sum() == pytest.approx(1)


@pytest.mark.parametrize(("options", "message"), [
    ({"count": 0}, "an answer or more to choose from, got 0"),
    ({"count": 2, "how": "score"}, "a choice by score must have a scorer"),
    ({"count": 2, "how": "weighted"}, "a choice by weighted must have a scorer"),
    ({"count": 2, "how": "loudest"}, "by score, majority or weighted, got 'loudest'")])
def test_what_cannot_choose_is_refused(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BestOfN(**options)


def test_a_score_that_is_no_number_is_refused() -> None:
    broken: Scorer = lambda attempts: (np.full(len(attempts), np.nan, np.float32), [Cost()] * len(attempts))  # noqa: E731
    with pytest.raises(ConfigError, match="value must be a finite number"):
        chosen(BestOfN(3, "score", broken))


def test_a_task_of_steps_as_it_is_is_refused() -> None:
    countdown = Countdown(numbers=2)
    with pytest.raises(ConfigError, match=r"must have a task of them, got 'countdown'\n.*WholeAnswers"):
        chosen(BestOfN(3), task=countdown, problems=countdown.problems("train", 1, 0))
