"""The table of a profile in words."""

from __future__ import annotations

from typing import Any

from pawl.profile_words import TITLES, cells, headline, remarks
from pawl.report_text import MISSING


def row(name: str, seconds: float, **known: Any) -> dict[str, Any]:
    nothing = {"share": 0.5, "python": None, "sampled": 0, "read": 0, "learnt": 0, "operations": 0.0, "gflops": 0.0,
               "of_float32": 0.0, "of_bfloat16": 0.0}
    return {"name": name, "seconds": seconds, **nothing, **known}


SAMPLED = row("sample", 2.0, sampled=20_000, read=500, python=0.25, gflops=48.21, of_float32=0.143, of_bfloat16=0.02)


def test_a_row_says_tokens_by_the_second_and_shares_in_per_cent() -> None:
    assert dict(zip(TITLES, cells(SAMPLED), strict=True)) == {
        "stage": "sampling", "time": "2.0 s", "share": "50.0%", "Python": "25.0%", "sampled/s": "10,000",
        "read/s": "250", "learnt/s": MISSING, "GFLOP/s": "48.2", "of float32": "14.3%", "of bfloat16": "2.0%"}


def test_what_was_not_measured_is_a_dash() -> None:
    assert cells(row("ledger", 0.0))[3:] == (MISSING,) * 7


def test_the_headline_names_the_longest() -> None:
    profile = {"stages": [row("train", 3.0, share=0.6), row("sample", 2.0, share=0.4), row("all", 5.0)]}
    assert headline(profile) == "5.0 s: training 60.0% and sampling 40.0%"


def test_sentences_tell_what_was_measured_only() -> None:
    profile = {"stages": [SAMPLED, row("train", 1.0), row("all", 3.0, python=0.125)], "moments": 700}
    python, sampling = remarks(profile)
    assert "12.5% of the time, as seen at 700 moments" in python
    assert sampling.startswith("Sampling drew 10,000 tokens a second: 14.3% of this machine's peak in float32")
    assert remarks({"stages": [row("all", 3.0)], "moments": 1}) == []
