"""Another program as a player: any that speaks the Go Text Protocol, such as GNU Go."""

from __future__ import annotations

import queue
import shlex
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.errors import PlayerError
from pawl.interfaces import Game, IllegalAction
from pawl.players.vertices import move_of, vertex_of
from pawl.records import IntArray, KeyArray

SECONDS = 120.0
"""That an answer may take."""
GIVES_UP = -1


class GTPEngine:
    """A program at the other end of a pipe. Use it in a `with` block, or close it.

    Raises PlayerError where it cannot be started, refuses the board, ends, does not answer in time, or plays what the
    rules forbid.
    """

    def __init__(self, command: str, game: Game, *, komi: float | None = None, seconds: float = SECONDS) -> None:
        self.command, self.game, self.seconds = command, game, seconds
        try:
            self._process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL, text=True, bufsize=1)
        except (OSError, ValueError) as error:
            raise PlayerError(f"an engine must be a program that can be started, got {command!r}: {error}") from error
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.name = self.ask("name")
        self.ask(f"boardsize {game.shape[1]}")
        if komi is not None:
            self.ask(f"komi {komi}")

    def __enter__(self) -> GTPEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the program."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def choose(self, lines: Sequence[Sequence[int]], states: NDArray[Any], keys: KeyArray) -> IntArray:
        """[L] its moves after these lines; -1 where it gives up. It is told each line anew."""
        return np.array([self._move(line) for line in lines], np.int32)

    def _move(self, line: Sequence[int]) -> int:
        state = self.game.start()
        self.ask("clear_board")
        for move in line:
            self.ask(f"play {'bw'[self.game.player(state)]} {vertex_of(self.game, state, move)}")
            state = self.game.step(state, move)
        answer = self.ask(f"genmove {'bw'[self.game.player(state)]}")
        if answer.lower() == "resign":
            return GIVES_UP
        try:
            return move_of(self.game, state, answer)
        except IllegalAction as error:
            raise PlayerError(f"{self.name} must play by the rules of {self.game.name}: {error}") from error

    def ask(self, question: str) -> str:
        """What it answers."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise PlayerError(f"the engine {self.command!r} ended before it was asked {question!r}") from error
        answer = list[str]()
        while True:
            try:
                line = self._lines.get(timeout=self.seconds)
            except queue.Empty:
                raise PlayerError(f"the engine {self.command!r} must answer {question!r} within {self.seconds:g} s"
                                  ) from None
            if line is None:
                raise PlayerError(f"the engine {self.command!r} ended when it was asked {question!r}")
            if line.strip():
                answer.append(line.rstrip())
            elif answer:
                break
        if not answer[0].startswith("="):
            raise PlayerError(f"the engine {self.command!r} must know what it is asked, got {answer[0][:80]!r} for "
                              f"{question!r}")
        return "\n".join([answer[0].lstrip("=0123456789").strip(), *answer[1:]]).strip()

    def _listen(self) -> None:
        """Lines of its output; None at its end."""
        assert self._process.stdout is not None
        with suppress(ValueError):  # closed while it was read, which is its end
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)
