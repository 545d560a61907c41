"""Networks in matches: the gate's, pair by pair until it is settled, and at last against players that do not learn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.gate.rating import elo_ratings
from pawl.gate.sequential import settled
from pawl.gate.statistics import wilson_interval
from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.keys import fold, stream
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.match import match, play_games, twice
from pawl.meters.mistakes import mistakes
from pawl.models.board_policy import BoardPolicy
from pawl.players.graded import graded_of
from pawl.players.named import fixed_players
from pawl.players.simple import PolicyPlayer, SearchPlayer
from pawl.records import Event, Evidence, Graded, Problem
from pawl.search.averaged import Averaged
from pawl.search.boards import BoardSearch, Evaluate
from pawl.stages import stage
from pawl.tasks.one_by_one import many_boards

ROUND = 25
"""Openings between two looks at a match."""
POOL_OPENINGS = 15
"""Openings of each match of the pool that ratings come from."""
POOL_NETWORKS = 6
"""Champions in the pool, at most, beside the base."""

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BoardContest:
    """How candidate and champion did against each other."""

    evidence: Evidence
    problem_ids: list[str]
    """[N] openings, with the generation and the pair in front: they may come again."""


def contest(candidate: BoardPolicy, champion: BoardPolicy, rules: ManyBoards, openings: Sequence[Problem],
            settings: Any, turn: Turn, *, key: int, watch: Watch) -> BoardContest:
    """Pairs of games until somebody is better, or as many as a contest has at most; without a gate all of them.
    Openings are drawn anew for each pair, as what is asked is who is better over all: pairs are independent then."""
    chosen = [openings[place] for place in np.random.default_rng(key).integers(len(openings),
                                                                               size=settings.gate_openings)]
    players = [_searching(rules, policy, settings, settings.simulations, name)
               for policy, name in ((candidate, "candidate"), (champion, "champion"))]
    scores = np.zeros(0, np.float32)
    for start in range(0, len(chosen), ROUND):
        part = chosen[start : start + ROUND]
        played = match(players[0], players[1], rules, [problem.data["moves"] for problem in part],
                       key=stream(key, start))
        scores = np.concatenate((scores, played.pairs))
        watch(len(scores), len(chosen))
        if settings.alpha < 1 and settled(scores, settings.alpha) is not None:
            break
    turn.metrics |= {"gate_candidate": float(scores.mean()), "gate_games": float(2 * len(scores))}
    evidence = Evidence(scores, 1 - scores, turn.generation, turn.generations)
    names = [f"{turn.generation}.{place}: {problem.id}" for place, problem in enumerate(chosen[: len(scores)], 1)]
    return BoardContest(evidence, names)


def _searching(rules: ManyBoards, policy: Evaluate, settings: Any, simulations: int, name: str) -> SearchPlayer:
    """A network that thinks by the run's rule."""
    return SearchPlayer(BoardSearch(rules, policy, simulations, settings.rule), name)


@stage("test")
def final_result(base: BoardPolicy, champion: BoardPolicy, game: Game, ledger: Ledger, settings: Any,
                 opened: Callable[[str], BoardPolicy], notify: Callable[[Event], None]) -> dict[str, Any]:
    """Base and champion against each fixed player on test openings, and ratings of them all; read from the ledger if it
    is there. The last fixed player is the one that pass@1 is measured against."""
    if (known := ledger.final) is not None:
        return known
    started, rules, rows = time.perf_counter(), many_boards(game), ledger.generations()
    unlearnt, learnt = (Averaged(policy, game.symmetries()) for policy in (base, champion))
    openings = [problem.data["moves"] for problem in game.problems("test", settings.test_openings, settings.seed)]
    fixed = fixed_players(game, rules)
    work = 3 * len(fixed)
    tables = []
    ours: list[BoardPlayer] = [PolicyPlayer(rules, unlearnt, "base"), PolicyPlayer(rules, learnt, "policy"),
                               _searching(rules, learnt, settings, settings.test_simulations, "search")]
    for number, player in enumerate(ours):
        notify(Event("test", len(rows), settings.generations, number * len(fixed), work))
        tables.append([against(player, other, rules, openings, stream(settings.seed, "test", place))
                       for place, other in enumerate(fixed)])
    before, alone, searched = tables
    decisions = [row.decision for row in rows if row.decision is not None]
    result = {
        "recipe": ledger.header["recipe"], "task": game.name, "seed": settings.seed,
        "base": _score(before[-1]),
        "final": _score(alone[-1]) | {"search": {"name": settings.rule, "budget": settings.test_simulations}
                                      | _score(searched[-1])},
        "generations": len(rows), "promoted": sum(decision.promote for decision in decisions),
        "refused": sum(not decision.promote for decision in decisions),
        "dropped": sum(row.dropped is not None for row in rows),
        "truth_bits": {"self": sum(row.metrics.get("truth_bits_self", 0.0) for row in rows)},
        "players": {"base": before, "policy": alone, "search": searched},
        "mistakes": _mistakes((fixed[-1], *ours), graded_of(game, rules), rules, stream(settings.seed, "mistakes")),
        "elo": _ratings(base, game, rules, ledger, settings, opened),
    }
    seconds = Counter({"test": time.perf_counter() - started})
    for row in rows:
        seconds.update(row.seconds)
    told = {**seconds, "total": sum(seconds.values())}
    ledger.set_final(result, told)
    return {**result, "seconds": told}


