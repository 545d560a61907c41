"""What the ledger is measured with: made-up generations, and the work of committing, reading and reporting them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from pathlib import Path

import numpy as np

from pawl.ledger import GenerationRecord, Ledger
from pawl.records import Attempt, Completion, Decision, Evidence, Problem, Verdict
from pawl.report import render_report

Works = Iterator[Callable[[], object]]
EACH = 8
"""Attempts at a problem."""
LENGTHS = (20, 41)
"""Tokens of an attempt, from and below."""
ATTEMPTS, CONTEST = 1000, 200
"""In each of many generations."""


def commit_attempts(size: int, folder: Path, times: int) -> Works:
    """Commits a generation of this many attempts to a new ledger, durably."""
    record = generation(1, size)
    for _ in range(times):
        with _new(folder) as ledger:
            yield partial(ledger.commit, record)


def read_attempts(size: int, folder: Path, times: int) -> Works:
    """Reads them all back, with their verdicts."""
    with _open(folder) as ledger:
        for _ in range(times):
            yield lambda: sum(1 for _ in ledger.attempts(1))


def commit_generations(size: int, folder: Path, times: int) -> Works:
    """Commits this many generations, one after the other."""
    records = [generation(index, ATTEMPTS, contest=CONTEST) for index in range(1, size + 1)]
    for _ in range(times):
        with _new(folder) as ledger:
            yield partial(_commit_all, ledger, records)


def _commit_all(ledger: Ledger, records: Iterable[GenerationRecord]) -> None:
    for record in records:
        ledger.commit(record)


def list_generations(size: int, folder: Path, times: int) -> Works:
    """Lists them, without their attempts."""
    with _open(folder) as ledger:
        for _ in range(times):
            yield ledger.generations


def report_generations(size: int, folder: Path, times: int) -> Works:
    """Renders the report's page, for which every attempt is read."""
    with _open(folder) as ledger:
        for _ in range(times):
            yield partial(render_report, ledger)


@contextmanager
def _new(folder: Path) -> Iterator[Ledger]:
    """A ledger with its base in place of the one that was here."""
    path = folder / "run.db"
    path.unlink(missing_ok=True)
    with Ledger.create(path, {"recipe": "made up", "task": "made up", "seed": 0}) as ledger:
        ledger.set_base({}, {}, "base")
        yield ledger


def _open(folder: Path) -> Ledger:
    return Ledger.open(folder / "run.db", read_only=True)


def generation(index: int, attempts: int, *, contest: int = 0) -> GenerationRecord:
    """A generation of which a quarter of the attempts is right, as a run would commit it, with a contest if asked."""
    random = np.random.default_rng(index)
    tried = list(islice(_attempts(index, random), attempts))
    candidate, champion = random.random((2, contest), np.float32).round()
    metrics = {"sampled_accuracy": 0.25, "pass@k": 0.5, "k": float(EACH), "kl": 0.01 * index, "entropy": 1 / index}
    refused = Decision(False, ("refused: it won no more than it lost",), 0.0, (-0.1, 0.1), 1.0, 0.01)
    return GenerationRecord(
        index, tried, [Verdict(float(attempt.index % 4 == 0), "truth") for attempt in tried], examples=[],
        evidence=Evidence(candidate, champion, index, index) if contest else None,
        contest_ids=[f"gate {index} {place}" for place in range(contest)], decision=refused if contest else None,
        dropped=None, champion="base", candidate=f"{index:016x}", metrics=metrics, seconds={"sample": 1.0}, notes=[],
    )


def _attempts(index: int, random: np.random.Generator) -> Iterator[Attempt]:
    """Attempts without end, EACH at a problem."""
    for number in count():
        prompt, data = random.integers(3, 512, 12, np.int32), {"numbers": [3, 5, 7, 11], "target": number}
        problem = Problem(f"{index} {number}", f"3 5 7 11 = {number}\n", "train", data=data)
        for place in range(EACH):
            length = int(random.integers(*LENGTHS))
            tokens, logprobs = random.integers(3, 512, length, np.int32), -random.random(length, np.float32)
            answer = f"3 + 5 = 8, 8 * 7 = 56, 56 - 11 = 45, {number} {place}"
            yield Attempt(problem, place, prompt, Completion(answer, tokens, logprobs, "stop"))
