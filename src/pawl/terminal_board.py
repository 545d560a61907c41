"""A person plays a board game in the terminal: the board, legal moves, hints from search, undo, save."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pawl.errors import DataError
from pawl.interfaces import BoardPlayer, Game, IllegalAction, ManyBoards
from pawl.keys import row_keys
from pawl.search.boards import BoardSearch
from pawl.terminal import plain, table

HELP = "a move; or hint, undo, moves, save FILE, quit"
MOST_NAMES = 60
"""Legal moves that are listed."""


@dataclass
class Sitting:
    """A game between a person and a player."""

    game: Game
    rules: ManyBoards
    opponent: BoardPlayer
    person: int
    """Who the person is, 0 or 1."""
    read: Callable[[str], str]
    """Asks the person."""
    write: Callable[[str], None]
    hints: BoardSearch | None = None
    seed: int = 0
    line: list[int] = field(default_factory=list)

    def play(self) -> str:
        """To the end, or until the person leaves. Returns how it stands in a sentence."""
        self.write(f"You are {'first' if self.person == 0 else 'second'}, against {self.opponent.name}. {HELP}")
        while not self.game.terminal(state := self.state):
            self.write("\n" + plain(self.game.show(state)))
            if self.game.player(state) == self.person:
                if not self._asked(state):
                    return "left"
            elif not self._answered(state):
                return "the other gave up: you win"
        self.write("\n" + plain(self.game.show(self.state)))
        got = self.game.returns(self.state)[self.person]
        return "you win" if got > 0 else "you lose" if got < 0 else "a draw"

    @property
    def state(self) -> Any:
        """Where the game stands."""
        state = self.game.start()
        for move in self.line:
            state = self.game.step(state, move)
        return state

    def _asked(self, state: Any) -> bool:
        """One answer of the person; False when they leave."""
        words = self.read("your move").strip()
        command, _, rest = words.partition(" ")
        if command in ("quit", "q"):
            return False
        if command == "undo":
            self._undo()
        elif command == "hint":
            self.write(self.hint(state))
        elif command == "moves":
            self.write(" ".join(self._names(state)))
        elif command == "save":
            self._save(rest)
        else:
            try:
                self.line.append(self.game.parse_move(state, words))
            except IllegalAction as error:
                self.write(plain(str(error)))
        return True

    def _answered(self, state: Any) -> bool:
        """The other's move; False when it gives up."""
        keys = row_keys(self.seed, [f"move {len(self.line)}"], 1)[:, 0]
        move = int(self.opponent.choose([self.line], self.rules.start([self.line]), keys)[0])
        if move < 0:
            return False
        self.write(f"{self.opponent.name} plays {plain(self.game.move_name(state, move))}")
        self.line.append(move)
        return True

    def _undo(self) -> None:
        """Back to the person's move before; the first one stays the first."""
        kept = len(self.line) - 1
        while kept >= 0 and self.game.player(self._after(self.line[:kept])) != self.person:
            kept -= 1
        if kept < 0:
            self.write("there is no move of yours to take back")
        else:
            self.line = self.line[:kept]

    def _after(self, line: Sequence[int]) -> Any:
        state = self.game.start()
        for move in line:
            state = self.game.step(state, move)
        return state

    def hint(self, state: Any) -> str:
        """What search thinks of the best moves."""
        if self.hints is None:
            return "there is nobody to ask for a hint"
        found = self.hints(self.rules.start([self.line]), row_keys(self.seed, ["hint"], 1)[:, 0])
        order = np.argsort(-found.visits[0], kind="stable")[:5]
        rows = [("move", "visits", "expected")]
        rows += [(self.game.move_name(state, int(move)), str(found.visits[0, move]), f"{found.q[0, move]:+.2f}")
                 for move in order if found.visits[0, move] > 0]
        best = self.game.move_name(state, int(found.moves[0]))
        return f"{table(rows)}\nit would play {plain(best)}"

    def _names(self, state: Any) -> list[str]:
        names = [plain(self.game.move_name(state, move)) for move in self.game.actions(state)]
        return names if len(names) <= MOST_NAMES else [*names[:MOST_NAMES], f"... {len(names) - MOST_NAMES} more"]

    def _save(self, name: str) -> None:
        path = Path(name or "game.json")
        try:
            path.write_text(json.dumps({"game": self.game.name, "person": self.person, "moves": self.line}) + "\n",
                            encoding="utf-8")
        except OSError as error:
            self.write(plain(f"{path} could not be written: {error.strerror}"))
        else:
            self.write(plain(f"saved to {path}; pawl play {self.game.name} --load {path} goes on"))


def load_game(path: Path, game: Game) -> tuple[int, list[int]]:
    """Who the person was, and the moves of a saved game. Raises DataError where it is not one of this game."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        person, moves = saved["person"], saved["moves"]
        if saved["game"] != game.name or person not in (0, 1):
            raise DataError(f"a saved game must be one of {game.name}, got {path}")
        state = game.start()
        for move in moves:
            state = game.step(state, move)
    except OSError as error:
        raise DataError(f"a saved game must be a file that can be read, got {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"a saved game must hold the moves of a game, {path} does not: {error}") from error
    return person, list(moves)
