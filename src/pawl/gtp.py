"""A player as a program that speaks the Go Text Protocol, so that boards, servers and other programs can drive it.

Farneback 2002, draft of version 2. Player 0 is black; a game whose board has another size than its rules is refused.
Not covered: handicap, clocks (time settings are heard and do nothing), and dead stones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pawl
from pawl.interfaces import BoardPlayer, Game, IllegalAction, ManyBoards
from pawl.keys import row_keys
from pawl.players.vertices import COLOURS, move_of, vertex_of


class Refused(Exception):
    """What cannot be done, in GTP's words."""


class Session:
    """One board, and what was played on it."""

    def __init__(self, game: Game, rules: ManyBoards, player: BoardPlayer, *, seed: int = 0) -> None:
        self.game, self.rules, self.player, self.seed = game, rules, player, seed
        self.states: list[Any] = [game.start()]
        self.line: list[int] = []
        self.over = False
        """Whether it was told to quit."""
        self.commands: dict[str, Callable[[list[str]], str]] = {
            "protocol_version": lambda words: "2", "name": lambda words: f"Pawl {player.name}",
            "version": lambda words: pawl.__version__, "list_commands": lambda words: "\n".join(sorted(self.commands)),
            "known_command": lambda words: str(bool(words) and words[0] in self.commands).lower(),
            "quit": self._quit, "boardsize": self._boardsize, "clear_board": self._clear, "komi": lambda words: "",
            "time_settings": lambda words: "", "time_left": lambda words: "", "play": self._play,
            "genmove": self._genmove, "undo": self._undo, "showboard": lambda words: f"\n{game.show(self.states[-1])}",
            "final_score": self._score,
        }

    def answers(self, lines: Iterable[str]) -> Iterator[str]:
        """To each line that asks something, until it is told to quit."""
        for line in lines:
            if (answer := self.answer(line)) is not None:
                yield answer
            if self.over:
                return

    def answer(self, line: str) -> str | None:
        """`= result` or `? error`, the number of the question behind the sign; None where nothing was asked."""
        words = "".join(sign if sign.isprintable() else " " for sign in line.partition("#")[0]).split()
        number = words.pop(0) if words and words[0].isdigit() else ""
        if not words:
            return None
        try:
            if words[0] not in self.commands:
                raise Refused("unknown command")
            return f"={number} {self.commands[words[0]](words[1:])}\n\n"
        except (Refused, IllegalAction) as error:
            return f"?{number} {error}\n\n"

    def _quit(self, words: list[str]) -> str:
        self.over = True
        return ""

    def _boardsize(self, words: list[str]) -> str:
        if words != [str(self.game.shape[1])]:
            raise Refused("unacceptable size")
        return self._clear([])

    def _clear(self, words: list[str]) -> str:
        self.states, self.line = [self.game.start()], []
        return ""

    def _play(self, words: list[str]) -> str:
        if len(words) != 2 or words[0].lower() not in COLOURS:
            raise Refused("invalid color or coordinate")
        self._turn_of(words[0])
        try:
            self._made(move_of(self.game, self.states[-1], words[1]))
        except IllegalAction:
            raise Refused("illegal move") from None
        return ""

    def _genmove(self, words: list[str]) -> str:
        if len(words) != 1 or words[0].lower() not in COLOURS:
            raise Refused("invalid color")
        self._turn_of(words[0])
        keys = row_keys(self.seed, [f"genmove {len(self.line)}"], 1)[:, 0]
        move = int(self.player.choose([self.line], self.rules.start([self.line]), keys)[0])
        if move < 0:
            return "resign"
        name = vertex_of(self.game, self.states[-1], move)
        self._made(move)
        return "pass" if name == "PASS" else name

    def _undo(self, words: list[str]) -> str:
        if not self.line:
            raise Refused("cannot undo")
        self.states.pop()
        self.line.pop()
        return ""

    def _score(self, words: list[str]) -> str:
        if not self.game.terminal(self.states[-1]):
            raise Refused("cannot score: the game is not over")
        first = self.game.returns(self.states[-1])[0]
        return "0" if first == 0 else f"{'B' if first > 0 else 'W'}+{abs(first):g}"

    def _turn_of(self, colour: str) -> None:
        """Raises Refused where somebody else is to move, or nobody."""
        if self.game.terminal(self.states[-1]):
            raise Refused("the game is over")
        if COLOURS[colour.lower()] != self.game.player(self.states[-1]):
            raise Refused("illegal move: it is the other's turn")

    def _made(self, move: int) -> None:
        self.states.append(self.game.step(self.states[-1], move))
        self.line.append(move)
