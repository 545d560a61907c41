"""What a ledger promises a run: whole generations, nothing lost, the same digest however it came about."""

import json
import resource
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pawl.errors import LedgerError
from pawl.ledger import GenerationRecord, Ledger
from pawl.records import Attempt, Completion, Decision, Evidence, GameExample, Problem, TokenExample, Verdict

HEADER = {"recipe": "countdown", "seed": 3, "settings": {"k": 8, "lr": 1e-3}, "torch": "2.13.0"}
DECISION = Decision(True, ("gain above 0",), gain=0.5, interval=(0.1, 0.9), p_value=0.01, alpha=0.02)


def problem(number: int) -> Problem:
    return Problem(f"p{number}", f"1 2={number}\n", "train", answer="1+2", data={"target": number})


def attempt(number: int, index: int = 0, length: int = 5) -> Attempt:
    completion = Completion(
        text=f"1+2={number}",
        tokens=np.arange(length, dtype=np.int32),
        logprobs=np.full(length, -0.5, np.float32),
        finish="stop",
    )
    return Attempt(problem(number), index, np.array([7, number], np.int32), completion)


def game(number: int, length: int = 3) -> GameExample:
    policies = np.full((length, 4), 0.25, np.float32)
    return GameExample(f"p{number}", np.arange(2, dtype=np.int32), np.arange(length, dtype=np.int32), policies,
                       np.linspace(-1, 1, length, dtype=np.float32), np.ones(length, np.float32), 0.5, "self")


def generation(index: int, *, problems: int = 2, length: int = 5, seconds: float = 1.0) -> GenerationRecord:
    """Two attempts a problem, the second right at the odd problems; problems differ between generations."""
    numbers = range(index * problems, (index + 1) * problems)
    attempts = [attempt(number, k, length) for number in numbers for k in range(2)]
    example = TokenExample(np.arange(4, dtype=np.int32), np.ones(4, np.float32), 2, 1.0, "self", f"p{index}")
    return GenerationRecord(
        index=index,
        attempts=attempts,
        verdicts=[Verdict(float(a.index == 1 and a.prompt_tokens[1] % 2 == 1), "truth") for a in attempts],
        examples=[example, game(index)],
        evidence=Evidence(np.ones(2, np.float32), np.zeros(2, np.float32), index, 9),
        contest_ids=[f"g{2 * index}", f"g{2 * index + 1}"],
        decision=DECISION,
        dropped=None,
        champion=f"c{index}",
        candidate=f"c{index}",
        metrics={"kl": 0.25 * index},
        seconds={"sample": seconds},
        notes=["all is well"],
    )


def filled(path: Path, generations: int = 2, *, seconds: float = 1.0) -> Ledger:
    ledger = Ledger.create(path, HEADER)
    ledger.set_base({"pass@1": 0.125}, {"train": seconds}, "ba5e")
    for index in range(1, generations + 1):
        ledger.commit(generation(index, seconds=seconds))
    return ledger


# What was run.


def test_the_header_comes_back_and_can_be_amended(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "run.db", HEADER) as ledger:
        assert ledger.header == HEADER
        ledger.amend_header({"seed": 4, "gate_problems": 6000})
        assert ledger.header == HEADER | {"seed": 4, "gate_problems": 6000}


def test_the_base_and_the_final_result_come_back(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "run.db", HEADER) as ledger:
        assert (ledger.base, ledger.final) == (None, None)
        ledger.set_base({"pass@1": 0.125}, {"train": 2.5}, "ba5e")
        ledger.set_final({"final": {"pass@1": 0.5, "ci": (0.4, 0.6)}}, {"total": 9.0})
        assert ledger.base is not None
        assert (ledger.base.metrics, ledger.base.seconds) == ({"pass@1": 0.125}, {"train": 2.5})
        assert ledger.final == {"final": {"pass@1": 0.5, "ci": [0.4, 0.6]}, "seconds": {"total": 9.0}}


def test_the_champion_is_the_base_until_a_generation_says_otherwise(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "run.db", HEADER) as ledger:
        assert (ledger.champion, ledger.next_generation) == (None, 1)
        ledger.set_base({}, {}, "ba5e")
        assert (ledger.champion, ledger.next_generation) == ("ba5e", 1)
        ledger.commit(generation(1))
        assert (ledger.champion, ledger.next_generation) == ("c1", 2)


