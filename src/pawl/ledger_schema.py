"""The SQLite file under the ledger: its tables, its version, how it is opened, what its errors mean in words.

While a run writes, the file is in write-ahead mode: readers see the last committed generation and never hold
the writer up. At rest it is in rollback mode: one plain file, readable from a read-only disk. `synchronous=FULL`
makes a commit outlive a power cut, which it must, since a checkpoint may be deleted as soon as the commit that
replaced it returns.

Not covered: network file systems (write-ahead mode needs shared memory on one machine), and flipped bits inside
a row, for which SQLite keeps no checksum; damage to its pages is found when a run is opened to be continued.
"""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias

from pawl.errors import LedgerError

APPLICATION_ID = int.from_bytes(b"Pawl", "big")
SCHEMA_VERSION = 2
BUSY_SECONDS = 30.0
"""How long a statement waits for another process that holds the file for a moment."""

Value: TypeAlias = str | bytes | int | float | None
Row: TypeAlias = Mapping[str, Value]
"""By column name, as it is written."""
Columns: TypeAlias = dict[str, Iterable[Value]]
"""Rows side by side: the values of each column, in the order of the rows."""

TABLES = (
    "meta", "base", "generations", "problems", "attempts", "verdicts", "examples", "games", "contests", "final",
)
TIMING_COLUMN = "seconds"
"""The column, in whichever table, that alone may differ between two equal runs."""

# Free text is TEXT, or a BLOB of the same UTF-8 where it holds a lone surrogate, which SQLite's TEXT cannot.
# Arrays are little-endian BLOBs of four bytes an element; the count beside them lets a reader check their length.
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};

