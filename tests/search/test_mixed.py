"""Evaluators put together: priors of one, values mixed of two."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.players.simple import Playouts
from pawl.records import FloatArray, Views
from pawl.search.boards import BoardSearch, Evaluate, Positions, uniform
from pawl.search.mixed import Mixed
from pawl.tasks.connect_four import ConnectFour

RULES = ConnectFour().many()
STATES = RULES.start([[], [3]])


def saying(value: float, move: int = 0) -> Evaluate:
    def evaluate(states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
        return np.eye(7, dtype=np.float32)[[move] * len(states)], np.full(len(states), value, np.float32)

    return evaluate


@pytest.mark.parametrize(("mixed", "value"), [
    (Mixed(saying(9, 2), saying(0.5), saying(-1), 0.25), 0.75 * 0.5 - 0.25),
    (Mixed(saying(9, 2), saying(0.5), saying(-1), 0.0), 0.5),
    (Mixed(saying(9, 2), saying(0.5), saying(-1), 1.0), -1.0),
    (Mixed(saying(9, 2), saying(0.5)), 0.5),
    (Mixed(saying(9, 2), None, saying(-1)), -1.0),
    (Mixed(saying(9, 2)), 0.0),
])
def test_values_are_mixed_and_priors_are_the_policys(mixed: Mixed, value: float) -> None:
    priors, values = mixed(STATES, RULES.view(STATES))
    assert (priors.argmax(axis=1) == 2).all() and values == pytest.approx([value, value])


def test_nobody_is_asked_whose_word_does_not_count() -> None:
    def silent(states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
        raise AssertionError

    assert Mixed(uniform, silent, saying(1), 1.0)(STATES, RULES.view(STATES))[1].tolist() == [1, 1]
    assert Mixed(uniform, saying(1), silent, 0.0)(STATES, RULES.view(STATES))[1].tolist() == [1, 1]


def test_search_goes_where_the_mixture_is_best() -> None:
    """The value likes a stone in the right corner, rollouts one in the left, a little less."""
    def edge(column: int, worth: float) -> Evaluate:
        def evaluate(states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
            mine, theirs = views.boards[:, 0, -1, column], views.boards[:, 1, -1, column]
            return uniform(states, views)[0], np.float32(worth) * (mine - theirs)

        return evaluate

    for share, best in ((0.1, 6), (0.9, 0)):
        search = BoardSearch(RULES, Mixed(uniform, edge(6, 0.5), edge(0, 0.4), share), 200, "puct")
        assert search(STATES[:1], np.zeros(1, np.uint64)).moves.tolist() == [best]


def test_rollouts_have_the_luck_of_who_asks() -> None:
    mixed, same = Mixed(rollouts=Playouts(RULES, 0)), RULES.start([[3]] * 40)
    values = mixed.drawn(same, RULES.view(same), np.arange(40, dtype=np.uint64))[1]
    assert set(values) >= {-1.0, 1.0}
    assert len(set(mixed(same, RULES.view(same))[1])) == 1


def test_a_share_is_a_share() -> None:
    with pytest.raises(ConfigError, match="must lie in"):
        Mixed(share=1.5)
