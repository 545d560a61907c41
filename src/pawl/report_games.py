"""What a run on a board game says in its report: how strong the network became, against whom, and by which games."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pawl import report_plots as plots
from pawl.gate.sequential import score_interval
from pawl.ledger import Ledger
from pawl.report_figures import Figure, both_sizes, in_words, legend_of
from pawl.report_plots import Series
from pawl.report_steps import Step
from pawl.report_story import Headline, Run
from pawl.report_text import (
    MISSING,
    count,
    interval,
    large,
    listed,
    number,
    pair,
    percent,
    prompt_text,
    setting,
    shorten,
)

GAMES_SHOWN = 12
"""Of the last generation."""
NAMES = {"base": "before it learnt", "policy": "policy alone", "search": "with search"}
PUBLISHED = {
    "AlphaZero.jl": {"begin easy": "0%", "begin medium": "2%", "begin hard": "7.5%", "middle easy": "0%",
                     "middle medium": "2 to 3%", "end easy": "0%"},
}
"""What its documentation reports of Pons's positions, after 15 iterations with 600 simulations, about an hour each on a
desktop with a GPU."""


def plays_games(run: Run) -> bool:
    """Whether the run is one on a board game."""
    return "players" in (run.final or {}) or any("games" in one.metrics for one in run.generations)


def headline(run: Run) -> Headline:
    """How the champion does against the strongest player that does not learn."""
    final = run.final or {}
    settings = run.header.get("settings") or {}
    turns = count(len(run.generations), "generation")
    seed = f"Seed {setting(run.header.get('seed'))}."
    if not final:
        return Headline("unfinished", f"This run is unfinished: {turns} of self-play recorded, and no fixed player has "
                        "been met.", (f"{seed} What follows is what the ledger holds so far.",))
    strongest = {who: rows[-1] for who, rows in final["players"].items()}
    searched, alone, before = (strongest[who] for who in ("search", "policy", "base"))
    sentence = (f"After {turns} of self-play, the network with {settings.get('test_simulations')} simulations scores "
                f"{percent(searched['score'])} {interval(pair(searched['ci']))} against {searched['opponent']}; "
                f"without search {percent(alone['score'])} {interval(pair(alone['ci']))}, and before it learnt "
                f"{percent(before['score'])}.")
    better = searched["ci"][0] > before["ci"][1]
    openings = searched["games"] // 2
    return Headline("gain" if better else "none", sentence, (
        f"On {count(openings, 'test opening')}, each played from both sides; a draw is half a point. Nothing was "
        "learnt from them.",
        *_solved(final.get("mistakes") or []),
        f"{seed} Brackets hold 95% intervals over openings."))


def _solved(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How often solved positions were spoilt."""
    spoilt = {who: sum(row["positions"] * row["rate"] for row in rows if row["player"] == who) for who in NAMES}
    asked = sum(row["positions"] for row in rows if row["player"] == "search")
    if not asked:
        return []
    return [f"In {spoilt['search']:,.0f} of {asked:,} solved positions its move gives away what they are worth; "
            f"without search in {spoilt['policy']:,.0f}, before it learnt in {spoilt['base']:,.0f}."]


def steps(run: Run) -> list[Step]:
    """The loop in six steps."""

    def figure(metric: str, noun: str) -> str:
        value = run.total(metric)
        return "" if value is None else f"{large(value)} {noun}"

    outcomes = list(run.outcomes().values())
    gate = [f"{outcomes.count(word)} {word}" for word in ("promoted", "refused", "dropped") if word in outcomes]
    return [
        Step("Draw", "Games begin at the first position, or after a few random moves.",
             count(len(run.generations), "generation")),
        Step("Propose", "The network plays against itself and thinks before every move: search with its policy and "
             "its value.", listed(filter(None, [figure("games", "games"), figure("simulations", "simulations")]))),
        Step("Judge", "The rules say who won.", ""),
        Step("Select", "The last positions of all games are a window, which grows.", figure("positions", "positions")),
        Step("Learn", "A candidate learns which moves search would have made, and who won from there.",
             figure("steps", "training steps")),
        Step("Gate", "Candidate and champion play a match from the same openings, sides swapped. The champion is "
             "who is proven better.", listed(gate)),
    ]


