"""Search against a policy that spends the same tokens without it, at one budget or along a curve of budgets.

Nothing but `measure_told`, whose row is named so, asks the truth before it has an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pawl.evaluate_baselines import Bought, Unsearched
from pawl.gate.statistics import paired_counts, sign_test, wilson_interval
from pawl.interfaces import Judge, Policy, Search, StepTask, Task
from pawl.keys import stream
from pawl.meters.prior_worth import worth_in_words, worth_of_prior
from pawl.play import Watch, think
from pawl.records import Problem
from pawl.search.mcts import TreeSearch
from pawl.search.told import PathsOf, ToldEnds

Rates = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Compared:
    """A search and its baselines on the same N problems."""

    search: dict[str, Any]
    """pass@1, ci, tokens a problem (forwarded), generated tokens a problem."""
    baselines: Rates
    """The same for each baseline, with its attempts."""
    sentence: str
    """Whether search helps."""
    scores: list[float]
    """[N] of the search's answers."""


def compare(unsearched: Unsearched, task: Task, search: Search, *, key: int, watch: Watch) -> Compared:
    """The search, on the task as it sees it, beside what its tokens buy without it."""
    return _compared(unsearched, *measure_search(unsearched, task, search, key=key, watch=watch))


def measure_search(unsearched: Unsearched, task: Task, search: Search, *, key: int,
                   watch: Watch) -> tuple[list[float], dict[str, Any]]:
    """Scores [N] of the search alone, and its rate with what it spent."""
    thoughts = think(unsearched.policy, task, search, unsearched.problems, key=stream(key, "think"), watch=watch)
    scores = unsearched.scores([thought.attempt for thought in thoughts])
    forwarded, generated = (float(np.mean([getattr(thought.cost, name) for thought in thoughts]))
                            for name in ("forwarded", "generated"))
    return scores, _rate(scores, forwarded) | {"generated": generated}


def measure_told(policy: Policy, task: StepTask, search: TreeSearch, problems: Sequence[Problem], judge: Judge, *,
                 key: int, watch: Watch) -> dict[str, Any]:
    """The share of problems of which the search comes to a right end when it is told the truth of every end, as one
    that checks itself would be. It says how far trying goes, and proves nothing of the model."""
    ends = ToldEnds(search.estimate, judge)
    thoughts = think(policy, PathsOf(task), replace(search, estimate=ends), problems, key=stream(key, "think"),
                     watch=watch)
    found = {name for name, _ in ends.right}
    return _rate([float(problem.id in found) for problem in problems],
                 float(np.mean([thought.cost.forwarded for thought in thoughts]))) | {"asked": ends.asked}


def _compared(unsearched: Unsearched, scores: list[float], found: dict[str, Any]) -> Compared:
    bought = {"greedy": unsearched.greedy(), **unsearched.buy(found["tokens"])}
    return Compared(found, {name: _bought_rate(one) for name, one in bought.items()}, _sentence(scores, bought),
                    scores)


@dataclass(frozen=True, slots=True)
class Curve:
    """A search at several budgets, each beside its baselines."""

    rows: list[dict[str, Any]]
    """method, tokens, pass@1 and ci; of a search its prior and budget, of a baseline its attempts."""
    sentence: str
    """Whether more search helps."""
    worth: str
    """How many simulations the policy's prior is worth; empty where there is no other to compare with."""
    last: Compared
    """At the largest budget."""


def trace_curve(unsearched: Unsearched, task: Task, name: str, priors: Mapping[str, Callable[[int], Search]],
                budgets: Sequence[int], *, key: int, watch: Watch) -> Curve:
    """A search of that name at rising budgets by each prior, and what their tokens buy without it."""
    turns, count = [(prior, budget) for prior in priors for budget in budgets], len(unsearched.problems)
    found = []
    for turn, (prior, budget) in enumerate(turns):
        def told(done: int, _: int, turn: int = turn) -> None:
            watch(turn * count + done, len(turns) * count)

        found.append(measure_search(unsearched, task, priors[prior](budget), key=key, watch=told))
    rows = [{"method": name, "prior": prior, "budget": budget, **rate}
            for (prior, budget), (_, rate) in zip(turns, found, strict=True)]
    least, most = found[0], found[len(budgets) - 1]  # by the first prior
    return Curve([*rows, *_baseline_rows(unsearched, [rate["tokens"] for _, rate in found])],
                 _more(most[0], least[0], budgets), _worth(rows), _compared(unsearched, *most))


def _worth(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the policy's prior is worth at the middle of its budgets: at the ends there is less to compare with."""
    curves = {prior: {int(row["budget"]): float(row["pass@1"]) for row in rows if row["prior"] == prior}
              for prior in ("policy", "uniform")}
    if not all(curves.values()):
        return ""
    found = worth_of_prior(curves["policy"], curves["uniform"])
    return worth_in_words(found[len(found) // 2])


def _baseline_rows(unsearched: Unsearched, spent: Sequence[float]) -> list[dict[str, Any]]:
    """Every baseline at these tokens a problem; where several pay for the same attempts, they are one row."""
    rows = [{"method": "greedy", **_bought_rate(unsearched.greedy())}]
    for tokens in sorted(spent, reverse=True):  # the most first, so that all is drawn and valued at one go
        rows += [{"method": name, **_bought_rate(one)} for name, one in unsearched.buy(tokens).items()]
    ordered = sorted(rows, key=lambda row: (str(row["method"]), row["tokens"]))
    return [row for place, row in enumerate(ordered) if row not in ordered[:place]]


def budgets_up_to(budget: int) -> list[int]:
    """1, 2, 4, ... and the budget itself."""
    return [*(2**power for power in range((budget - 1).bit_length())), budget]


def _rate(scores: Sequence[float], tokens: float) -> dict[str, Any]:
    rate = float(np.mean(scores))
    return {"pass@1": rate, "ci": list(wilson_interval(rate, len(scores))), "tokens": tokens}


def _bought_rate(one: Bought) -> dict[str, Any]:
    return _rate(one.scores, one.tokens) | {"attempts": one.attempts}


def _sentence(scores: Sequence[float], bought: dict[str, Bought]) -> str:
    """Search against the best of the others, problem by problem."""
    best = max(bought, key=lambda name: float(np.mean(bought[name].scores)))
    against = f"against {best.replace('_', ' ')} at the same tokens"
    return _verdict("search", scores, bought[best].scores, against)


def _more(most: Sequence[float], least: Sequence[float], budgets: Sequence[int]) -> str:
    """The largest budget against the smallest."""
    if len(budgets) < 2:
        return "a single budget makes no curve"
    return _verdict("more search", most, least, f"a budget of {budgets[-1]} against {budgets[0]}")


def _verdict(what: str, scores: Sequence[float], others: Sequence[float], against: str) -> str:
    """Whether it helps, by the problems that only one of the two got right."""
    counts = paired_counts(scores, others)
    gain = 100 * float(np.mean(scores) - np.mean(others))
    told = f"{against}: {gain:+.1f} points; {counts.won} won, {counts.lost} lost"
    if sign_test(counts.won, counts.lost) <= 0.025:
        return f"{what} helps; {told}"
    if sign_test(counts.lost, counts.won) <= 0.025:
        return f"{what} does not help, it harms; {told}"
    return f"{what} does not help beyond chance; {told}"
