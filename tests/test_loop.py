"""The loop with parts made of numbers: who becomes champion, what is committed, when it stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pawl.errors import TrainingError
from pawl.gate.decision import always_promote, exact_gate
from pawl.ledger import Ledger
from pawl.loop import Turn, improve
from pawl.meters.alarms.alarm import Alarm
from pawl.play import Contest
from pawl.records import Attempt, Completion, Event, Evidence, Problem, TokenExample, Verdict
from pawl.selection.examples import chosen_examples
from pawl.selection.select import select

TRAIN = [Problem(f"train {i}", f"{i}=", "train", "yes") for i in range(6)]
CONTEST = 200


@dataclass(frozen=True)
class Player:
    """A champion of which only this matters: the share of problems it solves."""

    skill: float


def play_of(player: Player, problems: Sequence[Problem]) -> list[Attempt]:
    """One attempt each; the first ones are right."""
    right = round(player.skill * len(problems))
    tokens, logprobs = np.array([1, 2], np.int32), np.zeros(2, np.float32)
    return [Attempt(problem, 0, tokens, Completion("yes" if place < right else "no", tokens, logprobs, "stop"))
            for place, problem in enumerate(problems)]


def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(float(attempt.completion.text == attempt.problem.answer), "truth") for attempt in attempts]


class School:
    """Parts in which generation g learns `lessons[g - 1]`: a skill, None for nothing, or an error."""

    def __init__(self, ledger: Ledger, lessons: Sequence[float | Exception | None], *, alpha: float = 0.05,
                 contests: int = 10**6) -> None:
        self.ledger, self.lessons, self.contests = ledger, lessons, contests
        self.judge = judge
        self.gate = always_promote if alpha == 1 else exact_gate(alpha)
        self.champions: list[float] = []
        self.done: list[int] = []

    def exhausted(self, turn: Turn) -> str | None:
        return "the gate problems have run out" if turn.generation > self.contests else None

    def draw(self, turn: Turn) -> list[Problem]:
        return TRAIN

    def play(self, champion: Any, problems: Sequence[Problem], turn: Turn) -> list[Attempt]:
        self.champions.append(champion.skill)
        return play_of(champion, problems)

    def select(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], turn: Turn) -> list[TokenExample]:
        turn.metrics["attempts"] = len(attempts)
        return chosen_examples(attempts, select(attempts, verdicts, keep=1, limit=99))

    def learn(self, champion: Any, attempts: Any, verdicts: Any, examples: Any, turn: Turn) -> Any:
        lesson = self.lessons[turn.generation - 1]
        if isinstance(lesson, Exception):
            raise lesson
        turn.notes.append(f"learnt {lesson}")
        return None if lesson is None else Player(lesson)

    def contest(self, candidate: Any, champion: Any, turn: Turn) -> Contest:
        problems = [Problem(f"gate {turn.generation}.{i}", "", "gate", "yes") for i in range(CONTEST)]
        ours, theirs = (np.array([verdict.score for verdict in judge(play_of(player, problems))], np.float32)
                        for player in (candidate, champion))
        evidence = Evidence(ours, theirs, turn.generation, turn.generations)
        return Contest(evidence, [problem.id for problem in problems], play_of(candidate, problems), 0)

    def store(self, candidate: Any) -> str:
        return f"skill-{candidate.skill}"

    def committed(self, turn: Turn) -> None:
        assert self.ledger.next_generation == turn.generation + 1
        self.done.append(turn.generation)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.create(tmp_path / "run.db", {"recipe": "school"}) as made:
        made.set_base({}, {}, "skill-0.5")
        yield made


def run(parts: School, generations: int | None = None, *, champion: float = 0.5) -> tuple[float, list[Event]]:
    """The last champion's skill, and what was said."""
    events: list[Event] = []
    last: Any = improve(parts, Player(champion), parts.ledger, generations or len(parts.lessons), events.append)  # type: ignore[arg-type]
    return last.skill, events


def test_a_better_candidate_is_promoted_and_plays_the_next_generation(ledger: Ledger) -> None:
    parts = School(ledger, [0.7, 0.9])
    assert run(parts)[0] == 0.9
    assert parts.champions == [0.5, 0.7]
    assert [row.champion for row in ledger.generations()] == ["skill-0.7", "skill-0.9"]
    assert all(row.decision and row.decision.promote for row in ledger.generations())


@pytest.mark.parametrize("skill", [0.0, 0.3, 0.5, 0.51])
def test_a_damaged_or_equal_candidate_is_refused_with_reasons(ledger: Ledger, skill: float) -> None:
    parts = School(ledger, [skill, skill])
    assert run(parts)[0] == 0.5
    assert parts.champions == [0.5, 0.5]
    for row in ledger.generations():
        assert (row.champion, row.candidate) == ("skill-0.5", f"skill-{skill}")
        assert row.decision is not None and not row.decision.promote
        assert row.decision.reasons[0].startswith("refused:")


def test_with_alpha_1_every_candidate_is_promoted(ledger: Ledger) -> None:
    parts = School(ledger, [0.4, 0.2, 0.9], alpha=1)
    run(parts)
    assert parts.champions == [0.5, 0.4, 0.2]
    assert ledger.champion == "skill-0.9"


def test_a_generation_that_learns_nothing_is_dropped_and_the_run_goes_on(ledger: Ledger) -> None:
    parts = School(ledger, [None, 0.8])
    assert run(parts)[0] == 0.8
    dropped, promoted = ledger.generations()
    assert dropped.dropped == "there was nothing to learn from"
    assert (dropped.champion, dropped.candidate, dropped.decision, dropped.contest_ids) == ("skill-0.5", None, None, [])
    assert promoted.dropped is None


