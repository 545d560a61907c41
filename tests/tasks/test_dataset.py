from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pawl.config import build
from pawl.errors import ConfigError, DataError
from pawl.records import SPLITS, Problem
from pawl.tasks.dataset import Dataset
from pawl.testing import check

GSM8K = Path(__file__).parents[2] / ".." / "shared" / "data" / "gsm8k_train.jsonl"


def written(folder: Path, *rows: Any) -> str:
    path = folder / "data.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return str(path)


def every(task: Dataset) -> list[Problem]:
    return [problem for split in SPLITS for problem in task.problems(split, 10**6, 0)]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "1+1?", "answer": "2"},
        {"prompt": "1+1?", "completion": "2"},
        {"problem": "1+1?", "solution": "2"},
        {"problem": "1+1?", "answer": 2},
        {"question": "1+1?", "answer": 2.0, "extra": None},
    ],
)
def test_columns_are_found_by_the_conventions(tmp_path: Path, row: dict[str, Any]) -> None:
    task = Dataset(data=written(tmp_path, row))
    [problem] = every(task)
    assert problem.prompt == "1+1?\n"
    assert (task.score(problem, "2"), task.score(problem, "3"), task.score(problem, "")) == (1, 0, 0)


def test_columns_can_be_named(tmp_path: Path) -> None:
    task = Dataset(
        data=written(tmp_path, {"q": "1+1?", "a": "2", "question": "no", "answer": "no"}), question="q", answer="a"
    )
    assert [(problem.prompt, problem.answer) for problem in every(task)] == [("1+1?\n", "2")]


def test_more_columns_stand_in_the_data_as_json_has_them(tmp_path: Path) -> None:
    row = {"question": "1+1?", "answer": 2, "level": 3, "tests": ["a", {"b": 0.5}], "note": None}
    [problem] = every(Dataset(data=written(tmp_path, row), columns=("level", "tests", "note", "answer")))
    assert problem.answer == "2" and type(problem.answer) is str
    assert problem.data == {"level": 3, "tests": ["a", {"b": 0.5}], "note": None, "answer": 2}
    [bare] = every(Dataset(data=written(tmp_path, row)))
    assert bare.data == {} and (bare.id, bare.split) == (problem.id, problem.split)


def test_a_row_without_a_named_column_is_a_bad_one(tmp_path: Path) -> None:
    data = written(tmp_path, {"question": "1+1?", "answer": "2", "level": 1}, {"question": "1+2?", "answer": "3"},
                   '{"question": "1+3?", "answer": "4", "level": [1e999]}')
    with pytest.raises(DataError, match=r"must have column 'level', got question, answer: .*line 2"):
        every(Dataset(data=data, columns=("level",)))
    with pytest.raises(DataError, match="column 'levle', got question, answer, level"):
        every(Dataset(data=data, columns=("levle",)))
    task = Dataset(data=data, columns=("level",), on_bad_row="skip")
    assert (len(every(task)), task.skipped) == (1, 2)


def test_a_named_column_that_json_does_not_have_is_told_with_its_place(tmp_path: Path) -> None:
    data = written(tmp_path, '{"question": "1+1?", "answer": "2", "level": [1e999]}')
    with pytest.raises(DataError, match=r"column 'level' must hold .*, got inf: .*line 1"):
        every(Dataset(data=data, columns=("level",)))


def test_columns_are_named_with_commas_in_a_command(tmp_path: Path) -> None:
    [task] = build([Dataset], {"data": written(tmp_path, {"question": "?", "answer": "1", "a": 1, "b": 2}),
                               "columns": "a,b"})
    assert [problem.data for problem in every(task)] == [{"a": 1, "b": 2}]


ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1?"}]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [*ASKED, {"role": "assistant", "content": "2"}]},
        {"prompt": ASKED, "completion": [{"role": "assistant", "content": "2"}]},
        {"prompt": ASKED, "answer": "2"},
        {"messages": ASKED, "answer": "2"},
    ],
)
def test_messages_end_with_the_answer_or_have_it_beside_them(tmp_path: Path, row: dict[str, Any]) -> None:
    named = {"messages": "messages", "answer": "answer"} if row.keys() == {"messages", "answer"} else {}
    [problem] = every(Dataset(data=written(tmp_path, row), **named))
    assert problem.prompt == tuple(ASKED) and problem.answer == "2"


BAD = {
    "not JSON": ("{", "column 2"),
    "no column": ({"question": "x"}, "answer columns answer, completion, solution, got question"),
    "null": ({"question": "x", "answer": None}, "must have column 'answer'"),
    "blank": ({"question": " ", "answer": "1"}, "not be empty"),
    "no answer after the mark": ({"question": "x", "answer": "so ####"}, "nothing after its mark"),
    "a table": ({"question": "x", "answer": {"a": 1}}, "must be text, got a dict"),
    "no Unicode": ('{"question": "\\ud800", "answer": "1"}', "valid Unicode"),
    "no question at all": ({"text": "x"}, "question columns question, prompt, problem, messages, got text"),
    "an unanswered chat": ({"messages": ASKED}, "must end with a message of the assistant"),
    "no messages": ({"messages": [1, 2]}, "messages with role and content"),
}


