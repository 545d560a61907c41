"""The watcher: what it sees of a thread that computes, one that sleeps, and one that waits for others.

What is asserted of shares leaves room for a busy machine.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import pytest

from pawl import profile_stacks
from pawl.judges.pool import Pool
from pawl.profile_stacks import Seen, Stack, Watcher, place
from pawl.records import Problem, Split
from pawl.time_limit import TimeUp, within

ENOUGH = 1.0
"""Seconds in which fifty moments fall."""
counted = pytest.mark.skipif(not profile_stacks.COUNTED, reason="the system does not count for threads")


def compute() -> None:
    end = time.perf_counter() + ENOUGH
    while time.perf_counter() < end:
        pass


def sleep() -> None:
    time.sleep(ENOUGH)


def seen(work: Callable[[], object]) -> dict[tuple[str, Stack], Seen]:
    watcher = Watcher(place("test"))
    try:
        work()
    finally:
        watcher.stop()
    return watcher.seen


def times(found: dict[tuple[str, Stack], Seen], *functions: Callable[..., object]) -> float:
    """Moments in which exactly these functions were running, the outermost first."""
    stack = tuple(function.__code__ for function in functions)
    return sum(one.times for (_, where), one in found.items() if where == stack)


def share_held(found: dict[tuple[str, Stack], Seen]) -> float:
    return sum(one.held for one in found.values()) / sum(one.total for one in found.values())


def test_a_stack_begins_where_the_stage_did() -> None:
    found = seen(sleep)
    assert {stage for stage, _ in found} == {"test"}
    assert times(found, sleep) > 0.8 * sum(one.times for one in found.values())


@counted
def test_python_holds_the_lock() -> None:
    assert share_held(seen(compute)) > 0.7


@counted
def test_what_lets_go_of_the_lock_does_not() -> None:
    assert share_held(seen(sleep)) < 0.3


def test_workers_stand_below_the_thread_that_waits_for_them() -> None:
    def work() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: each(), [sleep, sleep]))

    found = seen(work)
    [below] = {stack for _, stack in found if stack[-1:] == (sleep.__code__,)}
    assert below[0] == work.__code__
    assert not [code for code in below if "concurrent" in code.co_filename]


def test_workers_share_the_time_of_the_thread_that_waits() -> None:
    def work() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: each(), [sleep, compute]))

    found = seen(work)
    halves = [sum(one.times for (_, stack), one in found.items() if stack[-1:] == (each.__code__,))
              for each in (sleep, compute)]
    assert 0.5 < halves[0] / halves[1] < 2


class Slow:
    """A task whose score waits."""

    name = "slow"

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return []

    def score(self, problem: Problem, answer: str) -> float:
        time.sleep(ENOUGH)
        return 1.0


def test_threads_that_wait_for_other_processes_do_not_count_as_work() -> None:
    """One of the two is busy with a process, the other has nothing to do."""
    pool, problem = Pool(Slow(), 2, time_limit=5.0), Problem("p", "", "train")
    assert [verdict.result().score for verdict in [pool.score(problem, "") for _ in range(2)]] == [1, 1]
    late = pool.score(problem, "")
    found = seen(late.result)
    assert found and not any(code.co_name == "serve" for _, stack in found for code in stack)


def test_a_function_that_only_calls_others_is_left_out() -> None:
    @contextmanager
    def within_it() -> Iterator[None]:
        sleep()
        yield

    def work() -> None:
        with within_it():
            pass

    assert times(seen(work), work, within_it.__wrapped__, sleep) > 0


def in_file(file: str, function: Any) -> FunctionType:
    """The function as if it stood in a file."""
    return FunctionType(function.__code__.replace(co_filename=file), globals(), closure=function.__closure__)


def test_a_compiler_is_one_function() -> None:
    inner = in_file("/lib/numba/core/inner.py", sleep)
    outer = in_file("/lib/numba/core/outer.py", lambda: inner())
    found = seen(outer)
    assert times(found, outer) > 0 and times(found, outer, inner) == 0


def as_module(function: Any) -> FunctionType:
    """The function as if it were what a module does when it is imported."""
    return FunctionType(function.__code__.replace(co_name="<module>"), globals(), closure=function.__closure__)


def test_modules_that_import_each_other_are_one() -> None:
    inner = as_module(sleep)
    outer = as_module(lambda: inner())
    found = seen(outer)
    assert times(found, outer) > 0 and times(found, outer, inner) == 0


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_afterwards_if_it_was_before(collects: bool) -> None:
    (gc.enable if collects else gc.disable)()
    try:
        seen(sleep)
        assert gc.isenabled() is collects
    finally:
        gc.enable()


def test_a_time_limit_still_interrupts_the_thread_that_is_watched() -> None:
    def work() -> None:
        with pytest.raises(TimeUp):
            within(0.05, lambda: time.sleep(60))

    seen(work)
