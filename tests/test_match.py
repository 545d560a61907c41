"""Matches: sides swapped, draws as half, equals at 50%, and the exact player beaten by nobody."""

from __future__ import annotations

import numpy as np

from pawl.gate.sequential import score_interval
from pawl.match import match, play_games
from pawl.players.connect_four import ExactPlayer, open_lines
from pawl.players.simple import MinimaxPlayer, RandomPlayer
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.connect_four_solver import Solver

GAME = ConnectFour()
RULES = GAME.many()


def openings(count: int, least: int = 0) -> list[list[int]]:
    made = [list(problem.data["moves"]) for problem in GAME.problems("test", 400, 0)]
    return [moves for moves in made if len(moves) >= least][:count]


def test_games_are_played_by_the_rules_from_both_sides() -> None:
    played = match(MinimaxPlayer(RULES, 2, open_lines), RandomPlayer(RULES), RULES, openings(30), key=1)
    for opening, games, scores in zip(openings(30), played.lines, played.scores, strict=True):
        for side, line in enumerate(games):
            assert line[: len(opening)] == opening
            end = GAME.after(line)
            assert GAME.terminal(end) and (GAME.returns(end)[side] + 1) / 2 == scores[side]
    assert played.pairs.mean() > 0.9


def test_a_player_against_itself_gets_half() -> None:
    player = RandomPlayer(RULES)
    low, high = score_interval(match(player, player, RULES, openings(300), key=2).pairs)
    assert low <= 0.5 <= high and high - low < 0.2
    same = MinimaxPlayer(RULES, 1, lambda states: np.zeros(len(states), np.float32))
    assert abs(match(same, same, RULES, openings(100), key=3).pairs.mean() - 0.5) < 0.12


def test_it_is_the_same_match_for_the_same_key() -> None:
    one, two, other = (match(RandomPlayer(RULES), RandomPlayer(RULES), RULES, openings(20), key=key)
                       for key in (5, 5, 6))
    assert one.lines == two.lines != other.lines


def test_nobody_beats_the_exact_player_where_it_need_not_lose() -> None:
    """Late openings, so that solving takes no time."""
    random, solver, begun = np.random.default_rng(0), Solver(100_003), list[list[int]]()
    while len(begun) < 10:
        state, line = GAME.start(), list[int]()
        while len(line) < 20 and not GAME.terminal(state):
            line.append(int(random.choice(GAME.actions(state))))
            state = GAME.step(state, line[-1])
        if not GAME.terminal(state) and solver.score(state, weak=True) == 0:
            begun.append(line)
    scores = match(ExactPlayer(), MinimaxPlayer(RULES, 3, open_lines), RULES, begun, key=4).scores
    assert scores.min() >= 0.5


class GivesUp:
    """At once."""

    name = "gives up"

    def choose(self, lines: object, states: np.ndarray, keys: object) -> np.ndarray:
        return np.full(len(states), -1, np.int32)


def test_who_gives_up_loses() -> None:
    for opening in ([], [3]):
        ours = match(RandomPlayer(RULES), GivesUp(), RULES, [opening], key=1)
        theirs = match(GivesUp(), RandomPlayer(RULES), RULES, [opening], key=1)
        assert (ours.scores == 1).all() and (theirs.scores == 0).all()


def test_a_game_that_does_not_end_is_a_draw() -> None:
    played = match(RandomPlayer(RULES), RandomPlayer(RULES), RULES, [[]], key=1, longest=3)
    assert (played.scores == 0.5).all() and all(len(line) == 3 for line in played.lines[0])


def test_single_games_say_who_moved_and_what_came_of_it() -> None:
    begun, strong = openings(40), MinimaxPlayer(RULES, 2, open_lines)
    seats = np.tile([(0, 1), (1, 0)], (20, 1))
    games = play_games((strong, RandomPlayer(RULES)), RULES, begun, seats=seats, keys=np.arange(40, dtype=np.uint64))
    for opening, moves, movers, line, result in zip(games.openings, games.moves, games.movers, games.lines,
                                                    games.results, strict=True):
        assert line == opening + moves and GAME.returns(GAME.after(line))[0] == result
        assert movers == [(len(opening) + ply) % 2 for ply in range(len(moves))]
    assert (games.results * np.where(seats[:, 0] == 0, 1, -1)).mean() > 0.8


