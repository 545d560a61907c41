"""The loop: propose, judge, select, learn, gate, commit. Nothing passes the gate backwards.

A recipe names the parts; this file only says in which order they meet, and that a generation is committed whole or
not at all. All a part needs from earlier generations stands in the ledger, so that a run which was stopped goes on as
if it had not been.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from pawl import stages
from pawl.errors import TrainingError
from pawl.interfaces import Gate, Judge
from pawl.ledger import GenerationRecord, Ledger
from pawl.meters.alarms.alarm import Alarm
from pawl.meters.alarms.note import is_alarm, note_of
from pawl.records import Attempt, Event, Evidence, Problem, Verdict

Champion = TypeVar("Champion")
"""What learns: a policy of whatever kind."""
Example = TypeVar("Example")
"""What it learns from: a record that the ledger keeps."""


class Contested(Protocol):
    """How candidate and champion did against each other."""

    @property
    def evidence(self) -> Evidence: ...

    @property
    def problem_ids(self) -> list[str]: ...


class Parts(Protocol[Champion, Example]):
    """What a recipe hands to the loop. `turn` carries the generation's number, its clock and its notes."""

    judge: Judge
    gate: Gate

    def draw(self, turn: Turn) -> list[Problem]:
        """Train problems to attempt."""
        ...

    def play(self, champion: Champion, problems: Sequence[Problem], turn: Turn) -> list[Attempt]: ...

    def select(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], turn: Turn) -> list[Example]: ...

    def learn(self, champion: Champion, attempts: Sequence[Attempt], verdicts: Sequence[Verdict],
              examples: Sequence[Example], turn: Turn) -> Champion | None:
        """A candidate; None, with a note, when there is nothing to learn from. Raises TrainingError."""
        ...

    def contest(self, candidate: Champion, champion: Champion, turn: Turn) -> Contested: ...

    def store(self, candidate: Champion) -> str:
        """Write a checkpoint, whole or not at all, and return its hash."""
        ...

    def committed(self, turn: Turn) -> None:
        """Called when the generation stands in the ledger."""
        ...

    def exhausted(self, turn: Turn) -> str | None:
        """Why the run must stop before this generation; None to go on."""
        ...


@runtime_checkable
class Watchful(Protocol):
    """Parts that look at a generation before it is committed."""

    def alarms(self, turn: Turn, attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> list[Alarm]:
        """What is wrong with it. Attempts and verdicts are those that the ledger gets, in its order; what is found must
        not depend on a clock."""
        ...


@dataclass
class Turn:
    """One generation as it comes about: what the parts may add to beside what they return."""

    generation: int
    generations: int
    notify: Callable[[Event], None]
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    examples: list[Any] = field(default_factory=list)
    """What later stages learn from, of a stage that makes it."""
    played: list[tuple[Attempt, Verdict]] = field(default_factory=list)
    """Attempts with their verdicts that a policy made while it learnt from them."""
    told: str = ""
    """What to say of the attempts, where it is not how many were right."""

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Time a stage, without the stages within it; yields what reports its progress."""
        started, others = time.perf_counter(), sum(self.seconds.values())
        self.say(name)
        with stages.stage(name):
            yield lambda done, total: self.notify(Event(name, self.generation, self.generations, done, total))
        within = sum(self.seconds.values()) - others
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started - within

    def say(self, stage: str, message: str = "") -> None:
        self.notify(Event(stage, self.generation, self.generations, message=message))

    def warn(self, alarm: Alarm) -> None:
        """Say an alarm, and keep it among the notes."""
        self.notes.append(note_of(alarm))
        self.say("decide", self.notes[-1])


def improve(parts: Parts[Champion, Example], champion: Champion, ledger: Ledger, generations: int,
            notify: Callable[[Event], None]) -> Champion:
    """Run the generations that the ledger does not hold yet; returns the last champion."""
    for generation in range(ledger.next_generation, generations + 1):
        turn = Turn(generation, generations, notify)
        if reason := parts.exhausted(turn):
            turn.say("decide", reason)
            break
        with turn.stage("select"):
            problems = parts.draw(turn)
        attempts = parts.play(champion, problems, turn)
        with turn.stage("score"):
            verdicts = parts.judge(attempts)
        if turn.told or attempts:
            turn.say("score", turn.told or _scored(attempts, verdicts))
        with turn.stage("select"):
            examples = parts.select(attempts, verdicts, turn)
        champion = _decide(parts, champion, ledger, attempts, verdicts, examples, turn)
    return champion


def _scored(attempts: list[Attempt], verdicts: list[Verdict]) -> str:
    """What the policy got right by itself, and what search found beside it."""
    right = Counter(attempt.source for attempt, verdict in zip(attempts, verdicts, strict=True)
                    if (verdict.score or 0.0) >= 1)
    own = sum(attempt.source == "self" for attempt in attempts)
    found = f"; search found {right['search']} right answers" if right["search"] else ""
    return f"{right['self']} of {own} attempts right ({right['self'] / max(1, own):.1%}){found}"


def _decide(parts: Parts[Champion, Example], champion: Champion, ledger: Ledger, attempts: list[Attempt],
            verdicts: list[Verdict], examples: Sequence[Any], turn: Turn) -> Champion:
    """Learn, gate and commit; returns the champion of the next generation."""
    candidate, contest, decision, dropped = None, None, None, None
    try:
        candidate = parts.learn(champion, attempts, verdicts, examples, turn)
    except TrainingError as error:
        dropped = str(error)
    if candidate is not None:
        contest = parts.contest(candidate, champion, turn)
        decision = parts.gate(contest.evidence)
    elif dropped is None:
        dropped = "there was nothing to learn from"
    attempts = [*attempts, *(attempt for attempt, _ in turn.played)]
    verdicts = [*verdicts, *(verdict for _, verdict in turn.played)]
    told = "; ".join((f"dropped: {dropped}", *(note for note in turn.notes if not is_alarm(note))))
    for alarm in parts.alarms(turn, attempts, verdicts) if isinstance(parts, Watchful) else []:
        turn.warn(alarm)
    stored = parts.store(candidate) if candidate is not None else None
    promoted = candidate is not None and decision is not None and decision.promote
    incumbent = ledger.champion
    assert incumbent is not None, "the base is committed before the loop begins"
    ledger.commit(GenerationRecord(
        index=turn.generation, attempts=attempts, verdicts=verdicts, examples=examples,
        evidence=contest.evidence if contest else None, contest_ids=contest.problem_ids if contest else [],
        decision=decision, dropped=dropped,
        champion=stored if promoted and stored else incumbent, candidate=stored,
        metrics=turn.metrics, seconds=turn.seconds, notes=turn.notes,
    ))
    parts.committed(turn)
    turn.say("decide", decision.reasons[0] if decision else told)
    return candidate if promoted and candidate is not None else champion
