"""The whole audit: what has collapsed is told from what is sound, and bad input gets a sentence or a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pawl.audit.audit
from pawl.audit.audit import Audit, audit
from pawl.audit.sketch import Sketch, sketch
from pawl.errors import DataError

Written = Callable[..., Path]


def kinds(found: Audit) -> set[str]:
    return {finding.kind for finding in found.findings if finding.gravity != "note"}


@pytest.mark.parametrize("seed", range(4))
def test_healthy_halves_raise_no_alarm(seed: int, world: list[str], written: Written) -> None:
    order = np.random.default_rng(seed).permutation(len(world))
    data, reference = ([world[place] for place in half] for half in np.split(order, 2))
    found = audit(written("data", data), written("reference", reference))
    assert (found.verdict, kinds(found)) == ("healthy", set())
    assert found.documents > 1990 and found.block > 3000


def test_few_documents_again_and_again_have_collapsed(world: list[str], written: Written) -> None:
    chosen = np.random.default_rng(0).integers(60, size=2000)
    found = audit(written("data", [world[place] for place in chosen]), written("reference", world[2000:]))
    assert found.verdict == "collapsed"
    assert kinds(found) >= {"duplicates", "variety", "coverage", "tails"}
    assert found.sentence.startswith("Do not train on this")


def test_what_lacks_one_kind_of_text_is_suspect(world: list[str], written: Written) -> None:
    data = [text for text in world[:2000] if "?" not in text]
    assert 1000 < len(data) < 1900
    found = audit(written("data", data), written("reference", world[2000:]))
    assert found.verdict == "suspect" and "tails" in kinds(found)


def test_one_document_alone_has_collapsed_without_a_reference(written: Written) -> None:
    found = audit(written("data", ["The same sentence, and nothing else."] * 1500))
    assert found.verdict == "collapsed"
    [one] = [finding for finding in found.findings if finding.kind == "one document"]
    assert one.says == "One document makes up 100.0% of all." and "The same sentence" in one.examples[0]


def test_a_reference_in_another_language_is_told_and_not_compared(world: list[str], written: Written) -> None:
    random = np.random.default_rng(1)
    letters = np.array(list("абвгдежзиклмнопрст"))
    foreign = [" ".join("".join(random.choice(letters, size=4)) for _ in range(25)) for _ in range(2000)]
    found = audit(written("data", world[:2000]), written("reference", foreign))
    assert kinds(found) == {"another kind"} and found.verdict == "suspect"


def test_little_text_is_a_note(written: Written) -> None:
    found = audit(written("data", ["One.", "Two."]), written("reference", ["Three."]))
    assert found.verdict == "healthy" and found.block == 0 and found.readings == ()
    assert [finding.kind for finding in found.findings] == ["little text"]


def test_contamination_and_labels_are_told(world: list[str], written: Written) -> None:
    long = [text for text in world if len(text.split()) > 20][:300]
    splits = written("data", [*long, *long[:30]], split=["train"] * len(long) + ["test"] * 30)
    [told] = [each for each in audit(splits).findings if each.kind == "contamination"]
    assert told.says == "100.0% of the runs of eight words in split 'test' are in split 'train', too."
    labels = written("other", long * 2, label=["a"] * len(long) + ["b"] * len(long))
    assert "labels" in kinds(audit(labels))


def test_splits_are_files_of_a_folder(tmp_path: Path, world: list[str], written: Written) -> None:
    long = [text for text in world if len(text.split()) > 20][:300]
    written("train-00000-of-00001", long)
    written("my_test", long[:20])
    assert "contamination" in kinds(audit(tmp_path))


@pytest.mark.parametrize(("name", "content", "says"), [
    ("empty.txt", b"", "is empty"), ("empty.jsonl", b"", "must hold text"), ("blank.txt", b"\n \n\n", "must hold text"),
    ("binary.txt", bytes(range(256)) * 50, "is binary"), ("columns.jsonl", b'{"x": "a"}\n', "one of the columns"),])
def test_what_has_no_text_is_refused_in_a_sentence(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        audit(tmp_path / name)


def test_missing_data_and_columns_are_refused(tmp_path: Path, written: Written) -> None:
    with pytest.raises(DataError, match="file that can be read"):
        audit(tmp_path / "none.txt")
    with pytest.raises(DataError, match="must hold files"):
        (tmp_path / "folder").mkdir()
        audit(tmp_path / "folder")
    with pytest.raises(DataError, match="must have column 'body'"):
        audit(written("data", ["a"]), column="body")


def test_mixed_encodings_are_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "mixed.txt"
    path.write_bytes(b"\n".join(["über alles".encode("latin-1"), "größer".encode()] * 200))
    [told] = [finding for finding in audit(path).findings if "UTF-8" in finding.kind]
    assert told.says == "Documents with bytes that are no UTF-8: 200." and told.gravity == "suspect"


def test_an_audit_of_a_stream_is_that_of_the_whole(world: list[str], written: Written,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    data, reference = written("data", [*world[:1500], *world[:500]]), written("reference", world[2000:])

    def record(size: int) -> dict[str, object]:
        monkeypatch.setattr(pawl.audit.audit, "sketch", lambda documents: _sketched(documents, size))
        found = audit(data, reference).record()
        return {name: value for name, value in found.items() if name not in ("seconds", "peak_bytes")}

    assert record(2000) == record(1 << 30)


def _sketched(documents: object, size: int) -> Sketch:
    return sketch(documents, size=size)  # type: ignore[arg-type]
