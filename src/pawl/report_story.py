"""What a run says in words: the headline, the gate's decisions, the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pawl.gate.statistics import gain_interval
from pawl.ledger import GenerationRow
from pawl.meters.alarms.note import is_alarm
from pawl.report_attempts import Reading
from pawl.report_text import (
    count,
    duration,
    interval,
    large,
    number,
    pair,
    percent,
    points,
    setting,
    shorten,
)

Interval = tuple[float, float]
UNSET = "none"
"""How settings say None where there is no such value."""


@dataclass(frozen=True, slots=True)
class Run:
    """A ledger, read: everything the page is made of."""

    header: Mapping[str, Any]
    base: Mapping[str, float]
    """Metrics of the base model."""
    base_seconds: Mapping[str, float]
    final: Mapping[str, Any] | None
    """None while the run is unfinished."""
    generations: Sequence[GenerationRow]
    reading: Reading

    @property
    def task(self) -> str:
        return str(self.header.get("task") or "unnamed")

    def total(self, metric: str) -> float | None:
        """The sum of a metric over generations; None when none has it."""
        values = [value for one in self.generations if (value := number(one.metrics.get(metric))) is not None]
        return sum(values) if values else None

    def outcomes(self) -> dict[int, str]:
        """`promoted`, `refused` or `dropped` by generation."""
        return {one.index: outcome(one) for one in self.generations}


def outcome(generation: GenerationRow) -> str:
    """What became of a generation's candidate, in a word."""
    if generation.dropped is not None or generation.decision is None:
        return "dropped"
    return "promoted" if generation.decision.promote else "refused"


@dataclass(frozen=True, slots=True)
class Headline:
    """The measured result."""

    status: str
    """gain, none, worse or unfinished."""
    sentence: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """Truth on the test split, before and after."""

    base: float
    base_interval: Interval | None
    final: float
    final_interval: Interval | None
    gain_interval: Interval | None
    """95%, paired, of final minus base; None when the scores are not in the ledger."""
    problems: int
    """0 when unknown."""


def result(run: Run) -> Result | None:
    """The result of a finished run; None when there is none to tell."""
    final = run.final or {}
    before, after = final.get("base") or {}, final.get("final") or {}
    base, last = number(before.get("pass@1")), number(after.get("pass@1"))
    if base is None or last is None:
        return None
    test = final.get("test") or {}
    base_scores, final_scores = test.get("base_scores") or [], test.get("final_scores") or []
    paired = base_scores and len(base_scores) == len(final_scores)
    gain = gain_interval(final_scores, base_scores) if paired else None
    return Result(base, pair(before.get("ci")), last, pair(after.get("ci")), gain, len(test.get("problem_ids") or []))


def headline(run: Run) -> Headline:
    """The result in one sentence, and what a careful reader asks next."""
    found = result(run)
    if found is None:
        return _unfinished(run)
    status = _status(found)
    loop = f"{count(len(run.generations), 'generation')} of learning from {source(run)}"
    problems = f"of {found.problems:,} {shorten(run.task, 40)} problems" if found.problems else "of the test problems"
    problems = f"{problems} that it never trained on"
    last = f"{percent(found.final)} {interval(found.final_interval)}".strip()
    base = f"{percent(found.base)} {interval(found.base_interval)}".strip()
    if "promoted" not in run.outcomes().values():
        status, sentence = (
            "none",
            f"No gain: no candidate passed the gate, so the model still solves {base} {problems}.",
        )
    elif status == "gain":
        sentence = f"After {loop}, the model solves {last} {problems}; before, it solved {base}."
    elif status == "worse":
        sentence = f"After {loop}, the model is worse: it solves {last} {problems}, down from {base}."
    else:
        sentence = f"No gain is proved: after {loop}, the model solves {last} {problems}; before, it solved {base}."
    return Headline(status, sentence, _remarks(run, found))


def source(run: Run) -> str:
    """What the model learnt from, in words."""
    if told(run).get("teacher"):
        return "a teacher"
    return "its own answers, as its judge liked them" if judge(run) else "its own checked answers"


def judge(run: Run) -> str:
    """Who said what answers are worth; nothing where that is the task."""
    return str(told(run, "judge_settings").get("judge", ""))


def told(run: Run, table: str = "settings") -> dict[str, Any]:
    """What was set, without what was left to its recipe."""
    return {key: value for key, value in (run.header.get(table) or {}).items() if value not in (None, UNSET)}


def _status(found: Result) -> str:
    if found.gain_interval is not None:
        low, high = found.gain_interval
    elif found.base_interval is not None and found.final_interval is not None:
        low = found.final_interval[0] - found.base_interval[1]
        high = found.final_interval[1] - found.base_interval[0]
    else:
        low = high = 0.0  # nothing says how sure the difference is, so none is claimed
    return "gain" if low > 0 else "worse" if high < 0 else "none"


