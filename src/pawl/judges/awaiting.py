"""Coroutines of reward functions, in one event loop in a thread of its own: clients that a function keeps between calls
keep their connections, and a notebook's own loop is not in the way.

Not covered: a coroutine that blocks its loop without awaiting anything; its loop is left to it, and another is made.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import weakref
from collections.abc import Awaitable, Sequence
from typing import Any


class Slow(Exception):
    """A coroutine took longer than it was given."""


class Loop:
    """An event loop that runs when it is first needed, and ends with this."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def result(self, given: Awaitable[Any], seconds: float) -> Any:
        """What is awaited. Raises Slow, and whatever the coroutine raises."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="pawl-rewards", daemon=True).start()
            weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        return asyncio.run_coroutine_threadsafe(_awaited(given, seconds), self._loop).result()

    def leave(self) -> None:
        """Leaves the loop to a coroutine that blocks it."""
        self._loop = None


async def side_by_side(given: Sequence[Any], seconds: float) -> list[Any]:
    """What each comes to, awaited or not; in the place of one that raised or took too long, the exception."""
    return await asyncio.gather(*(_awaited(one, seconds) for one in given), return_exceptions=True)


async def _awaited(given: Any, seconds: float) -> Any:
    if not inspect.isawaitable(given):
        return given
    try:
        async with asyncio.timeout(seconds) as limit:
            return await given
    except TimeoutError:
        if limit.expired():
            raise Slow from None
        raise  # the coroutine's own
