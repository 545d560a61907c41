"""What an audit says: findings in sentences, the gravest first, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pawl.audit.blocks import Blocks
from pawl.audit.compared import Compared
from pawl.audit.labels import Labels
from pawl.audit.sketch import SHOWN, Passage, Sketch
from pawl.audit.splits import Overlap
from pawl.audit.tails import Cluster, Tail

Gravity = Literal["collapsed", "suspect", "note"]
Verdict = Literal["collapsed", "suspect", "healthy"]

AGAIN, AGAIN_MOST = 0.2, 0.6
"""Shares of documents that came before, equal or nearly, from which a set is suspect, and has collapsed."""
AGAIN_ABOVE = 0.05
"""Share above that of a reference as large from which it is suspect."""
ONE = 0.05
"""Share of all documents from which one that is repeated is worth a word."""
ODD = 0.01
"""Share of documents that are odd from which that is more than a note."""
LOST, LOST_MOST = 0.02, 0.3
"""Share of what the reference repeats whose lack is worth a word, and tells of collapse where variety fell, too."""
LEAST_LOST = 3
FOREIGN = 0.5
"""Share of the words that a block of the reference knows of another, below which data are of another kind."""
OVERLAPPING = 0.01
"""Share of a split's runs of words that another has, or of documents with an equal that is labelled otherwise."""
DOUBTFUL = 0.05
"""Share of labels."""
ALONE = {"repetition": (0.1, 0.3), "loops": (0.05, 0.2), "distinct_4": (0.5, 0.3)}
"""What needs no reference: where a reading is suspect, and where it tells of collapse."""
VARIETY = frozenset({"distinct_1", "distinct_2", "distinct_4", "unigram_entropy", "compression", "vendi", "self_bleu",
                     "repetition", "loops"})
"""Readings of the data alone. A set may cover little of a reference and be sound; with less variety, too, it has
collapsed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know of a data set."""

    gravity: Gravity
    kind: str
    says: str
    examples: tuple[str, ...] = ()
    """To look at first."""


def findings(data: Sketch, reference: Sketch | None, blocks: Blocks | None, readings: Sequence[Compared],
             lost: Sequence[Tail], missing: Sequence[Cluster], splits: Sequence[Overlap], labels: Labels | None
             ) -> list[Finding]:
    """All that there is to say, the gravest first."""
    foreign = blocks is not None and bool(blocks.reference) and known_words(blocks) < FOREIGN
    found = [*_odd(data), *_again(data, None if foreign else reference), *_contamination(splits), *_labels(labels)]
    if blocks is None:
        found.append(Finding("note", "little text", "There is too little text to measure variety by."))
    elif foreign:
        found.append(Finding("suspect", "another kind",
                             "The reference is of another kind or in another language: it knows "
                             f"{known_words(blocks):.0%} as many of the data's words as of its own. What it covers was "
                             "not judged.",
                             tuple(_unknown(blocks))))
    else:
        found += [*_beside(readings), *_tails(lost, readings), *_clusters(missing)]
    if blocks is not None and (foreign or not blocks.reference):
        found += _alone(readings)
    order: tuple[Gravity, ...] = ("collapsed", "suspect", "note")
    return sorted(found, key=lambda finding: order.index(finding.gravity))


def verdict_of(found: Sequence[Finding]) -> Verdict:
    """The gravest."""
    gravities = {finding.gravity for finding in found}
    return "collapsed" if "collapsed" in gravities else "suspect" if "suspect" in gravities else "healthy"


def sentence(verdict: Verdict, found: Sequence[Finding], *, beside: bool) -> str:
    """A verdict in words."""
    match verdict:
        case "collapsed":
            return "Do not train on this as it is: it has collapsed, or is mostly the same said again."
        case "suspect":
            number = sum(finding.gravity == "suspect" for finding in found)
            speak = "a finding speaks" if number == 1 else f"{number} findings speak"
            return f"Look before you train on this: {speak} against it."
        case "healthy":
            return ("Nothing was found against training on this: it is as varied as the reference and covers it."
                    if beside else "Nothing was found against training on this. Whether tails are lost, only a "
                                   "reference can tell: --reference REAL.")


def known_words(blocks: Blocks) -> float:
    """Of the words in a block of the data, how many a block of the reference knows, over as many of its own."""
    known = [[float(np.isin(block.words, blocks.reference[(place + 1) % len(blocks.reference)].words).mean())
              for place, block in enumerate(side)] for side in (blocks.data, blocks.reference)]
    return float(np.mean(known[0]) / max(float(np.mean(known[1])), 1e-9))


def _unknown(blocks: Blocks) -> Iterator[str]:
    """The most frequent words of the data that the reference does not have."""
    theirs = np.concatenate([block.words for block in blocks.reference])
    words, counts = np.unique(np.concatenate([block.words for block in blocks.data]), return_counts=True)
    new = ~np.isin(words, theirs)
    for word in words[new][np.argsort(-counts[new], kind="stable")][:2 * SHOWN].tolist():
        yield blocks.spellings[word]


def _odd(data: Sketch) -> Iterator[Finding]:
    for what, number in sorted(data.odd.items()):
        if number:
            share = number / (data.documents + number)
            yield Finding("suspect" if share >= ODD else "note", what, f"{what[0].upper()}{what[1:]}: {number:,}.")


