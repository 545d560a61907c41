"""What a run did, in one SQLite file: a generation is committed whole or not at all.

Everything a resumed run needs is here but the weights, whose hashes are. Two equal runs have equal rows, but for
timing columns, and therefore equal digests. Attempts are read back a page at a time, so that reading costs the
same memory however long the run, and no open cursor ever stands in the way of the run that writes.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any

from pawl.ledger_rows import (
    GenerationRecord,
    GenerationRow,
    attempt_of,
    example_of,
    game_of,
    generation_of,
    insert_generation,
    problem_of,
    verdict_of,
)
from pawl.ledger_schema import (
    TABLES,
    TIMING_COLUMN,
    close_connection,
    connect,
    create_file,
    errors_in_words,
    insert_one,
    transaction,
)
from pawl.ledger_values import json_of, json_value, text_of
from pawl.records import Attempt, GameExample, Problem, TokenExample, Verdict
from pawl.stages import stage

__all__ = ["BaseRow", "GenerationRecord", "GenerationRow", "Ledger"]

PAGE = 64
"""Attempts read at a time."""
SOLVED = 1.0
"""The score from which a problem counts as solved."""

# A row finds a name by going through its names: first those that are asked for most.
_ATTEMPTS = """
    SELECT a.*, v.score, v.judge, v.error AS verdict_error, p.id, p.split, p.prompt, p.messages, p.answer, p.data
    FROM attempts a JOIN verdicts v USING (generation, position)
    JOIN problems p ON p.generation = a.generation AND p.position = a.problem
    WHERE a.generation = ? AND a.position >= ? ORDER BY a.position LIMIT ?"""

_SOLVED = """
    SELECT DISTINCT p.id
    FROM verdicts v JOIN attempts a USING (generation, position)
    JOIN problems p ON p.generation = a.generation AND p.position = a.problem
    WHERE v.score >= ?"""


@dataclass(frozen=True, slots=True)
class BaseRow:
    """The policy that the loop started from."""

    metrics: dict[str, float]
    seconds: dict[str, float]
    checkpoint: str
    """Hash."""


class Ledger:
    """An open ledger. Use it in a `with` block, in the thread that opened it.

        with Ledger.create(path, header={"recipe": "countdown", "seed": 0}) as ledger:
            ledger.set_base({"pass@1": 0.12}, {"train": 60.0}, "9f3a...")
            ledger.commit(record)                      # a GenerationRecord
            for attempt, verdict in ledger.attempts(1): ...

    Every method raises LedgerError when the file cannot be read or written, in a sentence; what was committed
    before stays.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Opens the ledger at `path`. Read only, it may be open while a run is writing."""
        self.path = path
        self.read_only = read_only
        self._connection = connect(path, read_only)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Ledger:
        """The ledger at `path`. Raises LedgerError where there is none, it is damaged, or of another version."""
        return cls(path, read_only=read_only)

    @classmethod
    def create(cls, path: Path, header: Mapping[str, object]) -> Ledger:
        """A new ledger with its header; the file appears complete or not at all. Raises LedgerError where there
        is one already."""
        create_file(path, lambda connection: _write_header(connection, header))
        return cls(path)

    def close(self) -> None:
        """Closes; afterwards the file stands alone, unless somebody is still reading."""
        close_connection(self._connection, self.read_only)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What was run.

    @property
    def header(self) -> dict[str, Any]:
        """What was run: recipe, task, settings, seed, versions."""
        rows = self._read("SELECT * FROM meta ORDER BY key")
        return {text_of(row["key"]): json_of(row["value"]) for row in rows}

    def amend_header(self, values: Mapping[str, object]) -> None:
        """Adds keys to the header, or replaces them."""
        with self._writing("the header"):
            _write_header(self._connection, values)

    @property
    def base(self) -> BaseRow | None:
        """The policy that the loop started from, once it is there."""
        for row in self._read("SELECT * FROM base"):
            return BaseRow(json_of(row["metrics"]), json_of(row["seconds"]), row["checkpoint"])
        return None

    def set_base(
        self, metrics: Mapping[str, float], seconds: Mapping[str, float], checkpoint_hash: str
    ) -> None:
        """Writes the base, once in a run."""
        assert self.base is None
        with self._writing("the base"):
            row = {"metrics": json_value(metrics, "metrics"), "seconds": json_value(seconds, "seconds")}
            insert_one(self._connection, "base", {"row": 1, "checkpoint": checkpoint_hash, **row})

    @property
    def final(self) -> dict[str, Any] | None:
        """The result as `set_final` took it, and its seconds under "seconds"; None while the run goes on."""
        for row in self._read("SELECT * FROM final"):
            return {**json_of(row["result"]), TIMING_COLUMN: json_of(row["seconds"])}
        return None

    def set_final(self, result: Mapping[str, object], seconds: Mapping[str, float]) -> None:
        """Writes the result, once in a run. It holds nothing that may differ between equal runs: no times, which
        go into `seconds`, and no path ("out"), which whoever prints the result knows."""
        assert self.final is None
        assert not {TIMING_COLUMN, "out"} & result.keys()
        with self._writing("the final result"):
            row = {"result": json_value(result, "result"), "seconds": json_value(seconds, "seconds")}
            insert_one(self._connection, "final", {"row": 1, **row})

    # Generations.

    def commit(self, record: GenerationRecord) -> None:
        """Writes a generation, the next one, in one transaction. After it returns, not even a power cut undoes
        it; after it raises, nothing of the generation is there."""
        assert record.index == self.next_generation, f"expected {self.next_generation}, got {record.index}"
        with self._writing(f"generation {record.index}"):
            insert_generation(self._connection, record)

    @property
    def next_generation(self) -> int:
        """The index of the generation to commit next; 1 at first."""
        last: int | None = self._one("SELECT max(generation) FROM generations")
        return (last or 0) + 1

    @property
    def champion(self) -> str | None:
        """Hash of the champion: the base before the first generation, None before the base."""
        for row in self._read("SELECT champion FROM generations ORDER BY generation DESC LIMIT 1"):
            return str(row["champion"])
        return self.base.checkpoint if self.base else None

    def generations(self) -> list[GenerationRow]:
        """Every generation in order, without attempts, verdicts and examples."""
        rows = self._read("SELECT * FROM generations ORDER BY generation")
        contests: defaultdict[int, list[sqlite3.Row]] = defaultdict(list)
        for problem in self._read("SELECT * FROM contests ORDER BY generation, position"):
            contests[problem["generation"]].append(problem)
        return [generation_of(row, contests[row["generation"]]) for row in rows]

    def attempts(self, generation: int, *, limit: int | None = None) -> Iterator[tuple[Attempt, Verdict]]:
        """Attempts of a generation with their verdicts, in the order of the record, at most `limit` of them.
        Read lazily; attempts at one problem share it."""
        position = 0
        problem: Problem | None = None
        place = -1
        while limit is None or position < limit:
            count = PAGE if limit is None else min(PAGE, limit - position)
            rows = self._read(_ATTEMPTS, generation, position, count)
            for row in rows:
                if problem is None or row["problem"] != place:
                    problem, place = problem_of(row), row["problem"]
                yield attempt_of(row, problem), verdict_of(row)
            position += count
            if len(rows) < count:
                return

    def examples(self, generations: Sequence[int]) -> list[TokenExample]:
        """The examples selected in these generations, in the order asked for, within one in the record's."""
        statement = "SELECT * FROM examples WHERE generation = ? ORDER BY position"
        return [example_of(row) for generation in generations for row in self._read(statement, generation)]

    def games(self, generations: Sequence[int]) -> list[GameExample]:
        """The games selected in these generations, in the order of `examples`."""
        statement = "SELECT * FROM games WHERE generation = ? ORDER BY position"
        return [game_of(row) for generation in generations for row in self._read(statement, generation)]

    def solved_problem_ids(self) -> set[str]:
        """Ids of problems that some attempt of some generation got fully right."""
        return {text_of(row["id"]) for row in self._read(_SOLVED, SOLVED)}

    def digest(self) -> str:
        """SHA-256 of every row but timing columns, as hex. Equal runs have equal digests."""
        digest = hashlib.sha256()
        with errors_in_words(self.path, "the ledger"), transaction(self._connection, "DEFERRED"):
            for table in TABLES:
                columns = self._connection.execute(f"PRAGMA table_info({table})").fetchall()
                key = [c["name"] for c in sorted(columns, key=lambda c: int(c["pk"])) if c["pk"]]
                names = [c["name"] for c in columns if c["name"] != TIMING_COLUMN]
                digest.update(_canonical([table, *names]))
                statement = f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(key)}"
                for row in self._connection.execute(statement):
                    digest.update(_canonical(row))
        return digest.hexdigest()

    # The connection.

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        with stage("ledger"):
            with errors_in_words(self.path, what), transaction(self._connection, "IMMEDIATE"):
                yield
            # Moves the commit from the log into the file, so that a copy of run.db alone is whole between
            # generations. It may fail on a full disk: the commit stands in the log all the same.
            with suppress(sqlite3.OperationalError):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _read(self, statement: str, *values: float) -> list[sqlite3.Row]:
        with stage("ledger"), errors_in_words(self.path, "the ledger"):
            return self._connection.execute(statement, values).fetchall()

    def _one(self, statement: str) -> Any:
        return self._read(statement)[0][0]


def _write_header(connection: sqlite3.Connection, values: Mapping[str, object]) -> None:
    rows = [(key, json_value(value, f"header.{key}")) for key, value in values.items()]
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", rows)


_INTEGER, _REAL = struct.Struct("<q").pack, struct.Struct("<d").pack
_KINDS: dict[type, tuple[bytes, Callable[[Any], bytes]]] = {
    NoneType: (b"n", lambda _: b""), int: (b"i", _INTEGER), float: (b"f", _REAL), str: (b"s", str.encode),
    bytes: (b"b", bytes),
}
"""A letter for each type that SQLite has, and how its values become bytes."""


def _canonical(values: Sequence[object] | sqlite3.Row) -> bytes:
    """Bytes that differ whenever the values, their types or their number do."""
    parts = [_INTEGER(len(values))]
    for value in values:
        kind, as_bytes = _KINDS[type(value)]
        data = as_bytes(value)
        parts += kind, _INTEGER(len(data)), data
    return b"".join(parts)
