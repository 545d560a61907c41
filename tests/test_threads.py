"""Work side by side: everything is done once, in the order asked for, and an error arrives."""

from __future__ import annotations

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
