"""What a run is looked at for before a generation is committed: alarms, the judge beside gold, and known answers.

Not covered: alarms of time. What a ledger keeps must not depend on a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pawl.interfaces import Judge
from pawl.keys import permutation, stream
from pawl.loop import Turn
from pawl.measure import Metrics
from pawl.meters.alarms import looks
from pawl.meters.alarms.alarm import Alarm, Observed
from pawl.meters.alarms.looks import known_attempts
from pawl.meters.alarms.seen import readings
from pawl.records import Attempt, Problem, Verdict

GOLD_ATTEMPTS = 512
"""Attempts that gold is asked about beside a judge that is not gold."""


def look(turn: Turn, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], before: Sequence[Metrics], *,
         gold: Sequence[Verdict] = ()) -> list[Alarm]:
    """What is wrong with a generation; `turn.metrics` gets what later ones are compared with. `before` is what earlier
    ones measured; `gold` are verdicts [N] of a judge that nothing learns from, or none."""
    now = Observed(turn.generation, attempts, verdicts, turn.metrics, gold=gold)
    found, measured = looks.alarms(now, before), readings(now)
    turn.metrics |= measured
    turn.metrics |= {name: measured[f"{name}_mean"] for name in ("proxy", "gold") if f"{name}_mean" in measured}
    return found


def gold_sample(gold: Judge, attempts: Sequence[Attempt], *, key: int) -> list[Verdict]:
    """[N] what gold says of `GOLD_ATTEMPTS` of the policy's own attempts, drawn by chance; it abstains on the rest."""
    own = [place for place, attempt in enumerate(attempts) if attempt.source == "self" and attempt.error is None]
    chosen = sorted(own[i] for i in permutation(stream(key, "gold"), len(own))[:GOLD_ATTEMPTS])
    said = dict(zip(chosen, gold([attempts[place] for place in chosen]), strict=True))
    return [said.get(place, Verdict(None, "")) for place in range(len(attempts))]


def known_alarms(judge: Judge, problems: Sequence[Problem], *, key: int) -> list[Alarm]:
    """What is wrong with a judge by what it says of known answers, before anything is learnt from it. The answers stand
    in no ledger, so no places are shown."""
    asked = known_attempts(problems, key=key)
    return [replace(alarm, shown=()) for alarm in looks.alarms(Observed(1, asked, judge(asked)))] if asked else []
