"""Questions are about two moves from one position; what is liked is learnt, and paid where it was made."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pawl.judges.labeller import Labeller
from pawl.loop import Turn
from pawl.models.board_policy import BoardPolicy
from pawl.players.tastes import looks
from pawl.recipes.board_policy_gradient import drawn_games
from pawl.recipes.board_reward_model import compared, learn_to_judge, liked_reward, scores
from pawl.recipes.imitation import Lessons, fresh_network
from pawl.selection.window import moves_as_examples, positions_of
from pawl.tasks.connect_four import ConnectFour

torch.set_num_threads(1)
GAME = ConnectFour()
RULES = GAME.many()
OPENINGS = [problem.data["moves"] for problem in GAME.problems("train", 100, 0)]


def fresh(seed: int = 0) -> BoardPolicy:
    return fresh_network(GAME, 1, seed=seed, device="cpu", dtype="float32")


GAMES = drawn_games((fresh(), fresh()), RULES, OPENINGS, 40, key=1)


def test_questions_are_about_moves_of_the_games_positions_and_answered_by_taste() -> None:
    asked = compared(GAMES, RULES, Labeller(looks, 0.0), 200, key=2)
    seen = {GAME.after(opening + moves[:ply]) for opening, moves in zip(GAMES.openings, GAMES.moves, strict=True)
            for ply in range(len(moves))}
    possible = {state: {GAME.step(state, move) for move in GAME.actions(state)} for state in seen}
    any_ = set.union(*possible.values())
    for number, (better, worse) in enumerate(zip(asked.liked, asked.other, strict=True)):
        pair = {tuple(better.tolist()), tuple(worse.tolist())}
        assert pair <= any_ and (number % 2 or any(pair <= after for after in possible.values()))
        assert looks(better[None]) >= looks(worse[None])


def test_what_labellers_like_is_learnt() -> None:
    asked = compared(GAMES, RULES, Labeller(looks, 0.1), 4000, key=2)
    network, turn = fresh(), Turn(1, 1, lambda event: None)
    learn_to_judge(network, asked, RULES, Lessons(4, 128, 0.01), turn, key=3)
    assert turn.metrics["foreseen"] > 0.75 and turn.metrics["comparisons"] == len(asked.liked)


@pytest.mark.parametrize("credit", ["move", "game"])
def test_a_move_is_paid_for_what_it_led_to(credit: str) -> None:
    network = fresh()
    torch.nn.init.normal_(network.net.value_head.weight)
    examples = moves_as_examples(GAMES.openings, GAMES.moves, GAMES.results.tolist(), choices=7)
    paid = liked_reward(network, RULES, credit)(GAMES, positions_of(examples, RULES))  # type: ignore[arg-type]
    expected = []
    for opening, moves in zip(GAMES.openings, GAMES.moves, strict=True):
        boards = np.array([GAME.observe(GAME.after(opening + moves[: ply + 1])) for ply in range(len(moves))])
        said = scores(network, boards)
        expected += [float(said[ply::2].sum() if credit == "game" else said[ply]) for ply in range(len(moves))]
    assert paid == pytest.approx(expected, abs=1e-3)
