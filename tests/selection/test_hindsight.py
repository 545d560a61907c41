"""Failures relabelled: what is moved, what is left, and that nothing of the gate or the test is taken."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pawl.judges.truth import truth
from pawl.records import Attempt, Completion, Problem, Verdict
from pawl.selection.hindsight import SOURCE, relabelled
from pawl.selection.select import select
from pawl.tasks.countdown import Countdown

TASK = Countdown(numbers=3, max_number=6, max_target=40)
TRAIN = TASK.problems("train", 60, 0)


def encode(prompt: object) -> np.ndarray:
    return np.frombuffer(str(prompt).encode(), np.uint8).astype(np.int32)


def attempt(problem: Problem, text: str, index: int = 0, finish: str = "stop") -> Attempt:
    completion = Completion(text, encode(text), np.zeros(len(text), np.float32), finish)  # type: ignore[arg-type]
    return Attempt(problem, index, encode(problem.prompt), completion)


def moved(*attempts: Attempt) -> list[Attempt]:
    found, reasons = relabelled(attempts, truth(TASK)(attempts), TASK, encode)
    assert not reasons
    return found


plays = st.tuples(st.sampled_from(TRAIN), st.sampled_from(TASK.corpus(200, 1)).map(lambda play: play.completion))


@given(st.lists(plays, max_size=30))
def test_what_is_moved_is_right_at_a_train_problem_and_was_wrong_where_it_stood(pairs: list) -> None:
    attempts = [attempt(problem, text, index) for index, (problem, text) in enumerate(pairs)]
    found = moved(*attempts)
    listed = {problem.id: problem for problem in TASK.problems("train", 10**6, 0)}
    for one in found:
        assert listed[one.problem.id] == one.problem
        assert TASK.score(one.problem, one.completion.text) == 1
        assert one.prompt_tokens.tolist() == encode(one.problem.prompt).tolist()
        assert one.source == SOURCE
        assert any(a.completion is one.completion and TASK.score(a.problem, a.completion.text) < 1 for a in attempts)
    assert len({(one.problem.id, one.completion.text) for one in found}) == len(found)


def test_every_failed_path_that_ends_at_a_train_problem_is_moved_and_no_other() -> None:
    for numbers, target in (((2, 3, 5), 10), ((1, 4, 6), 11)):
        problem = Problem("p", "p\n", "train", data={"numbers": list(numbers), "target": target})
        ends = {other: TASK.problem(numbers, other) for other in range(1, 41)}
        paths = {text: other for other, end in ends.items() for text in TASK.solutions(end)}
        wanted = {text for text, other in paths.items() if ends[other].split == "train" and other != target}
        assert {one.completion.text for one in moved(*(attempt(problem, text) for text in paths))} == wanted
        assert 0 < len(wanted) < len(paths)


def test_an_attempt_cut_off_or_without_a_verdict_stays() -> None:
    problem = Problem("p", "p\n", "train", data={"numbers": [2, 3, 5], "target": 99})
    ends = (TASK.problem((2, 3, 5), other) for other in range(1, 41))
    text = next(text for end in ends if end.split == "train" for text in TASK.solutions(end))
    assert moved(attempt(problem, text))
    assert not moved(attempt(problem, text, finish="length"))
    assert not relabelled([attempt(problem, text)], [Verdict(None, "truth", "it hung")], TASK, encode)[0]


def test_a_task_that_raises_or_hangs_moves_nothing_and_the_reason_is_counted() -> None:
    class Odd(Countdown):
        def solved_by(self, problem: Problem, answer: str) -> Problem | None:
            while answer == "hang":
                pass
            raise ValueError(f"no idea of {answer}")

    attempts = [attempt(TRAIN[0], text) for text in ("hang", "x", "x", "y")]
    found, reasons = relabelled(attempts, [Verdict(0.0, "truth")] * 4, Odd(), encode, time_limit=0.2)
    assert not found
    assert reasons == {
        "solved_by took longer than 0.2 s": 1,
        "solved_by raised ValueError: no idea of x": 2,
        "solved_by raised ValueError: no idea of y": 1,
    }


def test_what_was_right_in_the_first_place_is_selected_before_what_was_moved() -> None:
    end = next(problem for problem in TRAIN if len(list(TASK.solutions(problem))) >= 2)
    first, second = list(TASK.solutions(end))[:2]
    elsewhere = Problem("p", "p\n", "train", data={**end.data, "target": 99})
    own = [attempt(elsewhere, first, 0), attempt(end, second, 1)]
    both = [*own, *moved(*own)]
    chosen = select(both, truth(TASK)(both), keep=1, limit=99)
    assert [(both[place].source, both[place].completion.text) for place in chosen] == [("self", second)]
