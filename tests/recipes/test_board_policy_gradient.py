"""A policy plays better than it did, by its rewards alone."""

from __future__ import annotations

import numpy as np
import torch

from pawl.match import Games, match
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.players.simple import PolicyPlayer
from pawl.recipes.board_policy_gradient import Course, drawn_games, final_result, reinforce
from pawl.records import FloatArray
from pawl.selection.window import Positions, moves_as_examples, positions_of
from pawl.tasks.connect_four import ConnectFour

torch.set_num_threads(1)
GAME = ConnectFour()
RULES = GAME.many()
OPENINGS = [problem.data["moves"] for problem in GAME.problems("train", 100, 0)]


def fresh(seed: int = 0) -> BoardPolicy:
    return BoardPolicy.fresh(BoardArchitecture(*GAME.shape, GAME.moves, 1), GAME.name, seed=seed)


def player(policy: BoardPolicy) -> PolicyPlayer:
    return PolicyPlayer(RULES, policy, "policy", temperature=1.0)


def test_it_beats_what_it_was() -> None:
    base = fresh()
    policy = base.clone()
    metrics = reinforce(policy, [base], RULES, OPENINGS, final_result, Course(30, 128, 1e-2), key=1)
    assert match(player(policy), player(base), RULES, OPENINGS[:50], key=2).pairs.mean() > 0.65
    assert metrics["won"] > 0.6 and metrics["reward"] > 0.2


def test_it_does_what_is_rewarded_whatever_that_is() -> None:
    """A stone in the left column is all that counts."""
    def left(games: Games, positions: Positions) -> FloatArray:
        return (positions.policies.argmax(axis=1) == 0).astype(np.float32)

    policy = fresh()
    reinforce(policy, [fresh()], RULES, OPENINGS, left, Course(25, 64, 5e-3), key=1)
    states = RULES.start([[], [1, 2]])
    assert (policy(states, RULES.view(states))[0][:, 0] > 2 / 7).all()


def test_games_are_drawn_from_either_side_and_the_same_for_the_same_key() -> None:
    one, other, third = (drawn_games((fresh(), fresh(1)), RULES, OPENINGS, 30, key=key) for key in (1, 1, 2))
    assert one.lines == other.lines != third.lines
    assert all(GAME.returns(GAME.after(line))[0] == result for line, result in zip(one.lines, one.results, strict=True))


def test_the_final_result_is_that_of_who_moved() -> None:
    games = drawn_games((fresh(), fresh()), RULES, OPENINGS, 20, key=3)
    examples = moves_as_examples(games.openings, games.moves, games.results.tolist(), choices=7)
    brought = final_result(games, positions_of(examples, RULES))
    expected = [result if mover == 0 else -result for movers, result in zip(games.movers, games.results, strict=True)
                for mover in movers]
    assert brought.tolist() == expected
