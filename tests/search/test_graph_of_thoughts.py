"""A graph of operations as a search over the steps of Countdown."""

from __future__ import annotations

from typing import Any

import pytest

from pawl.keys import row_keys
from pawl.play import think
from pawl.records import Choice, Cost
from pawl.search.graph_of_thoughts import GraphOfThoughts
from pawl.search.operations import Ask, Generate, GraphOfOperations, KeepBest, Score, Vertex
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

TASK = Countdown(numbers=3, max_number=9)
PROBLEM = TASK.problem((2, 3, 7), 13)
WRITE = Generate(Ask(lambda vertex: str(vertex.content), count=64))


def nearness(vertex: Vertex) -> float:
    """1 where the last number that was written is the target, and less the farther it is."""
    return 1 / (1 + abs(13 - int(vertex.content.split("=")[-1])))


def choose(graph: dict[str, Any], answers: list[str]) -> Choice:
    search = GraphOfThoughts(GraphOfOperations(graph))
    (choice,) = search(ScriptedPolicy({}, default=answers), TASK, [TASK.start(PROBLEM)],
                       row_keys(0, ["one"], 1)[:, 0])
    return choice


def test_it_takes_the_first_step_of_the_best_thought() -> None:
    choice = choose({"write": WRITE, "score": Score(nearness, after="write"), "best": KeepBest(64, after="score")},
                    ["7+3=10\n10+2=12", "3*2=6\n7+6=13", "7*3=21"])
    assert str(choice.action) == "3*2=6" and choice.value == 1
    values = dict(zip(map(str, choice.actions), choice.values, strict=True))
    assert values == {"7+3=10": pytest.approx(1 / 2), "3*2=6": 1, "7*3=21": pytest.approx(1 / 9)}
    assert choice.visits.sum() == 64 and choice.policy[choice.actions.index(choice.action)] == 1


def test_without_scores_it_takes_the_first_thought_and_values_are_shares() -> None:
    choice = choose({"write": WRITE}, ["7+3=10", "7+3=10", "7+3=10", "7*3=21"])
    assert choice.action == choice.actions[0]
    values = dict(zip(map(str, choice.actions), choice.values, strict=True))
    assert values["7+3=10"] == pytest.approx(0.75, abs=0.15) and sum(values.values()) == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "no step", "9+9=18", "7+3=10\n7+3=10", "7+3=10\n10+2=12\n12+0=12", "7+3=11"])
def test_thoughts_whose_steps_are_not_legal_are_none(text: str) -> None:
    choice = choose({"write": WRITE}, [text])
    assert choice.action is None and choice.actions == () and choice.cost.generated == 64 * (len(text) + 1)


def test_play_strings_its_choices_into_an_answer() -> None:
    policy = ScriptedPolicy({"2 3 7=13\n": ["3*2=6\n7+6=13"], "2 3 7=13\n3*2=6\n": ["7+6=13"]})
    search = GraphOfThoughts(GraphOfOperations({"write": Generate(Ask(lambda vertex: str(vertex.content)))}))
    (thought,) = think(policy, TASK, search, [PROBLEM], key=0)
    assert TASK.score(PROBLEM, thought.attempt.completion.text) == 1
    assert thought.cost == Cost(9 + 13 + 15 + 7, 13 + 7)


def test_a_thought_that_goes_on_after_the_end_is_none() -> None:
    class Short(Countdown):
        def terminal(self, state: Any) -> bool:
            return len(state.numbers) <= 2

    task = Short(numbers=3, max_number=9)
    search = GraphOfThoughts(GraphOfOperations({"write": WRITE}))
    for text, action in (("7+3=10", "7+3=10"), ("7+3=10\n10+2=12", "None")):
        policy = ScriptedPolicy({}, default=[text])
        (choice,) = search(policy, task, [task.start(PROBLEM)], row_keys(0, ["one"], 1)[:, 0])
        assert str(choice.action) == action