def _again(data: Sketch, reference: Sketch | None) -> Iterator[Finding]:
    """Duplicates. More of a set is there twice the larger it is, so that only a reference as large tells what is to be
    expected."""
    fair = reference is not None and reference.asked >= data.asked
    if data.asked < data.documents:
        yield Finding("note", "duplicates", f"Duplicates were counted in the first {data.asked:,} documents.")
    usually = reference.again if fair and reference is not None else (0.0, 0.0)
    kinds = (("duplicates", _most(data), "are the same as one before"),
             ("near-duplicates", data.first_alike, "are nearly the same as one before"))
    for (kind, shown, says), share, usual in zip(kinds, data.again, usually, strict=True):
        beside = f", of the reference {usual:.1%}" if fair else ""
        if share - usual >= (AGAIN_ABOVE if fair else AGAIN):
            yield Finding("collapsed" if share - usual >= AGAIN_MOST else "suspect", kind,
                          f"{share:.1%} of documents {says}{beside}.", _shown(shown))
    often = data.often.most(1)
    if often and often[0][1] >= max(3, ONE * data.asked):
        text = data.first_equal.get(often[0][0])
        yield Finding("suspect", "one document", f"One document makes up {often[0][1] / data.asked:.1%} of all.",
                      _shown([text] if text else []))


def _most(data: Sketch) -> list[Passage]:
    """What came most often, with how often."""
    return [data.first_equal[hashed]._replace(place=f"{times:,} times, again at {data.first_equal[hashed].place}")
            for hashed, times in data.often.most(SHOWN) if hashed in data.first_equal]


def _shown(passages: Sequence[Passage]) -> tuple[str, ...]:
    return tuple(f"{passage.place}: {passage.text}" for passage in passages)


def _contamination(splits: Sequence[Overlap]) -> Iterator[Finding]:
    for overlap in splits:
        if overlap.share >= OVERLAPPING:
            yield Finding("suspect", "contamination", f"{overlap.share:.1%} of the runs of eight words in split "
                                                      f"{overlap.split!r} are in split {overlap.largest!r}, too.")


def _labels(labels: Labels | None) -> Iterator[Finding]:
    if labels is None:
        return
    if labels.conflicting >= max(2, OVERLAPPING * labels.labelled):
        yield Finding("suspect", "labels", f"{labels.conflicting:,} of {labels.labelled:,} documents that were "
                                           "compared have an equal with another label.")
    if labels.share >= DOUBTFUL:
        shown = tuple(f"{passage.place}: labelled {passage.label!r}, its neighbours {other!r}: {passage.text}"
                      for passage, other in labels.examples)
        yield Finding("suspect", "labels", f"{labels.share:.1%} of labels are likely wrong: the nearest documents "
                                           "agree on another.", shown)


def _beside(readings: Sequence[Compared]) -> Iterator[Finding]:
    """Readings that are worse than the reference's."""
    grave = {one.reading.name for one in readings if one.grave}
    collapsed = len(grave) > 1 and bool(grave & VARIETY)
    for kind, says, of_variety in (("variety", "It is less varied than the reference.", True),
                                   ("coverage", "It covers less of the reference than real text of that size.", False)):
        worse = [one for one in readings if one.matters and (one.reading.name in VARIETY) == of_variety]
        if worse:
            told = tuple(f"{one.reading.says}: {one.mean:.3g}, of the reference {one.expected:.3g}" for one in worse)
            gravely = collapsed and any(one.grave for one in worse)
            yield Finding("collapsed" if gravely else "suspect", kind, says, told)


def _tails(lost: Sequence[Tail], readings: Sequence[Compared]) -> Iterator[Finding]:
    fell = any(one.grave for one in readings if one.reading.name in VARIETY)
    for tail in lost:
        if tail.share >= LOST and tail.lost >= LEAST_LOST:
            yield Finding("collapsed" if fell and tail.share >= LOST_MOST else "suspect", "tails",
                          f"{tail.lost:,} of {tail.known:,} {tail.kind} that the reference repeats are lost "
                          f"({tail.share:.0%}).",
                          tuple(f"{each.text}: in {each.expected} passages of the reference, in {each.found} here"
                                for each in tail.examples))


def _clusters(missing: Sequence[Cluster]) -> Iterator[Finding]:
    if missing:
        kinds = "a kind" if len(missing) == 1 else f"{len(missing)} kinds"
        yield Finding("suspect", "kinds of passage",
                      f"Of {kinds} of passage that the reference has there is hardly any.",
                      tuple(f"{cluster.expected:.1%} of the reference, {cluster.found:.1%} here, such as "
                            f"{cluster.example.place}: {cluster.example.text}" for cluster in missing))


def _alone(readings: Sequence[Compared]) -> Iterator[Finding]:
    """What is too much, or too little, whatever it is compared with."""
    for one in readings:
        if one.reading.name in ALONE:
            suspect, grave = (one.reading.worse * limit for limit in ALONE[one.reading.name])
            value = one.reading.worse * one.mean
            if value >= suspect:
                yield Finding("collapsed" if value >= grave else "suspect", one.reading.name,
                              f"Of {one.reading.says} there are too {'many' if one.reading.worse > 0 else 'few'}: "
                              f"{one.mean:.3g}.")
