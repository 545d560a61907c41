"""The measurement of the machine, small: what it counts, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from pawl import peak
from pawl.peak import Peak, machine, measure_peak


@pytest.mark.usefixtures("quick_peak")
def test_everything_measured_is_a_speed() -> None:
    found = measure_peak()
    assert (found.device, found.threads) == ("cpu", torch.get_num_threads())
    assert min(found.float32, found.bfloat16, found.memory) > 0


@pytest.mark.usefixtures("quick_peak")
def test_a_speed_is_the_work_over_the_least_time(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0, 9, 10, 12, 20, 21] * 3)  # 9, 2 and 1 seconds, of which the first warms up
    monkeypatch.setattr(peak.time, "perf_counter", lambda: float(next(times)))
    found = measure_peak()
    assert found.float32 == found.bfloat16 == pytest.approx(2 * 16**3 / 1e9)
    assert found.memory == pytest.approx(2 * 2**10 / 1e9)


@pytest.mark.usefixtures("quick_peak")
def test_no_random_number_of_a_run_is_drawn() -> None:
    before = torch.get_rng_state()
    measure_peak()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_machine_is_told_in_words_and_in_numbers() -> None:
    told = machine(Peak("cpu", 2, 164.2, 1885.0, 24.4))
    assert told["machine"].endswith(", 2 threads: 164 GFLOP/s in float32, 1,885 in bfloat16; memory 24 GB/s")
    assert told["peak"] == {"device": "cpu", "threads": 2, "float32": 164.2, "bfloat16": 1885.0, "memory": 24.4}


def test_threads_are_not_told_of_a_gpu() -> None:
    assert Peak("cuda", 2, 1.0, 1.0, 1.0).sentence().startswith("cuda: 1 GFLOP/s")
