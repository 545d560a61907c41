"""What a person said of pairs of answers, kept in a file of the run: nothing is lost, whoever stops whenever.

    DIR/questions.jsonl       what a run wants to know: a pair a line, in the order in which it is shown
    DIR/labels.jsonl          what was said: a line each, written at once

A run that wants to know more stops; `pawl label DIR` asks, and `pawl resume DIR` goes on. Any other tool may write the
second file. Not covered: two people who label the same run at the same time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, get_args

from pawl.errors import DataError, LabelsWanted
from pawl.records import Attempt, Prompt

QUESTIONS, LABELS = "questions.jsonl", "labels.jsonl"
Better = Literal["first", "second", "neither"]
Pair = tuple[Attempt, Attempt]


@dataclass(frozen=True, slots=True)
class Asked:
    """A pair of answers to a problem, as a person sees it."""

    id: str
    """The same for the same problem and texts, whichever order a run has them in."""
    prompt: Prompt
    first: str
    second: str


class Person:
    """Implements `Prefers` by what a person said of pairs so far."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """Raises LabelsWanted, with all that is unknown among the questions, unless everything was answered."""
        shown = [_shown(pair) for pair in pairs]
        labels = read_labels(self._directory)
        unknown = {one.id: one for one in shown if one.id not in labels}
        if unknown:
            known = {one.id for one in read_questions(self._directory)}
            _append(self._directory / QUESTIONS, [asdict(one) for one in unknown.values() if one.id not in known])
            raise LabelsWanted(f"{len(unknown)} pairs must be compared by a person before the run goes on",
                               hint=f"pawl label {self._directory}, then pawl resume {self._directory}")
        return [_first(pair, one, labels[one.id]) for pair, one in zip(pairs, shown, strict=True)]


def read_questions(directory: Path) -> list[Asked]:
    """What a run wants or wanted to know. Raises DataError for lines that are none."""
    return [Asked(**fields) for fields in _lines(directory / QUESTIONS, ("id", "prompt", "first", "second"))]


def read_labels(directory: Path) -> dict[str, Better]:
    """What was said, by question; the latest word counts. Raises DataError for lines that say nothing."""
    said = _lines(directory / LABELS, ("id", "better"))
    for fields in said:
        if fields["better"] not in get_args(Better):
            raise DataError(f"a label must be {', '.join(get_args(Better))}, got {fields['better']!r} in "
                            f"{directory / LABELS}")
    return {fields["id"]: fields["better"] for fields in said}


def unlabelled(directory: Path) -> list[Asked]:
    """Questions without an answer, in the order in which they came."""
    labels = read_labels(directory)
    return [one for one in read_questions(directory) if one.id not in labels]


def label(directory: Path, question: Asked, better: Better) -> None:
    """Keeps what was said: on the disk when this returns."""
    _append(directory / LABELS, [{"id": question.id, "better": better}])


def _shown(pair: Pair) -> Asked:
    """In an order that tells nothing of where either came from."""
    prompt = pair[0].problem.prompt
    texts = sorted((attempt.completion.text for attempt in pair), key=lambda text: _name(pair[0].problem.id, text))
    return Asked(_name(pair[0].problem.id, *texts), prompt, *texts)


def _name(*texts: str) -> str:
    return blake2b(json.dumps(texts).encode(), digest_size=12).hexdigest()


def _first(pair: Pair, shown: Asked, better: Better) -> bool | None:
    """Whether the first of a pair is what was liked."""
    if better == "neither" or shown.first == shown.second:
        return None
    return pair[0].completion.text == (shown.first if better == "first" else shown.second)


def _append(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)  # a line that was cut off
        file.writelines(f"{json.dumps(row)}\n".encode() for row in rows)
        file.flush()
        os.fsync(file.fileno())


def _lines(path: Path, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """The objects of a file, of these keys; none where there is no file. A last line that was cut off is left out."""
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").split("\n")
    found = []
    for number, line in enumerate(whole[:-1], start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {number} must be JSON, got {line[:60]!r}") from error
        if not isinstance(row, dict) or not set(keys) <= set(row):
            raise DataError(f"{path}, line {number} must have {', '.join(keys)}, got {line[:60]!r}")
        found.append({key: row[key] for key in keys})
    return found
