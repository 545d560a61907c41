"""Whether a data set that someone made is safe to train on: read, compare with real data, and say what was found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pawl.audit.blocks import blocks_of
from pawl.audit.compared import Compared, compared
from pawl.audit.findings import Finding, Verdict, findings, sentence, verdict_of
from pawl.audit.labels import labels_of
from pawl.audit.reading import Documents
from pawl.audit.sketch import Sketch, sketch
from pawl.audit.splits import overlaps
from pawl.audit.tails import Tail, clusters, tails
from pawl.errors import DataError
from pawl.memory import memory


@dataclass(frozen=True, slots=True)
class Audit:
    """All that an audit came to."""

    data: str
    reference: str | None
    verdict: Verdict
    sentence: str
    findings: tuple[Finding, ...]
    readings: tuple[Compared, ...]
    tails: tuple[Tail, ...]
    documents: int
    words: int
    characters: int
    equal: int
    """Documents that are the same as one before."""
    alike: int
    """That are nearly the same."""
    block: int
    """Words of each of the blocks that were compared; 0 where there was too little text."""
    seconds: float
    peak_bytes: int

    def record(self) -> dict[str, Any]:
        """For JSON."""
        told = asdict(self)
        told["readings"] = {one.reading.name: {"data": one.mean, "reference": one.expected, "chance": one.chance,
                                               "says": one.reading.says} for one in self.readings}
        return told


def audit(data: Path, reference: Path | None = None, *, column: str | None = None,
          notify: Callable[[str], None] = lambda said: None) -> Audit:
    """Read a data set, and a reference of real data where there is one.

    Raises DataError where one cannot be read or has no text.
    """
    started = time.perf_counter()
    notify(f"reading {data}")
    ours = _read(data, column)
    theirs = None
    if reference is not None:
        notify(f"reading {reference}")
        theirs = _read(reference, column)
    notify("comparing")
    blocks = blocks_of(ours.sample, theirs.sample if theirs else ())
    readings = compared(blocks) if blocks else []
    beside = blocks is not None and bool(blocks.reference)
    lost = tails(blocks) if blocks and beside else []
    missing = clusters(blocks) if blocks and beside else []
    found = findings(ours, theirs, blocks, readings, lost, missing, overlaps(ours), labels_of(ours.sample))
    verdict = verdict_of(found)
    return Audit(str(data), None if reference is None else str(reference), verdict,
                 sentence(verdict, found, beside=beside), tuple(found), tuple(readings), tuple(lost), ours.documents,
                 ours.words, ours.characters, ours.equal, ours.alike, blocks.size if blocks else 0,
                 time.perf_counter() - started, memory("most"))


def _read(path: Path, column: str | None) -> Sketch:
    documents = Documents(path, column)
    found = sketch(documents)
    if not found.documents:
        raise DataError(f"data must hold text, got none in {str(path)!r}")
    return found
