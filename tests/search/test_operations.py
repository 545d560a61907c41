"""A graph of operations says what is wrong with it when it is made."""

from __future__ import annotations

from typing import Any

import pytest

from pawl.errors import ConfigError, UnknownNameError
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
)

ASK = Ask(str)


def score(vertex: Any) -> float:
    return 0.0


def test_operations_come_after_those_they_take_thoughts_from() -> None:
    graph = GraphOfOperations({"last": Aggregate(ASK, after=("left", "right")), "right": Generate(ASK, after="first"),
                               "left": Generate(ASK, after="first"), "first": Generate(ASK)})
    assert graph.order[0] == "first" and graph.order[-1] == "last" and graph.last == ("last",)


def test_a_circle_is_named() -> None:
    with pytest.raises(ConfigError, match=r"must not go in a circle, got '\w+' -> '\w+' -> '\w+'") as caught:
        GraphOfOperations({"begin": Generate(ASK), "there": Refine(ASK, after=("begin", "back")),
                           "back": Refine(ASK, after="there")})
    assert "'there'" in str(caught.value) and "'back'" in str(caught.value) and "'begin'" not in str(caught.value)


def test_an_operation_after_itself_is_a_circle() -> None:
    with pytest.raises(ConfigError, match="got 'again' -> 'again'"):
        GraphOfOperations({"again": Refine(ASK, after="again")})


def test_an_unknown_predecessor_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown operation before 'merge': 'srot'\nhint: did you mean 'sort'"):
        GraphOfOperations({"sort": Generate(ASK), "merge": Aggregate(ASK, after="srot")})


def test_an_empty_graph_is_refused() -> None:
    with pytest.raises(ConfigError, match="must have an operation or more, got none"):
        GraphOfOperations({})


def test_what_is_no_operation_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'sort' must be an operation, got Ask\nhint: operations: Generate"):
        GraphOfOperations({"sort": ASK})  # type: ignore[dict-item]


@pytest.mark.parametrize("between", [[], [KeepValid(bool)], [Score(score), Refine(ASK)], [Score(score), Generate(ASK)],
                                     [Score(score), Aggregate(ASK)]])
def test_the_best_cannot_be_kept_of_thoughts_without_a_score(between: list[Any]) -> None:
    names = ["begin", *(f"then {i}" for i in range(len(between))), "best"]
    operations = [Generate(ASK), *between, KeepBest(1)]
    made = {name: type(operation)(**{**vars(operation), "after": before})
            for name, operation, before in zip(names, operations, [(), *names], strict=False)}
    with pytest.raises(ConfigError, match=f"'best' must keep the best of thoughts with scores, got .* '{names[-2]}'"):
        GraphOfOperations(made)


def test_the_best_cannot_be_kept_of_the_problem() -> None:
    with pytest.raises(ConfigError, match="from the problem itself"):
        GraphOfOperations({"best": KeepBest(1)})


def test_scores_go_through_what_keeps_thoughts_as_they_are() -> None:
    graph = GraphOfOperations({"begin": Generate(ASK), "score": Score(score, after="begin"),
                               "valid": KeepValid(bool, after="score"), "some": Select(list, after="valid"),
                               "few": KeepBest(9, after="some"), "best": KeepBest(1, after=("few", "score"))})
    assert tuple(graph.last) == ("best",)


def test_a_graph_does_not_change_with_what_it_was_made_of() -> None:
    made: dict[str, Any] = {"begin": Generate(ASK)}
    graph = GraphOfOperations(made)
    made["best"] = KeepBest(1)
    assert list(graph.operations) == ["begin"]
    with pytest.raises(TypeError):
        graph.operations["best"] = KeepBest(1)  # type: ignore[index]


@pytest.mark.parametrize(("make", "said"), [
    (lambda: KeepBest(0), "KeepBest must keep 1 thought or more, got 0"),
    (lambda: Ask(str, count=0), "count of an Ask must be 1 or more, got 0"),
    (lambda: Ask(str, max_tokens=0), "max_tokens of an Ask must be 1 or more, got 0"),
])
def test_counts_below_1_are_refused(make: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()
