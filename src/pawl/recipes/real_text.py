"""Real text for models that learn from models: what they begin with, what is held out, and what is new each time.

A task that has documents without end gives as many as are asked for, each time others. A file has what it has: a tenth
is held out, half of the rest is learnt at first, and what is new comes from the other half, from its start again when
it is used up.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from pawl.errors import ConfigError, DataError
from pawl.interfaces import Documents, Known, Task
from pawl.keys import permutation, stream

HELD_OUT = 512
"""Documents, a tenth of a file at most, on which the loss on real text is measured."""
PASSAGE = 240
"""Characters of a passage of a file, about: it ends with the line in which it has as many."""
FEWEST = 20
"""Passages that a file must have."""


class RealText:
    """The real text of one run."""

    def __init__(self, task: Task, path: str, count: int, seed: int) -> None:
        """`count` documents to learn at first, from the file where one is named. Raises DataError where that is not
        text, and ConfigError for a task without documents."""
        if not path and not isinstance(task, Documents):
            raise ConfigError(f"task {task.name!r} must have documents to learn from",
                              hint="--task world, or --text FILE for real text")
        self.known = None if path or not isinstance(task, Known) else task
        """Who knows all about the language, if anybody does."""
        self._task, self._seed = cast(Documents, task), seed
        self._new: list[str] = []
        if path:
            passages = passages_of(Path(path))
            shuffled = [passages[place] for place in permutation(stream(seed, "passages"), len(passages))]
            kept = min(HELD_OUT, len(shuffled) // 10)
            first = min(count, (len(shuffled) - kept) // 2)
            self.held_out, self.pool = shuffled[:kept], shuffled[kept:kept + first]
            self._new = shuffled[kept + first:]
        else:
            self.held_out, self.pool = self._drawn(HELD_OUT, "held out"), self._drawn(count, "pool")

    def new(self, count: int, number: int) -> list[str]:
        """Documents that no generation has seen, as long as there are such; `number` says which ones."""
        if self._new:
            return [self._new[place % len(self._new)] for place in range(number * count, (number + 1) * count)]
        return self._drawn(count, f"new {number}")

    def _drawn(self, count: int, name: str) -> list[str]:
        return self._task.documents(count, stream(self._seed, "documents", name))


def passages_of(path: Path) -> list[str]:
    """The passages of a text file. Raises DataError when it is missing, no text, or too short."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"text must be a file that can be read, got {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"text must be UTF-8, got {str(path)!r}: byte {error.start} is not") from error
    passages, held = list[str](), list[str]()
    for line in lines:
        held.append(line.rstrip())
        if sum(map(len, held)) >= PASSAGE:
            passages.append("\n".join(held).strip("\n"))
            held = []
    if len(passages) < FEWEST:
        raise DataError(f"text must have {FEWEST} passages of {PASSAGE} characters, got {len(passages)} in "
                        f"{str(path)!r}", hint="a passage ends at the end of a line")
    return passages
