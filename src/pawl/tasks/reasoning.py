"""Every dataset of reasoning-gym by name, scored strictly (extra `reasoning`).

reasoning-gym makes problems from a seed without end. Here each distinct question belongs to the split that its hash
names, so that splits share no problem under any seed. Its scorers give credit for substrings and for trying; by
default only what its own scorer finds entirely right counts.

Some scorers hand the answer to Python's `eval` or to sympy, which is `eval` again. Such a scorer sees literals, or
plain formulas, only. Not covered: scorers that are wrong about what is right (`puzzle24` takes any four numbers,
`number_sorting` is off by one at most), the dataset `composite`, and what a scorer prints.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from itertools import count as count_from
from typing import Any

from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError, MissingExtraError, TaskError, UnknownNameError
from pawl.keys import fold, stream
from pawl.records import SPLITS, Demonstration, Problem, Split
from pawl.tasks.splits import split_of

LONGEST_ANSWER = 20_000
"""Characters; a longer answer scores 0 unseen."""
PATIENCE = 1000
"""A split has no more problems when this many draws in a row brought it none."""
CHUNK = 256
"""Entries that are made with one seed; some datasets make them all before the first is read."""

_EVALUATE = frozenset({"binary_matrix", "n_queens", "spiral_matrix", "string_insertion"})
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,12})?(?![0-9.])"
_POWER = r"\*\* *(?:-?[0-9]{1,2}|\(-?[0-9]{1,2}(?:/[0-9]{1,2})?\))(?![0-9.])(?! *\*\*)"
_FUNCTION = r"(?:exp|log|sqrt|a?(?:sin|cos|tan)h?|sec|csc|cot|Abs)(?= *\()"
_ARITHMETIC = rf"[ ()+/-]|\*(?! *\*)|{_NUMBER}"
_POLYNOMIAL = rf"{_ARITHMETIC}|{_POWER}|(?<![a-zA-Z0-9.])[a-zA-Z](?![a-zA-Z0-9])"
_CALCULUS = rf"{_POLYNOMIAL}|(?<![a-zA-Z0-9.])(?:pi(?![a-zA-Z0-9])|{_FUNCTION})"
_PARSE = {
    "countdown": _ARITHMETIC,
    "puzzle24": _ARITHMETIC,
    "polynomial_multiplication": _POLYNOMIAL,
    "simple_integration": _CALCULUS,
    "intermediate_integration": _CALCULUS,
}
"""What an answer to each may consist of; `parse_expr` would run anything."""
_NESTED_POWERS = re.compile(r"(?:\) *\*\*.*){3}")

_EXACT = frozenset({"game_of_life_halting"})
"""Any text is right to their scorers, so that the known answer alone is right here."""

# The questions or answers of these hang on the order of Python's sets, which changes with each process. They are
# made in a process of their own, with the order fixed.
_UNORDERED = frozenset(
    {"codeio", "isomorphic_strings", "knight_swap", "polynomial_multiplication", "ransom_note", "word_ladder"}
)

Entry = dict[str, Any]


@settings
class Reasoning:
    """The task; its fields are its settings."""

    dataset: str = "chain_sum"
    """Which dataset of reasoning-gym."""
    strict: bool = True
    """1 only for what its scorer finds entirely right; false restores the scorer's partial credit."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """The dataset's own settings, as {min_terms = 2, max_terms = 3}."""

    name = "reasoning"

    def __post_init__(self) -> None:
        if self.dataset not in dataset_names():
            raise UnknownNameError("reasoning-gym dataset", self.dataset, dataset_names())
        assert self._scorer is not None

    @cached_property
    def _scorer(self) -> Any:
        """A dataset of reasoning-gym, asked for scores only."""
        return _make(self.dataset, 0, self.options)

    @cached_property
    def _pools(self) -> dict[int, _Pool]:
        return {}

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        if seed not in self._pools:
            self._pools[seed] = _Pool(self.dataset, stream(seed, self.name, self.dataset), self.options)
        return self._pools[seed].first(split, count)

    def score(self, problem: Problem, answer: str) -> float:
        if not answer.strip() or len(answer) > LONGEST_ANSWER or not _may_be_scored(self.dataset, answer):
            return 0.0
        if self.dataset in _EXACT:
            return float(answer.strip() == problem.answer)
        entry = {"answer": problem.answer, "metadata": _thaw(problem.data.get("metadata", {}))}
        try:
            score = float(self._scorer.score_answer(answer, entry))
        except Exception:  # many of the scorers raise on odd text, and odd text scores 0
            return 0.0
        return float(score >= 1) if self.strict else score

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Problems of the train split with their answers; none for a dataset that does not tell them."""
        problems = self.problems("train", count, seed)
        return [Demonstration(problem.prompt, problem.answer) for problem in problems if problem.answer]


