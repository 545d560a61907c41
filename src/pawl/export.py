"""What a run made, for other programs: the champion as a Hugging Face checkpoint, attempts and examples as rows.

    attempts    every attempt with its problem and its verdict; a score of null is a judge that abstained
    examples    what was selected to learn from, all of it right: prompt and completion, as text and as tokens

Columns have the names that trainers look for (`prompt`, `completion`, `answer`, `score`); `pawl.export_trl` has the
attempts as each of TRL's trainers wants them. An export appears whole or not at all. Not covered: sampling
log-probabilities, which stay in the ledger.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from pawl.errors import MissingExtraError, RunError, UnknownNameError
from pawl.export_trl import KINDS, Choice, Kind, typed_rows
from pawl.ledger import Ledger
from pawl.models.tokenizer import load_tokenizer
from pawl.run_directory import RunDirectory

FORMATS = ("hf", "jsonl", "parquet", *KINDS)
To = Literal["hf", "jsonl", "parquet", "sft", "dpo", "kto", "stepwise"]
ROWS_TOGETHER = 4096
"""Rows held in memory at a time."""

Row = dict[str, Any]
Write = Callable[[Path, Iterator[Row]], None]


def export(run_directory: Path, to: To, out: Path | None = None, *, choice: Choice | None = None) -> dict[str, Any]:
    """Write an export and say where: `{"run", "to", "out", "files"}`; and of data for TRL, for which `choice` says
    which attempts are taken, how many `rows` of how many `problems`, and how many of all `attempts` were `left_out`
    and why.

    `out` must be new or empty; `DIR/export/FORMAT` when left out. A run that is still going on may be exported.
    Raises UnknownNameError for another format, RunError where there is no run, `out` is taken, or there is nothing to
    export, MissingExtraError for parquet without pyarrow.
    """
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    run = RunDirectory.open(run_directory, read_only=True)
    with Ledger.open(run.ledger_path, read_only=True) as ledger:
        out = out or run_directory / "export" / to
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(f"an export must go to a new or empty directory, got {out}", hint="name another with --out")
        if ledger.champion is None:
            raise RunError(f"a run must have a champion to export, got {run_directory}, which has none yet")
        champion = run.checkpoint(ledger.champion)
        partial = out.with_name(f".{out.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        told: dict[str, Any] = {}
        try:
            if to == "hf":
                shutil.copytree(champion, partial)
            elif to == "jsonl" or to == "parquet":
                _write_tables(ledger, champion, partial, to)
            else:
                told = _write_typed(ledger, partial, to, choice)
            partial.replace(out)
        except OSError as error:
            raise RunError(f"an export must be written to {out}, got: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    files = sorted(str(path) for path in out.rglob("*") if path.is_file())
    return {"run": str(run_directory), "to": to, "out": str(out), "files": files, **told}


def attempt_rows(ledger: Ledger) -> Iterator[Row]:
    """Every attempt of every generation, in order."""
    for generation in ledger.generations():
        for attempt, verdict in ledger.attempts(generation.index):
            problem = attempt.problem
            yield {
                "generation": generation.index,
                "problem": problem.id,
                "split": problem.split,
                "prompt": problem.prompt if isinstance(problem.prompt, str) else [dict(m) for m in problem.prompt],
                "completion": attempt.completion.text,
                "answer": problem.answer,
                "score": verdict.score,
                "judge": verdict.judge,
                "source": attempt.source,
                "attempt": attempt.index,
                "tokens": len(attempt.completion.tokens),
                "finish": attempt.completion.finish,
                "error": attempt.error or verdict.error,
            }


def example_rows(ledger: Ledger, checkpoint: Path) -> Iterator[Row]:
    """Every selected example, in order; the checkpoint's tokenizer turns its tokens back into text."""
    tokenizer = load_tokenizer(checkpoint)
    for generation in ledger.generations():
        for example in ledger.examples([generation.index]):
            prompt, completion = example.tokens[: example.prompt_length], example.tokens[example.prompt_length :]
            yield {
                "generation": generation.index,
                "problem": example.problem_id,
                "prompt": tokenizer.decode(prompt),
                "completion": tokenizer.decode(completion),
                "source": example.source,
                "weight": float(example.weights.max(initial=0.0)),
                "prompt_tokens": prompt.tolist(),
                "completion_tokens": completion.tolist(),
            }


def _write_tables(ledger: Ledger, checkpoint: Path, directory: Path, to: Literal["jsonl", "parquet"]) -> None:
    write = _write_jsonl if to == "jsonl" else _parquet_writer()
    directory.mkdir(parents=True)
    write(directory / f"attempts.{to}", attempt_rows(ledger))
    write(directory / f"examples.{to}", example_rows(ledger, checkpoint))


def _write_typed(ledger: Ledger, directory: Path, to: Kind, choice: Choice | None) -> dict[str, Any]:
    """Writes data for a trainer of TRL; how much, and what became of the attempts."""
    judged = (pair for generation in ledger.generations() for pair in ledger.attempts(generation.index))
    made = typed_rows(to, judged, choice=choice)
    directory.mkdir(parents=True)
    _write_jsonl(directory / f"{to}.jsonl", iter(made.rows))
    return {"rows": len(made.rows), "problems": made.problems, "attempts": made.attempts, "left_out": made.left_out}


def _write_jsonl(path: Path, rows: Iterator[Row]) -> None:
    with path.open("w", encoding="ascii") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def _parquet_writer() -> Write:
    """Writes rows in groups, with types that do not depend on which rows came first."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("export to parquet", "hf") from error
    kinds: dict[str, Any] = dict.fromkeys(("generation", "attempt", "tokens"), arrow.int64())
    kinds |= dict.fromkeys(("score", "weight"), arrow.float64())
    kinds |= dict.fromkeys(("prompt_tokens", "completion_tokens"), arrow.list_(arrow.int32()))
    messages = arrow.list_(arrow.struct([("role", arrow.string()), ("content", arrow.string())]))

    def write(path: Path, rows: Iterator[Row]) -> None:
        first = next(rows, None)
        if first is None:
            parquet.write_table(arrow.table({}), path)
            return
        types = {name: kinds.get(name, arrow.string()) for name in first}
        if not isinstance(first["prompt"], str):
            types["prompt"] = messages
        schema, rows = arrow.schema(list(types.items())), chain([first], rows)
        with parquet.ParquetWriter(path, schema) as writer:
            while group := [_well_formed(row) for row in islice(rows, ROWS_TOGETHER)]:
                writer.write_table(arrow.Table.from_pylist(group, schema=schema))

    return write


def _well_formed(value: Any) -> Any:
    """The value with lone surrogates, which parquet cannot hold, as question marks."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case dict():
            return {name: _well_formed(item) for name, item in value.items()}
        case list():
            return [_well_formed(item) for item in value]
    return value
