"""What a generation is in the ledger, as records, and the way from these to rows and back.

A row is a dict by column name when it is written and a `sqlite3.Row` when it is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pawl.ledger_schema import Row, insert
from pawl.ledger_values import (
    finite_value,
    float_blob,
    floats_of,
    int_blob,
    ints_of,
    json_of,
    json_value,
    optional_finite_value,
    optional_text_of,
    optional_text_value,
    text_of,
    text_value,
)
from pawl.records import Attempt, Completion, Decision, Evidence, Problem, Prompt, TokenExample, Verdict


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """One turn of the loop, as it is committed."""

    index: int
    """1 to the last generation."""
    attempts: list[Attempt]
    """In problem order, then attempt order."""
    verdicts: list[Verdict]
    """One for each attempt, in the same order."""
    examples: list[TokenExample]
    """Selected in this generation. What a failure teaches the value is derived from its attempt, not stored."""
    evidence: Evidence | None
    contest_ids: list[str]
    """[N] gate problems used, in the evidence's order."""
    decision: Decision | None
    """None when the generation was dropped."""
    dropped: str | None
    """Why the generation came to nothing, in words."""
    champion: str
    """Hash of the champion after the decision."""
    candidate: str | None
    """Hash of the candidate."""
    metrics: dict[str, float]
    """Measurements that are equal in equal runs."""
    seconds: dict[str, float]
    """Time by stage: what alone may differ between equal runs."""
    notes: list[str]
    """Sentences."""


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """A generation as it is read back: all of its record but attempts, verdicts and examples."""

    index: int
    evidence: Evidence | None
    contest_ids: list[str]
    decision: Decision | None
    dropped: str | None
    champion: str
    candidate: str | None
    metrics: dict[str, float]
    seconds: dict[str, float]
    notes: list[str]


# Rows to write.


def insert_generation(connection: sqlite3.Connection, record: GenerationRecord) -> None:
    """Inserts every row of a generation; the transaction is the caller's."""
    assert len(record.attempts) == len(record.verdicts)
    places, problems = _distinct_problems(record.attempts)
    insert(connection, "generations", [_generation_row(record)])
    generation = record.index
    insert(
        connection,
        "problems",
        ({"generation": generation, "position": i, **row} for i, row in enumerate(problems)),
    )
    insert(connection, "attempts", _attempt_rows(record, places))
    insert(connection, "verdicts", _verdict_rows(record))
    insert(connection, "examples", _example_rows(record))
    insert(connection, "contests", _contest_rows(record))


def _generation_row(record: GenerationRecord) -> Row:
    decision, evidence = record.decision, record.evidence
    low, high = decision.interval if decision else (None, None)
    return {
        "generation": record.index,
        "champion": record.champion,
        "candidate": record.candidate,
        "dropped": optional_text_value(record.dropped),
        "promote": int(decision.promote) if decision else None,
        "reasons": json_value(list(decision.reasons), "reasons") if decision else None,
        "gain": finite_value(decision.gain, "gain") if decision else None,
        "gain_low": optional_finite_value(low, "interval"),
        "gain_high": optional_finite_value(high, "interval"),
        "p_value": finite_value(decision.p_value, "p_value") if decision else None,
        "alpha": finite_value(decision.alpha, "alpha") if decision else None,
        "contest": int(evidence.generation) if evidence else None,
        "contests": int(evidence.generations) if evidence else None,
        "metrics": json_value(record.metrics, "metrics"),
        "notes": json_value(record.notes, "notes"),
        "seconds": json_value(record.seconds, "seconds"),
    }


def _distinct_problems(attempts: Sequence[Attempt]) -> tuple[list[int], list[Row]]:
    """For each attempt the place of its problem, and the rows of the problems; neighbours share theirs."""
    places: list[int] = []
    rows: list[Row] = []
    previous: Problem | None = None
    for attempt in attempts:
        if attempt.problem is not previous:
            previous = attempt.problem
            row = _problem_row(previous)
            if not rows or row != rows[-1]:
                rows.append(row)
        places.append(len(rows) - 1)
    return places, rows


def _problem_row(problem: Problem) -> Row:
    prompt: str | bytes | None = None
    messages: str | bytes | None = None
    if isinstance(problem.prompt, str):
        prompt = text_value(problem.prompt)
    else:
        messages = json_value(problem.prompt, f"prompt of problem {problem.id!r}")
    return {
        "id": text_value(problem.id),
        "split": problem.split,
        "prompt": prompt,
        "messages": messages,
        "answer": optional_text_value(problem.answer),
        "data": json_value(problem.data, f"data of problem {problem.id!r}"),
    }