# Reading.


def test_games_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db", 3) as ledger:
        found = ledger.games([3, 1])
        assert [one.problem_id for one in found] == ["p3", "p1"] and ledger.games([9]) == []
        for one, number in zip(found, (3, 1), strict=True):
            assert one.source == "self" and one.result == 0.5
            for name in ("opening", "moves", "policies", "values", "weights"):
                was, now = getattr(game(number), name), getattr(one, name)
                assert np.array_equal(was, now) and was.dtype == now.dtype


def test_solved_problems_are_those_with_an_attempt_of_full_score(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db") as ledger:
        assert ledger.solved_problem_ids() == {"p3", "p5"}


def test_an_attempt_without_a_verdict_of_full_score_solves_nothing(tmp_path: Path) -> None:
    record = generation(1)
    record.verdicts[:] = [Verdict(score, "truth") for score in (None, 0.999, 0.5, 0.0)]
    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        ledger.commit(record)
        assert ledger.solved_problem_ids() == set()
        assert [verdict.score for _, verdict in ledger.attempts(1)] == [None, 0.999, 0.5, 0.0]


def test_a_gate_problem_used_twice_is_a_bug_and_nothing_is_written(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db", 1) as ledger:
        before = ledger.digest()
        record = generation(2)
        record.contest_ids[1] = "g2"
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            ledger.commit(record)
        assert ledger.digest() == before


def test_examples_come_in_the_order_asked_for(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db", 3) as ledger:
        assert [example.problem_id for example in ledger.examples([3, 1])] == ["p3", "p1"]
        assert ledger.examples([]) == ledger.examples([9]) == []


@pytest.mark.parametrize(("limit", "count"), [(None, 200), (0, 0), (1, 1), (64, 64), (130, 130), (999, 200)])
def test_attempts_come_in_order_up_to_the_limit(tmp_path: Path, limit: int | None, count: int) -> None:
    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        ledger.commit(generation(1, problems=100))
        read = [attempt for attempt, _ in ledger.attempts(1, limit=limit)]
    names = [(attempt.problem.id, attempt.index) for attempt in read]
    assert names == [(f"p{100 + i // 2}", i % 2) for i in range(count)]


def test_attempts_at_one_problem_share_it(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db", 1) as ledger:
        first, second, third, _ = (attempt.problem for attempt, _ in ledger.attempts(1))
        assert first is second
        assert second is not third


def test_attempts_are_read_back_without_holding_them_all(tmp_path: Path) -> None:
    def peak_bytes(index: int) -> int:
        tracemalloc.start()
        for _ in ledger.attempts(index):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        ledger.commit(generation(1, problems=100, length=200))
        ledger.commit(generation(2, problems=1000, length=200))
        peak_bytes(1)
        assert peak_bytes(2) < 1.5 * peak_bytes(1)


def test_a_reader_half_way_through_attempts_does_not_hold_up_the_run(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "run.db", HEADER) as ledger:
        ledger.commit(generation(1, problems=100))
        with Ledger.open(tmp_path / "run.db", read_only=True) as reader:
            reading = reader.attempts(1)
            next(reading)
            ledger.commit(generation(2))
            assert len(list(reading)) == 199
            assert [row.index for row in reader.generations()] == [1, 2]


def test_a_reader_in_the_middle_of_a_commit_sees_the_generations_before_it(tmp_path: Path) -> None:
    seen: list[int] = []
    with (
        Ledger.create(tmp_path / "run.db", HEADER) as ledger,
        Ledger.open(tmp_path / "run.db", read_only=True) as reader,
    ):
        ledger._connection.set_trace_callback(lambda _: seen.append(len(reader.generations())))
        ledger.commit(generation(1))
        ledger._connection.set_trace_callback(None)
        assert len(seen) > 10 and sum(seen[:-1]) == 0
        assert len(reader.generations()) == 1


# Memory.


def test_a_commit_holds_no_second_copy_of_its_rows(tmp_path: Path) -> None:
    record = generation(1, problems=1000, length=200)  # 1,600 bytes of tokens and logprobs an attempt
    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        tracemalloc.start()
        ledger.commit(record)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50 * len(record.attempts)


# The digest.


def test_equal_runs_have_equal_digests_whatever_time_they_took(tmp_path: Path) -> None:
    with filled(tmp_path / "a.db", seconds=1.0) as one, filled(tmp_path / "b.db", seconds=2.0) as other:
        one.set_final({"truth_bits": 3.5}, {"total": 1.0})
        other.set_final({"truth_bits": 3.5}, {"total": 2.0})
        assert one.digest() == other.digest()


def test_the_digest_is_the_same_after_closing_and_in_a_reader(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db") as ledger:
        digest = ledger.digest()
    with Ledger.open(tmp_path / "run.db", read_only=True) as ledger:
        assert ledger.digest() == digest


def odd_generation() -> GenerationRecord:
    """A record with every kind of value that a row can hold: a lone surrogate, what no float is, an abstention, and
    problems that Python calls equal and JSON does not."""
    asked = Problem("p1", ({"role": "user", "content": "1+\u00e9?"},), "gate", data={"b": np.float32(0.1), "a": [True]})
    other = replace(asked, data={"b": np.float32(0.1), "a": [1]})
    odd, none = np.array([-0.5, np.nan, -np.inf], np.float32), np.zeros(0, np.float32)
    ends = np.array([-1, 0, 2**31 - 1], np.int32)
    written = [Completion("\ud800", ends, odd, "length"), Completion("", ends[:0], none, "stop")]
    attempts = [Attempt(problem(7), 3, ends, written[0], "search"), Attempt(asked, 0, ends[:0], written[1]),
                Attempt(other, 1, ends[:1], written[1], error="play: no \x00 move")]
    verdicts = [Verdict(0.25, "truth"), Verdict(None, "orm", "no number"), Verdict(1, "\ud800")]
    examples = [TokenExample(ends, odd, 1, None, "real", ""), TokenExample(ends[:0], none, 0, 0.5, "self", "p7"),
                replace(game(1), problem_id="\ud800", values=odd), game(2, length=0)]
    return replace(generation(2), attempts=attempts, verdicts=verdicts, examples=examples, dropped="\ud800",
                   decision=replace(DECISION, promote=False, reasons=()), candidate=None,
                   metrics={"kl": np.float64(0.1)})


def test_the_digest_of_known_rows_is_known(tmp_path: Path) -> None:
    """It was computed once, and so holds every row, and what the digest makes of them, over all later versions."""
    with filled(tmp_path / "run.db", 1) as ledger:
        ledger.commit(odd_generation())
        ledger.commit(replace(generation(3), attempts=[], verdicts=[], examples=[], evidence=None, decision=None))
        ledger.set_final({"truth_bits": 3.5}, {"total": 1.0})
        assert ledger.digest() == "a636d8093a34e58b30686c531a2083ab7ab70f859a604a8e74f2b1d2d03b6e28"


CHANGES = {"null": "1", "integer": "{0} + 1", "real": "{0} / 2 + 0.1", "text": "{0} || 'x'", "blob": "zeroblob(9)"}
"""SQL for another value, by the type of the present one."""


def test_the_digest_changes_with_any_column_but_the_seconds(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with filled(path) as ledger:
        ledger.set_final({"truth_bits": 3.5}, {"total": 1.0})
        digest = ledger.digest()
    original = path.read_bytes()
    unnoticed = set()
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE sql NOT NULL")]
        columns = [(t, row[1]) for t in tables for row in connection.execute(f"PRAGMA table_info({t})")]
    for table, column in columns:
        path.write_bytes(original)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            query = f"SELECT {column}, typeof({column}) FROM {table} ORDER BY 1 DESC LIMIT 1"
            value, kind = connection.execute(query).fetchone()
            new = CHANGES[kind].format(column)
            connection.execute(f"UPDATE OR REPLACE {table} SET {column} = {new} WHERE {column} IS ?", (value,))
            connection.commit()
        with Ledger.open(path, read_only=True) as ledger:
            if ledger.digest() == digest:
                unnoticed.add((table, column))
    assert len(columns) > 60
    assert unnoticed == {("base", "seconds"), ("generations", "seconds"), ("final", "seconds")}


# Nothing lost.


def test_a_bad_number_in_the_last_row_leaves_nothing_of_the_generation(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db", 1) as ledger:
        before = ledger.digest()
        record = generation(2)
        record.verdicts[-1] = Verdict(float("nan"), "truth")
        with pytest.raises(LedgerError, match="score must be a finite number"):
            ledger.commit(record)
        assert ledger.digest() == before
        assert ledger.next_generation == 2


def test_a_generation_out_of_order_is_a_bug(tmp_path: Path) -> None:
    with filled(tmp_path / "run.db", 1) as ledger, pytest.raises(AssertionError, match="expected 2, got 3"):
        ledger.commit(generation(3))


def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    with filled(tmp_path / "whole.db") as ledger:
        whole = ledger.digest()
    with filled(tmp_path / "run.db", 1) as ledger:
        before = ledger.digest()
        (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
        ledger._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(LedgerError, match="the disk is full: generation 2 could not be written") as error:
            ledger.commit(generation(2, problems=1000))
        assert error.value.hint is not None and "pawl resume" in error.value.hint
        assert ledger.digest() == before
        ledger._connection.execute("PRAGMA max_page_count = 1000000")
        ledger.commit(generation(2))
        assert ledger.digest() == whole


def test_a_file_that_may_not_grow_loses_nothing_and_the_run_goes_on_later(tmp_path: Path) -> None:
    with filled(tmp_path / "whole.db") as ledger:
        whole = ledger.digest()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with filled(tmp_path / "run.db", 1) as ledger:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        try:
            with pytest.raises(LedgerError, match="generation 2 could not be"):
                ledger.commit(generation(2, problems=2000, length=50))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with Ledger.open(tmp_path / "run.db") as ledger:
        ledger.commit(generation(2))
        assert ledger.digest() == whole


KILLS = """
# Children are killed in the middle of committing generation 2: first at moments counted in SQLite's instructions,
# which are certain to fall inside, then after random times, which can fall into any system call.
import json, os, random, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from pawl.ledger import Ledger
from test_ledger import filled, generation

folder = Path(sys.argv[2])
big = generation(2, problems=150)

def start(name, instructions):
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        os.read(reader, 1)
        return child
    ledger = filled(folder / name, 1)
    if instructions:
        kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
        ledger._connection.set_progress_handler(kill, instructions)
    os.write(writer, b".")
    ledger.commit(big)
    os._exit(0)

def look(name):
    with Ledger.open(folder / name, read_only=True) as ledger:
        present, digest = len(ledger.generations()), ledger.digest()
    with Ledger.open(folder / name) as ledger:
        if present == 1:
            ledger.commit(big)
        return present, digest, ledger.digest()

child, since = start("whole", 0), time.monotonic()
os.waitpid(child, 0)
duration = time.monotonic() - since
result = {"whole": [look("whole")], "inside": [], "any": []}
for n, instructions in enumerate([1, 100, 5_000]):
    os.waitpid(start(f"inside{n}", instructions), 0)
    result["inside"].append(look(f"inside{n}"))
for n in range(8):
    child = start(f"any{n}", 0)
    time.sleep(random.uniform(0, 1.2 * duration))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    result["any"].append(look(f"any{n}"))
with filled(folder / "before", 1) as ledger:
    result["before"] = ledger.digest()
print(json.dumps(result))
"""


def test_a_run_killed_in_the_middle_of_a_commit_has_the_whole_generation_or_none(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLS, str(Path(__file__).parent), str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    assert output.returncode == 0, output.stderr
    result = json.loads(output.stdout)
    ((present, whole, _),) = result["whole"]
    assert present == 2
    states = {1: result["before"], 2: whole}
    assert [present for present, _, _ in result["inside"]] == [1, 1, 1]
    for present, found, resumed in result["inside"] + result["any"]:
        assert found == states[present]
        assert resumed == whole


def test_a_ledger_closed_in_the_middle_of_an_error_can_be_opened_again(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), filled(tmp_path / "run.db", 1) as ledger:
        raise KeyboardInterrupt
    ledger.close()
    with Ledger.open(tmp_path / "run.db") as ledger:
        assert ledger.next_generation == 2