def _remarks(run: Run, found: Result) -> tuple[str, ...]:
    difference = f"{points(found.final - found.base)} {interval(found.gain_interval, signed=True)}".strip()
    remarks = [
        f"Difference on the same problems: {difference}.",
        _searching((run.final or {}).get("final") or {}),
        _reach((run.final or {}).get("base") or {}, (run.final or {}).get("final") or {}),
        _short_of(run),
        f"Seed {setting(run.header.get('seed'))}. Scored by the task's own rules, one greedy answer a problem. The "
        "test split was touched once, after the last generation. Brackets hold 95% intervals.",
    ]
    return tuple(filter(None, remarks))


def _short_of(run: Run) -> str:
    """That a run ended before its last planned generation; nothing when it did not."""
    turns, planned = len(run.generations), number(told(run).get("generations"))
    if planned is None or turns >= planned:
        return ""
    return f"The run ended after {turns} of {count(planned, 'planned generation')}."


def _searching(after: Mapping[str, Any]) -> str:
    """What the champion solves when it searches; nothing where no search was measured."""
    search = after.get("search") or {}
    if (rate := number(search.get("pass@1"))) is None:
        return ""
    return f"With search that never asks the truth: {percent(rate)} {interval(pair(search.get('ci')))}."


def _reach(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """pass@k before and after: a gain in it is more than a sharper choice among answers that were always there."""
    for key in sorted(after):
        match, base, last = re.fullmatch(r"pass@(\d+)", key), number(before.get(key)), number(after[key])
        if match and match[1] != "1" and base is not None and last is not None:
            tries = f"pass@{match[1]}, at least one right answer in {match[1]} tries"
            intervals = [interval(pair(side.get(f"{key}_ci"))) for side in (before, after)]
            return (
                f"Within reach ({tries}): {percent(base)} {intervals[0]} before, {percent(last)} {intervals[1]} after."
            )
    return ""


def _unfinished(run: Run) -> Headline:
    turns, planned = len(run.generations), number(told(run).get("generations"))
    done = f"{turns} of {count(planned, 'generation')}" if planned else count(turns, "generation")
    verb = "is" if turns == 1 else "are"
    sentence = f"This run is unfinished: {done} {verb} recorded, and the test split has not been touched."
    champions = [value for one in run.generations if (value := number(one.metrics.get("gate_champion"))) is not None]
    remarks = [
        f"Seed {setting(run.header.get('seed'))}. Without the test there is no result yet; "
        "what follows is what the ledger holds so far."
    ]
    if champions:
        remarks.insert(
            0,
            f"On gate problems the champion stood at {percent(champions[0])} in its first contest and "
            f"at {percent(champions[-1])} in its latest.",
        )
    return Headline("unfinished", sentence, tuple(remarks))


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one generation."""

    generation: int
    outcome: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def entry(generation: GenerationRow) -> Entry:
    """A promotion, a refusal or a dropped generation in words; its alarms stand elsewhere."""
    word, decision = outcome(generation), generation.decision
    if decision is not None and word != "dropped":
        # The gate's own sentence begins with the word that stands beside it.
        reasons = [reason.removeprefix(f"{word}: ") for reason in decision.reasons]
    else:
        reasons = [generation.dropped or "no contest was held", "The champion stays"]
    notes = [note for note in generation.notes if not is_alarm(note)]
    return Entry(generation.index, word, tuple(map(_sentence, reasons)), tuple(map(_sentence, notes)))


def _sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    text = text.strip().replace("<=", "≤")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def facts(run: Run) -> list[tuple[str, str]]:
    """The line above the headline."""
    shown = [("recipe", run.header.get("recipe")), ("task", run.header.get("task")),
             ("game", (run.header.get("task_settings") or {}).get("game")), ("seed", run.header.get("seed"))]
    known = [(name, shorten(setting(value), 60)) for name, value in shown if value is not None]
    if parameters := number(run.base.get("parameters")):
        known.append(("parameters", large(parameters)))
    seconds = total_seconds(run)
    return [*known, ("time", duration(seconds))] if seconds else known


def total_seconds(run: Run) -> float:
    """Seconds of the whole run, as the ledger says."""
    stated = number(((run.final or {}).get("seconds") or {}).get("total"))
    if stated is not None:
        return stated
    spent = [run.base_seconds, *(one.seconds for one in run.generations)]
    return sum(number(value) or 0.0 for seconds in spent for value in seconds.values())


def settings(run: Run) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything that was set, in groups of (name, value)."""
    inner = {"settings": "Recipe", "task_settings": "Task"}
    rest = {key: value for key, value in run.header.items() if key not in inner and key != "notes"}
    groups = [("Run", rest)] + [(title, run.header.get(key) or {}) for key, title in inner.items()]
    return [
        (title, [(str(key), shorten(setting(value), 200)) for key, value in group.items()])
        for title, group in groups
        if group
    ]