def contests(run: Run) -> Figure | None:
    """What candidates scored against champions."""
    rows = [(one.index, one.evidence.candidate) for one in run.generations
            if one.evidence and len(one.evidence.candidate)]
    if not rows:
        return None
    line = Series("candidate against champion", [index for index, _ in rows],
                  [float(np.mean(scores, dtype=np.float64)) for _, scores in rows],
                  [score_interval(scores) for _, scores in rows], "one", "o")
    caption = ("What each candidate scored against the champion of its time; 50% is as strong. A match ends when "
               "somebody is proven better, or with the last opening. Bars are 95% intervals that hold at every look.")
    return both_sizes("accuracy", "Match by match", caption, in_words([line], percent), legend_of([line]),
                      lambda name, size: plots.lines(name, [line], size, share=True, outcomes=run.outcomes()))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under column heads."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def players(run: Run) -> Table | None:
    """Each fixed player against the base, the champion's policy, and the champion with search."""
    found: Mapping[str, Sequence[Mapping[str, Any]]] = (run.final or {}).get("players") or {}
    if not found:
        return None
    rows = tuple((str(each[0]["opponent"]), *(f"{percent(one['score'])} {interval(pair(one['ci']))}" for one in each))
                 for each in zip(*(found[who] for who in NAMES), strict=True))
    return Table(("against", *NAMES.values()), rows)


def ratings(run: Run) -> Table | None:
    """Elo of the pool, the strongest first."""
    found = (run.final or {}).get("elo") or []
    ordered = sorted(found, key=lambda one: -one["elo"])
    rows = tuple((str(one["player"]), f"{one['elo']:,.0f}", f"[{one['ci'][0]:,.0f}, {one['ci'][1]:,.0f}]")
                 for one in ordered)
    return Table(("player", "Elo", "95%"), rows) if rows else None


def mistakes(run: Run) -> Table | None:
    """How often players give away what solved positions are worth, and where a game has one, a published table."""
    found: Sequence[Mapping[str, Any]] = (run.final or {}).get("mistakes") or []
    if not found:
        return None
    kinds, names = (list(dict.fromkeys(str(row[name]) for row in found)) for name in ("kind", "player"))
    rates = {(row["player"], row["kind"]): f"{percent(row['rate'])} {interval(pair(row['ci']))}" for row in found}
    published = PUBLISHED if run.header.get("task") == "connect_four" else {}
    rows = tuple((kind, *(rates[name, kind] for name in names), *(of[kind] for of in published.values()))
                 for kind in kinds)
    return Table(("positions", *(NAMES.get(name, name) for name in names), *published), rows)


def games(ledger: Ledger) -> Table | None:
    """A few games of the last generation."""
    last = ledger.next_generation - 1
    rows = []
    for attempt, verdict in ledger.attempts(last, limit=GAMES_SHOWN) if last else ():
        ends = {None: MISSING, 1.0: "first wins", 0.0: "second wins"}
        result = ends.get(verdict.score, "draw") + ", by resignation" * (verdict.judge == "resignation")
        rows.append((shorten(prompt_text(attempt.problem.prompt), 60), shorten(attempt.completion.text, 400),
                     str(len(attempt.completion.tokens)), result))
    return Table(("opening", "moves", "number", "result"), tuple(rows)) if rows else None


def speed(run: Run) -> str:
    """Positions and simulations a second of self-play."""
    played, walked = run.total("positions"), run.total("simulations")
    seconds = sum(number(one.seconds.get("sample")) or 0.0 for one in run.generations)
    if not played or not walked or not seconds:
        return ""
    return (f"Self-play made {played / seconds:,.0f} positions and {walked / seconds:,.0f} simulations a second, over "
            f"{seconds:,.0f} seconds.")