def _attempt_rows(record: GenerationRecord, places: Sequence[int]) -> Iterator[Row]:
    for position, (attempt, place) in enumerate(zip(record.attempts, places, strict=True)):
        completion = attempt.completion
        yield {
            "generation": record.index,
            "position": position,
            "problem": place,
            "number": int(attempt.index),
            "source": text_value(attempt.source),
            "finish": completion.finish,
            "prompt_length": len(attempt.prompt_tokens),
            "length": len(completion.tokens),
            "error": optional_text_value(attempt.error),
            "text": text_value(completion.text),
            "prompt_tokens": int_blob(attempt.prompt_tokens),
            "tokens": int_blob(completion.tokens),
            "logprobs": float_blob(completion.logprobs),
        }


def _verdict_rows(record: GenerationRecord) -> Iterator[Row]:
    for position, verdict in enumerate(record.verdicts):
        yield {
            "generation": record.index,
            "position": position,
            "score": optional_finite_value(verdict.score, "score"),
            "judge": text_value(verdict.judge),
            "error": optional_text_value(verdict.error),
        }


def _example_rows(record: GenerationRecord) -> Iterator[Row]:
    for position, example in enumerate(record.examples):
        assert example.step_values is None, "what teaches the value alone is derived, not stored"
        yield {
            "generation": record.index,
            "position": position,
            "problem_id": text_value(example.problem_id),
            "source": text_value(example.source),
            "prompt_length": int(example.prompt_length),
            "value_target": optional_finite_value(example.value_target, "value_target"),
            "length": len(example.tokens),
            "tokens": int_blob(example.tokens),
            "weights": float_blob(example.weights),
        }


def _contest_rows(record: GenerationRecord) -> Iterator[Row]:
    evidence = record.evidence
    assert evidence is None or len(evidence.candidate) == len(evidence.champion) == len(record.contest_ids)
    for position, problem_id in enumerate(record.contest_ids):
        yield {
            "generation": record.index,
            "position": position,
            "problem_id": text_value(problem_id),
            "candidate": finite_value(evidence.candidate[position], "evidence.candidate") if evidence else None,
            "champion": finite_value(evidence.champion[position], "evidence.champion") if evidence else None,
        }


# Rows that were read.


def generation_of(row: sqlite3.Row, contest: Sequence[sqlite3.Row]) -> GenerationRow:
    """The generation of a `generations` row and its `contests` rows, in order."""
    evidence = decision = None
    if row["contest"] is not None:
        evidence = Evidence(
            candidate=np.array([problem["candidate"] for problem in contest], np.float32),
            champion=np.array([problem["champion"] for problem in contest], np.float32),
            generation=row["contest"],
            generations=row["contests"],
        )
    if row["promote"] is not None:
        decision = Decision(
            promote=bool(row["promote"]),
            reasons=tuple(json_of(row["reasons"])),
            gain=row["gain"],
            interval=(row["gain_low"], row["gain_high"]),
            p_value=row["p_value"],
            alpha=row["alpha"],
        )
    return GenerationRow(
        index=row["generation"],
        evidence=evidence,
        contest_ids=[text_of(problem["problem_id"]) for problem in contest],
        decision=decision,
        dropped=optional_text_of(row["dropped"]),
        champion=row["champion"],
        candidate=row["candidate"],
        metrics=json_of(row["metrics"]),
        seconds=json_of(row["seconds"]),
        notes=json_of(row["notes"]),
    )


def problem_of(row: sqlite3.Row) -> Problem:
    prompt: Prompt = tuple(json_of(row["messages"])) if row["prompt"] is None else text_of(row["prompt"])
    return Problem(
        id=text_of(row["id"]),
        prompt=prompt,
        split=row["split"],
        answer=optional_text_of(row["answer"]),
        data=json_of(row["data"]),
    )


def attempt_of(row: sqlite3.Row, problem: Problem) -> Attempt:
    completion = Completion(
        text=text_of(row["text"]),
        tokens=ints_of(row, "tokens", row["length"]),
        logprobs=floats_of(row, "logprobs", row["length"]),
        finish=row["finish"],
    )
    return Attempt(
        problem=problem,
        index=row["number"],
        prompt_tokens=ints_of(row, "prompt_tokens", row["prompt_length"]),
        completion=completion,
        source=text_of(row["source"]),
        error=optional_text_of(row["error"]),
    )


def verdict_of(row: sqlite3.Row) -> Verdict:
    error = optional_text_of(row["verdict_error"])
    return Verdict(score=row["score"], judge=text_of(row["judge"]), error=error)


def example_of(row: sqlite3.Row) -> TokenExample:
    return TokenExample(
        tokens=ints_of(row, "tokens", row["length"]),
        weights=floats_of(row, "weights", row["length"]),
        prompt_length=row["prompt_length"],
        value_target=row["value_target"],
        source=text_of(row["source"]),
        problem_id=text_of(row["problem_id"]),
    )
