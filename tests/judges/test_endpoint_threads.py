"""Work side by side."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from pawl.judges.asks import Reply
from pawl.judges.endpoint_threads import Threads


def test_so_many_work_at_a_time_and_no_more() -> None:
    threads, lock, here = Threads(3), threading.Lock(), list[int]()
    together = threading.Barrier(3, timeout=30)
    working = 0

    def work() -> Reply:
        nonlocal working
        with lock:
            working += 1
            here.append(working)
        together.wait()
        with lock:
            working -= 1
        return Reply("done")

    assert [future.result() for future in [threads.begin(work) for _ in range(12)]] == [Reply("done")] * 12
    assert max(here) == 3


def test_threads_end_when_there_is_nothing_left_and_begin_again() -> None:
    threads = Threads(2)
    for _ in range(3):
        threads.begin(lambda: Reply(threading.current_thread().name)).result()
    assert threads.begin(lambda: Reply(threading.current_thread().name)).result() == Reply("pawl-asks")
    for thread in [one for one in threading.enumerate() if one.name == "pawl-asks"]:
        thread.join(30)
        assert not thread.is_alive()


def test_what_work_raises_reaches_who_waits_and_costs_nobody_else() -> None:
    threads = Threads(1)
    broken, fine = threads.begin(lambda: 1 / 0), threads.begin(Reply)  # type: ignore[arg-type,return-value]
    with pytest.raises(ZeroDivisionError):
        broken.result()
    assert fine.result() == Reply()


def busy(threads: Threads) -> threading.Event:
    """Keeps one of the threads at work until the event is set."""
    started, done = threading.Event(), threading.Event()
    threads.begin(lambda: Reply(str(started.set()) + str(done.wait(30))))
    assert started.wait(30)
    return done


def test_what_was_cancelled_does_not_begin() -> None:
    threads, begun = Threads(1), list[str]()
    done = busy(threads)
    first, second = (threads.begin(lambda name=name: begun.append(name) or Reply()) for name in "ab")  # type: ignore[misc]
    first.cancel()
    done.set()
    assert second.result() == Reply() and begun == ["b"]


def test_what_is_forgotten_does_not_begin() -> None:
    threads = Threads(1)
    done = busy(threads)
    waiting = threads.begin(Reply)
    threads.forget()
    done.set()
    with pytest.raises(CancelledError):
        waiting.result()
    assert threads.begin(Reply).result() == Reply()


def test_where_no_thread_can_begin_none_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", lambda **settings: pytest.fail("no thread can begin"))
        with pytest.raises(pytest.fail.Exception):
            threads.begin(Reply)
    assert threads.begin(Reply).result(30) == Reply()
