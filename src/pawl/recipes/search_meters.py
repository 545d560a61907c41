"""What a run says of its search: beside the policy alone, at its price, and how its value ranks states.

Only `ranked_states` and the rows called told ask the truth before there is an answer; nothing learns from either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pawl.evaluate_baselines import Unsearched
from pawl.evaluate_search import compare, measure_search, measure_told
from pawl.interfaces import Judge, Policy, StepTask, Trainable
from pawl.keys import permutation, stream
from pawl.measure import Metrics
from pawl.meters.calibration import auroc
from pawl.models.pair import critic_of
from pawl.play import Contest, Watch, look, think
from pawl.recipes.told_search import EVERYWHERE
from pawl.records import Problem
from pawl.search.labels import Seen
from pawl.search.mcts import TreeSearch
from pawl.search.named import Prior
from pawl.search.steps import Valued, uniform, unknown
from pawl.search.told import PathsOf, ToldEnds

PROBLEMS = 200
"""Gate problems of a generation on which search is measured beside the policy."""
RANKED = 4000
"""Unfinished solutions, at most, that a value is to rank."""


def beside_policy(candidate: Trainable, task: StepTask, search: TreeSearch, contest: Contest, judge: Judge,
                  key: int) -> Metrics:
    """Accuracy of the candidate with search and, on the same problems of its contest, alone."""
    problems = [attempt.problem for attempt in contest.attempts[:PROBLEMS]]
    if not problems:
        return {}
    thoughts = think(candidate, task, search, problems, key=key)
    scores = [verdict.score or 0.0 for verdict in judge([thought.attempt for thought in thoughts])]
    return {"search_accuracy": float(np.mean(scores)), "search_problems": len(scores),
            "search_alone": float(contest.evidence.candidate[:PROBLEMS].mean())}


def ranked_states(critic: Policy, task: StepTask, problems: Sequence[Problem], judge: Judge, *, simulations: int,
                  key: int) -> Metrics:
    """How often the value rates an unfinished solution from which a right end was found above one from which none was
    (AUROC). The solutions are those that legal steps lead to, as far as so many simulations come to their ends."""
    seen = Seen(ToldEnds(unknown, judge))
    look(critic, PathsOf(task), TreeSearch(uniform, seen, simulations, rule=EVERYWHERE), problems, key=key)
    found = [row for row in seen.rows() if not row.terminal and row.prompt != row.problem.prompt]
    rows = [found[i] for i in permutation(key, len(found))[:RANKED]]
    values, _ = Valued(critic).prefixes([critic.encode(row.prompt) for row in rows])
    ranked = auroc(values, np.array([row.value > 0 for row in rows], np.bool_)) if rows else None
    return {} if ranked is None else {"value_auroc_states": ranked, "value_states": len(rows)}


def at_last(champion: Trainable, task: StepTask, search: Callable[[Prior], TreeSearch], problems: Sequence[Problem],
            judge: Judge, *, max_tokens: int, stop: tuple[str, ...], seed: int, watch: Watch) -> dict[str, Any]:
    """Search beside what its tokens buy without it, and with a uniform prior; and both told the truth, named so."""
    if not problems:
        return {}
    key, led, blind = stream(seed, "search"), search("policy"), search("uniform")
    unsearched = Unsearched(champion, task, Valued(critic_of(champion)).attempts, problems, judge, max_tokens, stop,
                            stream(key, "play"))
    both = compare(unsearched, task, led, key=key, watch=watch)
    _, uniform_rate = measure_search(unsearched, task, blind, key=key, watch=watch)
    told = {name: measure_told(champion, task, one, problems, judge, key=key, watch=watch)
            for name, one in (("policy", led), ("uniform", blind))}
    return {"name": led.rule, "budget": led.simulations, **both.search, "sentence": both.sentence,
            "baselines": both.baselines, "uniform": uniform_rate, "told": told}
