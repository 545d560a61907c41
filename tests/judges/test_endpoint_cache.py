"""Replies that outlast the process, and are shared by several."""

from __future__ import annotations

import math
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pawl.errors import DataError
from pawl.judges.asks import Place, Reply, from_cache
from pawl.judges.endpoint_cache import ReplyCache

REPLY = Reply("seven \U0001f980 \ud800\x00", places=(Place("7", -0.5, (("7", -0.5), ("\ud800", -math.inf))),), cut=True,
              read=5, written=2, cost=0.25)
KEY = b"\x00" * 32


def opened(path: Path | None) -> ReplyCache:
    return ReplyCache(path, pytest.fail)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_reply_comes_back_as_it_was_and_costs_nothing(tmp_path: Path, in_memory: bool) -> None:
    cache = opened(None if in_memory else tmp_path / "replies.db")
    assert cache.get(KEY) is None
    assert cache.put(KEY, REPLY) == REPLY
    assert cache.get(KEY) == from_cache(REPLY)
    assert cache.get(b"\x01" * 32) is None
    assert cache.spent() == 0.25


def test_a_file_is_one_file_and_outlasts_who_wrote_it(tmp_path: Path) -> None:
    first = opened(tmp_path / "replies.db")
    first.put(KEY, REPLY)
    first.close()
    assert [path.name for path in tmp_path.iterdir()] == ["replies.db"]
    assert opened(tmp_path / "replies.db").get(KEY) == from_cache(REPLY)


def test_the_reply_that_was_kept_first_is_the_one_to_go_by_and_both_were_paid_for(tmp_path: Path) -> None:
    one, other = opened(tmp_path / "replies.db"), opened(tmp_path / "replies.db")
    one.put(KEY, REPLY)
    second = other.put(KEY, Reply("another", read=7, written=7, cost=0.5))
    assert (second.text, second.places, second.cut) == (REPLY.text, REPLY.places, True)
    assert (second.read, second.cost) == (7, 0.5)
    assert one.spent() == other.spent() == 0.75


def test_a_failure_is_paid_for_and_not_kept() -> None:
    cache = opened(None)
    refused = Reply(error="the model refuses", cost=0.5)
    assert cache.put(KEY, refused) == refused
    assert cache.get(KEY) is None and cache.spent() == 0.5


WRITER = """
import os, signal, sys
from pathlib import Path
from pawl.judges.asks import Reply
from pawl.judges.endpoint_cache import ReplyCache

cache = ReplyCache(Path(sys.argv[1]), print)
for number in range(40):
    reply = cache.put(number.to_bytes(32, "big"), Reply(sys.argv[2], cost=1.0))
    print(number, reply.text, flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def writer(path: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stdout=subprocess.PIPE, text=True)


def test_what_was_kept_survives_a_kill(tmp_path: Path) -> None:
    with writer(tmp_path / "replies.db", "killed") as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    cache = opened(tmp_path / "replies.db")
    assert [cache.get(number.to_bytes(32, "big")) for number in range(40)] == [from_cache(Reply("killed"))] * 40


def test_processes_at_the_same_time_make_one_file_and_go_by_the_same_replies(tmp_path: Path) -> None:
    writers = [writer(tmp_path / "replies.db", name) for name in "abc"]
    outputs = [process.communicate()[0] for process in writers]
    assert outputs[0] == outputs[1] == outputs[2] and len(outputs[0].splitlines()) == 40
    assert opened(tmp_path / "replies.db").spent() == 120


def test_threads_share_a_cache(tmp_path: Path) -> None:
    cache = opened(tmp_path / "replies.db")
    threads = [threading.Thread(target=lambda: [cache.put(bytes([i]) * 32, Reply(str(i), cost=1.0)) for i in range(20)])
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [cache.get(bytes([i]) * 32) for i in range(20)] == [from_cache(Reply(str(i))) for i in range(20)]
    assert cache.spent() == 80


def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be one" * 100, encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "other.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE replies (question, reply)")
    for name in ("text", "other.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(DataError, match="a cache of replies must be"):
            opened(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(DataError, match="must be a file that SQLite can use"):
        opened(tmp_path / "nowhere" / "replies.db")


def test_a_file_that_breaks_is_said_once_to_be_and_costs_no_reply(tmp_path: Path) -> None:
    said: list[str] = []
    cache = ReplyCache(tmp_path / "replies.db", said.append)
    cache.put(KEY, REPLY)
    with closing(sqlite3.connect(tmp_path / "replies.db", isolation_level=None)) as connection:
        connection.execute("DROP TABLE replies")
    assert [cache.get(KEY), cache.put(KEY, REPLY), cache.get(KEY)] == [None, REPLY, None]
    assert len(said) == 1 and "will be paid for again" in said[0]
    assert cache.spent() == 0.5


@pytest.mark.parametrize("kept", [
    "", "{}", "[]", "null", "7", "{", b"\xff", None, 7, '{"text": 1, "cut": false, "places": []}',
    '{"text": "7", "cut": false}', '{"text": "7", "cut": false, "places": [7]}', "[" * 100_000,
    '{"text": "7", "cut": false, "places": [["7", "no", []]]}',
    '{"text": "7", "cut": false, "places": [["7", 0, [1]]]}',
])
def test_a_damaged_reply_is_none_and_is_asked_anew(tmp_path: Path, kept: object) -> None:
    cache = opened(tmp_path / "replies.db")
    with closing(sqlite3.connect(tmp_path / "replies.db", isolation_level=None)) as connection:
        connection.execute("INSERT INTO replies VALUES (?, ?)", (KEY, kept if kept is not None else "null"))
    assert cache.get(KEY) is None
    assert cache.put(KEY, REPLY) == REPLY
    assert cache.get(KEY) == from_cache(REPLY)
