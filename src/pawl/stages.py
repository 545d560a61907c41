"""Which stage of a run is under way, and what a network did in it: said to whoever listens.

Only a profile listens (`pawl run --profile`); nobody else pays more than a look-up. A stage within a stage takes its
time from the outer one.

Not covered: other threads. A listener hears the thread that it was opened in; what workers do for a stage is the
stage's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


class Sized(Protocol):
    """A tensor, as far as its size goes."""

    def numel(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens that went through a network, without padding."""

    parameters: int
    """Of the network."""
    sampled: int = 0
    """Tokens drawn."""
    read: int = 0
    """Tokens forwarded that were there before: prompts, what a value or a likelihood is asked of."""
    learnt: int = 0
    """Tokens forwarded and backward."""


class Listener(Protocol):
    """Hears what a run does."""

    def enter(self, stage: str) -> None: ...

    def leave(self) -> None:
        """The innermost stage is over."""
        ...

    def count(self, work: Work) -> None: ...


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Has `listener` hear everything within the block, and no one else."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What is done within the block belongs to this stage."""
    listener = _listener.get()
    if listener is None:
        yield
        return
    listener.enter(name)
    try:
        yield
    finally:
        listener.leave()


def count(parameters: Callable[[], Iterable[tuple[str, Sized]]], *, sampled: int = 0, read: int = 0,
          learnt: int = 0) -> None:
    """Says how many tokens went through the network of these named parameters."""
    if (listener := _listener.get()) is not None:
        size = sum(parameter.numel() for _, parameter in parameters())
        listener.count(Work(size, sampled, read, learnt))
