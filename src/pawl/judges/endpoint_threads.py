"""Requests side by side: threads that wait for a network, not for a processor."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from pawl.judges.asks import Reply


class Threads:
    """Up to so many threads, each of which ends when there is nothing left to do. They do not outlast the program."""

    def __init__(self, most: int) -> None:
        self._most, self._serving = most, 0
        self._waiting: deque[tuple[Callable[[], Reply], Future[Reply]]] = deque()
        self._lock = threading.Lock()

    def begin(self, work: Callable[[], Reply]) -> Future[Reply]:
        future = Future[Reply]()
        with self._lock:
            if self._serving < self._most:
                self._one_more()
            self._waiting.append((work, future))
        return future

    def _one_more(self) -> None:
        """Begins a thread, which waits for the lock; where it cannot begin, there is none."""
        self._serving += 1
        try:
            threading.Thread(target=self._serve, name="pawl-asks", daemon=True).start()
        except BaseException:
            self._serving -= 1
            raise

    def forget(self) -> None:
        """What has not begun does not."""
        with self._lock:
            while self._waiting:
                self._waiting.popleft()[1].cancel()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._serving -= 1
                    return
                work, future = self._waiting.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # whoever waits for the reply hears of it
                future.set_exception(error)
