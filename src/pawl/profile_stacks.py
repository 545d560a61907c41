"""What a run is doing at moments taken at random: the stage, the functions of every thread that works, and whether the
interpreter's lock is held.

A thread of its own sleeps and then asks for the lock. If the system had to put it to sleep once more until it had it,
some thread was running Python, or code that does not let go of the lock, which is as bad for all others; if not, what
ran was compiled code. The system counts how often it put a thread to sleep, so that no clock decides. This needs no
rights and follows all threads. A tracer is called at every call: it slows Python and not the compiled code beside it,
and so sees more Python than there is.

Not covered: which line of a function; processes that the run starts; whether the lock is held where the system does not
count for threads (macOS); Python without the lock (free-threaded), where it is never held.
"""

from __future__ import annotations

import concurrent.futures
import gc
import multiprocessing.connection
import queue
import random
import re
import resource
import selectors
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

from pawl.judges import pool

SLEEP = 0.01, 0.03
"""Seconds between two moments, from and to: never in step with what a loop does. Twice as often, a run on all cores
takes a twentieth longer; like this, no longer that could be measured."""
COUNTED = hasattr(resource, "RUSAGE_THREAD")
"""Whether the system says how often it put a thread to sleep."""

Stack = tuple[CodeType, ...]
"""Functions, the outermost first."""

_WAITING = (threading.__file__, queue.__file__, str(Path(concurrent.futures.__file__).parent), selectors.__file__,
            multiprocessing.connection.__file__, pool.__file__)
"""Where threads wait for each other, or for a process."""
_PLUMBING = ("contextlib.py", "importlib._bootstrap>", "importlib._bootstrap_external>", "torch/nn/modules/module.py",
             "torch/utils/_contextlib.py")
"""Functions that only call others. Their time is their caller's."""
_COMPILER = re.compile(r"/(numba|llvmlite)/")
"""Its functions call each other a hundred deep, once in a machine's life."""


@dataclass(slots=True)
class Seen:
    """How long a stack was seen, in seconds."""

    total: float = 0.0
    held: float = 0.0
    """Of it, with the interpreter's lock held."""
    times: float = 0.0
    """Moments; of several threads that worked at one, each has its share."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the watched thread stands: a stage, and the frames that were open when it began."""

    stage: str
    frames: tuple[FrameType, ...]
    """Kept, so that no new frame can have the identity of one of them."""


def place(stage: str) -> Place:
    """A stage that begins here."""
    return Place(stage, tuple(_outwards(sys._getframe(1))))


class Watcher:
    """Watches a thread, and those that work for it, until it is stopped."""

    def __init__(self, start: Place) -> None:
        """Watches the calling thread; `start` is where it stands."""
        self.place = start
        self.seen: dict[tuple[str, Stack], Seen] = {}
        self._watched = threading.get_ident()
        self._going_on = True
        self._thread = threading.Thread(target=self._watch, name="pawl-profile", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._going_on = False
        self._thread.join()

    def _watch(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the thread that works
        luck, last = random.Random(0), time.perf_counter()
        while self._going_on:
            sleep, sleeps, started = luck.uniform(*SLEEP), _sleeps(), time.perf_counter()
            time.sleep(sleep)
            # A moment stands for all the time since the one before: after a wait that is more.
            moment = started + sleep
            self._note(_sleeps() - sleeps > 1, moment - last)
            last = moment

    def _note(self, held: bool, elapsed: float) -> None:
        where = self.place
        with _no_collection():
            stacks = self._stacks(where)
        for stack in stacks:
            seen = self.seen.setdefault((where.stage, stack), Seen())
            seen.total += elapsed / len(stacks)
            seen.held += elapsed / len(stacks) * held
            seen.times += 1 / len(stacks)

    def _stacks(self, where: Place) -> list[Stack]:
        """What works now: the watched thread or, while it waits, its workers, each below where it waits."""
        frames = sys._current_frames()
        known = {id(frame) for frame in where.frames}
        own = [frame for frame in _outwards(frames[self._watched]) if id(frame) not in known]
        if not own or not _waits(own[0]):
            return [_stack(own)]
        workers = [frame for thread, frame in frames.items()
                   if thread not in (self._watched, threading.get_ident()) and not _waits(frame)]
        return [_stack([*_outwards(worker), *own]) for worker in workers] or [_stack(own)]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Has no garbage collected within the block. Until Python 3.11 a look at a frame may set off a collection, in which
    other threads may run on and leave that frame: then it is read from memory that is something else by now."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """The innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _sleeps() -> int:
    """How often this thread was put to sleep, until it had what it waited for."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw if COUNTED else 0


def _waits(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_WAITING)


def _stack(inwards: Sequence[FrameType]) -> Stack:
    """Without the functions that say nothing."""
    found: list[CodeType] = []
    for frame in reversed(inwards):
        file = frame.f_code.co_filename
        if _waits(frame) or file.endswith(_PLUMBING):
            continue
        if not (found and _alike(found[-1], frame.f_code)):
            found.append(frame.f_code)
    return tuple(found)


def _alike(outer: CodeType, inner: CodeType) -> bool:
    """Whether the outer one stands for both: compiling is one thing to do, and so is importing."""
    if outer.co_name == inner.co_name == "<module>":
        return True
    return bool(_COMPILER.search(outer.co_filename) and _COMPILER.search(inner.co_filename))
