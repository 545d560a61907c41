"""Labels for a process reward model from what a search came to, against an exact solver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from pawl.interfaces import Judge
from pawl.judges.truth import truth
from pawl.keys import row_keys
from pawl.records import Attempt, Verdict
from pawl.search.labels import Row, Seen, state_labels
from pawl.search.mcts import TreeSearch
from pawl.search.steps import uniform, unknown
from pawl.search.told import PathsOf, ToldEnds
from pawl.tasks.countdown import Countdown, State, reachable
from pawl.testing import END, ScriptedPolicy

COUNTDOWN = Countdown(numbers=3, max_number=9)
PROBLEMS = COUNTDOWN.problems("train", 12, 0)
BYTES = ScriptedPolicy({})


def searched(judge: Judge, simulations: int) -> Seen:
    remembered, paths = Seen(ToldEnds(unknown, judge)), PathsOf(COUNTDOWN)
    search = TreeSearch(uniform, remembered, simulations, rule="uct")
    keys = row_keys(0, [problem.id for problem in PROBLEMS], 1)[:, 0]
    search(None, paths, [paths.start(problem) for problem in PROBLEMS], keys)  # type: ignore[arg-type]
    return remembered


@pytest.fixture(scope="module")
def remembered() -> Seen:
    """Enough simulations to come to every end."""
    return searched(truth(COUNTDOWN), 600)


def ends_below(state: State) -> Iterator[bool]:
    if COUNTDOWN.terminal(state):
        yield state.numbers[0] == state.problem.data["target"]
        return
    for action in COUNTDOWN.actions(state):
        yield from ends_below(COUNTDOWN.step(state, action))


def state_of(row: Row) -> State:
    state = COUNTDOWN.start(row.problem)
    for line in row.prompt.removeprefix(str(row.problem.prompt)).splitlines():
        state = COUNTDOWN.step(state, COUNTDOWN.parse(line))
    return state


def test_a_state_is_worth_the_share_of_right_ends_below_it(remembered: Seen) -> None:
    rows = remembered.rows()
    assert len(rows) == len(remembered.open) + len(remembered.ends)
    complete = [row for row in rows if len(list(ends_below(state_of(row)))) == row.visits]
    assert len(complete) > 0.9 * len(rows)
    for row in complete:
        assert row.value == pytest.approx(np.mean(list(ends_below(state_of(row)))))
        assert row.terminal == COUNTDOWN.terminal(state_of(row))


def test_hard_labels_are_exact_where_a_right_end_was_found(remembered: Seen) -> None:
    found = {(row.problem.id, row.prompt): row.value > 0 for row in remembered.rows() if not row.terminal}
    for row in remembered.rows():
        if not row.terminal and found[row.problem.id, row.prompt]:
            assert row.problem.data["target"] in reachable(state_of(row).numbers)
    assert {problem.id for problem in PROBLEMS} == {name for (name, prompt), any_ in found.items()
                                                    if any_ and prompt.count("\n") == 1}


def test_a_short_search_says_less_and_nothing_wrong() -> None:
    few = searched(truth(COUNTDOWN), 12)
    rows = few.rows()
    assert 0 < len(rows) < len(few.open) + len(few.ends)
    assert all(set(ends_below(state_of(row))) >= {True} for row in rows if row.value > 0)


def test_an_end_that_truth_cannot_decide_says_nothing() -> None:
    def silent(attempts: Sequence[Attempt]) -> list[Verdict]:
        return [Verdict(None, "truth", "no") for _ in attempts]

    few = searched(silent, 40)
    assert few.open and few.told.undecided and few.rows() == []


def test_its_values_are_those_of_the_estimate_that_it_remembers() -> None:
    paths = PathsOf(COUNTDOWN)
    start = paths.start(PROBLEMS[0])
    told = ToldEnds(unknown, truth(COUNTDOWN))
    plain, kept = told(None, paths, [start]), Seen(told)(None, paths, [start])  # type: ignore[arg-type]
    np.testing.assert_array_equal(plain[0], kept[0])
    assert plain[1] == kept[1]


def test_labels_have_the_tokens_that_a_search_asks_about_and_an_end_has_its_own() -> None:
    problem = COUNTDOWN.problem([1, 2, 3], 6)
    rows = [Row(problem, f"{problem.prompt}2*3=6\n", 0.25, 7, False),
            Row(problem, f"{problem.prompt}2*3=6\n6*1=6\n", 1.0, 1, True),
            Row(problem, f"{problem.prompt}2-1=1\n", 0.5, 0, False)]
    inner, end = state_labels(BYTES, rows)
    assert bytes(inner.tokens.tolist()).decode() == rows[0].prompt
    assert end.tokens.tolist() == [*f"{problem.prompt}2*3=6\n6*1=6".encode(), END]
    assert (inner.value, inner.weight, inner.ended, inner.source) == (0.25, 7, False, "search")
    assert (end.value, end.weight, end.ended, end.prompt_length) == (1.0, 1, True, len(str(problem.prompt)))


def test_paths_go_through_every_state_on_the_way_and_as_many_are_right_as_wrong(remembered: Seen) -> None:
    rows = {(row.problem.id, row.prompt): row for row in remembered.rows()}
    paths = remembered.paths(20, key=0)
    assert [path[-1].value for path in paths].count(1.0) == 10
    for path in paths:
        assert path[-1].terminal and not any(row.terminal for row in path[:-1])
        assert [row.prompt.count("\n") for row in path[:-1]] == list(range(1, len(path)))
        assert all(rows[row.problem.id, row.prompt] == row for row in path)


def test_where_right_ends_are_few_wrong_ones_make_up_for_them(remembered: Seen) -> None:
    right = sum(right for _, right in remembered.ends.values())
    paths = remembered.paths(len(remembered.ends), key=1)
    assert len(paths) == len(remembered.ends)
    assert sum(path[-1].value for path in paths) == right
    assert remembered.paths(8, key=1) == remembered.paths(8, key=1) != remembered.paths(8, key=2)
