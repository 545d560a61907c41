"""Replies that were paid for, in one SQLite file, so that no question is paid for twice: not by a run that was killed
and goes on, and not by two that run at the same time.

What is kept of a question is a hash, of the reply all. A reply is kept whole or not at all. Where two processes asked
the same at the same time, both go by the reply that was kept first.

Not covered: files on a network, which SQLite cannot lock; a bound on the file's size. A machine that loses its power
may lose the last replies.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pawl.errors import DataError
from pawl.judges.asks import Place, Reply, from_cache

APPLICATION_ID = 0x50415743
"""Of the file: PAWC."""
BUSY_SECONDS = 60.0
"""That another process may have it for itself."""

_SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    "CREATE TABLE IF NOT EXISTS replies (question BLOB PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS spent (row INTEGER PRIMARY KEY CHECK (row = 1), cost REAL NOT NULL)",
    "INSERT OR IGNORE INTO spent VALUES (1, 0.0)",
)


class ReplyCache:
    """Replies by the hash of their question; threads and processes may share it. Without a path it is in memory.

    A file that breaks while it is in use costs its replies and nothing else, which is said once."""

    def __init__(self, path: Path | None, say: Callable[[str], None]) -> None:
        """Raises DataError for a file that cannot be opened or is none of these."""
        self._path, self._say, self._said = path, say, False
        self._lock = threading.Lock()
        self._known = self._unknown = 0.0
        """What was spent, as the file last said, and without its knowledge."""
        try:
            self._connection = sqlite3.connect(path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None,
                                               check_same_thread=False)
            self._prepare()
        except sqlite3.Error as error:
            raise DataError(f"a cache of replies must be a file that SQLite can use, got {path}: {error}",
                            hint="name another file; this one is left as it is") from error

    def _prepare(self) -> None:
        """Makes the tables where there are none. Raises DataError for a database of something else."""
        execute = self._connection.execute
        execute("BEGIN")  # what two reads say is of one moment
        (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = execute("PRAGMA application_id").fetchone()
        execute("COMMIT")
        if application != APPLICATION_ID and (application or tables):
            self._connection.close()
            raise DataError(f"a cache of replies must be a new file or one of Pawl's, got {self._path}, a database of "
                            "something else")
        execute("PRAGMA synchronous = NORMAL")
        with suppress(sqlite3.OperationalError):  # another process is about to; without it, keeping a reply is slower
            execute("PRAGMA journal_mode = WAL")
        execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            execute(statement)
        execute("COMMIT")

    def get(self, question: bytes) -> Reply | None:
        """The reply to a question that was answered before."""
        row = self._guarded(lambda execute: execute("SELECT reply FROM replies WHERE question = ?", (question,)
                                                    ).fetchone())
        return None if row is None else _reply_of(row[0])

    def put(self, question: bytes, reply: Reply) -> Reply:
        """Keeps a reply that was paid for, and what it cost; gives back the one to go by."""
        def keep(execute: Callable[..., Any]) -> list[Reply | None]:
            execute("BEGIN IMMEDIATE")
            try:
                execute("UPDATE spent SET cost = cost + ?", (reply.cost,))
                row = execute("SELECT reply FROM replies WHERE question = ?", (question,)).fetchone()
                first = None if row is None else _reply_of(row[0])
                if first is None and reply.error is None:
                    execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (question, _kept(reply)))
                execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    execute("ROLLBACK")
            return [first]

        found = self._guarded(keep)
        if found is None:
            self._unknown += reply.cost
        [first] = found or [None]
        return reply if first is None else replace(reply, text=first.text, places=first.places, cut=first.cut)

    def spent(self) -> float:
        """What all replies cost that were put here, by whichever process."""
        row = self._guarded(lambda execute: execute("SELECT cost FROM spent").fetchone())
        self._known = row[0] if row else self._known
        return self._known + self._unknown

    def close(self) -> None:
        """Leaves one file behind, if nobody else has it open."""
        with self._lock:
            self._said = True  # a request that is still under way has nowhere to go
            self._connection.close()

    def _guarded(self, work: Callable[[Callable[..., Any]], Any]) -> Any:
        """What `work` brings back; None where the file is broken."""
        try:
            with self._lock:
                return work(self._connection.execute)
        except sqlite3.Error as error:
            if not self._said:
                self._said = True
                self._say(f"the cache {self._path} cannot be used, and replies will be paid for again: {error}")
            return None


def _kept(reply: Reply) -> str:
    """What is kept of a reply: what it said, and not what it cost."""
    places = [[place.token, place.logprob, place.likeliest] for place in reply.places]
    return json.dumps({"text": reply.text, "cut": reply.cut, "places": places})


def _reply_of(kept: Any) -> Reply | None:
    """A reply as it was kept; None where it is damaged."""
    try:
        match json.loads(kept):
            case {"text": str(text), "cut": bool(cut), "places": [*places]}:
                return from_cache(Reply(text, cut=cut, places=tuple(map(_place, places))))
    except (ValueError, TypeError, RecursionError):
        return None
    return None


def _place(kept: Any) -> Place:
    """Raises ValueError or TypeError where it is damaged."""
    token, logprob, likeliest = kept
    return Place(str(token), float(logprob), tuple((str(name), float(chance)) for name, chance in likeliest))
