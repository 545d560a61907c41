"""Coroutines run in one loop beside the program, whatever runs in it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest
from rewarding import batch, scores

from pawl.judges.awaiting import Loop, Slow, side_by_side


async def named() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def asleep() -> None:
    await asyncio.sleep(60)


async def failing() -> None:
    raise TimeoutError("the server's")


def test_calls_share_a_loop_that_is_not_the_programs() -> None:
    loop = Loop()
    first, second = loop.result(named(), 10), loop.result(named(), 10)
    assert first is second

    async def program() -> Any:
        return asyncio.get_running_loop(), loop.result(named(), 10)

    own, theirs = asyncio.run(program())
    assert theirs is first is not own


def test_a_coroutine_that_takes_too_long_is_told_from_one_that_raises() -> None:
    loop = Loop()
    with pytest.raises(Slow):
        loop.result(asleep(), 0.05)
    with pytest.raises(TimeoutError, match="the server's"):
        loop.result(failing(), 10)


def test_side_by_side_each_has_its_own_end() -> None:
    value, slow, failed = Loop().result(side_by_side([1, asleep(), failing()], 0.05), 10)
    assert value == 1 and isinstance(slow, Slow) and str(failed) == "the server's"


@pytest.mark.parametrize("in_main", [True, False])
def test_a_coroutine_that_blocks_its_loop_costs_no_one_else(in_main: bool) -> None:
    async def fun(texts: list[str]) -> list[float]:
        if "odd" in texts:
            time.sleep(60)
        return [1.0 for _ in texts]

    judge, found = batch(fun, time_limit=0.05), list[Any]()
    thread = threading.Thread(target=lambda: found.extend(scores(judge, "a", "odd", "b")))
    if in_main:
        found.extend(scores(judge, "a", "odd", "b"))
    else:
        thread.start()
        thread.join()
    assert found == [1.0, None, 1.0]


def test_a_loop_ends_with_what_it_was_made_for() -> None:
    loop = Loop()
    running = loop.result(named(), 10)
    [thread] = [one for one in threading.enumerate() if getattr(one, "_target", None) == running.run_forever]
    del loop
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
