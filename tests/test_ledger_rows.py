"""Whole generations to rows and back: every field of every record, whatever is in it."""

import tempfile
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.ledger import GenerationRecord, Ledger
from pawl.records import Attempt, Completion, Decision, Evidence, Problem, TokenExample, Verdict

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
MAYBE_TEXT = st.none() | ANY_TEXT
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCORE = st.floats(0, 1)
NUMBERS = st.dictionaries(ANY_TEXT, FINITE, max_size=3)
DATA = st.dictionaries(ANY_TEXT, FINITE | ANY_TEXT | st.lists(st.integers(), max_size=3), max_size=3)
MESSAGES = st.lists(st.fixed_dictionaries({"role": ANY_TEXT, "content": ANY_TEXT}), max_size=2).map(tuple)
HASH = st.text("0123456789abcdef", min_size=8, max_size=8)


@st.composite
def arrays(draw: st.DrawFn, length: int, dtype: str) -> np.ndarray:
    element = st.integers(-(2**31), 2**31 - 1) if dtype == "int32" else st.floats(width=32)
    return np.array(draw(st.lists(element, min_size=length, max_size=length)), dtype)


problems = st.builds(
    Problem,
    id=ANY_TEXT,
    prompt=ANY_TEXT | MESSAGES,
    split=st.sampled_from(["train", "gate", "test"]),
    answer=MAYBE_TEXT,
    data=DATA,
)


@st.composite
def attempts(draw: st.DrawFn) -> list[Attempt]:
    result = []
    for problem in draw(st.lists(problems, max_size=3)):
        for index in range(draw(st.integers(1, 2))):
            length = draw(st.integers(0, 3))
            completion = Completion(
                text=draw(ANY_TEXT),
                tokens=draw(arrays(length, "int32")),
                logprobs=draw(arrays(length, "float32")),
                finish=draw(st.sampled_from(["stop", "length"])),
            )
            prompt = draw(arrays(draw(st.integers(0, 3)), "int32"))
            result.append(Attempt(problem, index, prompt, completion, draw(ANY_TEXT), draw(MAYBE_TEXT)))
    return result


@st.composite
def examples(draw: st.DrawFn) -> TokenExample:
    length = draw(st.integers(0, 4))
    return TokenExample(
        tokens=draw(arrays(length, "int32")),
        weights=draw(arrays(length, "float32")),
        prompt_length=draw(st.integers(0, length)),
        value_target=draw(st.none() | FINITE),
        source=draw(ANY_TEXT),
        problem_id=draw(ANY_TEXT),
    )


@st.composite
def contests(draw: st.DrawFn) -> tuple[list[str], Evidence | None]:
    ids = draw(st.lists(ANY_TEXT, max_size=4, unique=True))
    if draw(st.booleans()):
        return ids, None
    scores = st.lists(st.floats(0, 1, width=32), min_size=len(ids), max_size=len(ids))
    candidate, champion = (np.array(draw(scores), np.float32) for _ in range(2))
    return ids, Evidence(candidate, champion, draw(st.integers(1, 9)), draw(st.integers(1, 9)))


decisions = st.builds(
    Decision,
    promote=st.booleans(),
    reasons=st.lists(ANY_TEXT, max_size=2).map(tuple),
    gain=FINITE,
    interval=st.tuples(FINITE, FINITE),
    p_value=SCORE,
    alpha=SCORE,
)


@st.composite
def records(draw: st.DrawFn) -> GenerationRecord:
    played = draw(attempts())
    ids, evidence = draw(contests())
    verdicts = st.builds(Verdict, score=st.none() | SCORE, judge=ANY_TEXT, error=MAYBE_TEXT)
    return GenerationRecord(
        index=1,
        attempts=played,
        verdicts=draw(st.lists(verdicts, min_size=len(played), max_size=len(played))),
        examples=draw(st.lists(examples(), max_size=3)),
        evidence=evidence,
        contest_ids=ids,
        decision=draw(st.none() | decisions),
        dropped=draw(MAYBE_TEXT),
        champion=draw(HASH),
        candidate=draw(st.none() | HASH),
        metrics=draw(NUMBERS),
        seconds=draw(NUMBERS),
        notes=draw(st.lists(ANY_TEXT, max_size=2)),
    )


def plain(value: Any) -> Any:
    """The value with records as dicts and arrays as type, shape and bytes, so that == compares all of it."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return type(value)(plain(item) for item in value) if isinstance(value, list | tuple) else value


@settings(max_examples=25, deadline=None)
@given(records())
def test_every_field_of_a_generation_comes_back(record: GenerationRecord) -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger.create(Path(folder, "run.db"), {}) as ledger:
        ledger.commit(record)
        (row,) = ledger.generations()
        pairs = list(ledger.attempts(1))
        read = plain(row) | {
            "attempts": [plain(attempt) for attempt, _ in pairs],
            "verdicts": [plain(verdict) for _, verdict in pairs],
            "examples": [plain(example) for example in ledger.examples([1])],
        }
    assert read == plain(record)
