"""Whole jobs side by side, a thread each: on a CPU that wastes less than splitting every operation.

A small operation is over before a second thread has joined it. Jobs that know nothing of each other scale better, and
a job's numbers do not depend on how many threads there are. Threads stay for the next jobs: what torch sets up for each
that is new takes longer than a small job.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

Job = TypeVar("Job")
Result = TypeVar("Result")


def one_thread_each(work: Callable[[Job], Result], jobs: Sequence[Job], threads: int) -> list[Result]:
    """The results of `work` on each job, in their order; `threads` jobs run at a time, each on one thread."""
    if threads < 2 or len(jobs) < 2:
        return [work(job) for job in jobs]
    under_way = [_pool(threads).submit(work, job) for job in jobs]
    try:
        return [job.result() for job in under_way]
    finally:
        for job in under_way:  # where one failed, or Ctrl-C came: nobody works on for a caller that is gone
            job.cancel()
        wait(under_way)


def share_out(work: Callable[[slice], None], rows: int, threads: int) -> None:
    """`work` on each thread's share of the rows; for compiled loops, which use no thread of torch's."""
    each = max(1, -(-rows // threads))
    shares = [slice(start, start + each) for start in range(0, max(1, rows), each)]
    one_thread_each(work, shares, threads)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads, all of them begun, that split no operation."""
    before, begun = torch.get_num_threads(), Barrier(threads)
    pool = ThreadPoolExecutor(threads, "pawl", initializer=_splits_nothing)
    wait([pool.submit(begun.wait) for _ in range(threads)])
    torch.set_num_threads(before)  # what a thread sets for itself is what threads that come later begin with
    return pool


def _splits_nothing() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # the first time a thread asks, it takes the number that was set last, by any of them


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads
