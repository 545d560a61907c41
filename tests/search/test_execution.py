"""Graphs of operations carried out: the paper's sorting example with a scripted policy, and each operation by hand."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.keys import row_keys
from pawl.records import Cost
from pawl.search.execution import Execution, execute
from pawl.search.operations import (
    Aggregate,
    Ask,
    Generate,
    GraphOfOperations,
    KeepBest,
    KeepValid,
    Refine,
    Score,
    Select,
    Vertex,
)
from pawl.testing import ScriptedPolicy

NOBODY: Any = None
"""A policy that is not asked."""


def keys(names: list[str]) -> Any:
    return row_keys(0, names, 1)[:, 0]


def run(operations: dict[str, Any], content: Any, policy: Any = NOBODY) -> Execution:
    (execution,) = execute(GraphOfOperations(operations), policy, [content], keys(["one"]))
    return execution


def contents(execution: Execution) -> list[Any]:
    return [vertex.content for vertex in execution.thoughts]


# The sorting example of the paper's section 5.1: split, sort the parts, keep the best of each, merge, keep the best.


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def words(those: list[int]) -> str:
    return " ".join(map(str, those))


def halves(vertex: Vertex) -> list[list[int]]:
    middle = len(vertex.content) // 2
    return [vertex.content[:middle], vertex.content[middle:]]


def mistakes(vertex: Vertex) -> float:
    """Their count of neighbours in the wrong order and of numbers lost or made up, as a score below 0."""
    given = Counter(n for source in vertex.sources for n in source.content)
    lost = (given - Counter(vertex.content)) + (Counter(vertex.content) - given)
    return -float(sum(a > b for a, b in zip(vertex.content, vertex.content[1:], strict=False)) + lost.total())


SORTING = {
    "split": Generate(halves),
    "sort": Generate(Ask(lambda part: f"sort {words(part.content)}\n", numbers, count=8), after="split"),
    "mistakes": Score(mistakes, after="sort"),
    "best parts": KeepBest(1, of_each=True, after="mistakes"),
    "merge": Aggregate(Ask(lambda parts: f"merge {' | '.join(words(part.content) for part in parts)}\n", numbers,
                           count=8), after="best parts"),
    "mistakes merged": Score(mistakes, after="merge"),
    "answer": KeepBest(1, after="mistakes merged"),
}


@pytest.mark.parametrize("seed", range(8))
def test_lists_are_sorted_by_parts(seed: int) -> None:
    """Though the policy leaves out, makes up and does not sort in a quarter of what it writes."""
    listed = np.random.default_rng(seed).integers(10, size=4 + seed % 4).tolist()
    left, right = listed[: len(listed) // 2], listed[len(listed) // 2 :]
    script = {f"sort {words(part)}\n": [words(sorted(part))] * 3 + [words([*part, 0])] for part in (left, right)}
    script[f"merge {words(sorted(left))} | {words(sorted(right))}\n"] = [
        *[words(sorted(listed))] * 9, "no numbers", words([9, *listed]), words(sorted(listed)[1:])]
    execution = run(SORTING, listed, ScriptedPolicy(script))
    assert contents(execution) == [sorted(listed)]
    assert execution.thoughts[0].score == 0


GIVEN = [3, 1, 2, 9, 7, 8]
POLICY = ScriptedPolicy({"sort 3 1 2\n": ["1 2 3"], "sort 9 7 8\n": ["7 8 9"],
                         "merge 1 2 3 | 7 8 9\n": ["1 2 3 7 8 9"]})


def test_every_thought_says_where_it_came_from() -> None:
    execution = run(SORTING, GIVEN, POLICY)
    (answer,) = execution.thoughts
    assert answer.operation == "merge" and [source.operation for source in answer.sources] == ["sort", "sort"]
    assert [source.sources[0].content for source in answer.sources] == [[3, 1, 2], [9, 7, 8]]
    assert [source.sources[0].sources[0].content for source in answer.sources] == [GIVEN, GIVEN]
    assert {(0, 1), (0, 2), (1, 3), (2, 11), (3, answer.number), (11, answer.number)} <= set(execution.edges)
    assert len(execution.edges) == 2 + 16 + 2 * 8


def test_costs_are_the_prompts_and_what_was_written() -> None:
    """`sort 3 1 2` and its newline are 11 tokens, `1 2 3` and its end 6; the merge 22 and 12; all of them 8 times."""
    execution = run(SORTING, GIVEN, POLICY)
    assert execution.costs["sort"] == Cost(2 * (11 + 8 * 6), 2 * 8 * 6)
    assert execution.costs["merge"] == Cost(len("merge 1 2 3 | 7 8 9\n") + 8 * 12, 8 * 12)
    assert execution.costs["split"] == execution.costs["answer"] == Cost()
    assert execution.cost == execution.costs["sort"] + execution.costs["merge"]


def test_problems_do_not_know_their_neighbours() -> None:
    """Half of what is written is wrong, so that the draws decide what comes out."""
    lists = [list(order) for order in permutations([4, 1, 3, 2])][::5]
    names = [words(those) for those in lists]
    script: dict[str, list[str]] = {}
    for those in lists:
        script |= {f"sort {words(part)}\n": [words(sorted(part)), words(part), "?", "1"]
                   for part in (those[:2], those[2:])}
    policy = ScriptedPolicy(script, default=["1 2 3 4", "4 3 2", "1 3 2 4", "-"])
    together = execute(GraphOfOperations(SORTING), policy, lists, keys(names))
    for those, name, execution in zip(lists, names, together, strict=True):
        (alone,) = execute(GraphOfOperations(SORTING), policy, [those], keys([name]))
        assert [[vertex.content for vertex in found] for found in alone.given.values()] == [
            [vertex.content for vertex in found] for found in execution.given.values()]
        assert (alone.costs, alone.edges) == (execution.costs, execution.edges)
    assert len({tuple(vertex.score for vertex in execution.given["mistakes"]) for execution in together}) > 1


def test_an_operation_asks_its_policy_once_for_all_problems() -> None:
    class Counting(ScriptedPolicy):
        calls = 0

        def propose(self, *arguments: Any, **options: Any) -> Any:
            self.calls += 1
            return super().propose(*arguments, **options)

    policy = Counting({}, default=["1 2"])
    execute(GraphOfOperations(SORTING), policy, [[2, 1, 4, 3]] * 5, keys(list("abcde")))
    assert policy.calls == 2


# Each operation by hand; contents are texts and functions are the user's.


def thoughts_of(*texts: str) -> Generate:
    return Generate(lambda vertex: list(texts))


def test_what_cannot_be_read_is_no_thought_but_is_paid_for() -> None:
    policy = ScriptedPolicy({"go": ["seven"]})
    execution = run({"ask": Generate(Ask(lambda vertex: "go", int, count=3))}, "", policy)
    assert execution.thoughts == () and execution.cost == Cost(2 + 3 * 6, 3 * 6)


def test_what_was_cut_off_is_not_read() -> None:
    policy = ScriptedPolicy({"go": ["12345"]})
    assert run({"ask": Generate(Ask(lambda vertex: "go", int, max_tokens=3))}, "", policy).thoughts == ()


def test_a_prompt_that_the_policy_cannot_take_gives_no_thought() -> None:
    policy = ScriptedPolicy({}, default=["1"], context=20)
    execution = run({"long": thoughts_of("a" * 30, "b"), "ask": Generate(Ask(lambda vertex: vertex.content, int,
                                                                             max_tokens=5), after="long")}, "", policy)
    assert [vertex.sources[0].content for vertex in execution.thoughts] == ["b"]


def test_nothing_is_asked_where_there_is_nothing_to_ask_about() -> None:
    execution = run({"none": thoughts_of(), "merge": Aggregate(Ask(str), after="none"),
                     "better": Refine(Ask(str), after="merge")}, "")
    assert execution.thoughts == () and execution.cost == Cost()


def test_a_function_merges_and_refines_too() -> None:
    execution = run({"parts": thoughts_of("b", "a"),
                     "sure": Refine(lambda vertex: vertex.content.upper(), after="parts"),
                     "merge": Aggregate(lambda those: "".join(vertex.content for vertex in those), after="sure")}, "")
    assert contents(execution) == ["BA"]


def test_refined_is_the_first_that_can_be_read_or_what_was_there() -> None:
    policy = ScriptedPolicy({"better a": ["x", "5"], "better b": ["x"]})
    execution = run({"begin": thoughts_of("a", "b"),
                     "better": Refine(Ask(lambda vertex: f"better {vertex.content}", int, count=30), after="begin")},
                    "", policy)
    assert contents(execution) == [5, "b"]
    assert [vertex.operation for vertex in execution.thoughts] == ["better", "begin"]


def test_the_best_come_first_the_earlier_of_equals_and_last_those_that_were_not_scored() -> None:
    scores = {"a": 1.0, "b": None, "c": 3.0, "d": 1.0, "e": -9.0}
    operations = {"begin": thoughts_of(*scores), "score": Score(lambda vertex: scores[vertex.content], after="begin")}
    for count, best in ((1, "c"), (3, "cad"), (9, "cadeb")):
        assert "".join(contents(run(operations | {"best": KeepBest(count, after="score")}, ""))) == best


def test_valid_and_selected_thoughts_are_the_same_thoughts() -> None:
    execution = run({"begin": thoughts_of("a", "1", "2"), "digits": KeepValid(lambda vertex: vertex.content.isdigit(),
                                                                            after="begin"),
                     "first": Select(lambda those: those[:1], after="digits"),
                     "both": Select(list, after=("first", "begin"))}, "")
    begun = execution.given["begin"]
    assert execution.given["digits"] == begun[1:] and execution.given["first"] == begun[1:2]
    assert execution.thoughts == (begun[1], begun[0], begun[2])


def test_a_selection_of_what_it_was_not_given_is_refused() -> None:
    with pytest.raises(ConfigError, match="'pick' must pick out thoughts that it was given, got others"):
        run({"a": thoughts_of("a"), "pick": Select(lambda those: [those[0].sources[0]], after="a")}, "")


def test_a_policys_score_is_the_mean_of_the_numbers_it_wrote() -> None:
    policy = ScriptedPolicy({"a?": ["4", "nan", "1e999", "good"], "b?": ["4", "6"], "c?": ["nan"]})
    ask = Ask(lambda vertex: f"{vertex.content}?", count=100)
    execution = run({"begin": thoughts_of("a", "b", "c"), "score": Score(ask, after="begin")}, "", policy)
    a, b, c = (vertex.score for vertex in execution.thoughts)
    assert a == 4 and b == pytest.approx(5, abs=0.3) and c is None


def test_a_policys_score_that_is_larger_than_a_number_can_be_abstains() -> None:
    ask = Ask(lambda vertex: "?", int, max_tokens=500)
    (thought,) = run({"score": Score(ask)}, "", ScriptedPolicy({}, default=["9" * 400])).thoughts
    assert thought.score is None


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="a score of 'score' must be a finite number or None, got nan"):
        run({"score": Score(lambda vertex: float("nan"))}, "")


@given(st.text(max_size=40))
def test_hostile_texts_stay_texts(text: str) -> None:
    policy = ScriptedPolicy({}, default=[text])
    execution = run({"ask": Generate(Ask(lambda vertex: "?", str, max_tokens=200))}, "", policy)
    assert contents(execution) == [text]


def test_branches_meet_in_the_order_in_which_they_are_named() -> None:
    begin = {"begin": thoughts_of("a", "b"), "one": Select(lambda those: those[:1], after="begin"),
             "two": Select(lambda those: those[1:], after="begin")}
    for after, merged in ((("one", "two"), "ab"), (("two", "one"), "ba")):
        join = Aggregate(lambda those: "".join(vertex.content for vertex in those), after=after)
        assert contents(run(begin | {"join": join}, "")) == [merged]


def test_all_that_none_takes_is_what_comes_out() -> None:
    execution = run({"a": thoughts_of("a"), "b": thoughts_of("b", "c")}, "")
    assert contents(execution) == ["a", "b", "c"]
    assert np.unique([vertex.number for vertex in execution.thoughts]).size == 3


def test_two_operations_with_one_prompt_draw_by_themselves() -> None:
    ask = Ask(lambda vertex: "?", int, count=40)
    execution = run({"one": Generate(ask), "two": Generate(ask)}, "", ScriptedPolicy({}, default=["1", "2"]))
    one, two = ([vertex.content for vertex in execution.given[name]] for name in ("one", "two"))
    assert one != two and set(one) == set(two) == {1, 2}
