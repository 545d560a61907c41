"""OpenSpiel's actor plays whole games of the load, and says how many positions there were."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from pawl.bench.open_spiel_actor import Actor, Compiled, Load

SMALL = Load(depth=1, width=16, simulations=3, explore=2, compiled=True)

with_open_spiel = pytest.mark.skipif(not all(map(find_spec, ("pyspiel", "flax", "optax", "orbax"))),
                                     reason="the actor is OpenSpiel's, its network flax's")


def test_a_load_is_written_so_that_it_can_be_read() -> None:
    assert Load(**json.loads(SMALL.to_json())) == SMALL


@pytest.fixture(scope="module")
def actor() -> Actor:
    with warnings.catch_warnings(action="ignore"):
        return Actor(SMALL)


@with_open_spiel
@pytest.mark.filterwarnings("ignore")
def test_it_plays_whole_games_with_so_many_simulations(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    games, played = list[int](), actor.play
    monkeypatch.setattr(actor, "play", lambda *words: games.append(len((found := played(*words)).states)) or found)
    positions, seconds = actor.turn(0)
    assert [positions] == games and 7 <= positions <= 42 and seconds > 0
    root = actor.bots[0].mcts_search(actor.game.new_initial_state())
    assert root.explore_count == 3 and len(root.children) == 7


@with_open_spiel
@pytest.mark.filterwarnings("ignore")
def test_the_compiled_network_says_what_the_other_says(actor: Actor) -> None:
    state, seen = actor.game.new_initial_state(), [actor.bots[0].evaluator,
                                                   Actor(replace(SMALL, compiled=False)).bots[0].evaluator]
    values, priors = ([evaluator.evaluate(state) for evaluator in seen],
                      [np.array(evaluator.prior(state)) for evaluator in seen])
    assert values[0] == pytest.approx(values[1], abs=1e-5) and priors[0] == pytest.approx(priors[1], abs=1e-5)


@with_open_spiel
def test_by_cells_it_sees_planes_as_channels() -> None:
    class Seeing:
        def inference(self, board: Any, legal: Any) -> tuple[Any, Any]:
            return legal, board

    board = np.arange(24.0).reshape(2, 3, 4)
    assert np.array_equal(Compiled(Seeing(), None).inference(board.ravel(), 0)[1], board.ravel())
    seen = Compiled(Seeing(), (2, 3, 4)).inference(board.ravel(), 0)[1]
    assert seen.shape == (3, 4, 2) and np.array_equal(seen[:, :, 1], board[1])
