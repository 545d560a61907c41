"""What each part of AlphaGo is worth: Elo of every combination, and how many simulations a prior is worth.

The table of the paper (Silver et al. 2016, extended data table 7), with the teacher, the imitator and the policy that
learnt by gradient in the same pool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pawl.gate.statistics import wilson_interval
from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.keys import stream
from pawl.models.board_policy import BoardPolicy
from pawl.players.simple import Playouts, PolicyPlayer, RandomPlayer, SearchPlayer
from pawl.recipes.board_contest import Pool, against, all_with_all
from pawl.search.boards import BoardSearch, Evaluate, uniform
from pawl.search.mcts import RULES
from pawl.search.mixed import Mixed
from pawl.search.rules import COMPLETED, Rule
from pawl.tasks.one_by_one import many_boards

RULE: Literal["puct"] = "puct"
FAIR = RULES[RULE]._replace(first_play=COMPLETED)
"""A move that was not tried is taken to be worth what was found in the position, and not as little as the worst."""
EIGHTFOLD = 8
"""Simulations without a prior for each one with the policy's."""
IMITATOR, TEACHER, WHOLE = "policy", "teacher", "rollouts, value, policy"
"""Names of rows: the one whose Elo is 0, the one to rise above, the whole search."""

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Networks:
    """What the stages made."""

    imitator: BoardPolicy
    cheap: BoardPolicy
    strong: BoardPolicy
    """By policy gradient."""
    value: BoardPolicy
    """From one position a game."""
    remembering: BoardPolicy
    """From all positions of fewer games."""


def measured(networks: Networks, teacher: BoardPlayer, game: Game, settings: Any, *, key: int, watch: Watch
             ) -> dict[str, Any]:
    """The tables that the run ends with."""
    rules = many_boards(game)
    openings = [problem.data["moves"] for problem in game.problems("test", settings.test_openings, settings.seed)]
    few = openings[: settings.pool_openings]
    players = pool_players(networks, teacher, rules, settings, seed=key % 2**31)
    names = [player.name for player in players]
    pool = all_with_all(players, rules, few, key=stream(key, "pool"), anchor=names.index(IMITATOR), watch=watch)
    sides = {name: _against_teacher(pool, names.index(name), names.index(TEACHER), len(few))
             for name in (IMITATOR, "policy gradient", WHOLE)}
    result = {
        "base": sides[IMITATOR],
        "final": sides["policy gradient"] | {"search": {"name": RULE, "budget": settings.simulations} | sides[WHOLE]},
        "teacher": teacher.name,
        "elo": pool.rows,
        "matches": [_two(rules, networks.strong, networks.imitator, temperature, openings, stream(key, "two", name))
                    for name, temperature in (("drawn", 1.0), ("likeliest", 0.0))],
        "priors": [row for number in settings.prior_simulations
                   for row in _priors(networks, rules, number, openings, stream(key, "priors", number))],
    }
    return result | {"sentence": in_words(result)}


def pool_players(networks: Networks, teacher: BoardPlayer, rules: ManyBoards, settings: Any, *, seed: int
                 ) -> list[BoardPlayer]:
    """Every combination of rollouts, value and policy; by itself the policy plays its likeliest move."""
    rollouts = Playouts(rules, seed, networks.cheap)

    def search(name: str, policy: Evaluate = uniform, value: Evaluate | None = None,
               playouts: Evaluate | None = None) -> BoardPlayer:
        evaluate = Mixed(policy, value, playouts, settings.rollouts)
        return SearchPlayer(BoardSearch(rules, evaluate, settings.simulations, RULE), name)

    return [
        search(WHOLE, networks.imitator, networks.value, rollouts),
        search("rollouts, policy", networks.imitator, None, rollouts),
        search("value, policy", networks.imitator, networks.value),
        search("rollouts, value", uniform, networks.value, rollouts),
        search("value", uniform, networks.value),
        search("rollouts", uniform, None, rollouts),
        PolicyPlayer(rules, networks.imitator, IMITATOR),
        search("the value of all positions, policy", networks.imitator, networks.remembering),
        PolicyPlayer(rules, networks.strong, "policy gradient"),
        PolicyPlayer(rules, networks.cheap, "cheap policy"),
        _Named(teacher, TEACHER),
        RandomPlayer(rules),
    ]


@dataclass(frozen=True)
class _Named:
    """A player by another name."""

    player: BoardPlayer
    name: str

    def choose(self, *asked: Any) -> Any:
        return self.player.choose(*asked)


def _against_teacher(pool: Pool, row: int, teacher: int, openings: int) -> dict[str, Any]:
    """As other recipes tell it."""
    rate = float(pool.scores[row, teacher] / pool.games[row, teacher])
    return {"pass@1": rate, "ci": list(wilson_interval(rate, openings)), "pass@8": None}


def _two(rules: ManyBoards, strong: BoardPolicy, imitator: BoardPolicy, temperature: float,
         openings: list[list[int]], key: int) -> dict[str, Any]:
    """The policy after policy gradient against the one before, moves drawn or likeliest."""
    moves = "drawn" if temperature else "likeliest"
    ours, theirs = (PolicyPlayer(rules, policy, name, temperature)
                    for policy, name in ((strong, "policy gradient"), (imitator, IMITATOR)))
    return {"player": ours.name, "moves": moves, **against(ours, theirs, rules, openings, key)}


def _priors(networks: Networks, rules: ManyBoards, number: int, openings: list[list[int]], key: int
            ) -> list[dict[str, Any]]:
    """Search by the value alone: with the policy's prior, against eight times as many simulations without a prior, by
    the same rule and by one that is fairer to it, and against as many with the cheap policy's as the same operations
    buy."""
    costs = {name: network.net.arch.flops for name, network in (
        ("policy", networks.imitator), ("cheap", networks.cheap), ("value", networks.value))}
    equal = max(1, round(number * (costs["policy"] + costs["value"]) / (costs["cheap"] + costs["value"])))

    def player(policy: Evaluate, simulations: int, name: str, rule: Rule = RULES[RULE]) -> SearchPlayer:
        return SearchPlayer(BoardSearch(rules, Mixed(policy, networks.value), simulations, rule), name)

    ours = player(networks.imitator, number, "the policy's prior")
    others = [player(uniform, EIGHTFOLD * number, "no prior"),
              player(networks.cheap, equal, "the cheap policy's prior"),
              player(uniform, EIGHTFOLD * number, "no prior, fair to what was not tried", FAIR)]
    return [{"simulations": number, "other_simulations": other.search.simulations,
             **against(ours, other, rules, openings, stream(key, place))} for place, other in enumerate(others)]


def in_words(result: dict[str, Any]) -> str:
    """How far above the teacher and the policy the search came, and what policy gradient won."""
    elo = {row["player"]: row for row in result["elo"]}
    low, high = elo[WHOLE]["ci"]
    drawn = result["matches"][0]
    return (f"Search with rollouts, value and policy is {elo[WHOLE]['elo']:.0f} Elo [{low:.0f}, {high:.0f}] above the "
            f"policy that it searches with, and {elo[WHOLE]['elo'] - elo[TEACHER]['elo']:.0f} above that one's "
            f"teacher; policy gradient won {drawn['score']:.1%} against it.")
