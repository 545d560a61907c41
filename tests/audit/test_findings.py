"""What is said: the gravest first, by readings that are made by hand."""

from __future__ import annotations

import pytest
from tests.audit.test_compared import blocks_like

from pawl.audit.compared import READINGS, Compared
from pawl.audit.findings import Finding, findings, sentence, verdict_of
from pawl.audit.seen import Seen
from pawl.audit.sketch import Sketch
from pawl.audit.tails import Lost, Tail


def reading(name: str, share: float) -> Compared:
    """One whose data are at so much of the reference."""
    return Compared(next(each for each in READINGS if each.name == name),
                    tuple(share + shift for shift in (0.0, 0.001, -0.001, 0.002)), (1.0, 1.001, 0.999, 1.002))


def told(*readings: Compared, lost: tuple[Tail, ...] = (), data: Sketch | None = None) -> list[Finding]:
    sketch = data or Sketch(Seen(1), documents=100, asked=100)
    return findings(sketch, Sketch(Seen(1), documents=100, asked=100), blocks_like(), readings, lost, [], [], None)


@pytest.mark.parametrize(("shares", "verdict"), [
    ({"distinct_4": 0.5, "vendi": 0.4}, "collapsed"), ({"distinct_4": 0.5, "recall": 0.4}, "collapsed"),
    ({"distinct_4": 0.5}, "suspect"), ({"support": 0.4, "recall": 0.4}, "suspect"), ({"distinct_4": 0.85}, "suspect"),
    ({"distinct_4": 0.95, "vendi": 0.9, "recall": 0.9}, "healthy"), ({"distinct_4": 1.5}, "healthy")])
def test_variety_and_coverage_together_tell_of_collapse(shares: dict[str, float], verdict: str) -> None:
    found = told(*(reading(name, share) for name, share in shares.items()))
    assert verdict_of(found) == verdict


def test_the_gravest_stands_first_and_is_the_verdict() -> None:
    tail = Tail("words", 100, 40, (Lost("gone", 20, 0),))
    found = told(reading("distinct_4", 0.5), reading("vendi", 0.4), reading("support", 0.8), lost=(tail,),
                 data=Sketch(Seen(1), documents=100, asked=100, equal=25))
    assert [finding.gravity for finding in found] == ["collapsed", "collapsed", "suspect", "suspect"]
    assert {finding.kind for finding in found} == {"duplicates", "variety", "coverage", "tails"}
    assert found[1].examples == ("gone: in 20 passages of the reference, in 0 here",)


@pytest.mark.parametrize(("equal", "gravity"), [(4, None), (6, "suspect"), (59, "suspect"), (61, "collapsed")])
def test_duplicates_are_judged_beside_a_reference_as_large(equal: int, gravity: str | None) -> None:
    found = told(data=Sketch(Seen(1), documents=100, asked=100, equal=equal))
    assert [finding.gravity for finding in found] == ([gravity] if gravity else [])


def test_few_losses_are_none() -> None:
    assert told(lost=(Tail("words", 100, 2, ()), Tail("runs of 3 words", 1000, 5, ()))) == []


@pytest.mark.parametrize(("found", "expected"), [
    ([], "it is as varied as the reference"), ([Finding("suspect", "a", "b")], "a finding speaks against it"),
    ([Finding("suspect", "a", "b")] * 3, "3 findings speak"), ([Finding("collapsed", "a", "b")], "Do not train")])
def test_a_verdict_in_words(found: list[Finding], expected: str) -> None:
    assert expected in sentence(verdict_of(found), found, beside=True)
