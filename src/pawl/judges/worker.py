"""A process that scores: the program that `pawl.judges.pool` starts, one for each score at a time.

It hears from its parent over one connection: how it is to be (JSON), how the task is made, and then questions; it says
one thing in JSON to each. What it reads was pickled by its own parent. What it says is never unpickled: here answers
are at work that may attack the verifier.

When the parent is gone, killed or not, the connection ends, and it ends itself with all that its score has started. A
score in C code that does not let go of the interpreter's lock keeps it from seeing that, until its time is up.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import pickle
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

GRACE = 1.0
"""Seconds beyond its time after which a score that cannot be interrupted is ended with its process."""


def main(descriptor: int) -> NoReturn:
    """Scores what is asked over the connection, until it ends."""
    parent = Connection(descriptor)
    order = json.loads(parent.recv_bytes())
    sys.path[:] = order["path"]  # from here on modules are found as the parent finds them
    heard: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_hear, args=(parent, heard), daemon=True).start()
    _go_first_when_memory_runs_out()
    task = _opened(heard.get(), parent)
    _say(parent, order, {"ready": True})
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        while True:
            problem, answer = pickle.loads(heard.get())
            # By a thread of C's, which needs no lock: for a score that hangs in C code when the parent is gone.
            faulthandler.dump_traceback_later(order["time_limit"] + 2 * GRACE, exit=True, file=nowhere)
            scored = _scored(task, problem, answer, order["time_limit"])
            faulthandler.cancel_dump_traceback_later()
            _say(parent, order, scored)


def _hear(parent: Connection, heard: SimpleQueue[bytes]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            heard.put(parent.recv_bytes())
    os.killpg(0, signal.SIGKILL)  # the group is this process and what its score has started


def _go_first_when_memory_runs_out() -> None:
    """Linux ends the process that it is told to rather than the largest, which is the run."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _opened(made: bytes, parent: Connection) -> Any:
    """The task; without one there is nothing to do here, and the parent is told why."""
    from pawl.time_limit import in_words

    try:
        kind, given = pickle.loads(made)
        return given if kind is None else kind(**given)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        parent.send_bytes(json.dumps({"unfit": f"opening it there raised {in_words(error)}"}).encode())
        os._exit(0)


def _scored(task: Any, problem: Any, answer: str, time_limit: float) -> dict[str, Any]:
    from pawl.judges.score import verdict_on

    verdict = verdict_on(task, problem, answer, time_limit=time_limit)
    return {"score": verdict.score, "error": verdict.error}


def _say(parent: Connection, order: dict[str, Any], what: dict[str, Any]) -> None:
    """What is to be said; of a process that is to be small, whether it is."""
    if order["small"] and "torch" in sys.modules:
        what = {"unfit": "it loads torch"}
    parent.send_bytes(json.dumps(what).encode())


if __name__ == "__main__":
    with contextlib.suppress(EOFError, ConnectionError):  # the parent is gone, and nobody is left to be told
        main(int(sys.argv[1]))
