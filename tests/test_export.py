"""Exports: a champion as it is, attempts and examples as rows that read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pawl.errors import RunError, UnknownNameError
from pawl.export import export
from pawl.ledger import GenerationRecord, Ledger
from pawl.models.tokenizer import Tokenizer, train_tokenizer
from pawl.records import Attempt, Completion, Problem, Prompt, TokenExample, Verdict
from pawl.run_directory import RunDirectory

HOSTILE = '</script>\x1b[31m[/b]\n"\ud800'


def attempt(prompt: Prompt, text: str, index: int, tokenizer: Tokenizer) -> Attempt:
    problem = Problem("p1", prompt, "train", answer="7")
    tokens = tokenizer.encode("ab")
    return Attempt(problem, index, tokens, Completion(text, tokens, np.zeros(2, np.float32), "stop"))


def make_run(directory: Path, prompt: Prompt = "ab=") -> Path:
    """A run of one generation: a right attempt, a hostile wrong one, and one the judge could not decide."""
    tokenizer = train_tokenizer("char", ["abc="])
    with RunDirectory.create(directory) as run:
        run.write_config({"recipe": "toy"})
        champion = run.store(tokenizer.save, lambda path: "c0ffee")
        with Ledger.create(run.ledger_path, {"recipe": "toy"}) as ledger:
            ledger.set_base({}, {}, champion)
            texts = ("right", HOSTILE, "odd")
            verdicts = [Verdict(1.0, "truth"), Verdict(0.0, "truth"), Verdict(None, "truth", error="it hung")]
            tokens = np.concatenate([tokenizer.encode("ab="), tokenizer.encode("c", continues=True)])
            weights = np.array([0, 0, 0, 0.5], np.float32)
            ledger.commit(GenerationRecord(
                index=1, attempts=[attempt(prompt, text, i, tokenizer) for i, text in enumerate(texts)],
                verdicts=verdicts, examples=[TokenExample(tokens, weights, 3, 1.0, "self", "p1")],
                evidence=None, contest_ids=[], decision=None, dropped="loss not finite", champion=champion,
                candidate=None, metrics={}, seconds={}, notes=[],
            ))  # fmt: skip
    return directory


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_the_champion_is_copied_file_for_file(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    result = export(run, "hf", tmp_path / "model")
    source = run / "checkpoints" / "c0ffee"
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }
    assert result["files"] == sorted(str(tmp_path / "model" / path.name) for path in source.iterdir())


def test_attempts_come_with_their_verdicts(tmp_path: Path) -> None:
    result = export(make_run(tmp_path / "run"), "jsonl")
    right, hostile, undecided = lines(Path(result["out"]) / "attempts.jsonl")
    assert (right["prompt"], right["completion"], right["answer"], right["score"]) == ("ab=", "right", "7", 1.0)
    assert hostile["completion"] == HOSTILE
    assert (undecided["score"], undecided["error"]) == (None, "it hung")


def test_examples_come_as_text_and_as_tokens(tmp_path: Path) -> None:
    result = export(make_run(tmp_path / "run"), "jsonl", tmp_path / "out")
    [example] = lines(Path(result["out"]) / "examples.jsonl")
    assert (example["prompt"], example["completion"], example["weight"]) == ("ab=", "c", 0.5)
    assert (len(example["prompt_tokens"]), len(example["completion_tokens"])) == (3, 1)


@pytest.mark.parametrize("prompt", ["ab=", ({"role": "user", "content": "ab"},)])
def test_parquet_holds_the_same_rows(tmp_path: Path, prompt: Prompt) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run = make_run(tmp_path / "run", prompt)
    export(run, "jsonl")
    export(run, "parquet")
    for name in ("attempts", "examples"):
        rows = parquet.read_table(run / "export" / "parquet" / f"{name}.parquet").to_pylist()
        written = lines(run / "export" / "jsonl" / f"{name}.jsonl")
        assert json.loads(json.dumps(rows)) == json.loads(json.dumps(written).replace("\\ud800", "?"))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="an export must go to a new or empty directory"):
        export(run, "hf", tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "checkpoints" / "c0ffee" / "tokenizer.json").write_text("{")
    with pytest.raises(Exception, match="tokenizer"):
        export(run, "jsonl", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_another_format_and_no_run_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown format: 'json'\nhint: did you mean 'jsonl'"):
        export(tmp_path, "json")  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(RunError, match="a run directory must hold"):
        export(tmp_path, "jsonl")
