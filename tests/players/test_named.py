"""The players that networks meet."""

from __future__ import annotations

import sys
from pathlib import Path

from pawl.match import match
from pawl.players.named import fixed_players
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.one_by_one import many_boards

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from boards import TicTacToe

GAME = ConnectFour()


def test_each_is_stronger_than_the_one_before() -> None:
    players = fixed_players(GAME, GAME.many())
    assert [player.name for player in players] == ["random", "mcts with 100 playouts", "minimax 2", "minimax 5"]
    openings = [list(problem.data["moves"]) for problem in GAME.problems("test", 25, 0)]
    for weaker, stronger in ((0, 1), (0, 2), (2, 3)):
        assert match(players[stronger], players[weaker], GAME.many(), openings, key=1).pairs.mean() > 0.6




def test_minimax_is_among_them_where_it_is_cheap() -> None:
    few, many = TicTacToe(), TicTacToe()
    many.moves = 26
    found = [[player.name for player in fixed_players(game, many_boards(game))] for game in (few, many)]
    assert found == [["random", "minimax 2", "mcts with 100 playouts"], ["random", "mcts with 100 playouts"]]
    openings = [list(problem.data["moves"]) for problem in few.problems("train", 25, 0)]
    random, minimax, search = fixed_players(few, many_boards(few))
    for weaker, stronger in ((random, minimax), (minimax, search)):
        assert match(stronger, weaker, many_boards(few), openings, key=1).pairs.mean() > 0.52
