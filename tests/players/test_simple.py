"""Players that know the rules alone."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.players.connect_four import open_lines
from pawl.players.simple import (
    MinimaxPlayer,
    Playouts,
    PolicyPlayer,
    RandomPlayer,
    SearchPlayer,
    no_heuristic,
    rollout_player,
)
from pawl.records import FloatArray, Views
from pawl.search.boards import BoardSearch, Positions, uniform
from pawl.tasks.connect_four import ConnectFour, State

GAME = ConnectFour()
RULES = GAME.many()
WINS = [[0, 1, 0, 1, 0, 1], [3, 3, 2, 2, 1, 6], [6, 5, 6, 5, 6, 4]]
"""Lines after which whoever moves wins at once: by 0, by 0 or 4, by 6."""
WON_BY = [{0}, {0, 4}, {6}]
MUST = [[0, 1, 0, 1, 0], [6, 5, 6, 5, 6]]
"""Lines after which whoever moves loses unless they play 0; 6."""


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64)


def plain(state: State, depth: int) -> float:
    """Minimax as it is written in books."""
    if GAME.terminal(state):
        return GAME.returns(state)[GAME.player(state)] * (1 + depth)
    if depth == 0:
        return float(open_lines(np.array([state], np.uint64))[0])
    return max(-plain(GAME.step(state, move), depth - 1) for move in GAME.actions(state))


@pytest.mark.parametrize("player", [MinimaxPlayer(RULES, 2, open_lines), rollout_player(RULES, 300),
                                    SearchPlayer(BoardSearch(RULES, uniform, 200), "search")],
                         ids=lambda player: player.name)
def test_a_win_is_taken_and_a_loss_prevented(player: MinimaxPlayer) -> None:
    for line, winning in zip(WINS, WON_BY, strict=True):
        assert set(player.choose([line] * 5, RULES.start([line] * 5), keys(5))) <= winning
    moves = player.choose(MUST, RULES.start(MUST), keys(2))
    assert moves.tolist() == [0, 6]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_minimax_is_minimax(depth: int) -> None:
    random, lines = np.random.default_rng(depth), list[list[int]]()
    while len(lines) < 6:
        line = [int(column) for column in random.integers(0, 7, size=random.integers(0, 20))]
        if all(line.count(column) <= 6 for column in range(7)):
            states = [GAME.start()]
            for move in line:
                if GAME.terminal(states[-1]):
                    break
                states.append(GAME.step(states[-1], move))
            if not GAME.terminal(states[-1]):
                lines.append(line[: len(states) - 1])
    worth = MinimaxPlayer(RULES, depth, open_lines).worth(RULES.start(lines))
    for line, of_moves in zip(lines, worth, strict=True):
        state = GAME.after(line)
        for move in range(7):
            legal = move in GAME.actions(state)
            expected = -plain(GAME.step(state, move), depth - 1) if legal else -np.inf
            assert of_moves[move] == pytest.approx(expected, abs=1e-6)


def test_minimax_holds_as_much_as_it_may_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    states, player = RULES.start([*WINS, *MUST, []]), MinimaxPlayer(RULES, 3, open_lines)
    expected, sizes = player.worth(states), list[int]()

    def watched(states: Positions) -> FloatArray:
        sizes.append(len(states))
        return open_lines(states)

    monkeypatch.setattr("pawl.players.simple.MOST_AT_ONCE", 5 * 84 * 7)
    assert np.array_equal(MinimaxPlayer(RULES, 3, watched).worth(states), expected)
    assert max(sizes) <= 5 < sum(sizes)


def test_without_a_heuristic_ends_alone_count() -> None:
    player = MinimaxPlayer(RULES, 3, no_heuristic)
    assert player.worth(RULES.start([[]])).tolist() == [[0] * 7]
    assert player.worth(RULES.start(MUST))[0].tolist() == [0, -2, -2, -2, -2, -2, -2]


def test_any_of_several_moves_is_drawn_alike() -> None:
    states = RULES.start([[]] * 7000)
    counts = np.bincount(RandomPlayer(RULES).choose([[]] * 7000, states, keys(7000)), minlength=7)
    assert counts.min() > 850 and counts.sum() == 7000


def test_playouts_end_where_games_end() -> None:
    states = RULES.start(WINS)
    found = [Playouts(RULES, seed)(states, RULES.view(states)) for seed in range(300)]
    values = np.stack([values for _, values in found])
    assert np.allclose(found[0][0], 1 / 7) and set(values.ravel()) <= {-1.0, 0.0, 1.0}
    assert values.mean() > 0.1, "who can win at once does so one time in seven, and more often later"
    alone = Playouts(RULES, 7)(states[1:2], RULES.view(states[1:2]))[1]
    assert alone == values[7, 1], "whoever is beside it"


def test_searches_with_luck_of_their_own_play_out_the_same_board_in_other_ways() -> None:
    states = RULES.start([[3, 3]] * 200)
    found = Playouts(RULES, 0).drawn(states, RULES.view(states), keys(200))[1]
    assert {-1.0, 1.0} <= set(found) and abs(found.mean()) < 0.5
    again = Playouts(RULES, 0).drawn(states[:3], RULES.view(states[:3]), keys(200)[[7, 7, 9]])[1]
    assert again.tolist() == [found[7], found[7], found[9]]


def test_a_player_that_plays_out_plays_by_its_keys() -> None:
    player, lines = rollout_player(RULES, 20), [list[int]()] * 50
    moves = player.choose(lines, RULES.start(lines), keys(50))
    assert len(set(moves.tolist())) >= 3
    assert np.array_equal(player.choose(lines, RULES.start(lines), keys(50)), moves)
    assert np.array_equal(player.choose(lines[:5], RULES.start(lines[:5]), keys(50)[40:45]), moves[40:45])


def test_playouts_can_be_those_of_a_policy() -> None:
    def leftmost(states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
        first = np.eye(7, dtype=np.float32)[views.legal.argmax(axis=1)]
        return first, np.zeros(len(states), np.float32)

    states = RULES.start([[0, 1, 0, 1, 0, 1], [], [6]])
    for seed in range(5):
        priors, values = Playouts(RULES, seed, leftmost)(states, RULES.view(states))
        assert np.allclose(priors, 1 / 7)
        assert values.tolist() == [1, *(result_of_leftmost(line) for line in ([], [6]))]


def result_of_leftmost(line: list[int]) -> float:
    """What whoever moves gets, if all play the first column that is not full."""
    state = GAME.after(line)
    player = GAME.player(state)
    while not GAME.terminal(state):
        state = GAME.step(state, GAME.actions(state)[0])
    return GAME.returns(state)[player]


def test_a_policy_plays_its_likeliest_move_or_draws() -> None:
    chances = np.array([0.1, 0.2, 0.4, 0.3, 0, 0, 0], np.float32)

    def policy(states: Positions, views: object) -> tuple[FloatArray, FloatArray]:
        return np.tile(chances, (len(states), 1)), np.zeros(len(states), np.float32)

    states, lines = RULES.start([[]] * 5000), [[]] * 5000
    assert (PolicyPlayer(RULES, policy, "p").choose(lines, states, keys(5000)) == 2).all()
    drawn = PolicyPlayer(RULES, policy, "p", temperature=1).choose(lines, states, keys(5000))
    assert np.bincount(drawn, minlength=7) / 5000 == pytest.approx(chances, abs=0.03)
    sharp = PolicyPlayer(RULES, policy, "p", temperature=0.5).choose(lines, states, keys(5000))
    assert np.bincount(sharp, minlength=7) / 5000 == pytest.approx(chances**2 / (chances**2).sum(), abs=0.03)
