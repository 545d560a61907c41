"""What a person said of pairs of answers, kept in a file of the run: nothing is lost, whoever stops whenever.

    DIR/questions.jsonl       what a run wants to know: a pair a line, in the order in which it is shown
    DIR/labels.jsonl          what was said: a line each, written at once

A run that wants to know more stops; `pawl label DIR` asks, and `pawl resume DIR` goes on. Any other tool may write the
second file. Not covered: two people who label the same run at the same time.
"""

from __future__ import annotations

import json
import os
import shlex
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
        """Raises LabelsWanted, with all that is unknown among the questions, unless everything was answered. Nobody is
        asked about equal answers, nor about one that failed."""
        shown = [None if _settled(pair) else _shown(pair) for pair in pairs]
        labels = read_labels(self._directory)
        unknown = {one.id: one for one in shown if one is not None and one.id not in labels}
        if unknown:
            known = {one.id for one in read_questions(self._directory)}
            _append(self._directory / QUESTIONS, [asdict(one) for one in unknown.values() if one.id not in known])
            path = shlex.quote(str(self._directory))
            raise LabelsWanted(f"{len(unknown)} pairs must be compared by a person before the run goes on",
                               hint=f"pawl label {path}, then pawl resume {path}")
        return [None if one is None else _first(pair, one, labels[one.id])
                for pair, one in zip(pairs, shown, strict=True)]


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


def _settled(pair: Pair) -> bool:
    """Whether there is nothing to ask."""
    first, second = pair
    return bool(first.error or second.error) or first.completion.text == second.completion.text


def _name(*texts: str) -> str:
    return blake2b(json.dumps(texts).encode(), digest_size=12).hexdigest()


def _first(pair: Pair, shown: Asked, better: Better) -> bool | None:
    """Whether the first of a pair is what was liked."""
    if better == "neither":
        return None
    return pair[0].completion.text == (shown.first if better == "first" else shown.second)


def _append(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read()
        end = whole.rfind(b"\n") + 1
        if _cut(whole[end:]):
            file.truncate(end)
        else:
            file.write(b"\n")
        file.writelines(f"{json.dumps(row)}\n".encode() for row in rows)
        file.flush()
        os.fsync(file.fileno())


def _lines(path: Path, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """The objects of a file, of these keys; none where there is no file. A last line that was cut off is left out, and
    so are empty ones. Raises DataError."""
    whole = path.read_bytes().split(b"\n") if path.exists() else []
    if whole and _cut(whole[-1]):
        whole.pop()
    return [_object(line, keys, f"{path}, line {number}") for number, line in enumerate(whole, start=1) if line.strip()]


def _cut(last: bytes) -> bool:
    """Whether a line without an end is less than an object: hands and other tools leave the end out of whole ones."""
    try:
        return not isinstance(json.loads(last), dict)
    except ValueError:
        return True


def _object(line: bytes, keys: tuple[str, ...], where: str) -> dict[str, Any]:
    """Raises DataError."""
    said = line[:60].decode(errors="replace")
    try:
        row = json.loads(line)
    except ValueError as error:  # no JSON, or no text
        raise DataError(f"{where} must be JSON, got {said!r}") from error
    if not isinstance(row, dict) or not set(keys) <= set(row) or not isinstance(row["id"], str):
        raise DataError(f"{where} must have {', '.join(keys)}, and a text as id, got {said!r}")
    return {key: row[key] for key in keys}
