"""The comparison of starts: what its rows say, and that a process that failed is no start."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from pawl.bench.first_generation import ATTEMPTS, BASE, PROBLEMS, RUN
from pawl.bench.start import STARTS, Start, process, run, save_base
from pawl.errors import MissingExtraError
from pawl.ledger import Ledger
from pawl.terminal import bench_in_words

LIGHT = Start("nothing", "pass", "a nap", "import time; time.sleep(0.05)")
FIRST = STARTS[-1]


def need_trl() -> None:
    pytest.importorskip("trl", reason="the peer is trl")


def test_a_row_holds_what_is_promised_and_the_seconds_of_both() -> None:
    need_trl()
    (row,) = run(2, [LIGHT])
    assert (row["name"], row["size"], row["peer"], row["repeats"]) == ("start", "nothing", "a nap", 2)
    assert row["unit"] and 0 < row["low"] <= row["ratio"] <= row["high"]
    assert row["seconds"] == 1 / row["pawl"] and row["peer_seconds"] == 1 / row["theirs"]


def test_a_row_reads_as_a_ratio_and_two_times() -> None:
    row = {"name": "start", "size": "import pawl", "peer": "import trl", "unit": "seconds, peer over Pawl",
           "ratio": 7.0, "low": 6.5, "high": 7.25, "seconds": 0.02, "peer_seconds": 0.14}
    assert bench_in_words({"results": [row]}) == (
        "start  import pawl  7.00 [6.50, 7.25]  seconds, peer over Pawl, against import trl: 0.02 s, not 0.14 s")


def test_the_lightest_starts_are_programs_that_end_well(tmp_path: Path) -> None:
    for start in STARTS[:2]:
        assert process(start.ours, start.words, tmp_path)() == 1


def test_a_process_that_fails_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        process("1 / 0", (), tmp_path)()


def test_the_first_generation_is_over_when_it_stands_in_the_ledger(tmp_path: Path) -> None:
    save_base(tmp_path / BASE)
    assert process(FIRST.ours, FIRST.words, tmp_path)() == 1
    (path,) = tmp_path.glob(f"*/{RUN}/run.db")
    with Ledger.open(path, read_only=True) as ledger:
        (row,) = ledger.generations()
        assert row.decision is not None and row.metrics["attempts"] == PROBLEMS * ATTEMPTS
        assert row.metrics["tokens_trained"] > 0
        assert ledger.final is None


def test_the_peer_makes_a_step_from_the_same_checkpoint(tmp_path: Path) -> None:
    need_trl()
    save_base(tmp_path / BASE)
    assert process(FIRST.theirs, FIRST.words, tmp_path)() == 1


def test_without_the_peer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    assert importlib.util.find_spec("trl") is None
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[bench\]'"):
        run(1, [LIGHT])