def against(player: BoardPlayer, other: BoardPlayer, rules: ManyBoards, openings: Sequence[Sequence[int]], key: int
            ) -> dict[str, Any]:
    """A match as a row of a table; its interval is one over openings."""
    scores = match(player, other, rules, openings, key=key).scores
    mean = float(scores.mean())
    return {"opponent": other.name, "score": mean, "ci": list(wilson_interval(mean, len(openings))),
            "won": float((scores == 1).mean()), "drawn": float((scores == 0.5).mean()), "games": int(scores.size)}


def _mistakes(players: Sequence[BoardPlayer], graded: Sequence[Graded], rules: ManyBoards, key: int
              ) -> list[dict[str, Any]]:
    """How often players give away what solved positions are worth, by their kinds."""
    rows = []
    for player in players:
        for kind in graded:
            keys = fold(key, np.arange(len(kind.lines), dtype=np.uint64))
            found = mistakes(kind.worth, player.choose(kind.lines, rules.start(kind.lines), keys))
            rows.append({"player": player.name, "kind": kind.kind, "rate": found.rate, "positions": found.positions,
                         "ci": list(wilson_interval(found.rate, found.positions))})
    return rows


def _score(row: dict[str, Any]) -> dict[str, Any]:
    """As other recipes tell it."""
    return {"pass@1": row["score"], "ci": row["ci"], "pass@8": None}


def _ratings(base: BoardPolicy, game: Game, rules: ManyBoards, ledger: Ledger, settings: Any,
             opened: Callable[[str], BoardPolicy]) -> list[dict[str, Any]]:
    """Elo of fixed players and of champions, with search; the first fixed player's is 0."""
    rows = ledger.generations()
    promoted = [row for row in rows if row.decision is not None and row.decision.promote]
    places = {round(place) for place in np.linspace(0, len(promoted) - 1, POOL_NETWORKS)} if promoted else set()
    networks = [("base", base), *((f"generation {promoted[i].index}", opened(promoted[i].champion))
                                  for i in sorted(places))]
    players: list[BoardPlayer] = [*fixed_players(game, rules),
                                  *(_searching(rules, Averaged(policy, game.symmetries()), settings,
                                               settings.simulations, name)
                                    for name, policy in networks)]
    openings = [problem.data["moves"] for problem in game.problems("test", POOL_OPENINGS, settings.seed + 1)]
    return all_with_all(players, rules, openings, key=stream(settings.seed, "pool")).rows


@dataclass(frozen=True, slots=True)
class Pool:
    """P players who have all met."""

    rows: list[dict[str, Any]]
    """[P] player, Elo, and the 95% interval of its difference to the anchor's, which is 0."""
    scores: NDArray[np.float64]
    """[P, P] what each row's player scored against each column's, in games."""
    games: NDArray[np.float64]
    """[P, P] that they played."""


def all_with_all(players: Sequence[BoardPlayer], rules: ManyBoards, openings: Sequence[Sequence[int]], *, key: int,
                 anchor: int = 0, watch: Watch = lambda done, total: None) -> Pool:
    """A match of each with each, all of them side by side, and ratings from them."""
    scores, games = np.zeros((len(players),) * 2), np.zeros((len(players),) * 2)
    pairs, each = np.array(list(combinations(range(len(players)), 2))), 2 * len(openings)
    seats = np.concatenate([np.tile([(i, j), (j, i)], (len(openings), 1)) for i, j in pairs])
    played = play_games(players, rules, [opening for opening in openings for _ in range(2)] * len(pairs), seats=seats,
                        keys=np.concatenate([twice(stream(key, int(i), int(j)), len(openings)) for i, j in pairs]),
                        watch=watch)
    first = (played.results + 1) / 2
    for number, (i, j) in enumerate(pairs):
        part = slice(number * each, (number + 1) * each)
        scores[i, j] = np.where(seats[part, 0] == i, first[part], 1 - first[part]).sum()
        scores[j, i], games[i, j], games[j, i] = each - scores[i, j], each, each
    ratings = elo_ratings(scores, games, anchor=anchor)
    rows = [{"player": player.name, "elo": float(elo), "ci": [float(low), float(high)]}
            for player, elo, low, high in zip(players, ratings.elo, ratings.low, ratings.high, strict=True)]
    return Pool(rows, scores, games)
