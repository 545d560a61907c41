"""The measurement of growth, with tiny sizes: what its rows say, and that what is measured was done."""

from __future__ import annotations

import json
from pathlib import Path

from pawl.bench import scaling
from pawl.bench.scaling import MEASURES, SIZES, sample_completions
from pawl.terminal import bench_in_words, json_line

PROMISED = {"name", "size", "peer", "ratio", "low", "high", "unit"}


def test_a_row_for_everything_that_is_done_holds_what_is_promised() -> None:
    rows = scaling.run(1, {"attempts": (4, 16), "generations": (1, 2)})
    done = [(verb, "4 to 16 attempts") for verb in ("commit", "read")]
    done += [(verb, "1 to 2 generations") for verb in ("commit", "list", "report")]
    assert [row["size"] for row in rows] == [" ".join(words) for words in done]
    for row in rows:
        assert row.keys() >= PROMISED
        assert 0 < row["low"] <= row["ratio"] <= row["high"]
        assert [point["size"] for point in row["points"]] in ([4, 16], [1, 2])
    assert json.loads(json_line({"results": rows}))["results"] == rows


def test_a_row_reads_as_growth() -> None:
    row = {"name": "scaling", "size": "read 10 to 1,000 attempts", "exponent": 1.004, "memory_exponent": 0.0,
           "per_second": 90_909.1, "points": [{"size": 1000, "seconds": 0.011, "bytes": 2_300_000}]}
    assert bench_in_words({"results": [row]}) == (
        "scaling  read 10 to 1,000 attempts  time grows as n^1.00, memory as n^0.00; 1,000 took 0.011 s "
        "(90,909 a second) and 2 MB")


def test_sizes_rise_and_reach_what_was_promised() -> None:
    assert SIZES.keys() == MEASURES.keys()
    assert all(list(sizes) == sorted(set(sizes)) for sizes in SIZES.values())
    assert [(sizes[0], sizes[-1]) for sizes in SIZES.values()] == [(1_000, 1_000_000), (1, 100), (1, 64)]


def test_completions_are_sampled_as_many_as_asked(tmp_path: Path) -> None:
    made = [work() for size in (1, 2) for work in sample_completions(size, tmp_path, 1)]
    assert made == [64 * 24, 2 * 64 * 24]  # tokens
