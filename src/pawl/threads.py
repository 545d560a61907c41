"""Whole jobs side by side, a thread each: on a CPU that wastes less than splitting every operation.

A small operation is over before a second thread has joined it. Jobs that know nothing of each other scale better, and
a job's numbers do not depend on how many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Job = TypeVar("Job")
Result = TypeVar("Result")


def one_thread_each(work: Callable[[Job], Result], jobs: Sequence[Job], threads: int) -> list[Result]:
    """The results of `work` on each job, in their order; `threads` jobs run at a time, each on one thread."""
    if threads < 2 or len(jobs) < 2:
        return [work(job) for job in jobs]
    before = torch.get_num_threads()
    try:
        # The setting belongs to the calling thread, so each worker makes it for itself.
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(work, jobs))
    finally:
        torch.set_num_threads(before)


def share_out(work: Callable[[slice], None], rows: int, threads: int) -> None:
    """`work` on each thread's share of the rows; for compiled loops, which use no thread of torch's."""
    each = max(1, -(-rows // threads))
    first, *others = [slice(start, start + each) for start in range(0, max(1, rows), each)]
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        under_way = [pool.submit(work, share) for share in others]
        work(first)
    for share in under_way:
        share.result()
