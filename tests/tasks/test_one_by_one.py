"""Rules for many positions, from rules for one."""

from __future__ import annotations

import numpy as np
from boards import TicTacToe, random_game

from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.one_by_one import OneByOne, many_boards


def test_it_says_what_the_game_says_of_each_position() -> None:
    game, random = TicTacToe(), np.random.default_rng(0)
    rules = many_boards(game)
    for _ in range(30):
        line = random_game(game, random)
        moves = [move for _, move in line[:-1]]
        states = rules.start([moves[:ply] for ply in range(len(line))])
        assert list(states) == [state for state, _ in line]
        views = rules.view(states)
        for i, (state, _) in enumerate(line):
            assert views.players[i] == game.player(state) and views.over[i] == game.terminal(state)
            assert np.flatnonzero(views.legal[i]).tolist() == game.actions(state)
            assert np.array_equal(views.boards[i], game.observe(state))
        assert views.results[-1] == game.returns(line[-1][0])[views.players[-1]]
        assert (views.results[:-1] == 0).all()
        assert list(rules.step(states[:-1], np.array(moves, np.int32))) == list(states[1:])


def test_a_game_that_knows_its_rules_for_many_is_asked_for_them() -> None:
    assert not isinstance(many_boards(ConnectFour()), OneByOne)