@pytest.mark.parametrize(("row", "sentence"), BAD.values(), ids=BAD.keys())
def test_a_bad_row_stops_with_its_place_or_is_skipped_and_counted(tmp_path: Path, row: Any, sentence: str) -> None:
    data = written(tmp_path, {"question": "1+1?", "answer": "2"}, row, {"question": "1+2?", "answer": "3"})
    with pytest.raises(DataError, match=sentence) as raised:
        every(Dataset(data=data))
    assert "data.jsonl, line 2" in str(raised.value)
    task = Dataset(data=data, on_bad_row="skip")
    assert (len(every(task)), task.skipped) == (2, 1)


def test_a_file_of_bad_rows_says_what_was_wrong_with_the_last(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2"):
        every(Dataset(data=written(tmp_path, {"text": "a"}, {"text": "b"}), on_bad_row="skip"))
    with pytest.raises(DataError, match="must hold rows, got none"):
        every(Dataset(data=written(tmp_path, "")))


def test_answers_that_must_be_numbers_are_looked_at_when_read(tmp_path: Path) -> None:
    data = written(tmp_path, {"question": "Where?", "answer": "east"})
    with pytest.raises(DataError, match=r"must be a number, got 'east'.*line 1"):
        every(Dataset(data=data, compare="number"))
    [problem] = every(Dataset(data=data))
    assert Dataset(data=data).score(problem, r"\boxed{east}") == 1


def test_questions_that_differ_in_blanks_are_one_problem(tmp_path: Path) -> None:
    rows = [{"question": question, "answer": str(i)} for i, question in enumerate(["a b", " a  b\n", "a\tb", "ab"])]
    assert [problem.answer for problem in every(Dataset(data=written(tmp_path, *rows)))] in (["0", "3"], ["3", "0"])


def test_the_split_hangs_on_the_question_alone(tmp_path: Path) -> None:
    rows = [{"question": f"{i}+1?", "answer": str(i + 1)} for i in range(300)]
    split_before = {problem.id: problem.split for problem in every(Dataset(data=written(tmp_path, *rows)))}
    fewer = every(Dataset(data=written(tmp_path, *[{**row, "answer": "0"} for row in rows[:7:-1]])))
    assert all(split_before[problem.id] == problem.split for problem in fewer)


def test_the_corpus_is_the_train_split_with_full_answers(tmp_path: Path) -> None:
    rows = [{"question": f"{i}+1?", "answer": f"adding one\n#### {i + 1}"} for i in range(100)]
    task = Dataset(data=written(tmp_path, *rows))
    train = {(problem.prompt, problem.answer) for problem in task.problems("train", 100, 0)}
    assert {(one.prompt, one.completion) for one in task.corpus(1000, 3)} == train
    assert task.corpus(5, 3) == task.corpus(50, 3)[:5]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"fractions": (0.5, 0.5, 0.5)}, r"fractions must sum to 1, got \[0.5, 0.5, 0.5\]"),
        ({"fractions": (-1, 1, 1)}, "0 or more"),
        ({"on_bad_row": "ignore"}, "'error' or 'skip'"),
        ({"question": "q", "messages": "m"}, "messages or question must be named"),
        ({"data": ""}, "data must be"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Dataset(**{"data": "x.jsonl", **values})


def test_it_keeps_the_contract_of_tasks(tmp_path: Path) -> None:
    rows = [{"question": f"{i}+{j}?", "answer": str(i + j)} for i in range(20) for j in range(20)]
    assert check(Dataset(data=written(tmp_path, *rows))) == []


@pytest.mark.skipif(not GSM8K.exists(), reason="the data lies beside the repository on some machines only")
def test_every_known_answer_of_gsm8k_is_right_by_number() -> None:
    task = Dataset(data=str(GSM8K), compare="number")
    problems = every(task)
    assert len(problems) == 7473 and task.skipped == 0
    assert all(problem.answer is not None and task.score(problem, problem.answer) == 1 for problem in problems)
    final = [(problem.answer or "").partition("#### ")[2] for problem in problems]
    assert all(task.score(problem, f"${answer}") == 1 for problem, answer in zip(problems, final, strict=True))


@pytest.mark.parametrize(("one", "other", "same"), [
    ("6*7 is 42. #### 42", r"So \boxed{42.0}", True), ("$1,200", "#### 1200", True),
    ("#### 1/2", r"\boxed{\frac{1}{2}}", True),
    ("#### 42", "#### 24", False), ("first 1, #### Oslo", "#### Oslo ", True), ("Oslo", "oslo", False)])
def test_what_an_answer_says_is_its_final_answer(tmp_path: Path, one: str, other: str, same: bool) -> None:
    task = Dataset(data=written(tmp_path, {"question": "?", "answer": "1"}))
    assert (task.canonical(one) == task.canonical(other)) is same
    assert task.canonical(" ") is task.canonical("so ####") is None


def test_compared_by_text_numbers_are_texts(tmp_path: Path) -> None:
    task = Dataset(data=written(tmp_path, {"question": "?", "answer": "1"}), compare="text")
    assert task.canonical("1.0") != task.canonical("1")
