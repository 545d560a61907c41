"""A person at a board in the terminal: moves, hints, taking back, saving, and typing nonsense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pawl.cli import main
from pawl.errors import DataError
from pawl.players.connect_four import ExactPlayer, open_lines
from pawl.players.simple import MinimaxPlayer
from pawl.search.boards import BoardSearch, uniform
from pawl.tasks.connect_four import ConnectFour
from pawl.terminal_board import Sitting, load_game

GAME = ConnectFour()
RULES = GAME.many()


def sit(answers: list[str], *, person: int = 0, line: list[int] | None = None) -> tuple[str, list[int], str]:
    """How a sitting ends, its moves, and what was shown."""
    said, left = list[str](), iter(answers)
    sitting = Sitting(GAME, RULES, MinimaxPlayer(RULES, 2, open_lines), person, lambda words: next(left), said.append,
                      BoardSearch(RULES, uniform, 200), line=line or [])
    return sitting.play(), sitting.line, "\n".join(said)


def test_a_game_to_its_end() -> None:
    result, moves, said = sit(["4"], line=[3, 0, 3, 0, 3, 1])
    assert result == "you win" and moves == [3, 0, 3, 0, 3, 1, 3]
    assert "You are first, against minimax" in said and ". . . x . . ." in said


def test_the_other_answers() -> None:
    result, moves, said = sit(["7", "quit"], line=[3, 0, 3, 0])
    assert result == "left" and "minimax plays" in said and len(moves) == 6


def test_a_loss_is_told() -> None:
    result, _, _ = sit(["7"], line=[6, 3, 6, 3, 0, 3])
    assert result == "you lose"


def test_who_is_second_waits() -> None:
    result, moves, said = sit(["quit"], person=1)
    assert result == "left" and len(moves) == 1 and "You are second" in said


def test_nonsense_is_answered_and_nothing_happens() -> None:
    _, moves, said = sit(["", "9", "x" * 1000, "\x1b[2Jboo", "moves", "quit"])
    assert moves == [] and "\x1b" not in said
    assert said.count("a move must be one of 1, 2, 3") == 4 and "\n1 2 3 4 5 6 7" in said


def test_a_hint_is_what_search_thinks() -> None:
    _, _, said = sit(["hint", "quit"], line=[3, 0, 3, 0, 3, 1])
    assert "it would play 4" in said and "+1.00" in said


def test_moves_are_taken_back_to_ones_own() -> None:
    _, moves, said = sit(["4", "undo", "undo", "quit"])
    assert moves == [] and "no move of yours" in said
    _, moves, _ = sit(["4", "3", "undo", "quit"])
    assert len(moves) == 2 and moves[0] == 3
    _, moves, _ = sit(["4", "undo", "quit"], person=1)
    assert len(moves) == 1


def test_a_saved_game_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    _, moves, said = sit(["4", f"save {file}", "quit"])
    assert load_game(file, GAME) == (0, moves) and str(file) in said
    _, _, said = sit(["save /nowhere/at/all", "quit"])
    assert "could not be written" in said


@pytest.mark.parametrize("text", ["", "{}", '{"game": "chess", "person": 0, "moves": []}',
                                  '{"game": "connect_four", "person": 2, "moves": []}',
                                  '{"game": "connect_four", "person": 0, "moves": [9]}',
                                  '{"game": "connect_four", "person": 0, "moves": "abc"}'])
def test_what_is_no_saved_game_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(DataError, match="a saved game must"):
        load_game(file, GAME)
    with pytest.raises(DataError, match="can be read"):
        load_game(tmp_path / "none.json", GAME)


def test_the_command_plays() -> None:
    done = CliRunner().invoke(main, ["play", "connect_four", "--opponent", "random", "--json"], input="hint\nquit\n")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.strip().splitlines()[-1]) == {"game": "connect_four", "result": "left", "moves": []}


def test_the_exact_player_is_never_beaten_from_the_first_move() -> None:
    """As far as late positions go, which take no time to solve."""
    line = [3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 0, 1]
    state = GAME.after(line)
    player, opponent = ExactPlayer(), MinimaxPlayer(RULES, 4, open_lines)
    worth = player.solver.score((int(state[0]), int(state[1])), weak=True)
    who = GAME.player(state)
    while not GAME.terminal(state):
        mover = player if GAME.player(state) == who else opponent
        move = int(mover.choose([line], RULES.start([line]), RULES.start([line])[:, 0])[0])
        line, state = [*line, move], GAME.step(state, move)
    assert GAME.returns(state)[who] >= worth