class _Pool:
    """The distinct problems that one seed makes, drawn as they are asked for.

    Every split closes at a place in the stream that does not hang on who asked for what, so that a list is the same
    however it came to be.
    """

    def __init__(self, dataset: str, seed: int, options: Mapping[str, Any]) -> None:
        self._dataset = dataset
        self._entries = _entries(dataset, seed, options)
        self._lists: dict[Split, list[Problem]] = {split: [] for split in SPLITS}
        self._barren = dict.fromkeys(SPLITS, 0)
        self._seen: set[str] = set()

    def first(self, split: Split, count: int) -> list[Problem]:
        found = self._lists[split]
        while len(found) < count and self._barren[split] < PATIENCE:
            self._draw()
        return found[:count]

    def _draw(self) -> None:
        entry = next(self._entries)
        problem = _problem(self._dataset, entry)
        is_new = problem.id not in self._seen
        self._seen.add(problem.id)
        for split in SPLITS:
            if self._barren[split] >= PATIENCE:
                continue
            if is_new and problem.split == split:
                self._lists[split].append(problem)
                self._barren[split] = 0
            else:
                self._barren[split] += 1


def _problem(dataset: str, entry: Mapping[str, Any]) -> Problem:
    question, answer = entry["question"], entry["answer"]
    key = f"reasoning {dataset} {question}"
    return Problem(
        id=f"{dataset}-{blake2b(key.encode(), digest_size=8).hexdigest()}",
        prompt=f"{question}\n",
        split=split_of(key),
        answer=answer if isinstance(answer, str) else None,
        data={"metadata": entry["metadata"]},
    )


def dataset_names() -> list[str]:
    """The datasets that can be named. Raises MissingExtraError without reasoning-gym."""
    return sorted(set(_library("reasoning_gym.factory").DATASETS) - {"composite"})


def _library(module: str) -> Any:
    if importlib.util.find_spec("reasoning_gym") is None:
        raise MissingExtraError("the task reasoning", "reasoning")
    importlib.import_module("reasoning_gym")
    return importlib.import_module(module)


def _make(dataset: str, seed: int, options: Mapping[str, Any]) -> Any:
    try:
        return _library("reasoning_gym").create_dataset(dataset, **{**options, "size": CHUNK, "seed": seed})
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"options must suit reasoning-gym's {dataset}, got {dict(options)}: {error}") from error


def _entries(dataset: str, seed: int, options: Mapping[str, Any]) -> Iterator[Entry]:
    """What reasoning-gym makes, in order, without end."""
    if dataset not in _UNORDERED:
        yield from _made(dataset, seed, options)
    command = [sys.executable, "-m", __name__, dataset, str(seed), json.dumps(dict(options))]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            yield from map(json.loads, process.stdout or ())
        finally:
            process.kill()
    raise TaskError(f"reasoning-gym must go on making {dataset}, got exit status {process.returncode}")


def _made(dataset: str, seed: int, options: Mapping[str, Any]) -> Iterator[Entry]:
    """One dataset of CHUNK entries after the other, each from a seed of its own."""
    for number in count_from():
        made = _make(dataset, fold(seed, number).item() % 2**31, options)
        for index in range(CHUNK):
            entry = made[index]
            yield {"question": entry["question"], "answer": entry["answer"], "metadata": _freeze(entry["metadata"])}


def _freeze(value: Any) -> Any:
    """JSON values from which `_thaw` makes the same value again: tuples and tables with other keys are marked."""
    if isinstance(value, tuple):
        return {"tuple": [_freeze(item) for item in value]}
    if isinstance(value, list):
        return [_freeze(item) for item in value]
    if isinstance(value, dict):
        return {"pairs": [[_freeze(key), _freeze(item)] for key, item in value.items()]}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted((_freeze(item) for item in value), key=str)}
    if hasattr(value, "tolist"):  # numpy
        return _freeze(value.tolist())
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def _thaw(value: Any) -> Any:
    """What was frozen; what was not, as an entry that somebody else wrote down, as it is."""
    match value:
        case list():
            return [_thaw(item) for item in value]
        case {"pairs": items} if len(value) == 1:
            return {_thaw(key): _thaw(item) for key, item in items}
        case {"tuple": items} if len(value) == 1:
            return tuple(_thaw(item) for item in items)
        case {"set": items} if len(value) == 1:
            return {_thaw(item) for item in items}
        case Mapping():
            return {key: _thaw(item) for key, item in value.items()}
    return value


def _may_be_scored(dataset: str, answer: str) -> bool:
    """Whether the dataset's scorer may see the answer: one that evaluates it sees literals or plain formulas only."""
    if dataset in _EVALUATE and any(mark in answer for mark in "([{*<%\"'"):
        try:
            ast.literal_eval(answer.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return False
    if dataset in _PARSE:
        formula = answer.strip(" \n")
        is_plain = len(formula) <= 1000 and re.fullmatch(f"(?:{_PARSE[dataset]})*", formula)
        return bool(is_plain) and not _NESTED_POWERS.search(formula)
    return True


def _main(dataset: str, seed: str, options: str) -> None:
    """Write entries, one a line, until nobody reads them; what reasoning-gym prints goes elsewhere."""
    lines, sys.stdout = sys.stdout, sys.stderr
    with contextlib.suppress(BrokenPipeError):
        for entry in _made(dataset, int(seed), json.loads(options)):
            lines.write(f"{json.dumps(entry)}\n")
            lines.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
