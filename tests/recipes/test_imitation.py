"""Networks that learn moves: whose games, which positions, how well."""

from __future__ import annotations

import numpy as np
import torch

from pawl.loop import Turn
from pawl.players.connect_four import open_lines
from pawl.players.simple import MinimaxPlayer
from pawl.recipes.imitation import Lessons, accuracy, fresh_network, learn, own_games, positions_by_game, says
from pawl.selection.window import joined
from pawl.tasks.connect_four import ConnectFour

torch.set_num_threads(1)
GAME = ConnectFour()
RULES = GAME.many()
OPENINGS = [problem.data["moves"] for problem in GAME.problems("train", 200, 0)]


def test_games_of_a_player_against_itself_are_cut_by_game() -> None:
    games, = own_games(MinimaxPlayer(RULES, 1, open_lines), RULES, OPENINGS, 12, key=3)
    by_game = positions_by_game(games, RULES, GAME.moves)
    assert len(by_game) == len([moves for moves in games.moves if moves]) == 12
    for opening, moves, one in zip(games.openings, games.moves, by_game, strict=True):
        assert one.policies.argmax(axis=1).tolist() == moves
        assert np.array_equal(one.boards[0], GAME.observe(GAME.after(opening)))


def test_it_learns_whom_it_watches() -> None:
    """A player that counts columns from the left."""
    class Left:
        name = "left"

        def choose(self, lines: object, states: np.ndarray, keys: object) -> np.ndarray:
            return RULES.view(states).legal.argmax(axis=1).astype(np.int32)

    games, = own_games(Left(), RULES, OPENINGS, 120, key=1)
    positions = joined(positions_by_game(games, RULES, GAME.moves))
    network, turn = fresh_network(GAME, 1, seed=0, device="cpu", dtype="float32"), Turn(0, 0, lambda event: None)
    before = accuracy(network, positions)
    learn(network, positions, ConnectFourWithoutMirror(), Lessons(4, 64, 0.01), turn, key=2)
    assert before < 0.8 < accuracy(network, positions)
    assert turn.metrics["steps"] == round(len(positions) * 4 / 64) and turn.metrics["policy_loss"] < 0.5


class ConnectFourWithoutMirror(ConnectFour):
    """In which left is not right."""

    def symmetries(self) -> tuple[()]:
        return ()


def test_what_it_says_is_what_it_plays() -> None:
    games, = own_games(MinimaxPlayer(RULES, 1, open_lines), RULES, OPENINGS, 4, key=3)
    positions = joined(positions_by_game(games, RULES, GAME.moves))
    network = fresh_network(GAME, 1, seed=0, device="cpu", dtype="float32")
    torch.nn.init.normal_(network.net.policy_head.weight)
    torch.nn.init.normal_(network.net.value_head.weight)
    moves, values = says(network, positions)
    lines = [opening + made[:place] for opening, made in zip(games.openings, games.moves, strict=True)
             for place in range(len(made))]
    states = RULES.start(lines)
    priors, expected = network(states, RULES.view(states))
    all_legal = RULES.view(states).legal.all(axis=1)
    assert np.array_equal(moves[all_legal], priors.argmax(axis=1)[all_legal])
    assert np.allclose(values, expected, atol=1e-5)
