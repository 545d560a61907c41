"""A run on disk: its settings, its lock, and its checkpoints by hash.

    DIR/config.toml           what was asked for; a directory without it is no run
    DIR/run.db                the ledger
    DIR/checkpoints/HASH/     policies in the Hugging Face layout, named by a hash of what is in them
    DIR/report.html
    DIR/profile.html          where the time went, if that was asked for; profile.json holds the same and more
    DIR/.lock                 held by the one process that may write

A file or a checkpoint is under its name complete or not at all, whenever the process is killed or the power goes: it
is written under a name that starts with a dot, flushed to the disk, then renamed.

Not covered: Windows (`fcntl`), and network file systems whose locks hold on one machine only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import tomli_w

from pawl.errors import CheckpointError, ConfigError, RunError
from pawl.stages import stage

CONFIG = "config.toml"
LEDGER = "run.db"
REPORT = "report.html"
CHECKPOINTS = "checkpoints"
LOCK = ".lock"

_HASH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PARTIAL = ".partial"
_PRUNED = ".pruned-"
_held: set[int] = set()
"""Descriptors of the locks that this process holds."""


def _forget_locks() -> None:
    # A forked child shares its parent's lock, and would keep it after the parent is killed. Closing the child's
    # descriptor leaves the parent's lock as it is.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_locks)


class RunDirectory:
    """An open run directory. Use it in a `with` block: the lock is let go at its end, or when the process dies."""

    def __init__(self, path: Path, lock: int | None) -> None:
        """Made by `create` and `open`. `lock` is the held lock's descriptor; None only reads."""
        self.path = path
        self._lock = lock

    @classmethod
    def create(cls, path: Path) -> RunDirectory:
        """A new run directory, locked. Raises RunError when there is something in it already."""
        with _errors_in_words(path):
            _check_unused(path)
            path.mkdir(parents=True, exist_ok=True)
            run = cls(path, _acquire(path))
            try:
                # Once more behind the lock: two processes may have found it unused.
                _check_unused(path)
                (path / CHECKPOINTS).mkdir(exist_ok=True)
                _flush(path)
                _flush(path.parent)
            except BaseException:
                run.close()
                raise
        return run

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> RunDirectory:
        """The run at `path`, locked unless `read_only`. Raises RunError when there is none, or it is being written.
        What a killed process left half-made is removed."""
        with _errors_in_words(path):
            if not (path / CONFIG).is_file():
                raise RunError(
                    f"a run directory must hold {CONFIG}, got {path}, which does not",
                    hint="name the directory that `pawl run` wrote (--out)",
                )
            if read_only:
                return cls(path, None)
            run = cls(path, _acquire(path))
            try:
                run._remove_leftovers()
            except BaseException:
                run.close()
                raise
        return run

    def close(self) -> None:
        """Lets the lock go. Closing twice does no harm."""
        if self._lock in _held:
            _held.remove(self._lock)
            os.close(self._lock)
        self._lock = None

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ledger_path(self) -> Path:
        return self.path / LEDGER

    @property
    def report_path(self) -> Path:
        return self.path / REPORT

    # Settings.

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Writes `config.toml`, and makes the directory a run. Tables, lists, text, numbers and truth values; a
        setting of None is left out, since TOML has no null. Raises ConfigError for anything else."""
        self._assert_locked()
        try:
            data = tomli_w.dumps(_without_none(config)).encode()
        except (TypeError, ValueError) as error:
            raise ConfigError(f"settings must be values that TOML can hold, got one that is not: {error}") from error
        partial = self.path / f".{CONFIG}{_PARTIAL}"
        with _errors_in_words(self.path):
            partial.write_bytes(data)
            _flush(partial)
            partial.replace(self.path / CONFIG)
            _flush(self.path)

    def read_config(self) -> dict[str, Any]:
        """What `write_config` wrote. Raises RunError when it cannot be read."""
        try:
            with _errors_in_words(self.path):
                return tomllib.loads((self.path / CONFIG).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RunError(f"{self.path / CONFIG} must be TOML: {error}", hint="undo what was changed in it") from error

    # Checkpoints.

    def store(self, save: Callable[[Path], None], fingerprint: Callable[[Path], str]) -> str:
        """Saves a checkpoint and returns its hash. `save` writes into an empty directory, `fingerprint` hashes what
        it wrote; a checkpoint of the same hash that is here already is kept. Raises RunError when the disk is full;
        nothing is left behind then."""
        self._assert_locked()
        partial = self._checkpoints / _PARTIAL
        with stage("checkpoint"), _errors_in_words(self.path):
            partial.mkdir(parents=True)
            try:
                save(partial)
                name = fingerprint(partial)
                assert _HASH.fullmatch(name), name
                if not (self._checkpoints / name).is_dir():
                    _flush_tree(partial)
                    partial.rename(self._checkpoints / name)
                    _flush(self._checkpoints)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return name

    def checkpoint(self, name: str) -> Path:
        """Where the checkpoint of this hash is. Raises RunError when it is not here."""
        path = self._checkpoints / name
        if not _HASH.fullmatch(name) or not path.is_dir():
            raise RunError(
                f"the run must hold checkpoint {name!r}, got {self._checkpoints} without it",
                hint="copy a run directory whole; only the checkpoints that a run can still need are kept",
            )
        return path

    def verify(self, name: str, fingerprint: Callable[[Path], str]) -> Path:
        """Where the checkpoint of this hash is, after hashing it again. Raises CheckpointError when it is damaged,
        RunError when it is not here."""
        path = self.checkpoint(name)
        try:
            with stage("checkpoint"):
                found = fingerprint(path)
        except OSError as error:
            raise CheckpointError(f"checkpoint {path} cannot be read: {error}") from error
        if found != name:
            raise CheckpointError(
                f"checkpoint {path} is damaged: the hash of what is in it must be its name, got {found}",
                hint="put back a copy of it",
            )
        return path

    def prune(self, keep: set[str]) -> None:
        """Removes every checkpoint but these."""
        self._assert_locked()
        with _errors_in_words(self.path):
            for path in list(self._checkpoints.iterdir()):
                if path.is_dir() and path.name not in keep and not path.name.startswith("."):
                    # Renamed first: a kill half-way must not leave half a checkpoint under its name.
                    path.rename(path.with_name(_PRUNED + path.name))
            self._remove_leftovers()

    @property
    def _checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    def _remove_leftovers(self) -> None:
        (self.path / f".{CONFIG}{_PARTIAL}").unlink(missing_ok=True)
        self._checkpoints.mkdir(exist_ok=True)
        for path in list(self._checkpoints.iterdir()):
            if path.name == _PARTIAL or path.name.startswith(_PRUNED):
                shutil.rmtree(path)

    def _assert_locked(self) -> None:
        assert self._lock is not None, "opened to read only, or closed"


def _check_unused(path: Path) -> None:
    """Raises RunError when something is there that a killed `create` did not leave."""
    if not path.exists():
        return
    command = f"`pawl resume {shlex.quote(str(path))}`"
    if not path.is_dir():
        raise RunError(f"a run directory must be new or empty, got {path}, which is a file")
    if (path / CONFIG).exists():
        raise RunError(
            f"a run directory must be new or empty, got {path}, which holds a run",
            hint=f"{command} continues it, --out with another name starts a new one",
        )
    names = {entry.name for entry in path.iterdir()} - {LOCK, f".{CONFIG}{_PARTIAL}"}
    if CHECKPOINTS in names and (path / CHECKPOINTS).is_dir() and not any((path / CHECKPOINTS).iterdir()):
        names.remove(CHECKPOINTS)
    if names:
        raise RunError(
            f"a run directory must be new or empty, got {path}, which holds {min(names)!r}",
            hint=f"choose another with --out; {command} continues a run where there is one",
        )


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in table.items() if value is not None}
    return {key: _without_none(value) if isinstance(value, Mapping) else value for key, value in kept.items()}


def _acquire(path: Path) -> int:
    """The descriptor of the held lock. Raises RunError when another process, or this one, holds it."""
    descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        process = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise RunError(
            f"one process at a time must write to a run, got {path}, to which process {process} is already writing",
            hint="wait until it ends, or stop it",
        ) from error
    except BaseException:
        os.close(descriptor)
        raise
    _held.add(descriptor)
    return descriptor


def _flush(path: Path) -> None:
    """Has the disk hold what the file or the directory holds."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_tree(path: Path) -> None:
    for folder, _, files in os.walk(path, topdown=False):
        for name in files:
            _flush(Path(folder, name))
        _flush(Path(folder))


@contextmanager
def _errors_in_words(path: Path) -> Iterator[None]:
    """Turns what the disk says into a RunError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                f"the disk is full: {path} could not be written. Nothing before it is lost",
                hint=f"free some space, then `pawl resume {shlex.quote(str(path))}`",
            ) from error
        raise RunError(f"{path} could not be read or written: {error}") from error
