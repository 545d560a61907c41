"""GTP both ways: a dialogue that was written down, Pawl through a pipe, engines that fail, and GNU Go."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pawl.errors import PlayerError
from pawl.gtp import Session
from pawl.match import match
from pawl.players.connect_four import open_lines
from pawl.players.gtp_engine import GTPEngine
from pawl.players.simple import MinimaxPlayer, RandomPlayer
from pawl.players.vertices import move_of, vertex_of
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.one_by_one import many_boards

GAME = ConnectFour()
RULES = GAME.many()
PLAYER = MinimaxPlayer(RULES, 2, open_lines)

DIALOGUE = """\
1 protocol_version
=1 2

name  # who is it
= Pawl minimax

2 known_command genmove
=2 true

known_command fly
= false

boardsize 19
? unacceptable size

boardsize 6
=

play b 4
=

play b 4
? illegal move: it is the other's turn

play w 9
? illegal move

play green 4
? invalid color or coordinate

play w 1
=

3 play b 4
=3

play w 1
=

play b 4
=

genmove w
= 4

undo
=

final_score
? cannot score: the game is not over

play w 1
=

genmove b
= 4

final_score
= B+1

genmove w
? the game is over

\x1bfly\x07 now
? unknown command

clear_board
=

undo
? cannot undo

quit
=
"""
"""Four in a row is stopped by white, and when that is taken back and white looks away, made by black."""

SERVER = """\
import sys
from pawl.gtp import Session
from pawl.players.connect_four import open_lines
from pawl.players.simple import MinimaxPlayer
from pawl.tasks.connect_four import ConnectFour

rules = ConnectFour().many()
for answer in Session(ConnectFour(), rules, MinimaxPlayer(rules, 2, open_lines)).answers(sys.stdin):
    print(answer, end="", flush=True)
"""


def engine_of(program: str) -> str:
    return shlex.join([sys.executable, "-c", program])


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64)


def test_a_recorded_dialogue() -> None:
    session = Session(GAME, RULES, PLAYER)
    blocks = [block.split("\n", 1) for block in DIALOGUE.strip("\n").split("\n\n")]
    for question, answer in blocks:
        assert (session.answer(question + "\n") or "").strip() == answer.strip(), question
    assert session.over


def test_empty_lines_and_comments_are_no_questions() -> None:
    session = Session(GAME, RULES, PLAYER)
    assert list(session.answers(["\n", "# hello\n", "quit\n", "name\n"])) == ["= \n\n"]


def test_moves_of_go_are_written_as_the_protocol_has_them() -> None:
    pytest.importorskip("pyspiel", reason="go is OpenSpiel's")
    from pawl.tasks.board import Board

    go = Board(game="go(board_size=9)")
    names = [vertex_of(go, go.start(), move) for move in go.actions(go.start())]
    assert names[0] == "A1" and "I5" not in names and "J9" in names and names[-1] == "PASS"
    for move, name in zip(go.actions(go.start()), names, strict=True):
        assert move_of(go, go.start(), name.lower()) == move


@pytest.fixture
def engine() -> Iterator[GTPEngine]:
    with GTPEngine(engine_of(SERVER), GAME) as made:
        yield made


def test_an_engine_plays_as_it_does_here(engine: GTPEngine) -> None:
    assert engine.name == "Pawl minimax"
    lines = [[3], [0, 1, 0, 1, 0], [6, 5, 6, 5]]
    found = engine.choose(lines, RULES.start(lines), keys(3))
    assert found[1] == 0
    assert all(move in GAME.actions(GAME.after(line)) for move, line in zip(found, lines, strict=True))
    assert match(engine, RandomPlayer(RULES), RULES, [[], [3]], key=1).scores.mean() >= 0.75


@pytest.mark.parametrize(("program", "said"), [
    ("", "ended"),
    ("print('? no', flush=True); print(flush=True); input()", "must know what it is asked"),
    ("import time; time.sleep(60)", "within 0.5 s"),
    ("for line in __import__('sys').stdin: print('= z9\\n', flush=True)", "must play by the rules"),
])
def test_engines_that_fail_are_told_in_words(program: str, said: str) -> None:
    with pytest.raises(PlayerError, match=said), GTPEngine(engine_of(program), GAME, seconds=0.5) as engine:
        engine.choose([[]], RULES.start([[]]), keys(1))


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(PlayerError, match="must be a program that can be started"):
        GTPEngine("no-such-program --mode gtp", GAME)


def test_an_engine_that_resigns_gives_up() -> None:
    with GTPEngine(engine_of("for line in __import__('sys').stdin: print('= resign\\n', flush=True)"), GAME) as engine:
        assert engine.choose([[]], RULES.start([[]]), keys(1)).tolist() == [-1]


def gnugo() -> str | None:
    return shutil.which("gnugo") or next((str(path) for path in [Path("/usr/games/gnugo")] if path.exists()), None)


@pytest.mark.skipif(gnugo() is None, reason="GNU Go is not installed")
def test_gnu_go_plays_whole_games() -> None:
    pytest.importorskip("pyspiel", reason="go is OpenSpiel's")
    from pawl.tasks.board import Board

    go = Board(game="go(board_size=5,komi=0.5)")
    rules = many_boards(go)
    command = f"{gnugo()} --mode gtp --level 1 --chinese-rules --capture-all-dead"
    with GTPEngine(command, go, komi=0.5) as engine:
        assert engine.name == "GNU Go"
        played = match(engine, RandomPlayer(rules), rules, [[], [12]], key=1, longest=200)
    assert played.scores.mean() >= 0.75
    assert all(len(line) >= 4 for lines in played.lines for line in lines)
