"""A policy on held-out problems, greedy and sampled; and the final report's test.

The test split is touched here and nowhere else in a run, once, after the last generation.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pawl.errors import ConfigError
from pawl.gate.statistics import wilson_interval
from pawl.interfaces import Judge, Policy, Task, Trainable
from pawl.keys import stream
from pawl.ledger import Ledger
from pawl.meters.passk import mean_pass_at_k
from pawl.play import Watch, play
from pawl.records import Event, Problem, Sampling
from pawl.search.best_of_n import elect, weigh
from pawl.stages import stage

TEST_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Score:
    """A policy on N problems: one greedy answer, and K sampled ones."""

    greedy: list[float]
    """[N]; an answer that the judge could not decide counts 0."""
    right: list[int]
    """[N] right ones among the K sampled answers."""
    majority: list[float]
    """[N] score of what most sampled answers say."""
    count: int
    """K."""
    tokens: dict[str, int]
    """Tokens forwarded by `greedy` and by `sampled`, a prompt once."""

    def summary(self) -> dict[str, Any]:
        """pass@1 (greedy) and, for a K above 1, pass@K with their 95% intervals."""
        pass_1 = float(np.mean(self.greedy)) if self.greedy else 0.0
        result: dict[str, Any] = {"pass@1": pass_1, "ci": list(wilson_interval(pass_1, len(self.greedy)))}
        if self.right and self.count > 1:  # one sampled answer is no pass@1: that name is the greedy one's
            rate, interval = mean_pass_at_k(self.right, self.count, self.count)
            result |= {f"pass@{self.count}": rate, f"pass@{self.count}_ci": list(interval)}
        return result


def score(policy: Policy, problems: Sequence[Problem], judge: Judge, *, max_tokens: int, stop: tuple[str, ...],
          count: int, key: int, watch: Watch, canonical: Callable[[str], Hashable] = str.strip) -> Score:
    """Greedy and sampled answers to each problem, judged. `key` names the random streams, `canonical` what an answer
    says, for the majority."""
    work = len(problems) * (1 + count)
    greedy = play(policy, problems, 1, sampling=Sampling(max_tokens, 0.0, stop=stop), key=key, judge=judge,
                  watch=lambda done, _: watch(done, work))
    sampled = play(policy, problems, count, sampling=Sampling(max_tokens, 1.0, stop=stop), key=key, judge=judge,
                   watch=lambda done, _: watch(len(problems) + done, work))
    judged = [verdict.score or 0.0 for verdict in judge([*greedy, *sampled])]
    alone, scores = judged[: len(greedy)], judged[len(greedy) :]
    if greedy and all(attempt.error for attempt in greedy):
        raise ConfigError(f"a policy must be able to attempt a problem, it could attempt none: {greedy[0].error}",
                          hint="lower max_tokens, or name a model with a longer context")
    right, majority = [], []
    for start in range(0, len(sampled), count):
        group = range(start, start + count)
        says = [canonical(sampled[i].completion.text) for i in group]
        majority.append(scores[start + elect(says, weigh(says, np.ones(count, np.float32), "majority"))])
        right.append(sum(scores[i] >= 1 for i in group))
    prompts = sum(len(attempt.prompt_tokens) for attempt in greedy)
    tokens = {name: prompts + sum(len(attempt.completion.tokens) for attempt in attempts)
              for name, attempts in (("greedy", greedy), ("sampled", sampled))}
    return Score(alone, right, majority, count, tokens)


SearchAtLast = Callable[[Trainable, Sequence[Problem], Watch], dict[str, Any]]
"""(champion, test problems, watch) -> what search adds to it."""


@stage("test")
def final_result(base: Policy, champion: Trainable, task: Task, judge: Judge, ledger: Ledger, settings: Any,
                 notify: Callable[[Event], None], search: SearchAtLast | None = None) -> dict[str, Any]:
    """Base and champion on the test split, with what the whole run cost; read from the ledger if it is there."""
    if (known := ledger.final) is not None:
        return known
    started = time.perf_counter()
    problems = task.problems("test", settings.test_problems, settings.seed)
    rows = ledger.generations()
    scores = []
    for turn, policy in enumerate((base, champion)):
        scores.append(score(
            policy, problems, judge, max_tokens=settings.max_tokens, stop=settings.stop, count=TEST_ATTEMPTS,
            key=stream(settings.seed, "test"),
            watch=lambda done, total, turn=turn: notify(  # type: ignore[misc]
                Event("test", len(rows), settings.generations, turn * total + done, 2 * total))))
    before, after = scores
    searched = search and search(champion, problems, lambda done, total: notify(
        Event("search", len(rows), settings.generations, done, total)))
    decisions = [row.decision for row in rows if row.decision is not None]
    assert ledger.base is not None
    result = {
        "recipe": ledger.header["recipe"], "task": ledger.header["task"], "seed": settings.seed,
        "base": before.summary(), "final": after.summary() | {"search": searched},
        "generations": len(rows), "promoted": sum(decision.promote for decision in decisions),
        "refused": sum(not decision.promote for decision in decisions),
        "dropped": sum(row.dropped is not None for row in rows),
        "truth_bits": {"self": sum(row.metrics.get("truth_bits_self", 0.0) for row in rows),
                       "hindsight": sum(row.metrics.get("truth_bits_hindsight", 0.0) for row in rows),
                       "search": sum(row.metrics.get("truth_bits_search", 0.0) for row in rows),
                       "real": ledger.base.metrics.get("truth_bits_real", 0.0)},
        "test": {"problem_ids": [problem.id for problem in problems],
                 "base_scores": before.greedy, "final_scores": after.greedy,
                 "base_right": before.right, "final_right": after.right},
    }
    seconds = _seconds(ledger, time.perf_counter() - started)
    ledger.set_final(result, seconds)
    return {**result, "seconds": seconds}


def _seconds(ledger: Ledger, test: float) -> dict[str, float]:
    """Time by stage over the whole run, resumed parts included; `total` is their sum."""
    totals: Counter[str] = Counter({"test": test, "search": 0.0})
    assert ledger.base is not None
    totals.update(ledger.base.seconds)
    for row in ledger.generations():
        totals.update(row.seconds)
    return {**totals, "total": sum(totals.values())}
