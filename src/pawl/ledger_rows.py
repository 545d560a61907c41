"""What a generation is in the ledger, as records, and the way from these to rows and back.

Rows are written by column, each column an iterator over the records, so that names stand beside values, no row is a
dict, and a million attempts need no memory beside their records. A row that is read is a `sqlite3.Row`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from pawl.ledger_schema import Columns, Row, insert, insert_one
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
from pawl.records import (
    Attempt,
    Completion,
    Decision,
    Evidence,
    FloatArray,
    GameExample,
    Problem,
    Prompt,
    TokenExample,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """One turn of the loop, as it is committed."""

    index: int
    """1 to the last generation."""
    attempts: list[Attempt]
    """In problem order, then attempt order."""
    verdicts: list[Verdict]
    """One for each attempt, in the same order."""
    examples: Sequence[TokenExample | GameExample]
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
    places, problems = _distinct_problems(record.attempts)
    insert_one(connection, "generations", _generation_row(record))
    insert(connection, "problems", _numbered(record, problems) | _problem_columns(problems))
    insert(connection, "attempts", _numbered(record, record.attempts) | _attempt_columns(record.attempts, places))
    insert(connection, "verdicts", _numbered(record, record.attempts) | _verdict_columns(record.verdicts))
    texts = [example for example in record.examples if isinstance(example, TokenExample)]
    games = [example for example in record.examples if isinstance(example, GameExample)]
    insert(connection, "examples", _numbered(record, texts) | _example_columns(texts))
    insert(connection, "games", _numbered(record, games) | _game_columns(games))
    insert(connection, "contests", _numbered(record, record.contest_ids) | _contest_columns(record))


def _numbered(record: GenerationRecord, rows: Sequence[object]) -> Columns:
    """The columns that all rows of a generation begin with."""
    return {"generation": repeat(record.index, len(rows)), "position": range(len(rows))}


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


def _distinct_problems(attempts: Sequence[Attempt]) -> tuple[list[int], list[Problem]]:
    """For each attempt the place of its problem, and the problems; neighbours share theirs."""
    places: list[int] = []
    problems: list[Problem] = []
    place = -1  # one number for all attempts at a problem: a million attempts would be a million numbers
    for attempt in attempts:
        if not problems or not _same(problems[-1], attempt.problem):
            problems.append(attempt.problem)
            place += 1
        places.append(place)
    return places, problems


def _same(one: Problem, other: Problem) -> bool:
    """Whether two problems are one row. Python's equality is another: to it, 1 is True."""
    return one is other or (one.id == other.id and _problem_row(one) == _problem_row(other))


def _problem_row(problem: Problem) -> Row:
    return {name: value for name, (value,) in _problem_columns([problem]).items()}


def _problem_columns(problems: Sequence[Problem]) -> Columns:
    return {
        "id": (text_value(problem.id) for problem in problems),
        "split": (problem.split for problem in problems),
        "prompt": (text_value(problem.prompt) if isinstance(problem.prompt, str) else None for problem in problems),
        "messages": (_messages_value(problem) for problem in problems),
        "answer": (optional_text_value(problem.answer) for problem in problems),
        "data": (json_value(problem.data, f"data of problem {problem.id!r}") for problem in problems),
    }


def _messages_value(problem: Problem) -> str | bytes | None:
    is_text = isinstance(problem.prompt, str)
    return None if is_text else json_value(problem.prompt, f"prompt of problem {problem.id!r}")


def _attempt_columns(attempts: Sequence[Attempt], places: Sequence[int]) -> Columns:
    return {
        "problem": places,
        "number": (int(attempt.index) for attempt in attempts),
        "source": (text_value(attempt.source) for attempt in attempts),
        "finish": (attempt.completion.finish for attempt in attempts),
        "prompt_length": (len(attempt.prompt_tokens) for attempt in attempts),
        "length": (len(attempt.completion.tokens) for attempt in attempts),
        "error": (optional_text_value(attempt.error) for attempt in attempts),
        "text": (text_value(attempt.completion.text) for attempt in attempts),
        "prompt_tokens": (int_blob(attempt.prompt_tokens) for attempt in attempts),
        "tokens": (int_blob(attempt.completion.tokens) for attempt in attempts),
        "logprobs": (float_blob(attempt.completion.logprobs) for attempt in attempts),
    }


def _verdict_columns(verdicts: Sequence[Verdict]) -> Columns:
    return {
        "score": (optional_finite_value(verdict.score, "score") for verdict in verdicts),
        "judge": (text_value(verdict.judge) for verdict in verdicts),
        "error": (optional_text_value(verdict.error) for verdict in verdicts),
    }


def _example_columns(examples: Sequence[TokenExample]) -> Columns:
    assert all(example.step_values is None for example in examples), "what teaches the value alone is derived"
    return {
        "problem_id": (text_value(example.problem_id) for example in examples),
        "source": (text_value(example.source) for example in examples),
        "prompt_length": (int(example.prompt_length) for example in examples),
        "value_target": (optional_finite_value(example.value_target, "value_target") for example in examples),
        "length": (len(example.tokens) for example in examples),
        "tokens": (int_blob(example.tokens) for example in examples),
        "weights": (float_blob(example.weights) for example in examples),
    }


def _game_columns(games: Sequence[GameExample]) -> Columns:
    return {
        "problem_id": (text_value(game.problem_id) for game in games),
        "source": (text_value(game.source) for game in games),
        "result": (finite_value(game.result, "result") for game in games),
        "begun": (len(game.opening) for game in games),
        "length": (len(game.moves) for game in games),
        "choices": (game.policies.shape[1] for game in games),
        "opening": (int_blob(game.opening) for game in games),
        "moves": (int_blob(game.moves) for game in games),
        "policies": (float_blob(game.policies.ravel()) for game in games),
        "expected": (float_blob(game.values) for game in games),
        "weights": (float_blob(game.weights) for game in games),
    }


def _contest_columns(record: GenerationRecord) -> Columns:
    evidence, unknown = record.evidence, [None] * len(record.contest_ids)
    return {
        "problem_id": (text_value(problem_id) for problem_id in record.contest_ids),
        "candidate": _finite_values(evidence.candidate, "evidence.candidate") if evidence else unknown,
        "champion": _finite_values(evidence.champion, "evidence.champion") if evidence else unknown,
    }


def _finite_values(numbers: FloatArray, what: str) -> Iterable[float]:
    return (finite_value(number, what) for number in numbers)


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
    length = row["length"]
    completion = Completion(
        text=text_of(row["text"]),
        tokens=ints_of(row, "tokens", length),
        logprobs=floats_of(row, "logprobs", length),
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


def game_of(row: sqlite3.Row) -> GameExample:
    length, choices = row["length"], row["choices"]
    return GameExample(
        problem_id=text_of(row["problem_id"]),
        opening=ints_of(row, "opening", row["begun"]),
        moves=ints_of(row, "moves", length),
        policies=floats_of(row, "policies", length * choices).reshape(length, choices),
        values=floats_of(row, "expected", length),
        weights=floats_of(row, "weights", length),
        result=row["result"],
        source=text_of(row["source"]),
    )
