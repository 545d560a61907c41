"""What a person says of pairs, and the file that keeps it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pawl.cli import main
from pawl.errors import DataError, LabelsWanted
from pawl.labels import Better, Person, label, read_labels, read_questions, unlabelled
from pawl.records import Attempt, Completion, Problem


def attempt(text: str, problem: str = "a problem") -> Attempt:
    return Attempt(Problem(problem, problem, "train"), 0, np.zeros(1, np.int32),
                   Completion(text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop"))


PAIRS = [(attempt("one"), attempt("other")), (attempt("left"), attempt("right")), (attempt("up"), attempt("down"))]


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A run that wants to know of three pairs."""
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(LabelsWanted, match="3 pairs must be compared by a person"):
        Person(tmp_path)(PAIRS)
    return tmp_path


def answer(directory: Path, *liked: str) -> None:
    """Says of the pairs so far which text is liked; nothing of others."""
    for question in unlabelled(directory):
        for text in liked:
            if text in (question.first, question.second):
                label(directory, question, "first" if text == question.first else "second")


def test_a_person_is_asked_once_and_heard_whichever_order_the_pairs_have(waiting: Path) -> None:
    answer(waiting, "one", "right", "down")
    assert Person(waiting)(PAIRS) == [True, False, False]
    assert Person(waiting)([pair[::-1] for pair in PAIRS]) == [False, True, True]
    assert len(read_questions(waiting)) == 3


def test_only_what_is_not_known_is_asked_and_nothing_twice(waiting: Path) -> None:
    answer(waiting, "one")
    for _ in range(2):
        with pytest.raises(LabelsWanted, match=r"2 pairs .*\n.*pawl label .* then pawl resume"):
            Person(waiting)(PAIRS)
    assert len(read_questions(waiting)) == 3 and len(unlabelled(waiting)) == 2


def test_of_neither_nothing_is_learnt_and_the_latest_word_counts(waiting: Path) -> None:
    answer(waiting, "one", "left", "up")
    label(waiting, read_questions(waiting)[1], "neither")
    assert Person(waiting)(PAIRS) == [True, None, True]


def test_the_order_on_the_screen_tells_nothing_of_the_order_in_the_run(tmp_path: Path) -> None:
    pairs = [(attempt(f"old {number}", f"p{number}"), attempt(f"new {number}", f"p{number}")) for number in range(200)]
    with pytest.raises(LabelsWanted):
        Person(tmp_path)(pairs)
    assert 60 < sum("old" in question.first for question in read_questions(tmp_path)) < 140


@given(cut=st.integers(0, 200), better=st.sampled_from(["first", "second", "neither"]))
def test_a_line_that_was_cut_off_is_forgotten_and_costs_no_other(tmp_path_factory: pytest.TempPathFactory, cut: int,
                                                                 better: Better) -> None:
    directory = tmp_path_factory.mktemp("cut")
    with pytest.raises(LabelsWanted):
        Person(directory)(PAIRS)
    first, second, third = read_questions(directory)
    label(directory, first, "first")
    label(directory, second, "second")
    path = directory / "labels.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut] if cut < len(whole) else b"")
    kept = read_labels(directory)
    label(directory, third, better)
    assert read_labels(directory) == {**kept, third.id: better}


@pytest.mark.parametrize("end", ["", "\n", "\r\n\n"])
def test_a_file_written_by_hand_needs_no_last_end_of_line_and_may_have_empty_ones(waiting: Path, end: str) -> None:
    first, second, third = read_questions(waiting)
    lines = [json.dumps({"id": one.id, "better": "first"}) for one in (first, first, second)]
    (waiting / "labels.jsonl").write_bytes(("\n\n".join([*lines, '{"id": "of another run", "better": "first"}']) + end
                                            ).encode())
    label(waiting, third, "second")
    assert read_labels(waiting) == {first.id: "first", second.id: "first", "of another run": "first",
                                    third.id: "second"}


def test_nobody_is_asked_about_equal_answers_or_one_that_failed(tmp_path: Path) -> None:
    failed = replace(attempt("odd"), error="sample: no")
    assert Person(tmp_path)([(attempt("same"), attempt("same")), (failed, attempt("fine"))]) == [None, None]
    assert read_questions(tmp_path) == []


def test_a_conversation_is_shown_with_who_says_what(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    said = ({"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"})
    pair = tuple(replace(one, problem=Problem("a problem", said, "train")) for one in PAIRS[0])
    with pytest.raises(LabelsWanted):
        Person(tmp_path)([pair])
    told = CliRunner().invoke(main, ["label", str(tmp_path)], input="1\n")
    assert "system: be kind\nuser: hello" in told.output and "1 pairs compared, 0 left." in told.output
    assert Person(tmp_path)([pair]) != [None]


@pytest.mark.parametrize(("line", "says"), [
    ("{", "must be JSON"), ('{"id": ["a"], "better": "first"}', "a text as id"), ("\udcff", "must be JSON"),
    ('{"id": "a"}', "must have id, better"), ('{"id": "a", "better": "best"}', "got 'best'"),
    ("[1]", "must have id, better")])
def test_what_is_no_label_is_named_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "labels.jsonl").write_bytes(f"{line}\n".encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=says):
        read_labels(tmp_path)


def test_labels_of_what_was_never_asked_are_not_counted(waiting: Path) -> None:
    (waiting / "labels.jsonl").write_text('{"id": "of another run", "better": "first"}\n')
    told = CliRunner().invoke(main, ["label", str(waiting)], input="1\nq\n")
    assert "1 pairs compared, 2 left." in told.output


def test_the_command_asks_and_keeps_every_answer_at_once(waiting: Path) -> None:
    told = CliRunner().invoke(main, ["label", str(waiting)], input="1\nx\nn\nq\n")
    assert told.exit_code == 0 and "1 of 3" in told.output and "[1] " in told.output
    assert "2 pairs compared, 1 left." in told.output
    assert sorted(read_labels(waiting).values()) == ["first", "neither"]
    last = CliRunner().invoke(main, ["label", str(waiting), "--json"], input="2\n")
    assert json.loads(last.stdout.splitlines()[-1]) == {"labels": 3, "new": 1, "left": 0, "out": str(waiting)}


def test_a_person_who_goes_away_loses_nothing(waiting: Path) -> None:
    told = CliRunner().invoke(main, ["label", str(waiting)], input="1\n")  # and the input ends
    assert told.exit_code != 0 and len(read_labels(waiting)) == 1


def test_where_no_run_is_the_command_says_so(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["label", str(tmp_path)])
    assert told.exit_code == 2 and "run directory" in told.output
