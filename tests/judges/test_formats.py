"""What reward functions of other frameworks are given, and what they may give back, as those frameworks have it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import rewarding
from rewarding import CHAT, SUM, attempts_at, judged, scores

from pawl.judges.formats import Fields, openrlhf, reasoning_gym, trl, verl
from pawl.judges.reward import Reward, RewardJudge
from pawl.judges.verifiers_format import verifiers
from pawl.records import Problem


def of(*rewards: Reward, high: float = 1.0) -> RewardJudge:
    return RewardJudge("judge", rewards, 0.0, high)


def given_to(make: Callable[[Callable[..., Any]], Any], function: Callable[..., Any],
             problem: Problem = SUM) -> dict[str, Any]:
    """What a function that takes everything is given about two attempts."""
    seen: dict[str, Any] = {}

    def wrapped(*args: Any, **named: Any) -> Any:
        seen.update(named, **{str(place): one for place, one in enumerate(args)})
        return function(*args, **named)

    wrapped.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # so that it is called as that one
    made = make(wrapped)
    assert all(score is not None for score in scores(of(*(made if isinstance(made, list) else [made])), "2", "3",
                                                     problem=problem))
    return seen


def test_trl_functions_get_lists_by_keyword_and_every_column() -> None:
    seen = given_to(trl, lambda completions, **_: [1.0 for _ in completions])
    assert seen["prompts"] == ["1+1=", "1+1="] and seen["completions"] == ["2", "3"]
    assert seen["completion_ids"] == [[7, 0], [7, 1]] and seen["trainer_state"] is None
    assert {name: seen[name] for name in ("answer", "solution", "level", "id")} == {
        "answer": ["2", "2"], "solution": ["2", "2"], "level": [3, 3], "id": ["1+1", "1+1"]}
    assert seen["log_extra"]("column", [1]) is None and seen["log_metric"]("name", 0.5) is None


def test_trl_functions_get_messages_where_the_prompt_is_messages() -> None:
    seen = given_to(trl, lambda completions, **_: [1.0 for _ in completions], CHAT)
    assert seen["prompts"][0] == [{"role": "system", "content": "Add."}, {"role": "user", "content": "1+1="}]
    assert seen["completions"] == [[{"role": "assistant", "content": "2"}], [{"role": "assistant", "content": "3"}]]


def test_the_form_can_be_chosen() -> None:
    assert scores(of(trl(rewarding.right_in_messages, form="messages")), "2", "3") == [1.0, 0.0]
    assert scores(of(trl(rewarding.right, form="text")), "2", "3", problem=CHAT) == [1.0, 0.0]


def test_a_column_of_the_data_goes_before_the_known_answer() -> None:
    told = replace(SUM, data={"answer": "3"})
    assert scores(of(trl(rewarding.right)), "2", "3", problem=told) == [0.0, 1.0]


def test_a_function_without_keywords_gets_what_it_names() -> None:
    assert scores(of(trl(rewarding.needs_target)), "=2", "=3") == [1.0, 0.0]


def test_a_column_that_is_not_there_is_named() -> None:
    [verdict] = judged(of(trl(rewarding.needs_target)), "2", problem=replace(SUM, data={}))
    assert verdict.error == "needs_target needs target, which the problem's data do not have"


def test_trl_functions_may_be_coroutines_and_objects() -> None:
    assert scores(of(trl(rewarding.awaited)), "2", "3") == [1.0, 0.0]
    assert scores(of(trl(rewarding.numbered)), "2", "3") == [0.0, 0.1]


def test_none_of_a_trl_function_leaves_the_sum_to_the_others() -> None:
    assert scores(of(trl(rewarding.right), trl(rewarding.digits), high=2.0), "2", "x") == [0.75, 0.0]


def test_trls_own_rewards_judge() -> None:
    rewards = pytest.importorskip("trl.rewards")
    pytest.importorskip("math_verify", reason="TRL's accuracy needs math-verify")
    # In its test, as in TRL's: mathematics in messages.
    accuracy = of(trl(rewards.accuracy_reward, form="messages"))
    assert scores(accuracy, r"\boxed{\frac{1}{2}}", r"\boxed{3}", problem=replace(SUM, answer=r"\frac{1}{2}")) == [1, 0]
    thought = of(trl(rewards.think_format_reward, form="messages"))
    assert scores(thought, "<think>one and one</think>2", "2") == [1.0, 0.0]


def test_verl_scores_get_the_row_of_the_data() -> None:
    seen = given_to(verl, rewarding.compute_score)
    assert seen == {"data_source": "", "solution_str": "3", "ground_truth": "2", "extra_info": {
        "question": "1+1=", "answer": "2", "split": "train", "index": "1+1", "level": 3, "target": 2}}
    row = {"data_source": "sums", "reward_model": {"style": "rule", "ground_truth": "4"}, "extra_info": {"index": 9}}
    seen = given_to(verl, rewarding.compute_score, replace(SUM, data=row))
    assert (seen["data_source"], seen["ground_truth"], seen["extra_info"]["index"]) == ("sums", "4", 9)
    assert "level" not in seen["extra_info"]


def test_verl_scores_may_be_numbers_dictionaries_coroutines_and_batches() -> None:
    async def later(solution_str: str, ground_truth: str) -> dict[str, Any]:
        return {"score": np.float32(solution_str == ground_truth)}

    for function in (rewarding.compute_score, later, rewarding.compute_scores,
                     lambda solution_str, ground_truth: solution_str == ground_truth):
        assert scores(of(verl(function)), "2", "3") == [1.0, 0.0]


def test_a_dictionary_without_a_score_is_told() -> None:
    [verdict] = judged(of(verl(lambda solution_str: {"acc": 1.0})), "2")
    assert verdict.error == "<lambda> must give a number or a dictionary with score, got one with acc"


def test_openrlhf_functions_get_lists_of_one() -> None:
    seen = given_to(openrlhf, rewarding.reward_func)
    assert seen == {"0": ["1+1=3"], "1": ["1+1="], "2": ["2"]}
    assert scores(of(openrlhf(rewarding.reward_func)), "2", "3") == [1.0, 0.0]
    assert scores(of(openrlhf(rewarding.reward_func)), "2", problem=replace(CHAT, answer="2")) == [1.0]


@pytest.mark.parametrize("reward", [0.5, [0.5], np.array([0.5]), np.array(0.5)])
def test_an_openrlhf_reward_may_come_in_many_ways(reward: Any) -> None:
    assert scores(of(openrlhf(lambda queries, prompts, labels: reward)), "2") == [0.5]
    assert scores(of(openrlhf(lambda queries, prompts, labels: {"rewards": reward})), "2") == [0.5]


def test_other_openrlhf_rewards_are_told() -> None:
    reasons = [judged(of(openrlhf(lambda queries, prompts, labels, given=given: given)), "2")[0].error
               for given in ({"scores": [1.0]}, [1.0, 0.0], {"rewards": []})]
    assert reasons == ["<lambda> must give rewards, or a dictionary with rewards, got one with scores",
                       "<lambda> must give a reward for one attempt, got 2",
                       "<lambda> must give a reward for one attempt, got 0"]


def test_partial_credit_of_a_reasoning_gym_scorer_counts_only_where_it_is_asked_for() -> None:
    assert scores(of(reasoning_gym(rewarding.score_answer)), "2", "1 2 3 4", "") == [1.0, 0.0, 0.0]
    assert scores(of(reasoning_gym(rewarding.score_answer, partial_credit=True)), "2", "12", "") == [1.0, 0.5, 0.0]


def test_a_scorer_without_a_number_is_no_0() -> None:
    assert scores(of(reasoning_gym(lambda answer, entry: float("nan"))), "2") == [None]


# verifiers, as its rubrics call functions.


def test_verifiers_functions_get_what_they_name_as_messages() -> None:
    def fun(prompt: Any, completion: Any, answer: str, state: Any, info: Any, task: Any, parser: Any,
            level: int) -> float:
        assert completion[-1]["content"] == completion[-1].content == parser.parse_answer(completion)
        assert state["completion"] is completion and state.answer == answer and state["trajectory"] == []
        assert prompt[0]["content"] == "Add." and len(prompt) == 2
        return 1.0

    seen = given_to(lambda function: verifiers(function), fun, CHAT)
    assert (seen["answer"], seen["task"], seen["level"]) == ("2", "default", 3)
    assert seen["info"] == {"level": 3, "target": 2} and seen["state"].nothing is None


def test_a_rubric_is_the_sum_of_its_functions_by_their_weights() -> None:
    async def right(completion: Any, answer: str) -> float:
        return float(completion[-1]["content"] == answer)

    def short(parser: str, **known: Any) -> float:
        return 0.5 if parser == "theirs" and known["state"]["info"] == {"level": 3, "target": 2} else 0.0

    class Rubric:
        def __init__(self) -> None:
            self.funcs, self.weights = [right, short, lambda **_: 1 / 0], [2.0, 1.0, 0.0]
            self.class_objects = {"parser": "theirs"}

    class Environment:
        rubric = Rubric()

    def load_environment() -> Environment:
        return Environment()

    for given in (Rubric(), Environment(), load_environment):
        assert scores(of(*verifiers(given), high=4.0), "2", "3") == [2.5 / 4, 0.5 / 4]


def test_a_function_of_a_group_gets_the_attempts_at_one_problem() -> None:
    def first(completions: Any, answers: Any, states: Any) -> list[float]:
        return [1.0] + [0.0] * (len(completions) - 1)

    mixed = [*attempts_at(SUM, "a", "b"), *attempts_at(CHAT, "c", "d")]
    assert [verdict.score for verdict in of(*verifiers(first))(mixed)] == [1.0, 0.0, 1.0, 0.0]


def test_a_function_of_a_group_that_fails_costs_the_group_its_scores() -> None:
    def ranked(completions: Any) -> list[float]:
        return [1 / abs(len(completions) - 2)] * len(completions)  # would do for fewer

    assert scores(of(*verifiers(ranked)), "a", "b") == [None, None]


def test_fields_are_keys_and_copies_of_them_work() -> None:
    message = Fields(role="user", content="hi")
    assert (message["content"], message.content, message.tool_calls) == ("hi", "hi", None)
    assert replace(SUM, data=message).data == {"role": "user", "content": "hi"}
    with pytest.raises(AttributeError):
        message.__deepcopy__  # noqa: B018  # the access under test
