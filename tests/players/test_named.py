"""The players that networks meet."""

from __future__ import annotations

from pawl.match import match
from pawl.players.named import fixed_players
from pawl.tasks.connect_four import ConnectFour

GAME = ConnectFour()


def test_each_is_stronger_than_the_one_before() -> None:
    players = fixed_players(GAME, GAME.many())
    assert [player.name for player in players] == ["random", "mcts with 100 playouts", "minimax 2", "minimax 5"]
    openings = [list(problem.data["moves"]) for problem in GAME.problems("test", 25, 0)]
    for weaker, stronger in ((0, 1), (0, 2), (2, 3)):
        assert match(players[stronger], players[weaker], GAME.many(), openings, key=1).pairs.mean() > 0.6


