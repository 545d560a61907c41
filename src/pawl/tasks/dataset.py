"""Questions with known answers from a file or a Hugging Face dataset, compared by number or by text.

A row is a problem when it has a question and an answer that can be told apart from others; its full answer (the
reasoning too, where the data has it) is the demonstration, its final answer the truth. Questions that differ in blanks
only are one problem, the first row's. The split of a problem is a hash of its question.

Not covered: questions that are paraphrases of each other, which may fall into different splits; answers with several
right forms beyond `pawl.tasks.answers`; images and tools in messages.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError, DataError
from pawl.keys import permutation, stream
from pawl.records import SPLITS, Demonstration, Message, Problem, Prompt, Split
from pawl.tasks.answers import Compare, final_answer, quantity, same_answer
from pawl.tasks.rows import Cells, as_json, read_rows
from pawl.tasks.splits import TRAIN_GATE_TEST, split_of

PAIRS = (("question", "answer"), ("prompt", "completion"), ("problem", "solution"))
"""Columns that belong together, in the order in which they are looked for."""

Share = Annotated[float, Field(ge=0, le=1)]


@settings
class Dataset:
    """The task; its fields are its settings."""

    data: Annotated[str, Field(min_length=1)]
    """A JSONL, CSV or Parquet file, or the name of a Hugging Face dataset."""
    question: str | None = None
    """Column of the question; none looks for question, prompt, problem and messages."""
    answer: str | None = None
    """Column of the answer; none looks for the question's partner: answer, completion or solution."""
    messages: str | None = None
    """Column of chat messages; the last one is the answer unless `answer` names a column."""
    columns: tuple[str, ...] = ()
    """More columns, which a reward function of `--judge` is given by their names; they stand in a problem's data."""
    compare: Compare = "auto"
    """Answers are compared by number, by text, or by number where the known answer is one (auto)."""
    on_bad_row: Literal["error", "skip"] = "error"
    """What becomes of a row that cannot be used: stop with its place, or skip and count it."""
    subset: str | None = None
    """Of a Hugging Face dataset, the configuration, such as main."""
    part: str = "train"
    """Of a Hugging Face dataset, the part that is read; Pawl splits it by itself."""
    fractions: tuple[Share, Share, Share] = TRAIN_GATE_TEST
    """Shares of the problems for train, gate and test; they sum to 1."""

    name = "dataset"

    def __post_init__(self) -> None:
        if not math.isclose(sum(self.fractions), 1.0, abs_tol=1e-6):
            raise ConfigError(f"fractions must sum to 1, got {list(self.fractions)}")
        if self.messages and self.question:
            raise ConfigError(f"messages or question must be named, got both: {self.messages} and {self.question}")

    @cached_property
    def _table(self) -> tuple[dict[Split, list[Problem]], int]:
        """Every distinct problem by split, and the number of rows skipped."""
        table: dict[Split, list[Problem]] = {split: [] for split in SPLITS}
        seen: set[str] = set()
        skipped, last_error = 0, DataError(f"data must hold rows, got none in {self.data!r}")
        for found in self._found():
            if isinstance(found, DataError):
                if self.on_bad_row == "error":
                    raise found
                skipped, last_error = skipped + 1, found
            elif found.id not in seen:
                seen.add(found.id)
                table[found.split].append(found)
        if not seen:
            raise last_error
        return table, skipped

    def _found(self) -> Iterator[Problem | DataError]:
        """Each row as a problem, or why it is none."""
        for row in read_rows(self.data, subset=self.subset, part=self.part):
            try:
                if isinstance(row.cells, DataError):
                    raise row.cells
                found: Problem | DataError = self._problem(row.cells, row.place)
            except DataError as error:
                found = error
            yield found

    def _problem(self, cells: Cells, place: str) -> Problem:
        prompt, answer = self._question_and_answer(cells, place)
        if self.compare == "number" and quantity(final_answer(answer)) is None:
            shown = final_answer(answer)[:40]
            raise DataError(f"a known answer must be a number, got {shown!r}: {place}", hint="use --compare auto")
        identity = _identity(prompt)
        split = split_of(f"dataset {identity}", self.fractions)
        name = blake2b(identity.encode(), digest_size=12).hexdigest()
        data = {column: _value(cells, column, place) for column in self.columns}
        return Problem(id=name, prompt=prompt, split=split, answer=answer, data=data)

    def _question_and_answer(self, cells: Cells, place: str) -> tuple[Prompt, str]:
        question, answer = self._columns(cells, place)
        for column in filter(None, (question, answer)):
            if cells.get(column) is None:
                raise _lacking(cells, column, place)
        asked = cells[question]
        if isinstance(asked, str):
            prompt: Prompt = f"{_text(asked, question, place)}\n"
        else:
            prompt = _messages(asked, question, place)
        if answer is not None:
            return prompt, _answer_text(cells[answer], answer, place)
        if isinstance(prompt, str) or len(prompt) < 2 or prompt[-1]["role"] != "assistant":
            raise DataError(f"column {question!r} must end with a message of the assistant after another: {place}")
        return prompt[:-1], _answer_text(prompt[-1]["content"], question, place)

    def _columns(self, cells: Cells, place: str) -> tuple[str, str | None]:
        """The columns of question and answer; the answer is None when it is the last message."""
        if self.messages:
            return self.messages, self.answer
        if not self.question and not self.answer:
            for question, answer in PAIRS:
                if question in cells and answer in cells:
                    return question, answer
            if "messages" in cells:
                return "messages", None
        partners = dict(PAIRS)
        question = self.question or _first(cells, [*partners, "messages"], place, "question")
        partner = partners.get(question, "")
        return question, self.answer or _first(cells, [partner, *partners.values()], place, "answer")

    @property
    def skipped(self) -> int:
        """Rows that could not be used."""
        return self._table[1]

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        table = self._table[0][split]
        order = permutation(stream(seed, self.name, split), len(table))
        return [table[i] for i in order[:count]]

    def score(self, problem: Problem, answer: str) -> float:
        assert problem.answer is not None
        return float(same_answer(answer, problem.answer, compare=self.compare))

    def canonical(self, answer: str) -> Hashable:
        """The final answer: a number as itself, whatever its unit and however it is written, or the text."""
        said = final_answer(answer)
        found = None if self.compare == "text" else quantity(said)
        return found.value if found else said or None

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Questions of the train split with their full answers."""
        problems = self.problems("train", count, seed)
        return [Demonstration(problem.prompt, problem.answer or "") for problem in problems]


def _lacking(cells: Cells, column: str, place: str) -> DataError:
    return DataError(f"a row must have column {column!r}, got {', '.join(map(str, cells)) or 'nothing'}: {place}")


def _value(cells: Cells, column: str, place: str) -> Any:
    """A cell as it is, in what JSON has; an empty one is None. Raises DataError where it holds anything else."""
    if column not in cells:
        raise _lacking(cells, column, place)
    try:
        return as_json(cells[column])
    except (ValueError, RecursionError) as error:
        raise DataError(f"column {column!r} must hold text, numbers, lists and such, as JSON has them, {error}: {place}"
                        ) from None


def _first(cells: Cells, known: Sequence[str], place: str, what: str) -> str:
    """The first known column that is there. Raises DataError when none is."""
    for column in known:
        if column in cells:
            return column
    columns = ", ".join(map(str, cells)) or "nothing"
    expected = ", ".join(dict.fromkeys(filter(None, known)))
    raise DataError(
        f"a row must have one of the {what} columns {expected}, got {columns}: {place}",
        hint=f"name it with --{what} COLUMN",
    )


def _text(value: Any, column: str, place: str) -> str:
    """A cell's text. Raises DataError when it is blank, no text, or not Unicode."""
    if not isinstance(value, str):
        raise DataError(f"column {column!r} must be text, got a {type(value).__name__}: {place}")
    if not value.strip():
        raise DataError(f"column {column!r} must not be empty: {place}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError(f"column {column!r} must be valid Unicode: {place}") from None
    return str(value)


def _answer_text(value: Any, column: str, place: str) -> str:
    """An answer cell as text: text, a number, or the assistant's message."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = _messages(value, column, place)[0]["content"]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        value = str(value)
    text = _text(value, column, place)
    if not final_answer(text):
        raise DataError(f"column {column!r} must give an answer, got nothing after its mark: {place}")
    return text


def _messages(value: Any, column: str, place: str) -> tuple[Message, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise DataError(f"column {column!r} must be text or a list of messages: {place}")
    for message in value:
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise DataError(f"column {column!r} must hold messages with role and content: {place}")
    return tuple({key: _text(message[key], column, place) for key in ("role", "content")} for message in value)


def _identity(prompt: Prompt) -> str:
    """What makes two questions the same one: their words, whatever the blanks between them."""
    if isinstance(prompt, str):
        return " ".join(prompt.split())
    return "\x1e".join(" ".join(f"{message['role']}: {message['content']}".split()) for message in prompt)
