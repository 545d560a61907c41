"""A run directory: one writer at a time, and nothing half-made under its name whenever the process is killed."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.errors import CheckpointError, ConfigError, RunError
from pawl.run_directory import RunDirectory

CONFIG = {"recipe": "countdown", "seed": 3, "settings": {"lr": 1e-3, "wide": [1, 2], "text": 'a "b"\n\\c\x7f é'}}


def fingerprint(path: Path) -> str:
    return hashlib.sha256((path / "weights").read_bytes()).hexdigest()[:16]


def saver(data: bytes):
    return lambda path: (path / "weights").write_bytes(data)


def files(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*")}


@pytest.fixture
def run(tmp_path: Path):
    with RunDirectory.create(tmp_path / "run") as run:
        run.write_config(CONFIG)
        yield run


# Making and opening.


def test_a_run_directory_is_made_with_its_parents_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "first"
    with RunDirectory.create(path) as run:
        run.write_config(CONFIG)
    with RunDirectory.open(path) as run:
        assert run.read_config() == CONFIG
        assert run.ledger_path == path / "run.db"
        assert run.report_path == path / "report.html"


def test_a_directory_that_holds_a_run_is_refused_with_a_hint_to_resume(run: RunDirectory) -> None:
    run.close()
    with pytest.raises(RunError, match="which holds a run") as error:
        RunDirectory.create(run.path)
    assert error.value.hint is not None and f"pawl resume {run.path}" in error.value.hint
    assert RunDirectory.open(run.path).read_config() == CONFIG


def test_a_directory_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(RunError, match=r"which holds 'thesis\.tex'") as error:
        RunDirectory.create(tmp_path)
    assert error.value.hint is not None and "pawl resume" in error.value.hint
    assert files(tmp_path) == {"thesis.tex"}


def test_an_empty_directory_or_what_a_killed_process_left_of_one_can_be_used(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path).close()
    (tmp_path / ".config.toml.partial").write_text("reci")
    with RunDirectory.create(tmp_path) as run:
        run.write_config({"recipe": "countdown"})
        assert run.read_config() == {"recipe": "countdown"}


def test_a_file_is_no_run_directory(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="which is a file"):
        RunDirectory.create(tmp_path / "run")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_directory_that_is_no_run_cannot_be_opened_and_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunError, match=r"must hold config\.toml"):
            RunDirectory.open(path, read_only=read_only)
    assert files(tmp_path) == set()


def test_a_place_that_cannot_be_written_is_an_error_in_words() -> None:
    with pytest.raises(RunError, match="could not be read or written"):
        RunDirectory.create(Path("/proc/run"))


# The lock.


def test_a_second_writer_is_refused_until_the_first_is_done(run: RunDirectory) -> None:
    with pytest.raises(RunError, match=f"process {os.getpid()} is already writing"):
        RunDirectory.open(run.path)
    run.close()
    RunDirectory.open(run.path).close()


def test_closing_twice_does_not_close_another_lock(run: RunDirectory, tmp_path: Path) -> None:
    run.close()
    with RunDirectory.create(tmp_path / "other") as other:
        run.close()
        with pytest.raises(RunError, match="already writing"):
            RunDirectory.create(other.path)


def test_a_reader_needs_no_lock(run: RunDirectory) -> None:
    with RunDirectory.open(run.path, read_only=True) as reader:
        assert reader.read_config() == CONFIG


HOLD = """
import os, sys, time
from pathlib import Path
from pawl.run_directory import RunDirectory
run = RunDirectory.open(Path(sys.argv[1]))
if not os.fork():
    print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_a_killed_process_lets_the_lock_go_though_its_forked_child_lives(run: RunDirectory) -> None:
    run.close()
    command = [sys.executable, "-c", HOLD, str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        try:
            with pytest.raises(RunError, match=f"process {holder.pid} is already writing"):
                RunDirectory.open(run.path)
            holder.kill()
            holder.wait()
            RunDirectory.open(run.path).close()
        finally:
            os.kill(child, signal.SIGKILL)


# Settings.

scalars = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
tables = st.dictionaries(st.text(), scalars | st.lists(scalars, max_size=3), max_size=3)


@settings(max_examples=30, deadline=None)
@given(config=tables, nested=tables)
def test_any_settings_come_back(tmp_path_factory: pytest.TempPathFactory, config: dict, nested: dict) -> None:
    wanted = config | {"task": nested}
    with RunDirectory.create(tmp_path_factory.mktemp("runs") / "run") as run:
        run.write_config(wanted)
        assert run.read_config() == wanted


def test_a_setting_of_none_is_left_out(run: RunDirectory) -> None:
    run.write_config({"seed": 3, "column": None, "task": {"column": None, "data": "x.csv"}})
    assert run.read_config() == {"seed": 3, "task": {"data": "x.csv"}}


@pytest.mark.parametrize("value", [[None], Path("x"), {"a": object()}, "\ud800"])
def test_settings_that_toml_cannot_hold_are_refused_and_the_old_ones_stay(run: RunDirectory, value: object) -> None:
    with pytest.raises(ConfigError, match="TOML can hold"):
        run.write_config({"seed": value})
    assert run.read_config() == CONFIG


@pytest.mark.parametrize("content", [b"recipe = ", b"recipe = '\xff'"])
def test_settings_damaged_by_hand_are_an_error_in_words(run: RunDirectory, content: bytes) -> None:
    (run.path / "config.toml").write_bytes(content)
    with pytest.raises(RunError, match="must be TOML"):
        run.read_config()


# Checkpoints.


def test_a_checkpoint_is_stored_under_its_hash(run: RunDirectory) -> None:
    name = run.store(saver(b"one"), fingerprint)
    assert name == hashlib.sha256(b"one").hexdigest()[:16]
    assert run.checkpoint(name) == run.verify(name, fingerprint) == run.path / "checkpoints" / name
    assert (run.checkpoint(name) / "weights").read_bytes() == b"one"
    assert files(run.path / "checkpoints") == {name, f"{name}/weights"}


def test_a_checkpoint_of_a_hash_that_is_there_is_kept(run: RunDirectory) -> None:
    name = run.store(saver(b"one"), fingerprint)
    inode = (run.checkpoint(name) / "weights").stat().st_ino
    assert run.store(saver(b"one"), fingerprint) == name
    assert (run.checkpoint(name) / "weights").stat().st_ino == inode
    assert files(run.path / "checkpoints") == {name, f"{name}/weights"}


def test_a_checkpoint_may_have_folders(run: RunDirectory) -> None:
    def save(path: Path) -> None:
        saver(b"one")(path)
        (path / "deep" / "er").mkdir(parents=True)
        (path / "deep" / "er" / "file").write_text("x")

    name = run.store(save, fingerprint)
    assert (run.checkpoint(name) / "deep" / "er" / "file").read_text() == "x"


def test_a_save_that_fails_leaves_nothing_behind(run: RunDirectory) -> None:
    def save(path: Path) -> None:
        saver(b"half")(path)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run.store(save, fingerprint)
    assert files(run.path / "checkpoints") == set()
    run.store(saver(b"one"), fingerprint)


def test_a_disk_full_while_saving_says_so_and_leaves_nothing_behind(run: RunDirectory) -> None:
    kept = run.store(saver(b"one"), fingerprint)

    def save(path: Path) -> None:
        saver(b"half")(path)
        Path("/dev/full").write_bytes(b"two")

    with pytest.raises(RunError, match="the disk is full") as error:
        run.store(save, fingerprint)
    assert isinstance(error.value.__cause__, OSError) and error.value.__cause__.errno == errno.ENOSPC
    assert error.value.hint is not None and "pawl resume" in error.value.hint
    assert files(run.path / "checkpoints") == {kept, f"{kept}/weights"}


@pytest.mark.parametrize("name", ["0123456789abcdef", "", ".", "..", "../checkpoints", "/", ".partial"])
def test_a_checkpoint_that_is_not_here_is_an_error(run: RunDirectory, name: str) -> None:
    (run.path / "checkpoints" / ".partial").mkdir()
    with pytest.raises(RunError, match="must hold checkpoint"):
        run.checkpoint(name)


def test_a_damaged_checkpoint_is_found(run: RunDirectory) -> None:
    name = run.store(saver(b"one"), fingerprint)
    (run.checkpoint(name) / "weights").write_bytes(b"0ne")
    with pytest.raises(CheckpointError, match="is damaged"):
        run.verify(name, fingerprint)
    (run.checkpoint(name) / "weights").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        run.verify(name, fingerprint)


def test_pruning_keeps_what_it_is_told_to(run: RunDirectory) -> None:
    one, two, three = (run.store(saver(data), fingerprint) for data in (b"one", b"two", b"three"))
    run.prune({one, three, "0123456789abcdef"})
    assert {path.name for path in (run.path / "checkpoints").iterdir()} == {one, three}
    with pytest.raises(RunError, match="must hold checkpoint"):
        run.checkpoint(two)


KILLS = """
# One child for each file operation of storing a checkpoint and pruning another, killed just before that operation.
import json, os, signal, sys
from pathlib import Path
from pawl.run_directory import RunDirectory

path = Path(sys.argv[1])

def save(data):
    def write(path):
        (path / "weights").write_text(data)
        (path / "config.json").write_text("{}")
    return write

def start(call):
    left = call
    def kill(event, arguments):
        nonlocal left
        left -= event.split(".")[0] in ("open", "os", "shutil")
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    with RunDirectory.open(path) as run:
        sys.addaudithook(kill)
        run.store(save("new"), lambda _: "new")
        run.prune({"new"})
        os._exit(0)

outcomes, ended = [], signal.SIGKILL
while ended == signal.SIGKILL:
    with RunDirectory.open(path) as run:
        run.store(save("old"), lambda _: "old")
        run.prune({"old"})
    ended = start(len(outcomes) + 1)
    with RunDirectory.open(path) as run:
        checkpoints = (path / "checkpoints").iterdir()
        outcomes.append({one.name: sorted(file.name for file in one.iterdir()) for one in checkpoints})
print(json.dumps([ended, outcomes]))
"""


def test_a_process_killed_at_any_file_operation_leaves_only_whole_checkpoints(run: RunDirectory) -> None:
    run.close()
    command = [sys.executable, "-c", KILLS, str(run.path)]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    assert output.returncode == 0, output.stderr
    ended, outcomes = json.loads(output.stdout)
    old, new = ({name: ["config.json", "weights"]} for name in ("old", "new"))
    assert ended == 0 and len(outcomes) > 20
    assert all(outcome in (old, old | new, new) for outcome in outcomes)
    assert outcomes[0] == old and old | new in outcomes and outcomes[-1] == new