CREATE TABLE meta (                            -- the header, one JSON value a key
    key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;

CREATE TABLE base (                            -- the policy the loop started from
    row INTEGER PRIMARY KEY CHECK (row = 1), checkpoint TEXT NOT NULL, metrics NOT NULL, seconds NOT NULL);

CREATE TABLE generations (
    generation INTEGER PRIMARY KEY CHECK (generation >= 1),
    champion TEXT NOT NULL, candidate TEXT, dropped,
    promote INTEGER CHECK (promote IN (0, 1)), reasons,           -- the decision, NULL when there was none
    gain REAL, gain_low REAL, gain_high REAL, p_value REAL, alpha REAL,
    contest INTEGER, contests INTEGER,                            -- the evidence's generation and generations
    metrics NOT NULL, notes NOT NULL, seconds NOT NULL);

CREATE TABLE problems (                        -- as they were drawn in this generation
    generation INTEGER NOT NULL REFERENCES generations, position INTEGER NOT NULL,
    id NOT NULL, split TEXT NOT NULL, prompt, messages, answer, data NOT NULL,
    PRIMARY KEY (generation, position), CHECK ((prompt IS NULL) <> (messages IS NULL)));

CREATE TABLE attempts (
    generation INTEGER NOT NULL REFERENCES generations, position INTEGER NOT NULL,
    problem INTEGER NOT NULL, number INTEGER NOT NULL, source NOT NULL, finish TEXT NOT NULL,
    prompt_length INTEGER NOT NULL, length INTEGER NOT NULL, error, text NOT NULL,
    prompt_tokens BLOB NOT NULL CHECK (length(prompt_tokens) = 4 * prompt_length),
    tokens BLOB NOT NULL CHECK (length(tokens) = 4 * length),
    logprobs BLOB NOT NULL CHECK (length(logprobs) = 4 * length),
    PRIMARY KEY (generation, position),
    FOREIGN KEY (generation, problem) REFERENCES problems (generation, position));

CREATE TABLE verdicts (                        -- score NULL: the judge abstained
    generation INTEGER NOT NULL, position INTEGER NOT NULL,
    score REAL CHECK (score BETWEEN 0 AND 1), judge NOT NULL, error,
    PRIMARY KEY (generation, position),
    FOREIGN KEY (generation, position) REFERENCES attempts (generation, position)) WITHOUT ROWID;

CREATE TABLE examples (
    generation INTEGER NOT NULL REFERENCES generations, position INTEGER NOT NULL,
    problem_id NOT NULL, source NOT NULL, prompt_length INTEGER NOT NULL, value_target REAL,
    length INTEGER NOT NULL,
    tokens BLOB NOT NULL CHECK (length(tokens) = 4 * length),
    weights BLOB NOT NULL CHECK (length(weights) = 4 * length),
    PRIMARY KEY (generation, position));

CREATE TABLE games (                           -- what is learnt of board games, a game a row
    generation INTEGER NOT NULL REFERENCES generations, position INTEGER NOT NULL,
    problem_id NOT NULL, source NOT NULL, result REAL NOT NULL CHECK (result BETWEEN -1 AND 1),
    begun INTEGER NOT NULL, length INTEGER NOT NULL, choices INTEGER NOT NULL,
    opening BLOB NOT NULL CHECK (length(opening) = 4 * begun),
    moves BLOB NOT NULL CHECK (length(moves) = 4 * length),
    policies BLOB NOT NULL CHECK (length(policies) = 4 * length * choices),
    expected BLOB NOT NULL CHECK (length(expected) = 4 * length),
    weights BLOB NOT NULL CHECK (length(weights) = 4 * length),
    PRIMARY KEY (generation, position));

CREATE TABLE contests (                        -- UNIQUE: a gate problem is never used twice
    generation INTEGER NOT NULL REFERENCES generations, position INTEGER NOT NULL,
    problem_id NOT NULL UNIQUE, candidate REAL, champion REAL,
    PRIMARY KEY (generation, position)) WITHOUT ROWID;

CREATE TABLE final (
    row INTEGER PRIMARY KEY CHECK (row = 1), result NOT NULL, seconds NOT NULL);
"""


def create_file(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Makes a ledger file, filled by `fill`; it appears under its name complete or not at all."""
    if path.exists():
        raise LedgerError(f"a new ledger must not replace one, got {path}", hint=_resume(path))
    partial = path.with_name(path.name + ".partial")
    with errors_in_words(path, "a new ledger"):
        partial.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
                # What makes the whole file appear at once is the renaming, so it needs no journal; synchronous, it
                # is on the disk before it has its name.
                connection.execute("PRAGMA journal_mode = MEMORY")
                connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
                with transaction(connection, "IMMEDIATE"):
                    fill(connection)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def connect(path: Path, read_only: bool) -> sqlite3.Connection:
    """An open connection to a ledger of this version. Raises LedgerError where there is none that can be used."""
    if not path.is_file():
        raise LedgerError(f"a ledger must be a file, got {path}, where there is none")
    uri = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rw'}"
    with errors_in_words(path, "the ledger"):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            connection.row_factory = sqlite3.Row
            _check_version(connection, path)
            if not read_only:
                _prepare_writing(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise LedgerError(f"a ledger must be made by Pawl, got {path}, a database of something else")
    if version != SCHEMA_VERSION:
        hint = "install a newer Pawl" if version > SCHEMA_VERSION else "use the older Pawl that wrote it"
        raise LedgerError(
            f"the ledger's version must be {SCHEMA_VERSION} for this Pawl, got version {version} in {path}",
            hint=f"{hint}, or start a new run in another directory",
        )


def _prepare_writing(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _damaged(path, verdict)


def close_connection(connection: sqlite3.Connection, read_only: bool) -> None:
    """Closes; a writer leaves one plain file behind when nobody is reading."""
    if not read_only:
        # A reader still there, a full disk, or a connection closed before: what was committed stays in the log
        # beside the file, and the next to open it finds it there.
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def insert(connection: sqlite3.Connection, table: str, columns: Columns) -> None:
    """Inserts rows, each put together when SQLite takes it. Columns that are not equally long are a bug."""
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    connection.executemany(statement, zip(*columns.values(), strict=True))


def insert_one(connection: sqlite3.Connection, table: str, row: Row) -> None:
    """Inserts a row."""
    insert(connection, table, {name: [value] for name, value in row.items()})


@contextmanager
def transaction(connection: sqlite3.Connection, mode: Literal["IMMEDIATE", "DEFERRED"]) -> Iterator[None]:
    """All of what is done inside, or nothing of it. DEFERRED is for reading one state of several tables."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has often rolled back by itself by now; if even this fails, the file ends before the commit.
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


@contextmanager
def errors_in_words(path: Path, what: str) -> Iterator[None]:
    """Turns what SQLite and the disk say about `what` into a LedgerError. A broken constraint or a wrong value is
    a bug of ours and passes through."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        raise _in_words(error, path, what) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(path, what) from error
        raise LedgerError(f"{what} could not be written to {path}: {error.strerror}") from error


def _in_words(error: sqlite3.DatabaseError, path: Path, what: str) -> LedgerError:
    # The low byte is the kind; the bytes above it tell kinds of a kind apart.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return _disk_full(path, what)
        case sqlite3.SQLITE_IOERR:
            return LedgerError(
                f"{what} could not be read from or written to {path}: {error}. Nothing before it is lost",
                hint=f"look at the disk (full, over quota, failing?), then {_resume(path)}",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _damaged(path, str(error))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return LedgerError(
                f"{path} must be free to use, got {error} after {BUSY_SECONDS:.0f} s",
                hint=f"close the other program that has it open, then {_resume(path)}",
            )
    return LedgerError(f"{what} must be readable and writable in {path}, got: {error}")


def _disk_full(path: Path, what: str) -> LedgerError:
    return LedgerError(
        f"the disk is full: {what} could not be written to {path}. None of it was kept, nothing before it is lost",
        hint=f"free some space, then {_resume(path)}",
    )


def _damaged(path: Path, why: str) -> LedgerError:
    return LedgerError(
        f"the ledger {path} is damaged: {why}",
        hint="put back a copy of it, or start a new run in another directory; checkpoints are files of their own",
    )


def _resume(path: Path) -> str:
    return f"`pawl resume {shlex.quote(str(path.parent))}`"