def test_a_generation_whose_training_fails_is_dropped_and_the_run_goes_on(ledger: Ledger) -> None:
    parts = School(ledger, [0.7, TrainingError("the loss must be finite, got nan", hint="lower it"), 0.9])
    skill, events = run(parts)
    assert skill == 0.9
    assert parts.champions == [0.5, 0.7, 0.7]
    row = ledger.generations()[1]
    assert row.dropped is not None and row.dropped.startswith("the loss must be finite, got nan")
    assert (row.champion, row.candidate, row.decision) == ("skill-0.7", None, None)
    assert any(event.message.startswith("dropped: the loss must be finite") for event in events)


def test_an_error_of_another_kind_ends_the_run_and_keeps_what_was_committed(ledger: Ledger) -> None:
    parts = School(ledger, [0.7, ZeroDivisionError(), 0.9])
    with pytest.raises(ZeroDivisionError):
        run(parts)
    assert (ledger.next_generation, ledger.champion) == (2, "skill-0.7")


def test_a_run_goes_on_where_it_stopped(ledger: Ledger) -> None:
    run(School(ledger, [0.7]))
    parts = School(ledger, [0.7, 0.8, 0.9])
    assert run(parts, champion=0.7)[0] == 0.9
    assert parts.champions == [0.7, 0.8]
    assert [row.index for row in ledger.generations()] == [1, 2, 3]


def test_a_run_that_has_ended_does_nothing_more(ledger: Ledger) -> None:
    run(School(ledger, [0.7]))
    digest, parts = ledger.digest(), School(ledger, [0.7])
    assert run(parts, champion=0.7) == (0.7, [])
    assert (ledger.digest(), parts.champions) == (digest, [])


def test_a_run_stops_and_says_so_when_a_part_is_exhausted(ledger: Ledger) -> None:
    skill, events = run(School(ledger, [0.7, 0.8, 0.9], contests=2))
    assert skill == 0.8
    assert ledger.next_generation == 3
    assert (events[-1].generation, events[-1].message) == (3, "the gate problems have run out")


def test_a_generation_is_committed_with_all_that_it_was(ledger: Ledger) -> None:
    parts = School(ledger, [0.7])
    run(parts)
    (row,) = ledger.generations()
    assert row.metrics == {"attempts": 6}
    assert row.notes == ["learnt 0.7"]
    assert "score" in row.seconds
    assert row.evidence is not None and row.evidence.candidate.mean() == pytest.approx(0.7)
    assert row.contest_ids == [f"gate 1.{i}" for i in range(CONTEST)]
    pairs = list(ledger.attempts(1))
    assert [attempt.problem.id for attempt, _ in pairs] == [problem.id for problem in TRAIN]
    assert [verdict.score for _, verdict in pairs] == [1, 1, 1, 0, 0, 0]
    assert [example.problem_id for example in ledger.examples([1])] == ["train 0", "train 1", "train 2"]
    assert parts.done == [1]


class Watched(School):
    """Parts that look at what will be committed."""

    def alarms(self, turn: Turn, attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> list[Alarm]:
        assert self.ledger.next_generation == turn.generation
        right = sum(verdict.score == 1 for verdict in verdicts)
        turn.metrics["looked"] = right
        return [Alarm("few right", turn.generation, f"{right} of {len(attempts)}.", "read some", (4, 5))]


def test_parts_that_look_are_asked_before_the_commit_and_what_they_found_is_kept_and_said(ledger: Ledger) -> None:
    _, events = run(Watched(ledger, [0.7, None]))
    notes = ["alarm: few right: 3 of 6. (read some) [attempts 4, 5]",
             "alarm: few right: 4 of 6. (read some) [attempts 4, 5]"]
    assert [row.notes for row in ledger.generations()] == [["learnt 0.7", notes[0]], ["learnt None", notes[1]]]
    assert [row.metrics["looked"] for row in ledger.generations()] == [3, 4]
    assert [event.message for event in events if "alarm" in event.message] == notes


def test_a_generation_whose_training_fails_is_looked_at_too(ledger: Ledger) -> None:
    run(Watched(ledger, [TrainingError("no")]))
    assert ledger.generations()[0].notes == ["alarm: few right: 3 of 6. (read some) [attempts 4, 5]"]


def test_attempts_that_were_played_while_learning_are_looked_at_in_the_ledgers_order(ledger: Ledger) -> None:
    class Playing(Watched):
        def learn(self, champion: Any, attempts: Any, verdicts: Any, examples: Any, turn: Turn) -> Any:
            more = play_of(Player(1), TRAIN[:2])
            turn.played += zip(more, judge(more), strict=True)
            return None

    run(Playing(ledger, [None]))
    (row,) = ledger.generations()
    assert row.notes[0].startswith("alarm: few right: 5 of 8.") and len(list(ledger.attempts(1))) == 8


def test_the_same_parts_give_the_same_ledger_but_for_times(tmp_path: Path) -> None:
    digests = set()
    for name in ("a.db", "b.db"):
        with Ledger.create(tmp_path / name, {"recipe": "school"}) as ledger:
            ledger.set_base({}, {}, "skill-0.5")
            run(School(ledger, [0.6, None, 0.9]))
            digests.add(ledger.digest())
    assert len(digests) == 1


def test_a_stage_tells_its_progress_and_is_timed() -> None:
    events: list[Event] = []
    turn = Turn(2, 5, events.append)
    with turn.stage("train") as watch:
        watch(3, 7)
    with turn.stage("train"):
        pass
    assert [(event.stage, event.generation, event.generations, event.done, event.total) for event in events] == [
        ("train", 2, 5, 0, 0), ("train", 2, 5, 3, 7), ("train", 2, 5, 0, 0)]
    assert turn.seconds.keys() == {"train"} and turn.seconds["train"] >= 0
