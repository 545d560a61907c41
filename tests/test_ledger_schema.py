"""The ledger's file: made whole, of one version, one plain file at rest, readable while it is written."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pawl.errors import LedgerError
from pawl.ledger import Ledger

HEADER = {"recipe": "countdown", "seed": 3, "notes": ["x" * 100_000]}


def make(path: Path) -> Path:
    with Ledger.create(path, HEADER) as ledger:
        ledger.set_base({"pass@1": 0.1}, {"train": 2.0}, "ba5e")
    return path


def files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def test_the_ledger_is_one_file_in_rollback_mode_once_closed(tmp_path: Path) -> None:
    path = make(tmp_path / "run.db")
    assert files(path) == ["run.db"]
    # Bytes 18 and 19 of a database are 1 in rollback mode and 2 in write-ahead mode (sqlite.org/fileformat, 1.3).
    assert path.read_bytes()[18:20] == b"\x01\x01"


def test_any_program_can_read_the_closed_file_without_writing(tmp_path: Path) -> None:
    path = make(tmp_path / "run.db")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'seed'").fetchone() == ("3",)


def test_a_copy_of_the_file_alone_is_whole_while_the_run_has_it_open(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "run.db", HEADER) as ledger:
        ledger.set_base({}, {}, "ba5e")
        (tmp_path / "copy.db").write_bytes((tmp_path / "run.db").read_bytes())
    with Ledger.open(tmp_path / "copy.db") as copy:
        assert copy.champion == "ba5e"


def test_a_reader_at_closing_time_costs_nothing_but_the_single_file(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "run.db", HEADER) as ledger:
        reader = Ledger.open(tmp_path / "run.db", read_only=True)
        ledger.set_base({}, {}, "ba5e")
    assert reader.champion == "ba5e"
    reader.close()
    make_sure = Ledger.open(tmp_path / "run.db")
    make_sure.close()
    assert files(tmp_path / "run.db") == ["run.db"]


def test_a_ledger_never_replaces_another(tmp_path: Path) -> None:
    path = make(tmp_path / "run.db")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="must not replace one") as error:
        Ledger.create(path, {})
    assert error.value.hint is not None and "pawl resume" in error.value.hint
    assert path.read_bytes() == before


def test_a_header_that_cannot_be_written_leaves_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"header\.seed must be a finite number, got nan"):
        Ledger.create(tmp_path / "run.db", {"seed": float("nan")})
    assert not (tmp_path / "run.db").exists()
    make(tmp_path / "run.db")
    assert files(tmp_path / "run.db") == ["run.db"]


@pytest.mark.parametrize(("version", "advice"), [(1, "older Pawl"), (3, "newer Pawl")])
def test_another_version_is_refused_with_both_versions_and_what_to_do(
    tmp_path: Path, version: int, advice: str
) -> None:
    path = make(tmp_path / "run.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    for read_only in (False, True):
        with pytest.raises(LedgerError, match=f"must be 2 for this Pawl, got version {version}") as error:
            Ledger.open(path, read_only=read_only)
        assert error.value.hint is not None and advice in error.value.hint


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "run.db")) as connection:
        connection.execute("CREATE TABLE cookies (value)")
    with pytest.raises(LedgerError, match="made by Pawl"):
        Ledger.open(tmp_path / "run.db")


def test_a_missing_ledger_is_refused_and_not_made(tmp_path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(LedgerError, match="there is none"):
            Ledger.open(tmp_path / "run.db", read_only=read_only)
    assert not (tmp_path / "run.db").exists()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database_is_damage(tmp_path: Path, read_only: bool) -> None:
    (tmp_path / "run.db").write_bytes(b"not a database, " * 1000)
    with pytest.raises(LedgerError, match="is damaged"):
        Ledger.open(tmp_path / "run.db", read_only=read_only)


def test_a_file_cut_short_is_damage(tmp_path: Path) -> None:
    path = make(tmp_path / "run.db")
    path.write_bytes(path.read_bytes()[: -3 * 4096])
    with pytest.raises(LedgerError, match="is damaged"):
        Ledger.open(path)


def test_a_page_overwritten_is_damage_to_a_writer_at_once_and_to_a_reader_when_it_gets_there(
    tmp_path: Path,
) -> None:
    path = make(tmp_path / "run.db")
    pages = bytearray(path.read_bytes())
    pages[4096 : 4096 * 8] = b"\xa5" * (4096 * 7)
    path.write_bytes(pages)
    with pytest.raises(LedgerError, match="is damaged"):
        Ledger.open(path)
    with Ledger.open(path, read_only=True) as ledger, pytest.raises(LedgerError, match="is damaged"):
        assert ledger.header


def test_a_ledger_opened_to_read_cannot_be_written(tmp_path: Path) -> None:
    path = make(tmp_path / "run.db")
    with Ledger.open(path, read_only=True) as ledger, pytest.raises(LedgerError, match="readonly"):
        ledger.amend_header({"seed": 4})
    with Ledger.open(path) as ledger:
        assert ledger.header["seed"] == 3


def test_a_path_with_signs_of_a_url_is_only_a_path(tmp_path: Path) -> None:
    (tmp_path / "50%?mode=memory#x").mkdir()
    path = make(tmp_path / "50%?mode=memory#x" / "run.db")
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.champion == "ba5e"
