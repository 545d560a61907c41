"""Work side by side: everything is done once, in the order asked for, and an error arrives."""

from __future__ import annotations

import os
import threading
import time

import pytest
import torch

from pawl.threads import one_thread_each, share_out


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_come_in_the_order_of_the_jobs_and_each_has_one_thread(threads: int) -> None:
    before = torch.get_num_threads()
    found = one_thread_each(lambda job: (job, torch.get_num_threads()), range(5), threads)
    assert [job for job, _ in found] == list(range(5))
    assert threads == 1 or {given for _, given in found} == {1}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("rows", [0, 1, 2, 7])
def test_shares_hold_every_row_once_and_are_as_many_as_threads_at_most(rows: int, threads: int) -> None:
    shares: list[slice] = []
    share_out(shares.append, rows, threads)
    assert sorted(row for share in shares for row in range(rows)[share]) == list(range(rows))
    assert len(shares) <= threads


def test_an_error_of_any_share_arrives() -> None:
    def fail(share: slice) -> None:
        if share.start:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        share_out(fail, 4, 2)


def test_where_one_job_fails_nobody_works_on() -> None:
    """The second waits until the first has failed; those after them never begin."""
    failed, done = threading.Event(), list[int]()

    def work(job: int) -> None:
        if job == 0:
            failed.set()
            raise ValueError("no")
        failed.wait()
        time.sleep(0.05)
        done.append(job)

    with pytest.raises(ValueError, match="no"):
        one_thread_each(work, range(20), 2)
    ended = len(done)
    time.sleep(0.2)
    assert ended == len(done) < 19


def test_threads_stay_for_the_next_jobs() -> None:
    before, seen = threading.Barrier(2), set[int]()
    for _ in range(5):
        seen |= set(one_thread_each(lambda _: (before.wait(), threading.get_ident())[1], range(2), 2))
    assert len(seen) == 2


def test_a_thread_of_someone_else_begins_with_as_many_as_before() -> None:
    before, found = torch.get_num_threads(), list[int]()
    torch.set_num_threads(3)
    one_thread_each(lambda job: None, range(3), 3)
    other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    other.start()
    other.join()
    torch.set_num_threads(before)
    assert found == [3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_child_of_this_process_has_threads_of_its_own() -> None:
    one_thread_each(lambda job: None, range(2), 2)
    child = os.fork()
    if child == 0:
        os._exit(len(one_thread_each(lambda job: job, range(7), 2)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
