"""The checks of tasks pass what keeps its contract and name what breaks it, one breach at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pawl.errors import ConfigError, DataError
from pawl.interfaces import IllegalAction, Task
from pawl.records import Demonstration, Problem, Split
from pawl.tasks.dataset import Dataset
from pawl.tasks.splits import split_of
from pawl.testing import check, check_task


class Doubling:
    """A task that keeps its contract: twice a number."""

    name = "doubling"

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        mine = [i for i in range(600) if split_of(f"doubling {i}") == split]
        random.Random(f"{split} {seed}").shuffle(mine)
        return [Problem(f"{i}", f"2*{i}=\n", split, str(2 * i)) for i in mine[:count]]

    def score(self, problem: Problem, answer: str) -> float:
        return float(answer == problem.answer)

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        return [Demonstration(p.prompt, p.answer or "") for p in self.problems("train", count, seed)]


class Counting(Doubling):
    """The same with steps: two digits are written one at a time, any digits."""

    name = "counting"

    def start(self, problem: Problem) -> Any:
        return ()

    def actions(self, state: Any) -> Sequence[Any] | None:
        return [] if len(state) == 2 else list("0123456789")

    def step(self, state: Any, action: Any) -> Any:
        return (*state, action)

    def terminal(self, state: Any) -> bool:
        return len(state) == 2

    def prompt(self, state: Any) -> str:
        return "".join(state)

    def parse(self, text: str) -> Any:
        if text not in set("0123456789"):
            raise IllegalAction(text)
        return text

    def answer(self, state: Any) -> str:
        return "".join(state)

    def key(self, state: Any) -> Any:
        return state


def changed(base: type = Doubling, **methods: Any) -> Task:
    made: Task = type("Changed", (base,), methods)()
    return made


def mapped(change: Any) -> Any:
    """A `problems` that changes each problem of the good task."""
    return lambda self, split, count, seed: [change(p, seed) for p in Doubling().problems(split, count, seed)]


def growing(self: Any, problem: Problem, answer: str) -> float:
    self.calls = getattr(self, "calls", 0) + 1
    return 1 / self.calls if answer != problem.answer else 1.0


def hanging(self: Any, problem: Problem, answer: str) -> float:
    if answer == "[b]1[/b]":
        time.sleep(60)
    return float(answer == problem.answer)


def nested(text: str) -> float:
    return nested(text[1:]) if text.startswith("(") else 0.0


def refusing(self: Any, state: Any, action: Any) -> Any:
    raise IllegalAction("no")


def in_place(self: Any, state: Any, action: Any) -> Any:
    state.append(action)
    return state


BREACHES: dict[str, tuple[Task, str]] = {
    "no name": (changed(name=""), "a task must have a name, got ''"),
    "gold": (changed(score=lambda s, p, a: 0.0), "the known answer must score 1, got 0.0"),
    "above 1": (changed(score=lambda s, p, a: 2.0), "a score must be a number in [0, 1], got 2.0"),
    "NaN": (changed(score=lambda s, p, a: float("nan")), "a score must be a number in [0, 1], got nan"),
    "text": (changed(score=lambda s, p, a: "1"), "a score must be a number in [0, 1], got '1'"),
    "a huge whole number": (changed(score=lambda s, p, a: 10**400), "a score must be a number in [0, 1], got 1000"),
    "chance": (changed(score=growing), "a score must be the same each time, got another for another answer"),
    "empty answers": (changed(score=lambda s, p, a: 1.0), "an empty answer must score 0, got 1.0"),
    "odd text": (
        changed(score=lambda s, p, a: float(int(a or 0) == int(p.answer or 0))),
        "score of emoji raised ValueError",
    ),
    "exit": (
        changed(score=lambda s, p, a: exit(1) if "\x00" in a else float(a == p.answer)),
        "score of a NUL raised SystemExit",
    ),
    "surrogates": (
        changed(score=lambda s, p, a: float(a.encode() == (p.answer or "").encode())),
        "score of a lone surrogate raised",
    ),
    "brackets": (
        changed(score=lambda s, p, a: nested(a) or float(a == p.answer)),
        "score of a hundred thousand brackets raised Rec",
    ),
    "no problems": (changed(problems=lambda *a: []), "split 'gate' must have problems, got none"),
    "another thing": (changed(problems=lambda *a: ["x"]), "must give a list of pawl.records.Problem, got ['x']"),
    "raising": (changed(problems=lambda *a: 1 / 0), "problems('train', 200, seed=0) raised ZeroDivisionError"),
    "too many": (
        changed(problems=lambda s, split, n, seed: Doubling().problems(split, n + 1, seed)),
        "must be 200 at most when",
    ),
    "too few": (
        changed(problems=lambda s, split, n, seed: Doubling().problems(split, min(n, 60), seed)),
        "the gate needs 100 problems",
    ),
    "fresh each time": (
        changed(problems=mapped(lambda p, seed: replace(p, answer=str(time.perf_counter_ns())))),
        "must be the same each",
    ),
    "no prefix": (
        changed(problems=lambda s, split, n, seed: Doubling().problems(split, n, seed)[::-1]),
        "must start with the shorter one",
    ),
    "split": (
        changed(problems=mapped(lambda p, seed: replace(p, split="test"))),
        "a problem of split 'train' must say so, got 'test'",
    ),
    "one id": (changed(problems=mapped(lambda p, seed: replace(p, id="x"))), "ids must be unique"),
    "an id by seed": (
        changed(problems=mapped(lambda p, seed: replace(p, id=f"{seed} {p.id}"))),
        "must keep its id under every seed",
    ),
    "an id for two": (
        changed(problems=mapped(lambda p, seed: replace(p, prompt=f"{seed} {p.prompt}"))),
        "an id must name one problem",
    ),
    "overlap": (
        changed(
            problems=lambda s, split, n, seed: [replace(p, split=split) for p in Doubling().problems("train", n, seed)]
        ),
        "splits must not overlap",
    ),
    "overlap by seed": (
        changed(
            problems=lambda s, split, n, seed: [
                Problem(str(i), f"{i}\n", split, "1")
                for i in range((["train", "gate", "test"].index(split) + seed) * 1000, 10**6)[:n]
            ]
        ),
        "splits must not overlap",
    ),
    "data": (
        changed(problems=mapped(lambda p, seed: replace(p, data={"x": {1}}))),
        "a problem's data must be JSON values",
    ),
    "no prompt": (changed(problems=mapped(lambda p, seed: replace(p, prompt=""))), "a prompt must be text or messages"),
    "corpus": (
        changed(corpus=lambda s, n, seed: [Demonstration(p.prompt, "1") for p in Doubling().problems("gate", n, seed)]),
        "a corpus must not show gate or test problems, got one of split 'gate'",
    ),
    "corpus of text": (
        changed(corpus=lambda s, n, seed: ["x"]),
        "a corpus must be a list of pawl.records.Demonstration",
    ),
    "a long corpus": (
        changed(corpus=lambda s, n, seed: [Demonstration("x", "y")] * (n + 1)),
        "200 demonstrations at most",
    ),
    "a hindsight that errs": (
        changed(solved_by=lambda s, p, text: Doubling().problems("train", 1, 0)[0]),
        "solved_by must name a problem that the answer solves, got '",
    ),
    "a hindsight of text": (
        changed(solved_by=lambda s, p, text: "7"),
        "solved_by must give a problem or None, got '7'",
    ),
    "a vote that cannot be counted": (
        changed(canonical=lambda s, text: [text]),
        "canonical must give something hashable, got [",
    ),
    "a fickle vote": (
        changed(canonical=lambda s, text: time.perf_counter_ns()),
        "canonical must say the same each time",
    ),
    "variants that are one text": (
        changed(variants=lambda s, p: p.prompt),
        "variants must be a list of prompts, got '2*",
    ),
    "fickle variants": (
        changed(variants=lambda s, p: [f"{time.perf_counter_ns()}"]),
        "variants must be the same each time",
    ),
    "a variant that is the problem": (
        changed(variants=lambda s, p: [p.prompt]),
        "variants must be other prompts than the problem's own",
    ),
    "a variant of the gate": (
        changed(variants=lambda s, p: [each.prompt for each in Doubling().problems("gate", 1, 0)]),
        "variants of a train problem must not show gate or test problems",
    ),
    "a fresh corpus": (
        changed(corpus=lambda s, n, seed: [Demonstration("x", str(time.perf_counter_ns()))]),
        "a corpus must be the same",
    ),
    "workers": (changed(score_workers=-1), "score_workers must be a whole number, 0 or more, got -1"),
    "half a game": (changed(start=lambda s, p: ()), "a task with steps must have all of start"),
    "an illegal action": (changed(Counting, step=refusing), "step with the legal action '"),
    "a dead end": (changed(Counting, actions=lambda s, state: []), "a state without legal actions must be terminal"),
    "no end": (
        changed(
            Counting, terminal=lambda s, state: False, actions=lambda s, state: ["1"], step=lambda s, state, a: state
        ),
        "a path must end, got none",
    ),
    "a state changed": (
        changed(Counting, start=lambda s, p: [], step=in_place, key=lambda s, state: tuple(state)),
        "step must leave the state it was given as it was",
    ),
    "an identity as key": (changed(Counting, key=lambda s, state: object()), "key must be equal for equal states"),
    "a list as key": (changed(Counting, key=lambda s, state: [*state]), "key must be hashable, got []"),
    "an answer": (
        changed(Counting, answer=lambda s, state: state),
        "the answer of a finished path must be text, got ('",
    ),
    "parse": (
        changed(Counting, parse=lambda s, text: int(text)),
        "parse may raise IllegalAction only: an empty text raised ValueError",
    ),
}


@pytest.mark.parametrize(("task", "finding"), BREACHES.values(), ids=BREACHES.keys())
def test_a_breach_of_the_contract_is_named(task: Task, finding: str) -> None:
    findings = check_task(task)
    assert any(finding in found for found in findings), findings


@pytest.mark.parametrize("task", [Doubling, Doubling(), Counting])
def test_a_task_that_keeps_its_contract_has_no_finding(task: object) -> None:
    assert check(task) == []


def test_steps_may_be_open_ended() -> None:
    assert check_task(changed(Counting, actions=lambda self, state: None)) == []


def test_a_score_that_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pawl.testing_ask.SECONDS", 0.2)
    assert "score of [/b] took longer than 0.2 s" in check_task(changed(score=hanging))


def test_a_class_whose_instances_differ_is_named() -> None:
    class Fresh(Doubling):
        def __init__(self) -> None:
            self.salt = time.perf_counter_ns()

        def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
            return [replace(p, id=f"{self.salt} {p.id}") for p in super().problems(split, count, seed)]

    assert check(Fresh) == [
        f"two instances must give the same problems, got others for split {split!r} and seed 0"
        for split in ("train", "gate", "test")
    ]


def test_a_class_that_needs_arguments_is_told_so() -> None:
    class Needy(Doubling):
        def __init__(self, needed: int) -> None: ...

    [finding] = check(Needy)
    assert finding.startswith("a task's class must be made without arguments: Needy() raised TypeError")


def test_what_only_the_user_can_mend_is_no_finding() -> None:
    with pytest.raises(DataError, match="data must exist"):
        check(Dataset(data="none.jsonl"))
    with pytest.raises(ConfigError, match="data must be given"):
        check(Dataset)


def test_what_is_no_task_is_told_what_it_lacks() -> None:
    assert check(3) == ["a task must have problems(), got a int without", "a task must have score(), got a int without"]


def test_a_finding_holds_nothing_that_a_terminal_obeys() -> None:
    def score(self: Any, problem: Problem, answer: str) -> float:
        raise ValueError("\x1b[2J\x00" + "x" * 10**6)

    assert all(found.isprintable() and len(found) < 400 for found in check_task(changed(score=score)))
