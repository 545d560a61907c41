"""Search of boards: against exact solutions, with what was kept of the last search, and on its own for each game."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pawl.errors import ConfigError
from pawl.records import FloatArray, Views
from pawl.search.boards import BoardSearch, uniform
from pawl.search.tree import NONE
from pawl.tasks.board_game import BoardGame
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.connect_four_solver import ILLEGAL, Solver
from pawl.tasks.one_by_one import OneByOne

GAME = ConnectFour()
RULES = GAME.many()


def lines(length: int, count: int, seed: int = 0) -> list[list[int]]:
    """Of random games that go on after so many moves."""
    random, found = np.random.default_rng(seed), list[list[int]]()
    while len(found) < count:
        state, line = GAME.start(), list[int]()
        while len(line) < length and not GAME.terminal(state):
            line.append(int(random.choice(GAME.actions(state))))
            state = GAME.step(state, line[-1])
        if not GAME.terminal(state):
            found.append(line)
    return found


def keys(count: int, seed: int = 0) -> NDArray[np.uint64]:
    return np.arange(seed, seed + count, dtype=np.uint64)


def told(states: NDArray[Any], views: Views) -> tuple[FloatArray, FloatArray]:
    """An evaluator that has an opinion, made from the board alone."""
    mixed = (views.boards.reshape(len(states), -1) @ np.sin(np.arange(84, dtype=np.float32))).astype(np.float32)
    logits = np.sin(mixed[:, None] + np.arange(7))
    chances = np.where(views.legal, np.exp(logits), 0)
    return (chances / chances.sum(axis=1, keepdims=True)).astype(np.float32), np.tanh(np.sin(mixed)).astype(np.float32)


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_late_positions_are_solved(rule: Any) -> None:
    """Ends are told by the rules, so that enough walks prove what a position is worth."""
    solver, states = Solver(100_003), RULES.start(lines(33, 40))
    search = BoardSearch(RULES, uniform, 3000, rule=rule)
    found = search(states, keys(40))
    scores = solver.scores([tuple(map(int, state)) for state in states], weak=True)
    assert np.array_equal(found.values, np.where(scores == ILLEGAL, -2, scores).max(axis=1))
    assert (scores[np.arange(40), found.moves] == found.values).all()


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_what_is_found_fits_together(rule: Any) -> None:
    states = RULES.start(lines(12, 30))
    found = BoardSearch(RULES, told, 40, rule=rule, noise=True)(states, keys(30))
    views = RULES.view(states)
    assert views.legal[np.arange(30), found.moves].all()
    for of_moves in (found.policy, found.visits, found.priors):
        assert of_moves.shape == (30, 7) and (of_moves[~views.legal] == 0).all()
    assert np.allclose(found.policy.sum(axis=1), 1, atol=1e-5)
    assert (found.visits.sum(axis=1) <= 40).all() and (abs(found.q) <= 1).all()
    assert np.array_equal(found.players, views.players)
    priors, values = told(states, views)
    assert np.allclose(found.priors, priors) and np.allclose(found.estimates, values)


def test_a_game_is_searched_alike_whoever_is_beside_it() -> None:
    states, search = RULES.start(lines(10, 12)), BoardSearch(RULES, told, 50, noise=True)
    together = search(states, keys(12))
    for i in range(12):
        alone = search(states[i : i + 1], keys(1, i))
        assert np.array_equal(alone.visits[0], together.visits[i]) and alone.moves[0] == together.moves[i]


def test_positions_as_objects_are_searched_as_words_are() -> None:
    begun, search = lines(10, 8), BoardSearch(RULES, told, 50)
    words = search(RULES.start(begun), keys(8))
    objects = replace(search, rules=OneByOne(GAME))(OneByOne(GAME).start(begun), keys(8))
    assert np.array_equal(words.visits, objects.visits) and np.array_equal(words.values, objects.values)


def test_what_lies_below_the_move_is_kept() -> None:
    asked: list[int] = []

    def counted(states: NDArray[Any], views: Views) -> tuple[FloatArray, FloatArray]:
        asked.append(len(states))
        return told(states, views)

    states, search = RULES.start(lines(4, 6)), BoardSearch(RULES, counted, 64)
    walker = search.begin()
    first = walker(states, keys(6))
    after = RULES.step(states, first.moves)
    assert not RULES.view(after).over.any()
    asked.clear()
    kept = walker(after, keys(6), rows=np.arange(6, dtype=np.int32), moves=first.moves)
    anew = sum(asked)
    asked.clear()
    alone = search(after, keys(6))
    assert anew < 0.9 * sum(asked), "positions that were seen are not evaluated again"
    assert np.allclose(kept.priors, alone.priors) and np.allclose(kept.estimates, alone.estimates)
    assert RULES.view(after).legal[np.arange(6), kept.moves].all()


def test_rows_may_leave_and_new_games_come() -> None:
    states, search = RULES.start(lines(4, 5)), BoardSearch(RULES, told, 32)
    walker = search.begin()
    found = walker(states, keys(5))
    assert not RULES.view(RULES.step(states, found.moves)).over[[1, 3]].any()
    other = RULES.start(lines(6, 2, seed=9))
    rows = np.array([3, NONE, 1, NONE], np.int32)
    after = RULES.step(states[[3, 1]], found.moves[[3, 1]])
    mixed = np.stack([after[0], other[0], after[1], other[1]])
    moves = np.array([found.moves[3], NONE, found.moves[1], NONE], np.int32)
    second = walker(mixed, keys(4), rows=rows, moves=moves)
    alone = search(other, keys(4)[[1, 3]])
    assert np.array_equal(second.visits[[1, 3]], alone.visits)
    assert np.allclose(second.priors, search(mixed, keys(4)).priors)


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_late_positions_are_solved_going_on_from_what_was_kept(rule: Any) -> None:
    """And what is to be learnt is what is to be played."""
    solver, states = Solver(100_003), RULES.start(lines(32, 20))
    walker, rows, moves = BoardSearch(RULES, uniform, 1500, rule=rule).begin(), None, None
    while len(states):
        found = walker(states, keys(len(states)), rows=rows, moves=moves)
        scores = solver.scores([tuple(map(int, state)) for state in states], weak=True)
        best = scores.max(axis=1)
        assert (scores[np.arange(len(states)), found.moves] == best).all()
        assert (scores[np.arange(len(states)), found.policy.argmax(axis=1)] == best).all()
        assert np.allclose(found.q[np.arange(len(states)), found.moves], best)
        after = RULES.step(states, found.moves)
        left = np.flatnonzero(~RULES.view(after).over)
        states, rows, moves = after[left], left.astype(np.int32), found.moves[left]


class Fan(BoardGame):
    """A game whose positions have more and more moves: as many as have been made, and one; four moves in all."""

    name, moves, shape = "fan", 9, (1, 1, 1)

    def first(self) -> tuple[int, ...]:
        return ()

    def player(self, state: tuple[int, ...]) -> int:
        return len(state) % 2

    def actions(self, state: tuple[int, ...]) -> list[int]:
        return [] if self.terminal(state) else list(range(8 - len(state), 9))

    def step(self, state: tuple[int, ...], action: int) -> tuple[int, ...]:
        return (*state, action)

    def terminal(self, state: tuple[int, ...]) -> bool:
        return len(state) == 4

    def returns(self, state: tuple[int, ...]) -> tuple[float, float]:
        return (1.0, -1.0) if sum(state) % 3 == 0 else (-1.0, 1.0)

    def observe(self, state: tuple[int, ...]) -> FloatArray:
        return np.full((1, 1, 1), len(state), np.float32)

    def show(self, state: tuple[int, ...]) -> str:
        return str(state)


def test_positions_may_have_more_moves_than_any_before() -> None:
    rules = OneByOne(Fan())
    found = BoardSearch(rules, uniform, 200)(rules.start([[], [8, 7]]), keys(2))
    assert set(abs(found.values)) == {1}, "both are solved"
    assert found.policy.shape == (2, 9)


class Lucky:
    """An evaluator that notes the first move of a line and the key of the search that asks about it."""

    def __init__(self) -> None:
        self.asked = list[tuple[int, int]]()

    def __call__(self, states: NDArray[Any], views: Views) -> tuple[FloatArray, FloatArray]:
        raise AssertionError("a search has luck to give")

    def drawn(self, states: NDArray[Any], views: Views, luck: NDArray[np.uint64]) -> tuple[FloatArray, FloatArray]:
        self.asked += [(state[0], int(key)) for state, key in zip(states, luck, strict=True)]
        return uniform(states, views)


def test_an_evaluator_with_luck_is_told_which_search_asks() -> None:
    rules, evaluate = OneByOne(Fan()), Lucky()
    walker = BoardSearch(rules, evaluate, 3).begin()
    walker(rules.start([[0], [1], [2]]), np.array([40, 41, 42], np.uint64))
    assert set(evaluate.asked) == {(0, 40), (1, 41), (2, 42)} and len(evaluate.asked) == 12
    evaluate.asked.clear()
    walker(rules.start([[2, 7], [1, 8]]), np.array([52, 51], np.uint64), rows=np.array([2, NONE], np.int32),
           moves=np.array([7, NONE], np.int32))
    assert evaluate.asked[0] == (1, 51), "the other's root was kept"
    assert set(evaluate.asked) == {(2, 52), (1, 51)}


def test_a_search_without_a_walk_is_refused() -> None:
    with pytest.raises(ConfigError, match="a simulation or more"):
        BoardSearch(RULES, uniform, 0)
