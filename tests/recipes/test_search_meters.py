"""What is said of a search, against policies and values whose worth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pawl.evaluate_search import measure_told
from pawl.judges.truth import truth
from pawl.recipes.search_meters import ranked_states
from pawl.recipes.told_search import find_right_ends
from pawl.records import Evaluation, FloatArray, IntArray
from pawl.search.mcts import TreeSearch
from pawl.search.steps import uniform, unknown
from pawl.tasks.countdown import Countdown, reachable
from pawl.testing import ScriptedPolicy

TASK = Countdown(numbers=3, max_number=9)
PROBLEMS = TASK.problems("gate", 10, 0)
NO_WORDS: FloatArray = np.zeros(1, np.float32)


class Knowing(ScriptedPolicy):
    """Its value knows, or has it the wrong way round, which targets can still be reached."""

    def __init__(self, sign: int) -> None:
        super().__init__({})
        self.sign = sign

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        return [Evaluation(NO_WORDS, 0.5 + 0.4 * self.sign * (1 if self._hope(prefix) else -1)) for prefix in prefixes]

    @staticmethod
    def _hope(prefix: IntArray) -> bool:
        head, *lines = bytes(prefix.tolist()).decode().strip("\n").split("\n")
        numbers, target = head.split("=")
        state = TASK.start(TASK.problem([int(word) for word in numbers.split()], int(target)))
        for line in lines:
            state = TASK.step(state, TASK.parse(line))
        return int(target) in reachable(state.numbers)


@pytest.mark.parametrize(("sign", "expected"), [(1, 1.0), (-1, 0.0), (0, 0.5)])
def test_a_value_that_knows_ranks_every_state(sign: int, expected: float) -> None:
    found = ranked_states(Knowing(sign), TASK, PROBLEMS, truth(TASK), simulations=600, key=0)
    assert found["value_auroc_states"] == pytest.approx(expected)
    assert found["value_states"] == sum(len(TASK.actions(TASK.start(problem))) for problem in PROBLEMS)


def test_without_problems_nothing_is_ranked() -> None:
    assert ranked_states(Knowing(1), TASK, [], truth(TASK), simulations=9, key=0) == {}


def test_search_in_training_finds_every_right_end_and_numbers_it() -> None:
    found = find_right_ends(ScriptedPolicy({}), TASK, PROBLEMS, truth(TASK), simulations=600, first=3, key=0,
                            watch=lambda done, total: None)
    answers = {problem.id: set(TASK.solutions(problem)) for problem in PROBLEMS}
    for problem in PROBLEMS:
        mine = [attempt for attempt in found.attempts if attempt.problem.id == problem.id]
        assert {attempt.completion.text for attempt in mine} == answers[problem.id]
        assert [attempt.index for attempt in mine] == list(range(3, 3 + len(mine)))
    assert found.metrics["searched_solved"] == found.metrics["searched"] == len(PROBLEMS)
    assert found.metrics["searched_right"] == sum(map(len, answers.values()))


def test_a_search_that_is_told_the_truth_counts_what_it_came_to() -> None:
    search = TreeSearch(uniform, unknown, 600, rule="uct")
    found = measure_told(ScriptedPolicy({}), TASK, search, PROBLEMS, truth(TASK), key=0, watch=lambda done, total: None)
    assert found["pass@1"] == 1.0
    assert found["asked"] > 0
