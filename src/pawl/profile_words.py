"""The table of a profile in words, for a terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pawl.report_text import MISSING, count, duration, listed, percent

TITLES = ("stage", "time", "share", "Python", "sampled/s", "read/s", "learnt/s", "GFLOP/s", "of float32", "of bfloat16")
NAMES = {
    "setup": "setting up", "base": "the base", "sample": "sampling", "score": "scoring", "select": "choosing examples",
    "train": "training", "checkpoint": "checkpoints", "test": "final test", "other": "everything else",
}
"""What a reader calls stages, where that is not their name."""


def name_of(stage: str) -> str:
    return NAMES.get(stage, stage)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of the table, in the order of TITLES."""
    speeds = (row[kind] / row["seconds"] if row["seconds"] else 0.0 for kind in ("sampled", "read", "learnt"))
    return (name_of(row["name"]), duration(row["seconds"]), percent(row["share"]),
            MISSING if row["python"] is None else percent(row["python"]),
            *(f"{speed:,.0f}" if speed else MISSING for speed in speeds),
            *((f"{row['gflops']:,.1f}", percent(row["of_float32"]), percent(row["of_bfloat16"])) if row["gflops"]
              else (MISSING,) * 3))


def headline(profile: Mapping[str, Any]) -> str:
    """Where most of the time went."""
    *rows, whole = profile["stages"]
    most = listed(f"{name_of(row['name'])} {percent(row['share'])}" for row in rows[:4])
    return f"{duration(whole['seconds'])}: {most}"


def remarks(profile: Mapping[str, Any]) -> list[str]:
    """What the table says, in sentences."""
    rows = {row["name"]: row for row in profile["stages"]}
    said = []
    if rows["all"]["python"] is not None:
        said.append(f"Python, and what else does not let go of its lock, ran in {percent(rows['all']['python'])} of "
                    f"the time, as seen at {count(profile['moments'], 'moment')}.")
    for stage, kind, verb in (("sample", "sampled", "drew"), ("train", "learnt", "learnt from")):
        if (row := rows.get(stage)) and row[kind]:
            said.append(f"{name_of(stage).capitalize()} {verb} {row[kind] / row['seconds']:,.0f} tokens a second: "
                        f"{percent(row['of_float32'])} of this machine's peak in float32, "
                        f"{percent(row['of_bfloat16'])} of that in bfloat16.")
    return said
